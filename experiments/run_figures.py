"""The four figures of a run of `binary_classification.py`."""

import numpy as np
from matplotlib import rc_context

from ocnet import plotting
from ocnet.chain import chain_sweep
from ocnet.moving_grid import MovingGrid
from ocnet.particles import propagate
from ocnet.spline import LimitedSpline
from ocnet.training.checkpoint import write_bytes
from ocnet.training.objectives import GridObjective

__all__ = ["column_names", "density_layers", "draw_run", "window"]

_SHOWN = 121                         # nodes per axis of a picture
_MOST_POINTS = 400                   # data points drawn in a picture


def draw_run(path, setting, dataset, trained, verdicts):
    """Write value_functions.png, layers.png, training.png and agreement.png into the run folder.

    trained : {view: Trained};  verdicts : {view: (Agreement, accuracies)}
    """
    with rc_context(plotting.STYLE):
        for name, made in (("value_functions", _value_functions(setting, dataset, trained, verdicts)),
                           ("layers", _layers(setting, dataset, trained, verdicts)),
                           ("training", _training(trained)), ("agreement", _agreement(verdicts))):
            write_bytes(path / f"{name}.png", plotting.png(made))


def column_names(setting):
    """Names of the values (q,): one per label for EL, one for LE."""
    if setting.criterion.name == "EL":
        return ["$v_{-1}(0,x)$: expected loss if the label is −1", "$v_{+1}(0,x)$: expected loss if the label is +1"]
    return ["$u(0,x)$: expected score"]


def window(points, share=0.12):
    """Axes (d arrays) of a picture around points (n, d), with a margin on each side."""
    lower, upper = points.min(axis=0), points.max(axis=0)
    margin = share * (upper - lower)
    return [np.linspace(a - m, b + m, _SHOWN) for a, b, m in zip(lower, upper, margin)]


def _mesh(axes):
    return np.stack([c.ravel() for c in np.meshgrid(*axes, indexing="ij")])


def _some(data):
    step = max(1, -(-len(data.labels) // _MOST_POINTS))
    return data.points[::step], data.labels[::step]


def _value_functions(setting, dataset, trained, verdicts):
    """u(0, x) per label on the judging grid, data and decision boundary; a row per trained view."""
    names, axes = column_names(setting), window(dataset.train.points)
    made, panels = plotting.figure(len(trained), len(names), 4.4 * len(names), 3.3 * len(trained))
    points, labels = _some(dataset.test)
    for row, (view, result) in zip(panels, trained.items()):
        values = _values(setting, result.theta, verdicts[view][0].grid.grid.shape, _mesh(axes).T)
        for ax, name, value in zip(row, names, values):
            if dataset.dim == 2:
                shape = (_SHOWN, _SHOWN)
                plotting.field(*axes, value.reshape(shape), ax=ax)
                plotting.boundary(*axes, setting.criterion.boundary(values).reshape(shape), ax=ax)
            else:
                plotting.curve(axes[0], value, ax=ax, color="black")
                ax.set_ylabel(name.split(":")[0])
            plotting.scatter(points, labels, size=7, ax=ax)
            ax.set_title(f"{view}-trained, {name}")
    panels[0, 0].legend(loc="best", framealpha=0.8, frameon=True)
    return made


def _values(setting, theta, nodes, points):
    """Values (q, n) at time 0 at points (n, d), on grids that hold the paths from them."""
    grid = MovingGrid.covering(setting.network.layered(theta), points, nodes)
    return GridObjective(setting, grid).values_at(theta, points)


def density_layers(setting, data, theta, grid):
    """Density of the data (size,) at every layer, on the grid of that layer: their masses moved by the transposed steps, over the cell volumes."""
    network = setting.network
    sweep = chain_sweep(network.layered(theta), grid, limited=False)       # linear: the same for every function
    _, splines = sweep.backward(np.ones((1, grid.size)))
    feet = np.ascontiguousarray(data.points.T)[None]
    masses, _ = LimitedSpline(grid.at(0), np.ones((1, grid.size))).mean_transposed(feet, np.ones(1), data.weights[None])
    return [m[0] / grid.at(n).weights for n, m in enumerate(sweep.forward(masses, splines))]


def _layers(setting, dataset, trained, verdicts):
    """Particles of the training points at five layers over the density of the data that the grid carries."""
    view, result = next(iter(trained.items()))
    network = setting.network
    grid = verdicts[view][0].grid.grid
    densities = density_layers(setting, dataset.train, result.theta, grid)
    data_points, labels = _some(dataset.train)
    paths = propagate(network.layered(result.theta), data_points, 2, seed=1, keep_layers=True).layers
    shown = np.unique(np.round(np.linspace(0, network.layers, 6)).astype(int))[1:] if dataset.dim == 2 else (
        np.unique(np.round(np.linspace(0, network.layers, 5)).astype(int)))
    made, panels = plotting.figure(1, len(shown), 10.5, 2.7)
    for ax, n in zip(panels[0], shown):
        points = paths[n][:, 0]
        axes = window(points, 0.15)
        density = LimitedSpline(grid.at(n), densities[n][None])(_mesh(axes))[0]
        if dataset.dim == 2:
            plotting.field(*axes, np.sqrt(np.maximum(density, 0)).reshape(_SHOWN, _SHOWN), bar=None, ax=ax, cmap="Greys")
        else:
            plotting.curve(axes[0], density, ax=ax, color="black")
            ax.set_ylabel("density" if n == 0 else "")
        plotting.scatter(points, labels, size=5, alpha=0.6, ax=ax)
        ax.set_title(f"layer {n}, t = {network.times[n]:.2f}")
        if n:
            ax.set_ylabel("")
    panels[0, 0].legend(loc="best", frameon=True, framealpha=0.8, markerscale=1.5)
    made.suptitle(f"{view}-trained network: particles through the layers over the density of the data"
                  + (" (grey, square root)" if dataset.dim == 2 else ""), fontsize=9.5)
    return made


def _training(trained):
    """Training curves of both views on one axis, against seconds and against iterations."""
    made, panels = plotting.figure(1, 2, 8.0, 3.0, sharey=True)
    for (view, result), colour in zip(trained.items(), (plotting.FIRST, plotting.SECOND)):
        for ax, key in zip(panels[0], ("seconds", "iteration")):
            ax.plot(result.history[key], result.history["value"], color=colour, lw=1.3,
                    label=f"{view} ({'L-BFGS' if view == 'grid' else 'Adam'})")
    panels[0, 0].set(xlabel="seconds of training", ylabel="objective with penalties", yscale="log")
    panels[0, 1].set(xlabel="iterations", xscale="symlog", xlim=(0, None))
    panels[0, 1].legend()
    return made


def _agreement(verdicts):
    """Grid against Monte Carlo at every data point, and the z-scores; a row per trained view."""
    made, panels = plotting.figure(len(verdicts), 2, 8.0, 3.2 * len(verdicts))
    for (scatter_ax, z_ax), (view, (a, _)) in zip(panels, verdicts.items()):
        plotting.agreement(a.grid_values, a.particle_values, a.point_bars, a.point_quantile * a.point_errors, a.points_within, ax=scatter_ax)
        scatter_ax.set(xlabel="grid (bar: space + box)", ylabel=f"particles (bar: {a.point_quantile} s.e., {a.paths} paths)")
        scatter_ax.set_title(f"{view}-trained: one value a data point")
        scatter_ax.legend(loc="upper left")
        error = np.sqrt(a.point_errors**2 + a.point_bars**2) + np.finfo(float).tiny
        plotting.z_scores((a.grid_values - a.particle_values) / error, ax=z_ax)
        z_ax.set_title(f"{view}-trained: difference in units of its error")
        z_ax.legend(loc="upper left")
    return made
