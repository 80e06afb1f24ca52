"""One module per peer, loaded when a task asks for it.  Each takes problems as arrays and returns callables to time."""

from importlib import import_module

__all__ = ["Unavailable", "load"]


class Unavailable(ValueError):
    """A system gives no numbers: not installed, or the error aimed at is out of its reach; the message is its row's note."""


def load(name):
    """Return the module peers.<name>, or raise Unavailable if a package that it needs is not installed."""
    try:
        return import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("benchmarks"):
            raise
        raise Unavailable(f"{error.name} is not installed: pip install 'ocnet[bench]'") from error
