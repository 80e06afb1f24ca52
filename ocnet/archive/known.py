"""Which classes a file may hold: the public frozen dataclasses of ocnet, under the names by which users import them.

The rooms are named, not imported: this floor depends on none of them.  A room is loaded when something of it is saved or found in a file.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, is_dataclass
from importlib import import_module
from typing import Any

__all__ = ["HOMES", "class_of", "known", "name_of", "plain"]

_PACKAGE = __package__.partition(".")[0]
HOMES = ("grid", "moving_grid", "boundary", "report", "laws", "value_function", "density",
         "networks", "networks.blocks", "networks.noise", "networks.readouts", "networks.architectures", "networks.neural_ode",
         "kolmogorov", "kolmogorov.schemes", "particles", "particles.multilevel", "particles.schemes", "particles.sampling",
         "training", "training.result", "training.depth", "training.grid_estimate", "training.criteria", "training.losses",
         "training.regularisers", "training.optimisers", "training.objectives", "training.objectives.particles", "analysis")


def known() -> Iterator[tuple[str, type]]:
    """Yield (name, class) of all that can be saved, such as ("networks.noise.Gaussian", Gaussian); loads every room."""
    for home in HOMES:
        yield from ((f"{home}.{name}", member) for name, member in _members(home).items() if name_of(member) == f"{home}.{name}")


def name_of(cls: type, also: Iterable[type] = ()) -> str | None:
    """The name of a class in files: the shortest by which ocnet makes it public, its own if it is one of `also`, else None."""
    for home in HOMES:
        if f"{cls.__module__}.".startswith(f"{_PACKAGE}.{home}.") and _members(home).get(cls.__name__) is cls:
            return f"{home}.{cls.__name__}"
    return cls.__name__ if any(cls is other for other in also) else None


def class_of(name: str, also: Iterable[type] = ()) -> type | None:
    """The class of a name in a file, or None."""
    home, _, last = name.rpartition(".")
    if home in HOMES:
        return _members(home).get(last)
    return next((cls for cls in also if cls.__name__ == name), None)


def _members(home: str) -> dict[str, type]:
    """{name: class} of the frozen dataclasses that a room makes public."""
    room = import_module(f"{_PACKAGE}.{home}")
    found = {name: getattr(room, name) for name in room.__all__}
    return {name: member for name, member in found.items() if isinstance(member, type) and _is_frozen(member)}


def _is_frozen(cls: type) -> bool:
    """Whether a class is a frozen dataclass."""
    return is_dataclass(cls) and bool(getattr(cls, "__dataclass_params__").frozen)            # noqa: B009 — type checkers do not know the name


def plain(report: Any) -> Any:
    """A dataclass as its dictionary; anything else as it is."""
    return asdict(report) if is_dataclass(report) and not isinstance(report, type) else report
