"""The four figures of a run of `binary_classification.py`."""

import numpy as np
from matplotlib import rc_context

from ocnet import plotting
from ocnet.chain import chain_sweep
from ocnet.kernels.philox import derived_seed
from ocnet.moving_grid import MovingGrid
from ocnet.particles import over_ends, propagate
from ocnet.spline import LimitedSpline
from ocnet.training.checkpoint import write_bytes
from ocnet.training.objectives import GridObjective

__all__ = ["column_names", "density_layers", "draw_run", "score_quantiles", "window"]

_SHOWN = 121                         # nodes per axis of a picture
_MOST_POINTS = 400                   # data points drawn in a picture
_LAYERS = 5                          # that are drawn side by side
_RARE, _RUNS, _SPREADING = 0.05, 200, 8  # share of runs that decide against the rest; runs from each point; word of their random stream


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
    """u(0, x) per label on the judging grid, data, decision boundary and where single runs disagree with it; a row per trained view, a scale per column."""
    names, axes = column_names(setting), window(dataset.train.points)
    made, panels = plotting.figure(len(trained), len(names), 4.4 * len(names), 3.2 * len(trained) + 0.3)
    points, labels = _some(dataset.test)
    found = {view: _values(setting, result.theta, verdicts[view][0].grid.grid.shape, _mesh(axes).T) for view, result in trained.items()}
    scales = [(min(v[k].min() for v in found.values()), max(v[k].max() for v in found.values())) for k in range(len(names))]
    for row, (view, result) in zip(panels, trained.items()):
        values = found[view]
        score = setting.criterion.boundary(values)
        bounds = dict(zip(("low", "high"), score_quantiles(setting, result.theta, _mesh(axes).T, (_RARE, 1 - _RARE))))
        for ax, name, value, scale in zip(row, names, values, scales):
            _value_panel(ax, axes, value, scale, score, bounds, name)
            plotting.scatter(points, labels, size=10, ax=ax)
            ax.set_title(f"{view}-trained, {name}")
    made.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, markerscale=1.6)
    return made


def _value_panel(ax, axes, value, scale, score, bounds, name):
    shape = [a.size for a in axes]
    told = {"band": f"more than {_RARE:.0%} of single runs decide otherwise", "label": "decision boundary"}
    if len(axes) == 2:
        plotting.field(*axes, value.reshape(shape), bar=name.split(":")[-1].split(" if")[0].strip(), ax=ax, vmin=scale[0], vmax=scale[1])
        plotting.boundary(*axes, score.reshape(shape), **{k: b.reshape(shape) for k, b in bounds.items()}, **told, ax=ax)
    else:
        plotting.curve(axes[0], value, labels=("$x$", name.split(":")[0]), ax=ax, color="black")
        ax.set_ylim(scale[0] - 0.05 * (scale[1] - scale[0]), scale[1] + 0.05 * (scale[1] - scale[0]))
        plotting.threshold(axes[0], score, **bounds, **told, ax=ax)


def score_quantiles(setting, theta, points, levels):
    """Quantiles (levels, n) of the score of one run of the stochastic network from points (n, d), by 200 runs from each.

    Where 0 lies between those of p and 1 − p, a run decides against the majority with a probability above p; p = 5 % is met to ± 1.5 % (s.e.).
    """
    network, found = setting.network, np.empty((len(levels), len(points)))

    def consume(ends, rows):
        scores = network.score(np.ascontiguousarray(ends.reshape(-1, network.dim).T), theta)
        found[:, rows] = np.quantile(scores.reshape(ends.shape[:2]), levels, axis=1)

    over_ends(network.layered(theta), points, _RUNS, consume, derived_seed(0, _SPREADING))
    return found


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
    states = propagate(network.layered(result.theta), data_points, 2, seed=1, keep_layers=True).layers[:, :, 0]
    made, panels = plotting.figure(1, _LAYERS, 10.4, 2.7)
    shown = {}
    for n in plotting.shown_layers(len(states), _LAYERS):
        axes = window(states[n], 0.15)
        density = LimitedSpline(grid.at(n), densities[n][None])(_mesh(axes))[0]
        shown[n] = (*axes, density.reshape([a.size for a in axes]))
    plotting.layers(network.times, states, labels, densities=shown, panels=panels[0])
    made.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, markerscale=1.6)
    made.suptitle(f"{view}-trained network: particles through the layers over the density of the data"
                  + (" (grey, square root)" if dataset.dim == 2 else ""), fontsize=9.5)
    return made


def _training(trained):
    """Training curves of both views, against seconds and against iterations."""
    made, panels = plotting.figure(1, 2, 8.0, 3.0, sharey=True)
    histories = {f"{view} ({'L-BFGS' if view == 'grid' else 'Adam'})": result.history for view, result in trained.items()}
    for ax, against in zip(panels[0], ("seconds", "iteration")):
        plotting.training(histories, against=against, label="objective J with penalties", ax=ax)
    panels[0, 1].set(xscale="symlog", xlim=(0, None), ylabel="")
    return made


def _agreement(verdicts):
    """Grid against Monte Carlo at every data point, and the z-scores; a row per trained view."""
    made, panels = plotting.figure(len(verdicts), 2, 8.0, 3.2 * len(verdicts))
    for (scatter_ax, z_ax), (view, (a, _)) in zip(panels, verdicts.items()):
        a.plot(scatter_ax)
        scatter_ax.set_title(f"{view}-trained: one value a data point")
        scatter_ax.legend(loc="upper left")
        error = np.sqrt(a.point_errors**2 + a.point_bars**2) + np.finfo(float).tiny
        plotting.z_scores((a.grid_values - a.particle_values) / error, ax=z_ax)
        z_ax.set_title(f"{view}-trained: difference in units of its error")
        low, high = z_ax.get_ylim()
        z_ax.set_ylim(low, low + 1.35 * (high - low))                    # room for the legend
        z_ax.legend(loc="upper left", title="errors include the grid's bars, bounds that are larger\nthan what they cover: narrower than the normal law", title_fontsize=8, alignment="left")
    return made
