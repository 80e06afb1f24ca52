"""`python -m ocnet`: what it lists is what there is, what it runs gets its words and gives its status, and wrong words are one line and status 2."""

import os
import subprocess
import sys

import pytest

from ocnet import __main__ as command_line

EXPERIMENT = '''"""Do this and
that.  More is said here.

And here.
"""
import sys
import beside

if __name__ == "__main__":
    print(beside.WORD, *sys.argv[1:])
    sys.exit(int(sys.argv[1]))
'''


@pytest.fixture
def pretended(tmp_path, monkeypatch):
    """A folder with one experiment, and one file that is none."""
    (tmp_path / "some_work.py").write_text(EXPERIMENT)
    (tmp_path / "beside.py").write_text('"""No experiment."""\nWORD = "given"\n')
    monkeypatch.setattr(command_line, "folder", lambda: tmp_path)


def called(capsys, *words):
    """Status, and what stands on stdout and on stderr."""
    status = command_line.main(list(words))
    return (status, *capsys.readouterr())


def test_every_program_among_the_experiments_is_listed_with_a_sentence(capsys):
    status, out, err = called(capsys)
    programs = {path.relative_to(command_line.folder()).with_suffix("").as_posix() for pattern in ("*.py", "benchmarks/*.py")
                for path in command_line.folder().glob(pattern) if 'if __name__ == "__main__":' in path.read_text(encoding="utf-8")}
    listed = {line.split()[0]: line.split(maxsplit=1)[1] for line in out.splitlines() if line.startswith("  ") and not line.startswith("   ")}
    assert status == 0 and err == "" and set(listed) == programs and {"gallery", "depth", "benchmarks/grid"} <= programs
    assert all(said.endswith(".") and len(said.split()) > 4 for said in listed.values())


def test_only_programs_are_listed_by_their_first_sentence(pretended, capsys):
    assert called(capsys)[1].splitlines()[-1].split(maxsplit=1) == ["some_work", "Do this and that."]


@pytest.mark.parametrize("words", [("run", "some_work", "3", "--x"), ("some_work", "3", "--x"), ("some-work.py", "3", "--x")])
def test_a_program_gets_its_words_and_gives_its_status_and_leaves_no_trace(pretended, capsys, words):
    before = sys.argv, list(sys.path)
    assert called(capsys, *words) == (3, "given 3 --x\n", "")
    assert (sys.argv, sys.path) == before


@pytest.mark.parametrize("words, said", [(("some_werk",), "did you mean some_work?"), (("run", "zzz"), "no experiment 'zzz': `python -m ocnet` lists them"),
                                         (("run",), "run what?"), (("info", "more"), "info takes no 'more'"), (("--wrong",), "no experiment '--wrong'")])
def test_wrong_words_are_one_line_and_status_2(pretended, capsys, words, said):
    status, out, err = called(capsys, *words)
    assert (status, out) == (2, "") and said in err and len(err.splitlines()) == 1


def test_without_a_clone_it_says_where_experiments_are(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command_line, "folder", lambda: tmp_path / "experiments")
    assert "in the repository" in called(capsys)[1]
    status, _, err = called(capsys, "depth")
    assert status == 2 and "run this in a clone" in err


def test_information_counts_the_kernels_that_are_compiled_for_the_present_sources(tmp_path):
    """None in an empty cache, one after one; a process of its own, for a folder is chosen when kernels load."""
    script = """
import warnings; warnings.simplefilter("error")
from ocnet.__main__ import describe, information
before = information()
from ocnet.kernels import philox
philox.derived_seed(7, 1)
after = information()
assert before["cache"]["compiled"] == before["cache"]["bytes"] == 0 and "warm_up" in "".join(describe(before))
assert 0 < after["cache"]["compiled"] < after["cache"]["kernels"] and after["cache"]["bytes"] > 1000
assert after["cache"]["folders"][0].startswith(FOLDER) and "warm_up" not in "".join(describe(after))
assert {"ocnet", "numpy", "numba"} <= set(after["versions"]) and after["limits"]["double"]["epsilon"] == 2.0**-52
assert after["threads"]["used"] == 1 and after["threads"]["layer"] in ("tbb", "omp", "workqueue") and after["blas"]
assert len(describe(after)) >= 8 and all(len(line.splitlines()) == 1 for line in describe(after))
""".replace("FOLDER", repr(str(tmp_path)))
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "OCNET_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


def test_the_command_runs_and_a_reader_may_close_the_pipe():
    done = subprocess.run(f"{sys.executable} -W error -m ocnet | head -1", shell=True, capture_output=True, text=True)
    assert done.stdout.startswith("usage: python -m ocnet") and done.stderr == ""
