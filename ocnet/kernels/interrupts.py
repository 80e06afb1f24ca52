"""Ctrl-C that Python drops is sent again.

KeyboardInterrupt raised inside a callback from C cannot come through: Python writes "Exception ignored in …" and goes on.  Numba's compiler has
many such callbacks, of ctypes and of weak references, and so has `memory`; a run would go on as if nobody had asked it to stop.
"""

import signal
import sys
import threading
import time

__all__ = ["listen"]

_PAUSE = 1e-2                        # seconds, longer than such callbacks


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
