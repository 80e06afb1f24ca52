"""Work on a thread of its own, so that Ctrl-C is raised at once on the main thread: for the compiler, which cannot be interrupted for seconds."""

import os
import threading
from concurrent.futures import Future

from numba.core.event import Listener, register

__all__ = ["aside"]

_begun = set()                       # threads at work


class _Abandoned(BaseException):
    """Nobody waits for the kernel that this thread compiles."""


class _Compiler(threading.Thread):
    """Does a piece of work; what comes of it is its `outcome`."""

    def __init__(self, work, arguments, named):
        super().__init__(name="ocnet-compiler")
        self.outcome, self.abandoned, self._work = Future(), False, (work, arguments, named)

    def run(self):
        _begun.add(self)
        try:
            work, arguments, named = self._work
            self.outcome.set_result(work(*arguments, **named))
        except BaseException as error:
            self.outcome.set_exception(error)
        finally:
            _begun.discard(self)


class _Passes(Listener):
    """Ends, between two passes of the compiler or two kernels, a compilation that nobody waits for; no other thread is ever stopped."""

    def on_start(self, event):
        if getattr(threading.current_thread(), "abandoned", False):
            raise _Abandoned

    def on_end(self, event):
        """Nothing: what was made is kept."""


def aside(work):
    """Return a function that does `work` on a thread of its own while the main thread waits, where Ctrl-C is raised at once.

    What was begun ends after the next pass of the compiler; the interpreter waits for that before it exits, and so does a fork, whose child would wait
    forever for the compiler's lock.  Other threads hear no signals, and work themselves.
    """
    def waiting(*arguments, **named):
        if threading.current_thread() is not threading.main_thread():
            return work(*arguments, **named)
        compiler = _Compiler(work, arguments, named)
        try:
            compiler.start()
            return compiler.outcome.result()
        finally:
            compiler.abandoned = True
            del compiler             # whose outcome holds the error, whose traceback holds this
    return waiting


def _finish():
    for thread in _begun - {threading.current_thread()}:
        thread.join()


register("numba:compile", _Passes())
register("numba:run_pass", _Passes())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_finish, after_in_child=_begun.clear)
