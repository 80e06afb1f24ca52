"""Files that are not what was saved: damaged, cut off, foreign, hostile.  All are refused in one line that names them; nothing runs, nothing unpacks."""

import io
import os
import pickle
import struct
import sys
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest

import ocnet
from ocnet import ArchiveError

from .forged_archives import SMALL, A, archive, claiming, header, npy, peak, sealed, small
from .saved_examples import same


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "it.npz"
    ocnet.save(path, small())
    return path.read_bytes()


@pytest.fixture
def refused(tmp_path):
    """Callable that writes bytes, has them refused in one line naming the file and a reason, and returns the line."""
    path = tmp_path / "it.npz"

    def check(data, told=None, **options):
        path.write_bytes(data)
        with pytest.raises(ArchiveError, match=told) as caught:
            ocnet.load(path, **options)
        line = str(caught.value)
        assert line.startswith(f"path={path} cannot be loaded: ") and ";" in line and "\n" not in line
        assert os.listdir(tmp_path) == ["it.npz"]
        return line

    return check


def test_what_is_written_by_the_description_of_the_format_is_read(tmp_path):
    (tmp_path / "it.npz").write_bytes(archive(header([1, A]), ("a.npy", npy(np.arange(3)))))
    assert same(ocnet.load(tmp_path / "it.npz"), [1, np.arange(3)])


FORMAT_1 = """{"format":1,"content":{"dict":[["value",{"object":["value_function.ValueFunction",{"grid":{"object":["grid.Grid",{"axes":{"tuple":
[{"array":"value.grid.axes.0"}]}}]},"times":{"array":"value.times"},"values":{"array":"value.values"},"report":{"object":["report.SolveReport",
{"scheme":"Scheme()","steps":10,"peclet":{"float":"7ff0000000000000"},"courant":0.3333333333333333,"diffusion":{"scalar":["<f8",
"9a9999999999b93f"]},"bounds_before":{"tuple":[0.0,1.0]},"bounds_after":{"tuple":[-0.25,1.1]},"monotone":1.0,"peclet_least":0.0,
"mass_drift":null,"leak":null}]},"single":false,"error":{"object":["report.ErrorBar",{"space":0.0001,"time":0.3333333333333333,"box":0.0,
"tolerance":0.001,"reached":true}]}}]}],["trained",{"object":["networks.TrainedNetwork",{"network":{"object":["networks.ResidualNetwork",
{"block":{"object":["networks.blocks.Perceptron",{"width":1}]},"noise":{"object":["networks.noise.Gaussian",{"level":0.2,
"scaling":"diffusive"}]},"layers":2,"horizon":1.0,"dim":2,"readout":{"object":["networks.readouts.Linear",{}]},
"architecture":{"object":["networks.architectures.ResNet",{}]}}]},"theta":{"array":"trained.theta"}}]}]]}}"""


def test_files_of_format_1_stay_readable(tmp_path):
    """Written by hand.  A field or class that is renamed breaks files that users have: keep the old name readable, or raise the format's number."""
    arrays = {"value.grid.axes.0": np.linspace(-1, 1, 5), "value.times": np.array([0.0, 0.5]), "value.values": np.arange(20.0).reshape(2, 2, 5),
              "trained.theta": small()["trained"].theta}
    (tmp_path / "it.npz").write_bytes(archive(header(FORMAT_1), *((f"{name}.npy", npy(array)) for name, array in arrays.items())))
    assert same(ocnet.load(tmp_path / "it.npz"), small())


def test_no_flipped_byte_passes_anywhere(whole, refused):
    """Every byte of the file, header, arrays, padding, directory and checksum, wholly changed; and 2000 single bits."""
    rng = np.random.default_rng(0)
    changes = [(place, 0xFF) for place in range(len(whole))]
    changes += [(int(rng.integers(len(whole))), 1 << int(rng.integers(8))) for _ in range(2000)]
    for place, change in changes:
        changed = bytearray(whole)
        changed[place] ^= change
        refused(bytes(changed))


def test_no_file_cut_off_or_grown_passes(whole, refused):
    for length in (*range(0, len(whole), 16), len(whole) - 1):
        refused(whole[:length], "truncated|did not write|no checksum")
    for more in (b"\0", b"\n", whole):
        refused(whole + more)
    refused(b"\0" + whole)


def test_changed_files_with_a_right_checksum_are_refused_or_read_but_do_nothing_else(whole, tmp_path):
    """Who changes a file can make its checksum fit.  1500 files with one to three bytes changed: an object or an ArchiveError, in bounded memory."""
    path, rng, read, lines = tmp_path / "it.npz", np.random.default_rng(1), 0, []
    tracemalloc.start()
    try:
        for _ in range(1500):
            changed = bytearray(whole)
            for place in rng.integers(len(whole) - 64, size=rng.integers(1, 4)):
                changed[place] = rng.integers(256)
            path.write_bytes(sealed(bytes(changed)))
            tracemalloc.reset_peak()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error", ResourceWarning)
                    ocnet.load(path)
                read += 1
            except ArchiveError as reason:
                lines.append(str(reason))
            assert tracemalloc.get_traced_memory()[1] < SMALL + 50 * len(whole)
    finally:
        tracemalloc.stop()
    assert all(line.startswith(f"path={path} cannot be loaded: ") and "\n" not in line for line in lines)
    assert 0 < read < 1500                                                  # numbers may change; names may not


def test_newer_and_older_formats_say_what_to_do(refused):
    assert "format 2, written by a newer ocnet; this one reads format 1" in refused(archive(header(1, 2)))
    assert "older" in refused(archive(header(1, 0)))
    refused(archive(("ocnet.npy", header(1)[1]), seal=False), "carries no checksum.*format 0")
    for text in ("[]", "{}", '{"format": "1", "content": 1}', '{"format": true, "content": 1}', "nonsense", "", "[" * 100_000, "9" * 10_000):
        refused(archive(header(text)))


def test_foreign_files_are_told_apart(refused):
    refused(b"", "did not write it")
    refused(b"text", "did not write it")
    refused(npy(np.zeros(3)), "did not write it")
    refused(archive(("times.npy", npy(np.zeros(3))), seal=False), "an .npz or zip file that ocnet did not write; read it with numpy.load")
    refused(archive(("times.npy", npy(np.zeros(3)))), "no member ocnet.npy")
    refused(archive(header(A), ("a.npy", npy(np.zeros(3))), ("a.txt", b"1")), "no array")
    refused(archive(header(A), ("a.npy", npy(np.zeros(3))), ("b.npy", npy(np.zeros(3)))), "'b' belongs to nothing")
    refused(archive(header(A)), "says nothing")
    for wrong in ({"array": []}, {"array": {}}, {"tuple": 3}, {"dict": [1]}, {"dict": [[[], 1]]}, {"float": "7f"}, {"float": 3}, {"scalar": ["<f8", "00"]},
                  {"scalar": ["O", "00" * 8]}, {"scalar": 3}, {"bytes": "x"}, {"nonsense": 1}, {}, {"a": 1, "b": 2}):
        refused(archive(header(wrong)), "says nothing")


class Trap:
    """Unpickled, it leaves a mark."""

    def __reduce__(self):
        return exec, ("import sys; sys.trapped = True",)


def test_pickles_are_not_opened(refused):
    sys.trapped = False
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        refused(pickle.dumps(Trap(), protocol), "never opened" if protocol > 1 else "did not write it")
        objects = io.BytesIO()
        np.save(objects, np.array([Trap()], dtype=object), allow_pickle=True)
        refused(archive(header(A), ("a.npy", objects.getvalue())), "pickled objects")
        refused(archive(header(A), ("a.npy", pickle.dumps(Trap(), protocol))))
        refused(archive(("ocnet.npy", objects.getvalue())), "pickled objects")
    assert not sys.trapped


def test_only_public_classes_are_made(refused):
    """Names of modules, functions, private classes and code are unknown, and no module is imported for them."""
    for name in ("os.system", "builtins.eval", "subprocess.Popen", "antigravity.x", "grid.dataclass", "grid.np", "particles.estimate",
                 "grid.Grid.uniform", "networks.network.ResidualNetwork", "problem.KolmogorovProblem", "process.Diffusion", "training.train", "Grid",
                 "", ".", "grid.", "..grid.Grid", "ocnet.grid.Grid", "kernels.threads.set_threads"):
        refused(archive(header({"object": [name, {}]})), f"it holds a {name}, which this ocnet does not know")
    assert "antigravity" not in sys.modules
    for wrong in (3, [], "grid.Grid", ["grid.Grid"], ["grid.Grid", []], [3, {}], [["grid.Grid"], {}], ["grid.Grid", {}, 1]):
        refused(archive(header({"object": wrong})), "says nothing")
        refused(archive(header([{"object": ["grid.Grid", {"axes": {"object": wrong}}]}])), "says nothing")
    refused(archive(header({"object": ["grid.Grid", {"axes": [], "__class__": 1}]})), "has '__class__', of which this ocnet does not know")
    for given in ({}, {"axes": 3}, {"axes": []}, {"axes": [[1, 2]]}, {"axes": None}):
        refused(archive(header({"object": ["grid.Grid", given]})), "parts do not fit: grid.Grid says")


def test_bombs_are_refused_before_memory_is_asked_for(refused):
    """Members that unpack to more than they are, and arrays that claim more than is there."""
    zeros = npy(np.zeros(1 << 21))                                          # 16 MiB, 16 kB deflated
    bombs = [archive(header(A), ("a.npy", zeros), how=how) for how in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)]
    bombs += [archive(header(A), ("a.npy", claiming(shape))) for shape in ((10**12,), (10**6, 10**6), (2**62, 2**62), (-1,), (-1, -10**12), (10**30,))]
    bombs += [archive(header(A), ("a.npy", claiming((10**12,), descr))) for descr in ("<U0", "|S0", "|V0", "|O", "<M8[s]", "|V8", [("x", "<f8")])]
    bombs += [archive(header(A), ("a.npy", claiming(shape, data=b"0" * 8))) for shape in ((-1, -1), (-1, 1), (True, 2))]
    bombs += [archive(("ocnet.npy", claiming((10**12,), "|u1"))), archive(header("[" * 10_000_000))]
    for bomb in bombs:
        assert peak(lambda bomb=bomb: refused(bomb)) < SMALL + 4 * len(bomb)


def test_compressed_members_are_refused_however_small(refused):
    for how in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        refused(archive(header(A), ("a.npy", npy(np.random.default_rng(0).normal(size=100))), how=how), "compressed or encrypted")


def test_members_that_share_their_bytes_are_refused(refused):
    """A directory that lists the same stored bytes a thousand times claims more than the file has."""
    plain = archive(header(A), *((f"a{k}.npy", npy(np.zeros(1))) for k in range(1000)), ("b.npy", npy(np.zeros(10_000))))
    shared = bytearray(plain)
    with zipfile.ZipFile(io.BytesIO(plain)) as file:
        big, start = file.getinfo("b.npy"), file.start_dir
    place = start
    for _ in range(1001):                                                  # entries of the directory: sizes at 20 and 24, offset of the member at 42
        name, extra, comment = struct.unpack_from("<HHH", shared, place + 28)
        if shared[place + 46:place + 47] == b"a":
            struct.pack_into("<II", shared, place + 20, big.file_size, big.file_size)
            struct.pack_into("<I", shared, place + 42, big.header_offset)
        place += 46 + name + extra + comment
    assert peak(lambda: refused(sealed(bytes(shared)), "claim more bytes than it has")) < 4 * SMALL


def test_limits_are_stated_and_can_be_changed(whole, tmp_path, refused):
    line = refused(whole, "more than most_bytes", most_bytes=len(whole) - 1)
    assert f"use load(path, most_bytes={len(whole)})" in line
    assert same(ocnet.load(tmp_path / "it.npz", most_bytes=len(whole)), small())
    refused(archive(header('"' + "x" * 18_000_000 + '"')), "header has .* bytes")
    deep = 1
    for _ in range(60):
        deep = [deep]
    refused(archive(header(deep)), "nested more than 50 deep")


@pytest.mark.parametrize("name", ["../outside.npy", "/tmp/outside.npy", "..\\outside.npy", "a/../../outside.npy", "C:\\outside.npy", "a\0b.npy"])
def test_names_that_lead_elsewhere_lead_nowhere(tmp_path, refused, name):
    refused(archive(header(A), (name, npy(np.zeros(3)))))
    assert not (tmp_path.parent / "outside.npy").exists() and not os.path.exists("/tmp/outside.npy")


def test_two_members_of_one_name_are_refused(refused):
    refused(archive(header(A), ("a.npy", npy(np.zeros(3))), ("a.npy", npy(np.ones(3)))), "two of its members have one name")
    refused(archive(header(A), header(1), ("a.npy", npy(np.zeros(3)))), "two of its members have one name")


def test_folders_pipes_and_devices_are_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(ArchiveError, match="a folder or a device"):
            ocnet.load(path)


def test_loading_takes_the_memory_of_the_file_and_saving_that_of_a_buffer(tmp_path):
    """NumPy writes through buffers of 16 MiB, two at once; reading adds blocks of 1 MiB, several at once."""
    given = np.random.default_rng(0).normal(size=1 << 23)                   # 64 MiB
    assert peak(lambda: ocnet.save(tmp_path / "it.npz", given)) < 2.5 * (1 << 24)
    assert peak(lambda: ocnet.load(tmp_path / "it.npz")) < given.nbytes + 8 * SMALL
