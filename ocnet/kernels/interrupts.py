"""Ctrl-C that Python drops is sent again, and one that comes while a kernel is compiled does not wait for the compiler.

KeyboardInterrupt raised inside a callback from C cannot come through: Python writes "Exception ignored in …" and goes on.  Numba's compiler has
many such callbacks, of ctypes and of weak references, and so has `memory`; a run would go on as if nobody had asked it to stop.
The compiler itself cannot be stopped, for seconds: the main thread waits for another that compiles (`aside`).
"""

import os
import signal
import sys
import threading
import time
from concurrent.futures import Future

__all__ = ["aside", "listen"]

_PAUSE = 1e-2                        # seconds, longer than such callbacks
_begun = set()                       # threads that compile


def listen():
    """From now on send an interrupt again that was dropped on the main thread; all else goes to the hook of before."""
    before = sys.unraisablehook

    def hook(unraisable, /):
        if issubclass(unraisable.exc_type, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
            over = threading.Event()
            try:
                threading.Thread(target=_again, args=(over,), daemon=True).start()
            finally:
                over.set()
        else:
            before(unraisable)

    sys.unraisablehook = hook


def _again(over):
    over.wait()                      # in the hook it would be dropped as well
    time.sleep(_PAUSE)
    if not callable(signal.getsignal(signal.SIGINT)):
        return
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)     # ends what the thread waits for, too
    else:
        signal.raise_signal(signal.SIGINT)


def aside(work):
    """Return a function that does `work` on a thread of its own while the main thread waits, where Ctrl-C is raised at once.

    What was begun goes on to its end, so that the next call finds it done; the interpreter waits for it before it exits, and so does a fork, whose child
    would wait forever for the compiler's lock.  Other threads hear no signals, and work themselves.
    """
    def waiting(*arguments, **named):
        if threading.current_thread() is not threading.main_thread():
            return work(*arguments, **named)
        outcome = Future()
        threading.Thread(target=_done, args=(outcome, work, arguments, named), name="ocnet-compiler").start()
        try:
            return outcome.result()
        finally:
            del outcome              # which holds the error, whose traceback holds this
    return waiting


def _done(outcome, work, arguments, named):
    _begun.add(threading.current_thread())
    try:
        outcome.set_result(work(*arguments, **named))
    except BaseException as error:
        outcome.set_exception(error)
    finally:
        _begun.discard(threading.current_thread())


def _finish():
    for thread in _begun - {threading.current_thread()}:
        thread.join()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_finish, after_in_child=_begun.clear)
