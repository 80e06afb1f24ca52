"""Every `to_xarray`: named dimensions, a name and a unit for everything, values that are copies of the result's own."""

import sys

import numpy as np
import pytest
import xarray

from ocnet.training.result import TrainingResult

from .saved_examples import KNOWN, example, solved

SHOWN = [name for name, cls in KNOWN.items() if hasattr(cls, "to_xarray")]


@pytest.mark.parametrize("name", SHOWN)
def test_dimensions_have_names_and_variables_say_what_they_are(name):
    found = example(name).to_xarray()
    parts = found.to_dataset() if isinstance(found, xarray.DataArray) else found
    assert parts.data_vars and not any(str(dim).startswith("dim_") for dim in parts.dims)
    for variable in (*parts.data_vars.values(), *parts.coords.values()):
        assert variable.attrs["long_name"] and variable.attrs["units"]
    for key, value in {**parts.attrs, **found.attrs}.items():
        assert isinstance(key, str) and isinstance(value, (int, float, str)) and not isinstance(value, bool)          # what netCDF and Zarr can hold


@pytest.mark.parametrize("name", SHOWN)
def test_values_are_copies(name):
    """Writing into the data set changes no result."""
    given = example(name)
    before = repr(given), repr(given.to_xarray())
    found = given.to_xarray()
    for variable in (found.to_dataset() if isinstance(found, xarray.DataArray) else found).data_vars.values():
        variable.values[...] = np.zeros((), variable.dtype)
    assert (repr(given), repr(given.to_xarray())) == before


def test_the_results_that_have_axes_show_them():
    """The list of SHOWN has what users plot and tabulate; a class that loses its method is missed here."""
    assert {"value_function.ValueFunction", "density.Density", "networks.TrainedNetwork", "particles.Estimate", "particles.GradientEstimate",
            "particles.MultilevelEstimate", "particles.Propagation", "training.TrainingResult", "training.GridTraining", "training.depth.DepthTraining",
            "analysis.Agreement", "analysis.ConsistencyOrder", "analysis.WeakOrder", "analysis.StabilityRegion", "analysis.NetworkODEDistance",
            "analysis.LinearTraining", "analysis.LinearLimit"} <= set(SHOWN)


def test_values_are_found_by_their_names():
    value, shown = solved(), solved().to_xarray()
    t, x = float(value.times[1]), float(value.grid.axes[0][7])
    assert shown.sel(time=t, column=1, x1=x).item() == value.values[1, 1, 7] and "SolveReport" in shown.attrs["report"]
    density = example("density.Density")
    assert np.array_equal(density.to_xarray().mass.sum("x1"), density.masses.sum(axis=1))
    assert np.array_equal(density.to_xarray().density.values * density.grid.weights, density.masses / density.grid.weights * density.grid.weights)
    trained = example("networks.TrainedNetwork")
    layer = trained.network.control.layer(trained.theta, 1)
    shown = trained.to_xarray()
    assert all(np.array_equal(shown[name].sel(layer=1), getattr(layer, name)) for name, _ in trained.network.control.layout)
    assert shown.sizes["layer"] == trained.network.layers and shown.time.values[1] == trained.network.times[1]
    result = example("training.TrainingResult")
    shown = result.to_xarray()
    assert isinstance(result, TrainingResult) and np.array_equal(shown.value, result.history["value"]) and np.array_equal(shown.x, result.x)
    walked = example("particles.Propagation")
    assert np.array_equal(walked.to_xarray().layers.sel(component=1)[-1], walked.ends[..., 0])
    orders = example("analysis.WeakOrder")
    assert np.array_equal(orders.to_xarray().order[1:], orders.orders) and np.isnan(orders.to_xarray().order[0])
    found = example("particles.MultilevelEstimate")
    assert np.array_equal(found.to_xarray()["mean"].sum("level"), sum(level.mean for level in found.levels))


def test_a_mean_over_a_named_dimension_is_that_of_the_array():
    walked = example("particles.Propagation")
    assert np.array_equal(walked.to_xarray().ends.mean("path"), walked.ends.mean(axis=1))


def test_without_xarray_every_method_says_what_to_install(monkeypatch):
    results = [example(name) for name in SHOWN]
    monkeypatch.setitem(sys.modules, "xarray", None)
    for result in results:
        with pytest.raises(ImportError, match=r"pip install 'ocnet\[xarray\]'"):
            result.to_xarray()
