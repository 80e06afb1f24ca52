"""A trainer that is killed at 20 instants, half of them within the writing of its file, or finds the disk full, goes on to the same bits."""

import errno
import multiprocessing
import os
import signal
import time

import pytest
from tqdm import tqdm

from ocnet.archive import InUse, alone
from ocnet.training import train, train_on_grid
from ocnet.training.optimisers import LBFGS, Adam
from tests.killing.campaign import Campaign
from tests.killing.child import run, started
from tests.killing.trainers import TRAINERS
from tests.training.problems import START, Valley


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("name", ["train: Adam", "train: L-BFGS"])
def test_twenty_kills_two_signals_and_a_full_disk_change_nothing(name, tmp_path):
    report = Campaign(TRAINERS[name], tmp_path).all(20)
    assert not report.wrong, report.row()
    # that a kill comes too late is possible at one instant in two, uniform in a time that varies; of ten at events none does
    assert report.killed >= 10 and report.full >= 1 and report.refused == 1


@pytest.mark.parametrize("optimiser", [Adam(iterations=5, save_every=0), LBFGS(iterations=5)])
def test_a_second_training_with_one_journal_is_refused_and_the_first_goes_on(optimiser, tmp_path):
    refused = []

    def meanwhile(state):
        with pytest.raises(InUse, match=rf"run.npz is in use by process {os.getpid()} .* choose another journal"):
            train(Valley(), START, optimiser, tmp_path / "run.npz")
        refused.append(state.iteration)

    result = train(Valley(), START, optimiser, tmp_path / "run.npz", callback=meanwhile)
    assert len(refused) == result.nit and result.x.tobytes() == train(Valley(), START, optimiser).x.tobytes()
    assert os.listdir(tmp_path) == ["run.npz"]
    assert train(Valley(), START, optimiser, tmp_path / "run.npz").nit == result.nit           # after it nobody is kept out


@pytest.mark.parametrize("optimiser", [Adam(iterations=5, save_every=0), LBFGS(iterations=5)])
@pytest.mark.parametrize("at", range(1, 7))
def test_a_full_disk_is_told_with_the_file_and_the_remedy_and_what_follows_has_the_same_bits(optimiser, at, tmp_path, monkeypatch):
    flush, count = os.fsync, []

    def full(handle):
        count.append(handle)
        if len(count) >= at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(handle)

    with monkeypatch.context() as patched, pytest.raises(OSError, match=r"make room and run again, what was written before is whole: '.*/run.npz'"):
        patched.setattr(os, "fsync", full)
        train(Valley(), START, optimiser, tmp_path / "run.npz")
    assert set(os.listdir(tmp_path)) <= {"run.npz"}
    assert train(Valley(), START, optimiser, tmp_path / "run.npz").x.tobytes() == train(Valley(), START, optimiser).x.tobytes()


def test_a_folder_of_journals_is_held_between_its_rounds(tmp_path):
    from tests.killing.trainers import _setting
    setting = _setting()
    with alone(tmp_path), pytest.raises(InUse, match="choose another journal"):
        train_on_grid(setting, setting.network.initialise(0), LBFGS(iterations=2), 15, journal=tmp_path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_training_that_is_killed_does_not_stop_its_forked_siblings(monkeypatch):
    """tqdm locks what all forked processes share, even for a bar that is not shown: whoever was killed within it has it for ever."""
    monkeypatch.setattr(tqdm, "_lock", multiprocessing.RLock(), raising=False)

    def killed():
        tqdm.get_lock().acquire()
        os.kill(os.getpid(), signal.SIGKILL)

    assert run(killed).status == -signal.SIGKILL
    child = started(lambda: train(Valley(), START, Adam(iterations=2)).nit - 2)
    deadline = time.monotonic() + 60                                     # of what takes a few milliseconds
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.005)
    if ended == (0, 0):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert ended == (child, 0)
