"""What a long experiment keeps on its way: a killed one computes nothing twice, and two do not write to one folder.

    with in_folder(given.out, "depth", given) as part:
        found = part("moons, seed 3", lambda: measure(...))        # computed, or read where a killed run has kept it

Each part is a file of `ocnet.save` in `.ocnet.parts`, whole or absent.  Computed or read, a part is what that file says, so that both have the same bits.  The
parts of other options, other versions or an edited source are not used but dropped; those of a run that ends are removed with it.
"""

import hashlib
import json
import platform
import shutil
import signal
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from multiprocessing import active_children, get_context, parent_process, resource_tracker
from os import _exit
from pathlib import Path
from threading import Thread

import ocnet
from command_line import stoppable
from ocnet.archive import alone
from ocnet.kernels.threads import set_threads

__all__ = ["Parts", "beside", "in_folder", "over", "unkept"]

_NOT_OF_THE_RESULT = ("out", "json", "workers")
_ROOTS = Path(__file__).resolve().parent, Path(ocnet.__file__).resolve().parent
_PACKAGES = ("numpy", "scipy", "numba", "scikit-learn")


class Parts:
    """part(key, compute): the value of a part, read if it is there, else computed and kept.

    folder      : of the files; None keeps nothing
    fingerprint : text; parts with another one are dropped when it is opened
    also        : dataclasses of the experiment that parts hold
    """

    def __init__(self, folder, fingerprint, also=()):
        self.folder, self.also = folder if folder is None else Path(folder), also
        if self.folder is None:
            return
        mark = self.folder / "fingerprint"
        if self.folder.exists() and not (mark.exists() and mark.read_bytes() == fingerprint.encode()):
            print(f"{self.folder}: of other options, another version or changed sources, and dropped", file=sys.stderr)
            shutil.rmtree(self.folder)
        self.folder.mkdir(exist_ok=True)
        ocnet.archive.write_bytes(mark, fingerprint.encode())

    def __call__(self, key, compute):
        return self.read(key) if self.has(key) else self.put(key, compute())

    def has(self, key):
        """Whether the part is there and whole."""
        if self.folder is None or not self._file(key).exists():
            return False
        try:
            self.read(key)
        except ValueError as error:
            print(f"{error}; computed again", file=sys.stderr)
            return False
        return True

    def read(self, key):
        """The value of a part that is there."""
        return ocnet.load(self._file(key), also=self.also)["value"]

    def put(self, key, value):
        """Keep a value, and return it as it is kept."""
        if self.folder is None:
            return value
        ocnet.save(self._file(key), {"key": key, "value": value}, also=self.also)
        return self.read(key)

    def forget(self, key):
        """Drop a part, whose files elsewhere have gone."""
        if self.folder is not None:
            self._file(key).unlink(missing_ok=True)

    def clear(self):
        """Remove all."""
        if self.folder is not None:
            shutil.rmtree(self.folder)

    def _file(self, key):
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"


unkept = Parts(None, "")                 # computes, and keeps nothing


@contextmanager
def in_folder(out, name, given, also=()):
    """Hold the folder `out`, made if need be, against other runs, and yield the `Parts` of experiment `name` with these options.

    Raises ocnet.archive.InUse, naming the other process, where another run writes there.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    with stoppable(), alone(out, "choose another --out"):
        part = Parts(out / ".ocnet.parts", _fingerprint(name, given), also)
        yield part
        part.clear()


@contextmanager
def beside(file, name, given, also=()):
    """The same for an experiment whose only output is a file: its parts are in `.<file>.ocnet.parts`; None keeps nothing."""
    if file is None:
        with stoppable():
            yield Parts(None, "")
        return
    file = Path(file)
    with stoppable(), alone(file, "choose another --json"):
        part = Parts(file.with_name(f".{file.name}.ocnet.parts"), _fingerprint(name, given), also)
        yield part
        part.clear()


def _fingerprint(name, given):
    """What the results depend on: the experiment, its options, versions, and every line of the library and of the experiments."""
    sources = hashlib.sha256()
    for root in _ROOTS:
        for file in sorted(root.rglob("*.py")):
            sources.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes())
    options = {option: value for option, value in vars(given).items() if option not in _NOT_OF_THE_RESULT}
    return json.dumps({"experiment": name, "options": options, "ocnet": ocnet.__version__, "python": platform.python_version(),
                       "machine": platform.machine(), **{package: version(package) for package in _PACKAGES}, "sources": sources.hexdigest()},
                      sort_keys=True, default=str)


def over(part, arguments, function, workers):
    """[function(argument), …] for a {key: argument}, each kept as a part when it is done, on so many processes of one thread each.

    The bits are the same whatever the number of processes.  They end with this one, also where it is killed.
    """
    todo = {key: argument for key, argument in arguments.items() if workers > 1 and not part.has(key)}
    found = _in_processes(part, todo, function, min(workers, len(todo))) if todo else {}
    return [found[key] if key in found else part(key, partial(function, argument)) for key, argument in arguments.items()]


def _in_processes(part, todo, function, workers):
    """{key: value} of what is to do, each kept when it is done."""
    before, found = set(active_children()), {}
    resource_tracker.ensure_running()                                    # it lets Ctrl-C through again when it is started
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _of_one_thread)
    try:
        with _held_back(signal.SIGINT):                                  # what is started now never hears of Ctrl-C: this process ends it
            futures = {pool.submit(function, argument): key for key, argument in todo.items()}
        for future in as_completed(futures):
            found[futures[future]] = part.put(futures[future], future.result())
    except BaseException as error:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(active_children()) - before:
            child.terminate()
        if isinstance(error, BrokenProcessPool):
            raise OSError("a worker process was killed, perhaps for its memory; run again, which keeps what is done, with fewer --workers") from None
        raise
    pool.shutdown()
    return found


@contextmanager
def _held_back(number):
    """Let a signal wait, here and in processes started meanwhile for ever."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _of_one_thread():
    """What a worker begins with: one thread, and an end when its parent has ended, however."""
    set_threads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    parent_process().join()
    _exit(1)
