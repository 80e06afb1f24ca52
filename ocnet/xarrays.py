"""Arrays with named dimensions, for xarray where it is installed: what every `to_xarray` is written in."""

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["data_array", "dataset", "labelled", "places"]

_Labelled = tuple[tuple[str, ...], np.ndarray, dict[str, str]]


def labelled(dims: str | tuple[str, ...], values: Any, long_name: str, units: str = "1") -> _Labelled:
    """A copy of values with the names of its dimensions, and what it is: (dims, values, attributes).

    units : "1" for a number without one, "state" and "time" for those of the states and of the horizon, which ocnet does not know
    """
    return (dims,) if isinstance(dims, str) else dims, np.array(values), {"long_name": long_name, "units": units}


def places(axes: Any) -> dict[str, _Labelled]:
    """The coordinates x1, x2, … of a grid's axes."""
    return {f"x{i}": labelled(f"x{i}", axis, f"component {i} of the state", "state") for i, axis in enumerate(axes, 1)}


def dataset(variables: Mapping[str, _Labelled], coordinates: Mapping[str, _Labelled], attributes: Mapping[str, Any]) -> Any:
    """Return an xarray.Dataset; attributes that are no numbers or texts are written as text.  ImportError with a remedy without xarray."""
    told = {name: value if isinstance(value, (int, float, str)) else repr(value) for name, value in attributes.items() if value is not None}
    return _xarray().Dataset(dict(variables), dict(coordinates), {name: int(value) if isinstance(value, bool) else value
                                                                   for name, value in told.items()})


def data_array(name: str, variable: _Labelled, coordinates: Mapping[str, _Labelled], attributes: Mapping[str, Any]) -> Any:
    """Return one variable as an xarray.DataArray, with the attributes of a dataset beside its own."""
    found = dataset({name: variable}, coordinates, attributes)
    return found[name].assign_attrs(found.attrs)


def _xarray() -> Any:
    try:
        import xarray
    except ImportError:
        raise ImportError("to_xarray needs the package xarray; use `pip install 'ocnet[xarray]'`, or to_dict() for plain numbers") from None
    return xarray
