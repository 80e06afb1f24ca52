"""The compile cache: fresh where sources, versions or choices changed; a damaged, exchanged, closed or full one costs a compilation and a line."""

import errno
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core.caching import FunctionCache, IndexDataCacheFile

import ocnet
from ocnet.kernels import cache, notice
from ocnet.kernels.compile import kernel

PACKAGE = Path(ocnet.__file__).parent
CALLEE = "from .compile import kernel\n\n@kernel\ndef callee(x):\n    return x + {}\n"
CALLER = "from .callee import callee\nfrom .compile import kernel\n\n@kernel\ndef caller(x):\n    return 2.0 * callee(x)\n"
RUN = """
import sys
from ocnet.kernels import notice
names = []
with notice.watching(names.append):
    from ocnet.kernels.caller import caller
    found = caller(1.0), caller(1)
print(found, len(names))
"""
QUIET = RUN.replace("with notice.watching(names.append):", "if True:")   # nobody watches, so that the line of a compilation appears


@pytest.fixture
def copy(tmp_path):
    """A package ocnet that has what compiles kernels, and two of its own: one that calls one in another file."""
    kernels = tmp_path / "ocnet" / "kernels"
    kernels.mkdir(parents=True)
    shutil.copy(PACKAGE / "__init__.py", kernels.parent)
    for name in ("__init__.py", "aside.py", "cache.py", "compile.py", "notice.py"):
        shutil.copy(PACKAGE / "kernels" / name, kernels)
    (kernels / "callee.py").write_text(CALLEE.format(1))
    (kernels / "caller.py").write_text(CALLER)
    return tmp_path


def ran(copy, script=RUN, **more):
    """What a process prints that runs with the copy of the package and a cache of its own; variables that are None are not there."""
    given = {"NUMBA_CACHE_DIR": str(copy / "cache"), "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", "OCNET_QUIET": "0", **more}
    environment = {name: value for name, value in {**os.environ, **given}.items() if value is not None}
    done = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True, env=environment, cwd=copy)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


def test_an_edited_callee_and_another_version_are_compiled_anew_and_nothing_else_is(copy):
    """Two kernels with two types each; the caller's own file never changes, which is all that Numba would look at.  The folder is made first of all."""
    assert ran(copy) == ("(4.0, 4.0) 4", "")
    (copy / "ocnet/kernels/callee.py").write_text(CALLEE.format(2))
    assert ran(copy) == ("(6.0, 6.0) 4", "")
    text = (copy / "ocnet/__init__.py").read_text()
    (copy / "ocnet/__init__.py").write_text(text.replace(f'"{ocnet.__version__}"', '"0.1.0.post1"'))
    assert ran(copy) == ("(6.0, 6.0) 4", "")
    assert ran(copy, HOME=None) == ("(6.0, 6.0) 0", "")


def test_where_no_folder_can_be_written_every_process_compiles_and_a_line_says_so(copy):
    """A file where a folder should be cannot be written by anybody, not even by root, whom no permission stops."""
    (copy / "ocnet/kernels/__pycache__").write_text("")
    (copy / "file").write_text("")
    nowhere = str(copy / "file" / "cache")
    out, err = ran(copy, QUIET, NUMBA_CACHE_DIR=nowhere, HOME=nowhere, XDG_CACHE_HOME=nowhere)
    assert out == "(4.0, 4.0) 0" and err.count("\n") == 1 and "every run" in err and "NUMBA_CACHE_DIR" in err
    assert sorted(path.name for path in copy.iterdir()) == ["file", "ocnet"]


def test_a_folder_that_is_asked_for_and_cannot_be_written_is_named_with_the_one_taken_instead(copy):
    (copy / "file").write_text("")
    out, err = ran(copy, QUIET, NUMBA_CACHE_DIR=str(copy / "file" / "cache"))
    assert out == "(4.0, 4.0) 0" and err.count("\n") == 1 and f"kept in {copy}/ocnet/kernels/__pycache__" in err and f"{copy}/file/cache" in err


def test_processes_that_compile_at_once_into_one_folder_have_the_right_code_and_leave_whole_files(copy):
    """Each saves four codes in two indices; who loses one compiles it again, and is never given the other's."""
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: ran(copy), range(2)))
    found.append(ran(copy))
    assert all(out.startswith("(4.0, 4.0) ") and err == "" for out, err in found)
    assert not list(copy.glob("cache/*/*.tmp.*"))


# ---- the files themselves, in this process ---------------------------------------------------------------------------------------------------

def double(x):
    return 2 * x


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of a cache, which kernels made meanwhile use; and lines may be told as in a new process."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(notice, "_told", set())
    monkeypatch.setenv("OCNET_QUIET", "0")
    monkeypatch.setattr(notice, "current_process", lambda: type("Main", (), {"name": "MainProcess"}))
    return tmp_path / "cache"


@pytest.fixture
def kept(folder):
    """A kernel's files (index, {code}) with the codes of two types, and their keys."""
    made = kernel(double)
    assert (made(1.5), made(2)) == (3.0, 4)
    files = made._cache._cache_file
    return files, list(files._load_index())


def test_no_flipped_byte_and_no_cut_passes(kept, capsys):
    """Of index and code, every byte of stamp and hash and some of the rest: told as damaged, or, in the stamp, taken for one of other sources."""
    files, keys = kept
    for path in [Path(files._index_path), *map(Path, map(files._data_path, files._load_index().values()))]:
        whole = path.read_bytes()
        changed = [whole[:cut] for cut in (0, 1, 31, 32, 63, 64, len(whole) // 2, len(whole) - 1)] + [whole + b"\0"]
        changed += [whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1:] for at in (*range(64), *range(64, len(whole), 31))]
        own = [key for key in keys if path.name.endswith("nbi") or files._data_path(files._load_index()[key]) == str(path)]
        assert own and all(files.load(key) is not None for key in own)
        for data in changed:
            path.write_bytes(data)
            assert [files.load(key) for key in own] == [None] * len(own)
        path.write_bytes(whole)
        assert all(files.load(key) is not None for key in own)
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "is damaged and is compiled anew" in err


def test_a_kernel_whose_files_are_damaged_is_compiled_once_and_then_loaded(kept, capsys):
    files, _ = kept
    for path in Path(files._index_path).parent.glob("*.nbi"):
        path.write_bytes(path.read_bytes()[:-1])
    capsys.readouterr()
    for lines in (1, 0):
        made, names = kernel(double), []
        with notice.watching(names.append):
            assert made(1.5) == 3.0
        assert capsys.readouterr().err.count("\n") == lines == len(made._cache_misses)


def test_code_under_the_name_of_another_is_not_run(kept):
    """As two processes leave it that save at once; Numba's own files give the code of one type to callers of the other."""
    files, (first, second) = kept
    names = files._load_index()
    shutil.copy(files._data_path(names[first]), files._data_path(names[second]))
    assert files.load(first) is not None and files.load(second) is None


def test_numbas_own_files_do_what_these_are_here_to_prevent(folder):
    """The negative controls: a cut index raises, a flipped byte and an exchanged code pass."""
    made = numba.njit(double)
    made._cache = FunctionCache(double)
    assert (made(1.5), made(2)) == (3.0, 4)
    files: IndexDataCacheFile = made._cache._cache_file
    (first, one), (_, other) = files._load_index().items()
    shutil.copy(files._data_path(other), files._data_path(one))
    assert files.load(first) is not None
    path = Path(files._data_path(one))
    data = bytearray(path.read_bytes())
    at = data.index(b"\x7fELF") + 200
    data[at] ^= 1
    path.write_bytes(data)
    assert files.load(first) is not None
    index = Path(files._index_path)
    index.write_bytes(index.read_bytes()[:-5])
    with pytest.raises(Exception, match="truncated|out of data|ran out|EOF|pickle"):
        files.load(first)


def test_a_folder_that_is_closed_after_the_import_costs_a_compilation_and_a_line(folder, capsys):
    """Gone, with a file in its place, which stops root too."""
    made = kernel(double)
    shutil.rmtree(folder)
    folder.write_text("")
    assert (made(1.5), made(2)) == (3.0, 4)
    err = capsys.readouterr().err
    assert err.count("cannot be kept") == 1 and str(folder) in err


@pytest.mark.parametrize("at", range(4))
def test_a_full_disk_costs_a_compilation_and_a_line_and_leaves_no_half_file(folder, capsys, monkeypatch, at):
    """At the first, second, … of the writes: data and index of two types."""
    made, count, dumps = kernel(double), [], cache.dumps

    def full(held):
        count.append(1)
        if len(count) == at + 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return dumps(held)

    monkeypatch.setattr(cache, "dumps", full)
    assert (made(1.5), made(2)) == (3.0, 4)
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "No space left" in err and not list(folder.glob("*/*.tmp.*"))
    monkeypatch.setattr(cache, "dumps", dumps)
    again = kernel(double)
    assert (again(1.5), again(2)) == (3.0, 4)


def test_a_file_that_cannot_be_read_is_compiled_anew(kept, capsys):
    """A folder in its place, which stops root too."""
    files, keys = kept
    path = Path(files._data_path(files._load_index()[keys[0]]))
    path.unlink()
    path.mkdir()
    assert files.load(keys[0]) is None and files.load(keys[1]) is not None and "cannot be read" in capsys.readouterr().err


def test_the_stamp_holds_every_version_and_choice_that_code_depends_on(monkeypatch):
    stamps = {cache.folder_stamp.__wrapped__()}
    for module in (ocnet, numba, cache.llvmlite, np):
        with monkeypatch.context() as patched:
            patched.setattr(module, "__version__", "0")
            stamps.add(cache.folder_stamp.__wrapped__())
    for name in cache._CHOICES:
        with monkeypatch.context() as patched:
            patched.setattr(numba.config, name, "another", raising=False)
            stamps.add(cache.folder_stamp.__wrapped__())
    assert len(stamps) == 5 + len(cache._CHOICES)
