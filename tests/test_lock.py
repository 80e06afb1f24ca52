"""Locks: one holder at a time, told by name, and none that outlives its process, whatever children that has."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ocnet.archive import InUse, alone, lock

ROOT = Path(__file__).resolve().parents[1]
# holds the folder argv[1] while a child made as argv[2] says is alive, says so, and waits to be killed
HOLDER = """
import os, subprocess, sys, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from ocnet.archive import alone
with alone(sys.argv[1]):
    how = sys.argv[2]
    if how == "subprocess":
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    elif how == "os.fork":
        born, alive = os.pipe()
        if os.fork() == 0:
            os.write(alive, b"1")
            time.sleep(30)
            os._exit(0)
        os.read(born, 1)
    elif how in ("fork", "spawn", "forkserver"):
        pool = ProcessPoolExecutor(1, get_context(how))
        pool.submit(time.sleep, 0).result()
        pool.submit(time.sleep, 30)
    print("held", flush=True)
    time.sleep(30)
"""


@pytest.fixture
def holder(tmp_path):
    """start(how): a process that holds tmp_path; all of its process group are killed at the end."""
    started = []

    def start(how="alone"):
        process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path), how], stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("how", ["alone", "os.fork", "fork", "spawn", "forkserver", "subprocess"])
def test_a_killed_holder_keeps_nobody_out_though_its_children_live(how, holder, tmp_path):
    process = holder(how)
    with pytest.raises(InUse, match=rf"{tmp_path} is in use by process {process.pid} on .* since 20..-.*; wait until that has ended, or choose another path"), \
            alone(tmp_path):
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert (tmp_path / ".ocnet.lock").exists()                                 # what it has left behind
    with alone(tmp_path):
        assert f"process {os.getpid()} " in (tmp_path / ".ocnet.lock").read_text()
    assert not list(tmp_path.iterdir())


def test_threads_and_one_and_the_same_process_are_kept_out_too(tmp_path):
    found = []

    def other():
        try:
            with alone(tmp_path):
                found.append("in")
        except InUse as error:
            found.append(str(error))

    with alone(tmp_path):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert f"process {os.getpid()}" in found[0]
        with alone(tmp_path / "another.npz"):                            # a file in a folder is another thing than the folder
            assert sorted(os.listdir(tmp_path)) == [".another.npz.ocnet.lock", ".ocnet.lock"]
    other()
    assert found[1:] == ["in"] and not os.listdir(tmp_path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_child_that_leaves_the_block_does_not_end_its_parents_lock(tmp_path):
    child = None
    try:
        with alone(tmp_path):
            child = os.fork()
            if child:
                assert os.waitpid(child, 0)[1] == 0 and (tmp_path / ".ocnet.lock").exists()
                with pytest.raises(InUse), alone(tmp_path):
                    pass
    finally:
        if child == 0:
            os._exit(0)


@pytest.mark.skipif(os.name == "nt", reason="removes no open file")
def test_a_lock_on_a_file_that_has_lost_its_name_is_none(tmp_path, monkeypatch):
    """Whoever held it removes it between our opening and our locking it; who comes after us would make a new one and be inside with us."""
    mark, removed = tmp_path / ".ocnet.lock", []

    def late(file):
        if not removed:
            removed.append(mark.unlink())
        return taken(file)

    taken = lock.taken
    monkeypatch.setattr(lock, "taken", late)
    with alone(tmp_path):
        assert removed and mark.exists()
        with pytest.raises(InUse), alone(tmp_path):
            pass


def test_of_many_that_want_it_one_at_a_time_has_it(tmp_path):
    """The holder removes the file while others open it: two that held files of one name would be inside together."""
    inside, seen, turns, until = [], [], [0], time.monotonic() + 20

    def worker():
        done = 0
        while done < 40 and time.monotonic() < until:
            try:
                with alone(tmp_path):
                    inside.append(1)
                    seen.append(len(inside))
                    inside.pop()
                    done += 1
            except InUse:
                time.sleep(0)
        turns[0] += done

    threads = [threading.Thread(target=worker) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) == {1} and turns[0] == 240 and not os.listdir(tmp_path)


def test_an_error_inside_ends_the_lock_and_a_missing_folder_is_named(tmp_path):
    with pytest.raises(KeyboardInterrupt), alone(tmp_path):
        raise KeyboardInterrupt
    assert not os.listdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no folder"), alone(tmp_path / "none" / "it.npz"):
        pass


def test_where_locks_are_not_to_be_had_a_warning_says_so_and_work_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "taken", lambda file: None)
    with pytest.warns(RuntimeWarning, match="no other run writes there"), alone(tmp_path):
        pass


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the super-user may write everywhere")
def test_where_nobody_can_write_nobody_is_kept_out(tmp_path):
    tmp_path.chmod(0o555)
    with alone(tmp_path):
        pass
    tmp_path.chmod(0o755)


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="follows links")
def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path):
    """In a folder where others may write it could lead to any file of the user's, which would be emptied."""
    (tmp_path / "precious").write_text("kept")
    (tmp_path / ".ocnet.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="ocnet.lock"), alone(tmp_path):
        pass
    assert (tmp_path / "precious").read_text() == "kept"
