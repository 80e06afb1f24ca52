"""Save and load: the two public functions, and the methods of results that call them."""

import os
from collections.abc import Collection
from dataclasses import is_dataclass
from typing import Any, TypeVar

from .container import MOST_BYTES, ArchiveError, read, write
from .known import class_of
from .tree import decoded, encoded

__all__ = ["Saved", "load", "save"]

_Self = TypeVar("_Self", bound="Saved")


def save(path: str | os.PathLike[str], thing: Any, also: Collection[type] = ()) -> None:
    """Put an object at `path`, an .npz file with a JSON header and a checksum, without pickle; `load` reads it back to the last bit.

    path  : taken as it is, no ending is added; a file there is replaced at once or, if anything fails, left alone
    thing : public frozen dataclass of ocnet (networks, grids, value functions, densities, results, data, settings, …), array, number, text, or
            lists, tuples and dictionaries of these, such as {"network": network, "theta": theta}
    also  : dataclasses of your own, such as a noise model, that may be part of it; `load` must be given them too
    Raises  TypeError with the place of what cannot be saved: functions, and what holds them (Diffusion, KolmogorovProblem, LayeredProcess);
            OSError where the folder is missing, cannot be written or is full.
    """
    content, arrays = encoded(thing, _checked(also))
    write(path, content, arrays)


def load(path: str | os.PathLike[str], most_bytes: int = MOST_BYTES, also: Collection[type] = ()) -> Any:
    """Return what `save` put at `path`.  Nothing in the file is executed.

    most_bytes : size of a file that is refused unread, default 8 GiB; loading takes about a file's size of memory
    also       : dataclasses of your own that the file may hold; none is looked for elsewhere
    Raises     ArchiveError (a ValueError) "path=… cannot be loaded: …" for a file that is damaged, truncated, foreign, of another version or too
               large; OSError where it is missing or may not be read; ValueError for an `also` of anything but dataclasses.
    """
    return _loaded(path, most_bytes, _checked(also), object)


def _checked(also: Collection[type]) -> Collection[type]:
    """The classes, or ValueError unless they are dataclasses of different names."""
    for cls in also:
        if not (isinstance(cls, type) and is_dataclass(cls)):
            raise ValueError(f"also holds {cls!r}, which is no dataclass; give the classes themselves, such as also=[MyNoise]")
    if len({cls.__name__ for cls in also}) < len(also):
        raise ValueError(f"also={also} has two classes of one name; rename one, for a file knows them by their names")
    return also


def _loaded(path: str | os.PathLike[str], most_bytes: int, also: Collection[type], wanted: type) -> Any:
    try:
        content, arrays = read(path, most_bytes)
        _check_kind(content, also, wanted)
        return decoded(content, arrays, also)
    except ArchiveError as reason:
        raise ArchiveError(f"path={os.fspath(path)} cannot be loaded: {' '.join(str(reason).split())}") from None


def _check_kind(content: Any, also: Collection[type], wanted: type) -> None:
    """Raise ArchiveError where the outermost object is of another class than the one wanted."""
    told = content.get("object") if isinstance(content, dict) else None
    found = class_of(told[0], also) if isinstance(told, list) and told and isinstance(told[0], str) else None
    if wanted is not object and not (found is not None and issubclass(found, wanted)):
        held = f"a {found.__name__}" if found else "something else"
        raise ArchiveError(f"it holds {held}, not a {wanted.__name__}; use ocnet.load, which returns whatever a file holds")


class Saved:
    """Gives a frozen dataclass `save` and `load`."""

    def save(self, path: str | os.PathLike[str], also: Collection[type] = ()) -> None:
        """Put everything at `path`, an .npz file without pickle that is whole or absent and that `load` reads back to the last bit.

        also : dataclasses of your own that are part of it, as for `ocnet.save`, which says what is refused
        """
        save(path, self, also)

    @classmethod
    def load(cls: type[_Self], path: str | os.PathLike[str], most_bytes: int = MOST_BYTES, also: Collection[type] = ()) -> _Self:
        """Return the object of this class that was saved at `path`; arguments and errors are those of `ocnet.load`."""
        loaded: _Self = _loaded(path, most_bytes, _checked(also), cls)
        return loaded
