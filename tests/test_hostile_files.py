"""Files from elsewhere, for every reader but that of saved results (tests/test_damaged_archive.py): refused by name, nothing run, nothing unpacked.

A reader is a function of a path, the errors it refuses by, and what a whole file is.  Hostile files have right checksums: those show damage, not authors.
"""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import pickle
import sys
import tarfile
import tracemalloc
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ocnet.training import CheckpointError, checkpoint
from ocnet.training.journal import _DIGEST, _MAGIC, Journal
from ocnet.training.optimisers import Adam

from .forged_archives import SMALL, claiming, npy

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "experiments"))

import cifar10
import datasets
from run_folder import RunError, RunFolder

DEEP, LONG = b"[" * 100_000, b"9" * 10_000


class Trap:
    """Unpickled, it leaves a mark."""

    def __reduce__(self):
        return exec, ("import sys; sys.trapped = True",)


def pickles():
    """Pickles of a trap, bare, and in an array of objects."""
    objects = io.BytesIO()
    np.save(objects, np.array([Trap()], dtype=object), allow_pickle=True)
    return {**{f"a pickle of protocol {k}": pickle.dumps(Trap(), k) for k in range(pickle.HIGHEST_PROTOCOL + 1)}, "an array of objects": objects.getvalue()}


def bombs():
    """Archives of a small size that claim, or unpack to, very much."""
    zeros = bytes(1 << 23)
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as archive:
        for name, kind in (("../../outside", tarfile.REGTYPE), ("/outside", tarfile.REGTYPE), ("link", tarfile.SYMTYPE), ("device", tarfile.CHRTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    return {"gzip": gzip.compress(zeros), "bzip2": bz2.compress(zeros), "xz": lzma.compress(zeros), "a tar that climbs": tar.getvalue()}


FOREIGN = {"nothing": b"", "a byte": b"\0", "text": b"text", "an .npy": npy(np.zeros(3)), "noise": np.random.default_rng(0).bytes(5000), "deep": DEEP,
           "a long number": LONG, **pickles(), **bombs()}


# ---- readers --------------------------------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Reader:
    """name of the file; write(path) makes a whole one; read(path); the errors that refuse."""

    name: str
    write: object
    read: object
    errors: tuple
    hostile: dict


def sealed(body):
    """Bytes with the seal of a checkpoint, which anybody can make."""
    return body + b"ocnet-checkpoint" + hashlib.sha256(body).digest()


def archive(*members, how=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as file:
        for name, data in members:
            file.writestr(name, data)
    return buffer.getvalue()


def header(text):
    return "header.npy", npy(np.frombuffer(text, dtype=np.uint8))


GOOD = header(json.dumps({"version": 1, "fingerprint": "abc"}).encode())


def forged_checkpoints():
    yield from ((f"header {text[:20]!r}", archive(header(text))) for text in (DEEP, LONG, b"", b"[]", b"3", b"NaN", b"null", b'{"version": 2}', b"\xff"))
    yield from ((f"{name} for an array", archive(GOOD, ("a.npy", data))) for name, data in FOREIGN.items() if name != "an .npy")
    yield from ((f"{name} for the header", archive(("header.npy", data))) for name, data in FOREIGN.items())
    yield "another member", archive(GOOD, ("a.txt", b"text"))
    yield "no header", archive(("a.npy", npy(np.zeros(3))))
    yield "packed, 16 MiB", archive(GOOD, ("a.npy", npy(np.zeros(1 << 21))), how=zipfile.ZIP_DEFLATED)
    yield "packed, 8 MiB of header", archive(header(bytes(1 << 23)), how=zipfile.ZIP_LZMA)
    yield "packed, no smaller", archive(GOOD, ("a.npy", npy(np.random.default_rng(0).integers(256, size=5000, dtype=np.uint8))), how=zipfile.ZIP_DEFLATED)
    for shape in ((1 << 40,), (1 << 62, 4), (-3,), (2**63,), (1 << 20, 1 << 20)):
        yield f"claims {shape}", archive(GOOD, ("a.npy", claiming(shape)))
    yield "claims objects", archive(GOOD, ("a.npy", claiming((1,), "|O", pickle.dumps(Trap()))))


def journal(line, records=b""):
    """Bytes of a journal whose header has a right digest."""
    line += b"\n"
    return _MAGIC + line + hashlib.blake2b(_MAGIC + line, digest_size=_DIGEST).digest() + records


def forged_journals():
    for line in (DEEP[:60_000], LONG, b"", b"[]", b"3", b"null", b"{}", b'{"version": 1}', b'{"version": 1, "fingerprint": ""}', b"\xff", b" " * 70_000):
        yield f"header {line[:20]!r}", journal(line)
    for size in (-1, -2, 0.5, "3", None, [1], True, 1e400):
        yield f"size {size}", journal(json.dumps({"version": 1, "fingerprint": "", "size": size}).encode())
    yield "another version", journal(b'{"version": 2, "fingerprint": "", "size": 3}')


def whole_journal(path):
    kept = Journal(path)
    for k in range(3):
        kept.evaluate(Parabola(), np.array([1.0, k]))


class Parabola:
    def value_and_gradient(self, theta):
        return float(theta @ theta), 2 * theta


def table(path):
    path.write_text("x,y,class\n" + "".join(f"{k},{k * k % 7},{'ab'[k % 2]}\n" for k in range(40)))


def hostile_tables():
    good = "".join(f"{k},{k * k % 7},{'ab'[k % 2]}\n" for k in range(40)).encode()
    yield "a cell of 1 MB", good + b"1," + b"9" * (1 << 20) + b",a\n"
    yield "a row of 1 000 000 columns", good + b"1," * 999_999 + b"a\n"
    yield "a table of 100 000 columns", b"".join(b"1," * 100_000 + b"ab"[k % 2:k % 2 + 1] + b"\n" for k in range(4))
    yield "a byte 0", good + b"1,\0,a\n"
    yield "a byte 0 in a label", good + b"1,2,a\0\n"
    yield "a quote without end", good + b'1,2,"a\n3,4,b\n'
    yield "quotes within text", good + b'1,2,"a"b\n'
    yield "not UTF-8", good + b"1,2,caf\xe9\n"
    yield "UTF-16", good.decode().encode("utf-16")
    for cell in (b"nan", b"inf", b"-Infinity", b"1e999", b"", b"0x10", b"=1+1", b"1,2", b"__import__('os')"):
        yield f"a cell {cell!r}", good + cell + b",2,a\n"
    yield "one class", good.replace(b",b\n", b",a\n")
    yield "three classes", good + b"1,2,c\n" * 20


def forged_json():
    yield from ((f"content {text[:20]!r}", text) for text in (DEEP, LONG, b"", b"nonsense", b"\xff\xfe", b"{" * 50_000))
    yield "17 MiB", b" " * (17 << 20)


def run_json():
    yield from forged_json()
    for content in ([], 3, None, {}, {"version": 1}, {"version": 2, "options": {}}, {"version": 1, "options": 3}, {"version": 1, "options": [1]}):
        yield f"content {content}", json.dumps(content).encode()


READERS = [
    Reader("state.npz", lambda path: checkpoint.save(path, {"theta": np.arange(3.0)}, {"fingerprint": "abc"}), lambda path: checkpoint.load(path, "abc"),
           (CheckpointError,), {name: sealed(data) for name, data in forged_checkpoints()}),
    Reader("trained_chain.npz", lambda path: checkpoint.save(path, {"theta": np.arange(3.0)}, {"fingerprint": "abc", "iterations": 1, "seconds": 1.0,
                                                                                              "details": {}}),
           lambda path: RunFolder(path.parent, {}).trained("chain", "abc"), (CheckpointError,),
           {**{name: sealed(data) for name, data in forged_checkpoints()}, "no numbers": sealed(archive(GOOD))}),
    Reader("run.journal", whole_journal, Journal, (CheckpointError,), dict(forged_journals())),
    Reader("run.json", lambda path: path.write_text('{"version": 1, "options": {}}'), lambda path: RunFolder.read(path.parent), (RunError,), dict(run_json())),
    Reader("summary.json", lambda path: path.write_text("{}"), lambda path: RunFolder(path.parent, {}).summary(), (RunError,), dict(forged_json())),
    Reader("table.csv", table, lambda path: datasets.load(path, 0), (datasets.DataError,), dict(hostile_tables())),
]
CASES = [(reader, name) for reader in READERS for name in (*FOREIGN, *reader.hostile, "cut in two", "a folder", "a pipe", "a device", "a hole of 1 TB")
         if (reader.name, name) != ("run.journal", "cut in two")]        # a torn record is what a kill leaves: tests/training/test_journal.py


def put(path, reader, name):
    """Make the file of a case at `path`."""
    if name == "cut in two":
        reader.write(path)
        path.write_bytes(path.read_bytes()[:path.stat().st_size // 2 - 3])
    elif name == "a folder":
        path.mkdir()
    elif name == "a pipe":
        os.mkfifo(path)
    elif name == "a device":
        path.symlink_to("/dev/zero")
    elif name == "a hole of 1 TB":
        reader.write(path)
        os.truncate(path, 1 << 40)
    else:
        path.write_bytes({**FOREIGN, **reader.hostile}[name])


def refusal(reader, path):
    """The line by which a file is refused, after what must hold for any: names the file, short, nothing run, little memory, nothing else there."""
    before, sys.trapped = sorted(path.parent.iterdir()), False
    tracemalloc.start()
    try:
        with pytest.raises(reader.errors) as caught:
            reader.read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    line = str(caught.value)
    assert path.name in line and "\n" not in line and len(line) < 600 and not sys.trapped and sorted(path.parent.iterdir()) == before
    return line, peak


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_whole_files_are_read(reader, tmp_path):
    reader.write(tmp_path / reader.name)
    reader.read(tmp_path / reader.name)


@pytest.mark.parametrize("reader, name", CASES, ids=lambda of: getattr(of, "name", of))
def test_a_hostile_file_is_refused_by_name_and_does_nothing(reader, name, tmp_path):
    """In 2 MiB (a piece, held twice) and 100 times its size: a cell or a bracket of two bytes becomes a text or a list of Python, of 50 and more."""
    path = tmp_path / reader.name
    put(path, reader, name)
    size = path.stat().st_size if path.is_file() and name != "a hole of 1 TB" else 0
    assert refusal(reader, path)[1] < 2 * SMALL + 100 * size


def resealed(reader, data):
    """Changed bytes of a whole file with a checksum that fits again, where the file has one."""
    if reader.name.endswith(".npz"):
        return sealed(data[:-48])
    if reader.name.endswith(".journal"):
        line, _, rest = data[len(_MAGIC):].partition(b"\n")
        return journal(line, rest[_DIGEST:])
    return data


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_changed_bytes_are_refused_by_name_or_read_and_do_nothing_else(reader, tmp_path, times=150):
    """One to four random bytes, checksums made to fit: what is read may be other numbers, which no reader can know, but never another error."""
    path, rng, read, lines = tmp_path / reader.name, np.random.default_rng(0), 0, []
    reader.write(path)
    whole, sys.trapped = path.read_bytes(), False
    tracemalloc.start()
    try:
        for _ in range(times):
            changed = bytearray(whole)
            for place in rng.integers(len(whole), size=rng.integers(1, 5)):
                changed[place] = rng.integers(256)
            path.write_bytes(resealed(reader, bytes(changed)))
            try:
                reader.read(path)
                read += 1
            except reader.errors as reason:
                lines.append(str(reason))
        assert tracemalloc.get_traced_memory()[1] < 2 * SMALL + 100 * len(whole)
    finally:
        tracemalloc.stop()
    assert all(path.name in line and len(line) < 600 for line in lines)
    assert read < times and not sys.trapped and [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_state_with_other_arrays_is_refused(tmp_path):
    """Of a right seal and fingerprint, as somebody could write it who knows both."""
    path, objective = tmp_path / "state.npz", Sampled()
    Adam(iterations=3).minimise(objective, np.ones(2), path)
    arrays, head = checkpoint.load(path)
    for change in ({"theta": np.ones(3)}, {"theta": np.array(1.0)}, {"more": np.ones(2)}, {"iteration": np.array("a")}, {"history": np.ones((1, 2))}):
        checkpoint.save(path, {**arrays, **change}, head)
        with pytest.raises(CheckpointError, match="state.npz"):
            Adam(iterations=3).minimise(objective, np.ones(2), path)
    del arrays["gradient"]
    checkpoint.save(path, arrays, head)
    with pytest.raises(CheckpointError, match="gradient"):
        Adam(iterations=3).minimise(objective, np.ones(2), path)


class Sampled(Parabola):
    """A parabola that optimisers of sampled objectives take."""

    def value(self, theta):
        return self.value_and_gradient(theta)[0]

    def draw(self, iteration):
        return self

    def fingerprint(self):
        return "a parabola"


@pytest.mark.parametrize("name", [name for name, data in FOREIGN.items() if len(data) > 10])
def test_pictures_are_no_pickles_and_no_archives(name, tmp_path):
    """CIFAR-10's Python version is pickles; the reader takes the binary version only, of one size, and a label of 0 … 9 begins every record."""
    data = FOREIGN[name]
    for fit in (data, data.ljust(10 * 3073, b"\0")[:10 * 3073]):
        for file in cifar10.PUBLISHED:
            (tmp_path / file).write_bytes(fit)
        sys.trapped = False
        with pytest.raises(cifar10.DataError, match="data_batch_1.bin"):
            cifar10.read(tmp_path, records=10, checksum=None)
        assert not sys.trapped and sorted(path.name for path in tmp_path.iterdir()) == sorted(cifar10.PUBLISHED)


def test_the_trap_would_be_sprung():
    """The negative control: numpy, allowed to, runs what is in such a file."""
    sys.trapped = False
    np.load(io.BytesIO(pickles()["an array of objects"]), allow_pickle=True)
    assert sys.trapped
