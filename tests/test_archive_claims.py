"""What a header claims is not believed: no class makes anything of a size that a file only names."""

import contextlib
import json

import numpy as np
import pytest

import ocnet
from ocnet import ArchiveError

from .forged_archives import SMALL, archive, header, npy, peak
from .saved_examples import KNOWN, example


def whole_numbers(content, place=()):
    """The places of all whole numbers in a JSON value."""
    if type(content) is int:
        yield place
    elif isinstance(content, (list, dict)):
        for key, inner in content.items() if isinstance(content, dict) else enumerate(content):
            yield from whole_numbers(inner, (*place, key))


@pytest.mark.parametrize("name", KNOWN)
def test_huge_numbers_in_a_header_take_no_memory(tmp_path, name):
    """Each whole number of each class as 10¹²: layers, widths, paths, seeds, … are refused or kept, but nothing is made of that size."""
    path = tmp_path / "it.npz"
    ocnet.save(path, example(name))
    with np.load(path) as file:
        arrays = [(f"{member}.npy", npy(file[member])) for member in file.files if member != "ocnet"]
        content = json.loads(file["ocnet"].tobytes())["content"]
    for *outer, last in list(whole_numbers(content))[:40]:
        claimed = json.loads(json.dumps(content))
        inner = claimed
        for key in outer:
            inner = inner[key]
        inner[last] = 10**12
        path.write_bytes(archive(header(claimed), *arrays))

        def read():
            with contextlib.suppress(ArchiveError):
                ocnet.load(path)

        assert peak(read) < SMALL + 8 * path.stat().st_size
