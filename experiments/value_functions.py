"""Draw the value functions u(t, x) of a finished run: fields, slices with their Monte Carlo band, density of the data.

Works on the folder of a run of binary_classification.py; without one, a default run is trained first.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib import rc_context

import binary_classification
from command_line import OneLineParser, number, report_errors
from ocnet import plotting
from ocnet.grid import Grid
from ocnet.kernels.philox import derived_seed
from ocnet.particles import over_ends
from ocnet.process import LayeredProcess
from ocnet.spline import LimitedSpline
from ocnet.training.checkpoint import write_bytes
from ocnet.training.objectives import GridObjective
from parts import in_folder
from run_figures import density_layers, window
from run_folder import RunError, RunFolder, setting_of

_NODES = 201                         # per axis of the fields drawn
_SLICE, _SLICE_PATHS = 33, 4000      # points of a slice and particles from each
_SLICING = 5                         # word of the random stream of the slices
_FRAMES_PER_SECOND = 5


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="value_functions.py", description=__doc__)
    p.add_argument("run", nargs="?", default=str(binary_classification.DEFAULT_OUT), help="folder of a run")
    p.add_argument("--label", type=int, choices=(-1, 1), default=None, help="one label only (EL; default: both)")
    p.add_argument("--times", type=number, nargs="+", default=[0.0, 0.25, 0.5, 0.75, 1.0],
                   help="times in [0, 1], each taken to the nearest layer")
    p.add_argument("--view", choices=("grid", "particles"), default=None, help="network trained by this view (the first)")
    p.add_argument("--animate", action="store_true", help="also write a GIF of all layers")
    p.add_argument("--out", default=None, metavar="DIR", help="folder for the pictures (the run's)")
    return p


def open_run(path):
    """Return (RunFolder, Dataset, Setting, {view: Trained}) of a finished run; the default one is made if missing."""
    if Path(path) == binary_classification.DEFAULT_OUT and not (Path(path) / "summary.json").exists():
        print("no run yet: training the default one", file=sys.stderr)
        binary_classification.main(["--out", str(path)])
    folder = RunFolder.read(path)
    folder.summary()
    dataset = folder.dataset()
    setting = setting_of(folder.options, dataset)
    trained = {view: folder.trained(view, setting.fingerprint(view, sorted(folder.options.items())))
               for view in folder.options["views"]}
    missing = [view for view, result in trained.items() if result is None]
    if missing:
        raise RunError(f"{path}: trained_{missing[0]}.npz is missing; finish the run by binary_classification.py --resume")
    return folder, dataset, setting, trained


class Fields:
    """Values and density of one trained network at all layers, on one grid."""

    def __init__(self, setting, dataset, theta):
        self.setting, self.dataset, self.theta = setting, dataset, theta
        self.process = setting.network.layered(theta)
        nodes = _NODES if dataset.dim == 2 else 4 * _NODES
        self.grid = Grid.covering(self.process, dataset.train.points, nodes)
        self.values = list(GridObjective(setting, self.grid).fields(theta))[::-1]
        self.densities = density_layers(setting, dataset.train, theta, self.grid)

    def at(self, n, axes):
        """(q, *shape) values and (*shape) density of layer n on the axes of a picture."""
        mesh = np.stack([c.ravel() for c in np.meshgrid(*axes, indexing="ij")])
        shape = tuple(a.size for a in axes)
        density = LimitedSpline(self.grid, self.densities[n][None])(mesh)[0]
        return LimitedSpline(self.grid, self.values[n])(mesh).reshape(-1, *shape), density.reshape(shape)

    def sampled(self, n, points):
        """(q, points) Monte Carlo means and standard errors of the value at layer n from points (m, d)."""
        network, criterion = self.setting.network, self.setting.criterion
        q = len(self.values[0])
        means, errors = np.empty((q, len(points))), np.zeros((q, len(points)))
        if n == network.layers:
            return criterion.terminal(network.score(np.ascontiguousarray(points.T), self.theta)), errors
        rest = LayeredProcess(lambda k, x, xi: self.process.step(n + k, x, xi), self.process.law, network.dim,
                              network.times[n:])

        def consume(ends, rows):
            x = np.ascontiguousarray(ends.reshape(-1, network.dim).T)
            scores = network.score(x, self.theta).reshape(ends.shape[:2])
            means[:, rows], errors[:, rows] = criterion.sampled_values(scores)

        over_ends(rest, points, _SLICE_PATHS, consume, derived_seed(0, _SLICING, n))
        return means, errors


def layers_of(times, network):
    """Return the layers nearest to the times, each once.  Raises ValueError for a time outside the horizon."""
    outside = [t for t in times if not 0 <= t <= network.horizon]
    if outside:
        raise ValueError(f"--times {outside[0]:g} is outside [0, {network.horizon:g}]")
    return sorted({int(np.abs(network.times - t).argmin()) for t in times})


def _names(setting):
    return ["$v_{-1}$", "$v_{+1}$"] if setting.criterion.name == "EL" else ["$u$"]


def _meaning(setting):
    return "expected loss" if setting.criterion.name == "EL" else "expected score"


def _windows(fields, layers):
    """One window for all times: what the data reach at the layers drawn."""
    x = np.repeat(fields.dataset.train.points.T, 4, axis=1)
    seen = [x]
    for n in range(fields.process.layers):
        x = fields.process.step(n, x, fields.process.law.draw(1, 0, x.shape[1], n))
        seen.append(x)
    return {n: window(np.quantile(seen[n], [0.001, 0.999], axis=1), 0.2) for n in layers}


def _slice_panel(ax, fields, n, axes, columns):
    """Values along the first axis through the middle of the picture, the Monte Carlo band laid over them."""
    middle = [float(a[a.size // 2]) for a in axes]
    line = np.tile(middle, (axes[0].size, 1))
    line[:, 0] = axes[0]
    values = LimitedSpline(fields.grid, fields.values[n])(np.ascontiguousarray(line.T))
    few = line[:: max(1, len(line) // _SLICE)]
    means, errors = fields.sampled(n, few)
    for q, colour in zip(columns, (plotting.LOWER, plotting.UPPER)):
        ax.plot(axes[0], values[q], color=colour, lw=1.2, label=f"{_names(fields.setting)[q]} grid")
        ax.errorbar(few[:, 0], means[q], yerr=3 * errors[q], fmt=".", ms=3, lw=0.8, color="black",
                    label="Monte Carlo ± 3 s.e., 33 points" if q == columns[-1] else None)
    where = "" if len(axes) == 1 else f" at $x_2$ = {middle[1]:.2g}"
    ax.set(xlabel="$x_1$" if len(axes) > 1 else "$x$", ylabel=f"value{where}")


def draw(fields, layers, columns):
    """Return the figure: a row a time; fields per label, slice with band, density with the decision boundary."""
    setting, names, plane = fields.setting, _names(fields.setting), fields.dataset.dim == 2
    panels_a_row = len(columns) * plane + 2
    made, panels = plotting.figure(len(layers), panels_a_row, (2.6 if plane else 4.0) * panels_a_row, 2.2 * len(layers) + 0.3)
    for row, n in zip(panels, layers):
        axes = _windows(fields, layers)[n]
        values, density = fields.at(n, axes)
        t = setting.network.times[n]
        if plane:
            for ax, q in zip(row, columns):
                plotting.field(*axes, values[q], bar=_meaning(setting), ax=ax)
                ax.set_title(f"{names[q]}(t = {t:.2f}, x)")
        _slice_panel(row[-2], fields, n, axes, columns)
        row[-2].set_title(f"slice at t = {t:.2f}")
        if plane:
            plotting.field(*axes, np.maximum(density, 0), bar="density", ax=row[-1], cmap="Greys")
            score = setting.criterion.boundary(values.reshape(len(values), -1)).reshape(density.shape)
            plotting.boundary(*axes, score, ax=row[-1])
        else:
            plotting.curve(axes[0], density, labels=("$x$", "density"), ax=row[-1], color="black")
        row[-1].set_title(f"data at t = {t:.2f}, boundary" if plane else f"density of the data, t = {t:.2f}")
    made.legend(*panels[0, -2].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return made


def animate(fields, q):
    """Return the film of value q and the density of the data, layer by layer, values in one scale."""
    count, plane, setting = fields.process.layers + 1, fields.dataset.dim == 2, fields.setting
    windows = _windows(fields, range(count))
    scale = {"vmin": min(v[q].min() for v in fields.values), "vmax": max(fields.at(n, windows[n])[0][q].max() for n in range(count))}

    def frame(n, panels):
        values, density = fields.at(n, windows[n])
        if plane:
            plotting.field(*windows[n], values[q], bar=_meaning(setting), ax=panels[0], **scale)
            plotting.field(*windows[n], np.maximum(density, 0), bar="density", ax=panels[1], cmap="Greys")
        else:
            plotting.curve(windows[n][0], values[q], labels=("$x$", _meaning(setting)), ax=panels[0], color=plotting.LOWER)
            plotting.curve(windows[n][0], density, labels=("$x$", "density"), ax=panels[1], color="black")
        panels[0].set_title(f"{_names(setting)[q]}(t = {setting.network.times[n]:.2f}, x)")
        panels[1].set_title("density of the data")

    return plotting.animate(frame, count, columns=2, width=7.6, height=3.0, pace=_FRAMES_PER_SECOND)


def _write_film(path, film, folder):
    """Put a film at `path`, whole or not at all; its writer wants a name to write to, in a folder that goes with the run."""
    film.save(folder / path.name)
    write_bytes(path, (folder / path.name).read_bytes())


def main(arguments=None):
    """Draw the pictures; return {"files": paths written, "layers", "mass": of the density at each layer drawn}."""
    given = parser().parse_args(arguments)
    folder, dataset, setting, trained = open_run(given.run)
    view = given.view or next(iter(trained))
    if view not in trained:
        raise RunError(f"{given.run}: no network was trained by {view}; this run has {', '.join(trained)}")
    layers = layers_of(given.times, setting.network)
    columns = list(range(len(_names(setting))))
    if given.label is not None:
        if setting.criterion.name != "EL":
            raise RunError("--label: a run with --loss LE has one value function for both labels; leave it out")
        columns = [0 if given.label < 0 else 1]
    fields = Fields(setting, dataset, trained[view].theta)
    out = Path(given.out or folder.path)
    files = [out / "value_functions_in_time.png"]
    with in_folder(out, "value_functions", given) as part, rc_context(plotting.STYLE):
        write_bytes(files[0], plotting.png(draw(fields, layers, columns), dpi=100))
        if given.animate:
            files.append(out / "value_functions_in_time.gif")
            _write_film(files[1], animate(fields, columns[0]), part.folder)
    mass = [float(fields.densities[n] @ fields.grid.weights) for n in layers]
    return {"files": [str(f) for f in files], "layers": layers, "mass": mass}


def command():
    """Run from the command line and print what was written."""
    result = main()
    print("\n".join(result["files"]))
    print(f"layers {result['layers']}; mass of the density there, never renormalised: "
          + ", ".join(f"{m:.12f}" for m in result["mass"]))


if __name__ == "__main__":
    sys.exit(report_errors(command))
