"""Experiments that are killed, stopped, or find the disk full go on to the same bytes; parts are theirs alone.  All of them: `python -m tests.killing`."""

import os
import signal
import subprocess
import sys
import time
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ocnet
from ocnet.training import train
from ocnet.training.optimisers import Adam
from tests.killing.campaign import Campaign
from tests.killing.subjects import SUBJECTS, every_command
from tests.training.problems import START, Valley

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
sys.path.insert(0, str(EXPERIMENTS))

import command_line  # noqa: E402
import gallery  # noqa: E402
import modified_equations  # noqa: E402
import parts  # noqa: E402
import stability_regions  # noqa: E402

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")


@pytest.fixture
def small_pictures(monkeypatch):
    """What takes long in a small run is its picture."""
    drawn = ocnet.plotting.png

    def small(figure, dpi=100):
        figure.set_layout_engine("none")
        return drawn(figure, dpi=10)

    monkeypatch.setattr(ocnet.plotting, "png", small)


@forks
def test_killed_anywhere_stopped_or_out_of_room_an_experiment_ends_with_the_same_bytes(tmp_path, small_pictures):
    report = Campaign(SUBJECTS["generalisation"], tmp_path).all(4)
    assert not report.wrong, report.row()
    # events are those of files, at which a kill cannot come too late; a signal can
    assert report.killed >= 2 and report.refused == 1 and report.full >= 1 and report.from_parts >= 1


def test_every_experiment_with_a_command_line_is_killed_in_the_long_run():
    assert every_command() == set(SUBJECTS)


# ---- parts -----------------------------------------------------------------------------------------------------------------------

GIVEN = Namespace(out="x", layers=3, rate=0.1)


def _run(folder, given=GIVEN, keys=("a", "b"), fail_at=None):
    """Computes {key: value} in a folder; the keys that had to be computed."""
    made = []

    def compute(key):
        if key == fail_at:
            raise KeyboardInterrupt
        made.append(key)
        return {"x": np.arange(3.0) / 7, "pair": (1, 0.1 + 0.2), "key": key, "nan": float("nan"), "scalar": np.float64(0.1)}

    with parts.in_folder(folder, "here", given) as part:
        return {key: part(key, lambda key=key: compute(key)) for key in keys}, made


def _bits(found):
    return [(f["x"].tobytes(), f["pair"], f["key"], type(f["scalar"]), repr(f)) for f in found.values()]


def test_what_is_read_is_what_was_computed_to_the_last_bit_and_nothing_stays_behind(tmp_path):
    whole, _ = _run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path / "cut", fail_at="b")
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == [".ocnet.parts"]
    again, made = _run(tmp_path / "cut")
    assert made == ["b"] and _bits(again) == _bits(whole)
    assert not list((tmp_path / "cut").iterdir()) and not list((tmp_path / "whole").iterdir())


@pytest.mark.parametrize("other", [{"layers": 4}, {"rate": 0.2}, {"more": 1}])
def test_parts_of_other_options_are_dropped_and_those_of_other_folders_and_workers_are_not(other, tmp_path, capsys):
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path, fail_at="b")
    _, made = _run(tmp_path, Namespace(**{**vars(GIVEN), **other}))
    assert made == ["a", "b"] and "dropped" in capsys.readouterr().err
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path, fail_at="b")
    assert _run(tmp_path, Namespace(**{**vars(GIVEN), "workers": 2, "out": "y"}))[1] == ["b"]


@pytest.mark.parametrize("what", ["__version__", "source"])
def test_parts_of_another_version_or_of_edited_sources_are_dropped(what, tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path / "run", fail_at="b")
    if what == "source":
        (tmp_path / "edited").mkdir()
        (tmp_path / "edited" / "new.py").write_text("x = 1\n")
        monkeypatch.setattr(parts, "_ROOTS", (*parts._ROOTS, tmp_path / "edited"))
    else:
        monkeypatch.setattr(ocnet, "__version__", "0.1.1")
    assert _run(tmp_path / "run")[1] == ["a", "b"]


def test_a_damaged_part_is_computed_again(tmp_path, capsys):
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path, fail_at="b")
    (file,) = (tmp_path / ".ocnet.parts").glob("*.npz")
    file.write_bytes(file.read_bytes()[:-9] + b"x" + file.read_bytes()[-8:])
    assert _run(tmp_path)[1] == ["a", "b"] and "computed again" in capsys.readouterr().err


def test_two_experiments_in_folders_of_one_folder_do_not_refuse_each_other(tmp_path):
    refused = pytest.raises(ocnet.archive.InUse, match=r"one is in use by .* wait until that has ended, or choose another --out")
    with parts.in_folder(tmp_path / "one", "one", GIVEN), parts.in_folder(tmp_path / "two", "two", GIVEN), parts.in_folder(tmp_path, "gallery", GIVEN), \
            refused, parts.in_folder(tmp_path / "one", "one", GIVEN):
        pass
    with parts.beside(tmp_path / "rows.json", "certify", GIVEN), pytest.raises(ocnet.archive.InUse, match="--json"), \
            parts.beside(tmp_path / "rows.json", "certify", GIVEN):
        pass


def test_a_gallery_that_is_interrupted_does_not_make_its_figures_twice(tmp_path, monkeypatch, small_pictures):
    tiny = {"stability_regions": ("--nodes", "11", "--coefficients", "2"), "modified_equations": ("--layers", "2", "--doublings", "2")}
    monkeypatch.setattr(gallery, "ENTRIES", tuple(replace(entry, arguments=tiny[entry.name]) for entry in gallery.ENTRIES if entry.name in tiny))
    with monkeypatch.context() as broken:
        broken.setattr(stability_regions, "measure", lambda *_: signal.raise_signal(signal.SIGTERM))
        with pytest.raises(command_line.Stopped):
            gallery.main(["--out", str(tmp_path)])
    monkeypatch.setattr(modified_equations, "measure", None)             # it has been made, and must not be called again
    assert not gallery.main(["--out", str(tmp_path)])["failed"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "modified_equations", "stability_regions"]


# ---- signals and workers ---------------------------------------------------------------------------------------------------------

def test_a_training_does_not_take_ctrl_c_for_its_end_within_an_experiment(tmp_path):
    """Outside it returns its best point: the experiment would go on with half a training, and keep it."""
    def event(k):
        if k == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(command_line.Stopped), parts.in_folder(tmp_path, "here", GIVEN) as part:
        part("a", lambda: train(Valley(event=event), START, Adam(iterations=9)))
    assert not list((tmp_path / ".ocnet.parts").glob("*.npz"))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert train(Valley(event=event), START, Adam(iterations=9)).interrupted


@pytest.mark.parametrize("number, word", [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_a_signal_is_one_line_and_the_status_of_the_signal(number, word, capsys):
    assert command_line.report_errors(lambda: signal.raise_signal(number)) == 128 + number
    assert capsys.readouterr().err == f"{word}; the same command goes on where this one was\n"


def test_a_signal_that_comes_within_a_destructor_is_not_lost(capsys):
    class Thing:
        def __del__(self):
            signal.raise_signal(signal.SIGTERM)

    def command():
        thing = Thing()
        del thing                                                        # Python lets no error out of here, but prints it
        time.sleep(20)

    assert command_line.report_errors(command) == 128 + signal.SIGTERM
    assert capsys.readouterr().err == "terminated; the same command goes on where this one was\n"


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="holds signals back")
def test_workers_do_not_hear_of_ctrl_c_and_this_process_does_when_they_are_started(tmp_path):
    """A terminal sends it to all of them; theirs would be tracebacks."""
    told = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
    blocked = []
    with pytest.raises(KeyboardInterrupt), parts._held_back(signal.SIGINT):
        signal.raise_signal(signal.SIGINT)
        blocked.append(subprocess.run([sys.executable, "-S", "-c", told], capture_output=True, text=True, check=True).stdout)
    assert blocked == ["True\n"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


_PARENT = """
import sys, time
sys.path.insert(0, {folder!r})
from multiprocessing import get_context
import parts
def work(name):
    parts._of_one_thread()
    open(name, "w").close()
    time.sleep(60)
get_context("fork").Process(target=work, args=(sys.argv[1],)).start()
time.sleep(60)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    begun = tmp_path / "begun"
    parent = subprocess.Popen([sys.executable, "-c", _PARENT.format(folder=str(EXPERIMENTS)), str(begun)], start_new_session=True,
                              cwd=Path(ocnet.__file__).parents[1])
    deadline = time.monotonic() + 60
    while not begun.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert begun.exists()
    parent.kill()
    parent.wait()
    while time.monotonic() < deadline:
        try:
            os.killpg(parent.pid, 0)                                     # is anybody there?
        except ProcessLookupError:
            return
        time.sleep(0.01)
    os.killpg(parent.pid, signal.SIGKILL)
    raise AssertionError("a worker lives on")


def test_processes_give_the_same_parts_as_none_in_the_order_of_what_was_asked(tmp_path):
    arguments = {f"number {k}": k for k in (-3, 1, -2)}
    with parts.in_folder(tmp_path, "here", GIVEN) as part:
        part.put("number 1", 17)                                         # kept by a run before: not computed
        assert parts.over(part, arguments, abs, 2) == [3, 17, 2]
    assert parts.over(parts.unkept, arguments, abs, 1) == [3, 1, 2]
    with parts.beside(None, "here", GIVEN) as nowhere:
        assert nowhere.put("a", 1.5) == 1.5 and not nowhere.has("a")
