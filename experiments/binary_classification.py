"""Train a stochastic residual network on two classes, on a grid and by particles, and compare the two.

Both views start from the same parameters; each trained network is then judged by both.  Results go to --out:
summary.json, figures, and what a killed run needs to go on (--resume).
"""

import platform
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

import datasets
import ocnet
from command_line import OneLineParser, explicit, fraction, natural, number, report_errors, stage, stoppable, whole
from ocnet.analysis import Comparison, compare_gradients, compare_views
from ocnet.kernels.philox import derived_seed
from ocnet.kernels.threads import set_threads
from ocnet.training import train
from ocnet.training.grid_estimate import estimate_on_grid
from ocnet.training.grid_training import train_on_grid
from ocnet.training.objectives import ChainView, DiffusionView, GridObjective, ParticleObjective
from ocnet.training.optimisers import LBFGS, Adam
from run_folder import NOISES, RunFolder, Trained, noise_of, setting_of

DEFAULT_OUT = Path(__file__).resolve().parent.parent / "figures" / "binary_classification"

_ADAM_STEPS = 10                     # Adam steps for each L-BFGS iteration: each costs about a tenth
_TRAINING_PATHS = 8                  # particles a data point and Adam step
_JUDGES = 4                          # word of the random stream that judges test points
_GAP_TOLERANCE = 0.03                # bar of the Itô limit's objective that is refined to, relative
_LAWS = {"chain": ChainView(), "sde": DiffusionView(substeps=4)}


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="binary_classification.py", description=__doc__)
    p.add_argument("--data", default="breast-cancer", metavar="NAME|CSV",
                   help=f"one of {', '.join(datasets.NAMES)}, a CSV file whose last column is the label, or "
                        "a folder with CIFAR-10's binary files (cats and dogs)")
    p.add_argument("--noise", choices=tuple(NOISES), default="gaussian",
                   help=f"one of {', '.join(NOISES)}; dropout is on the output of every block")
    p.add_argument("--level", type=number, default=None,
                   help="gaussian: standard deviation per √time (default: 0.2); multiplicative: of each output's factor (0.5); dropout and "
                        "depth: probability to stay (0.8)")
    p.add_argument("--layers", type=whole, default=20, help="residual layers N; the horizon is 1")
    p.add_argument("--width", type=whole, default=16, help="hidden units of each block")
    p.add_argument("--loss", choices=("EL", "LE"), default="EL",
                   help="expectation of the loss, or loss of the expectation")
    p.add_argument("--views", default="grid,particles", help="which views train: grid, particles or both")
    p.add_argument("--law", choices=tuple(_LAWS), default="chain",
                   help="law the grid trains on: the network's own, or its Itô limit")
    p.add_argument("--nodes", type=whole, default=41, help="nodes per axis of the first training grid")
    p.add_argument("--paths", type=whole, default=1_000_000,
                   help="particles in all with which a trained network is judged")
    p.add_argument("--iterations", type=whole, default=80,
                   help=f"L-BFGS iterations on the grid; the particles make {_ADAM_STEPS} times as many Adam steps")
    p.add_argument("--tikhonov", type=fraction, default=1e-3, help="weight of ½ mean |θ_n|²")
    p.add_argument("--smoothness", type=fraction, default=1e-4, help="weight of the H¹-in-depth penalty")
    p.add_argument("--seed", type=natural, default=0, help="of the split, the start and all noise")
    p.add_argument("--threads", type=whole, default=None, help="threads (default: all cores); the results keep their bits")
    p.add_argument("--out", default=str(DEFAULT_OUT), metavar="DIR", help="folder for results")
    p.add_argument("--resume", action="store_true", help="go on with the run in --out")
    p.add_argument("--no-figures", action="store_true", help="write summary.json only")
    return p


_NOT_OF_THE_RUN = ("out", "resume", "threads", "no_figures")


def checked_options(arguments):
    """Return (options of the run, the rest) from the command line, or end with a one-line error and status 2."""
    p = parser()
    given = vars(p.parse_args(arguments))
    options = {name: value for name, value in given.items() if name not in _NOT_OF_THE_RUN}
    views = tuple(v for v in options["views"].split(",") if v)
    if not views or set(views) - {"grid", "particles"}:
        p.error(f"--views {options['views']}: choose from grid, particles (comma-separated)")
    options["views"] = [v for v in ("grid", "particles") if v in views]
    if options["nodes"] < 9:
        p.error(f"--nodes {options['nodes']}: a grid needs at least 9 nodes per axis")
    if given["resume"]:
        options = _held_options(given["out"], options, explicit(p, arguments))
    noise_of(options["noise"], options["level"])
    return options, given


def _held_options(out, options, named):
    """When resuming, options that the command line leaves out are those of the run."""
    if not (Path(out) / "run.json").exists():
        return options
    held = RunFolder.read(out).options
    return {name: value if name in named else held.get(name, value) for name, value in options.items()}


def train_views(setting, folder, options):
    """Train every view from the same start, or read what an earlier run has finished.  Returns {view: Trained}."""
    start = setting.network.initialise(options["seed"])
    trained = {}
    for view in options["views"]:
        mark = setting.fingerprint(view, sorted(options.items()))
        done = folder.trained(view, mark)
        if done is None:
            stage(f"training: {view}")
            done = (_train_grid if view == "grid" else _train_particles)(setting, start, folder, options)
            folder.save_trained(view, done, mark)
        trained[view] = done
    return trained


def _train_grid(setting, start, folder, options):
    result = train_on_grid(setting, start, LBFGS(iterations=options["iterations"]), options["nodes"],
                           _LAWS[options["law"]], folder.path / "grid", "grid")
    return Trained(result.x, result.history, result.nit, result.seconds, {"rounds": list(result.rounds)})


def _train_particles(setting, start, folder, options):
    optimiser = Adam(iterations=_ADAM_STEPS * options["iterations"], rate=0.02, clip=5.0,
                     check_every=min(20, options["iterations"]))
    objective = ParticleObjective(setting, _TRAINING_PATHS, seed=options["seed"])
    result = train(objective, start, optimiser, folder.path / "particles.npz", "particles")
    return Trained(result.x, result.history, result.nit, result.seconds, {"message": result.message})


def judge(setting, dataset, trained, options):
    """Judge each trained network by both views: {view: (Agreement, {part: accuracy of the view that trained it})}."""
    paths = max(16, 2 * (options["paths"] // len(setting.data) // 2))
    verdicts = {}
    for view, result in trained.items():
        stage(f"judging the network trained by {view}, on grids and by particles")
        agreement = compare_views(setting, result.theta, options["nodes"], paths, options["seed"])
        verdicts[view] = agreement, {part: _accuracy(setting, result.theta, view, agreement.grid.grid, data, options)
                                     for part, data in (("train", dataset.train), ("test", dataset.test))}
    return verdicts


def _accuracy(setting, theta, view, grid, data, options):
    """Weighted share of points whose label the view predicts."""
    if view == "grid":
        values = GridObjective(setting, grid, _LAWS[options["law"]]).values_at(theta, data.points)
    else:
        judge = ParticleObjective(setting, 256, derived_seed(options["seed"], _JUDGES))
        values = judge.sample(theta, data.points).means
    return float(data.weights[setting.criterion.predict(values) == data.labels].sum())


def summarise(setting, dataset, trained, verdicts, comparison, gradients, options, seconds):
    """Return the summary of the run as plain numbers; `comparison` is of the network that was trained first."""
    network, certificate = setting.network, comparison.to_dict()
    return {
        "data": {"name": dataset.name, "train": len(dataset.train), "test": len(dataset.test), **({"files": dataset.files} if dataset.files else {})},
        "network": {"layers": network.layers, "width": options["width"], "noise": options["noise"],
                    "level": _level(network.noise), "parameters": network.control.size, "loss": options["loss"]},
        "seed": options["seed"],
        "views": {view: _view_summary(setting, view, trained[view], *verdicts[view], comparison, options)
                  for view in trained},
        "agreement": {f"{view}_trained": verdict[0].to_dict() for view, verdict in verdicts.items()},
        "certificate": certificate,
        "modelling_gap": {name: certificate[name] for name in ("objective_network", "objective_sde", "error_bar", "sde_error", "sde_nodes")},
        "gradients": gradients.to_dict(),
        "seconds_total": seconds,
        "versions": versions(),
    }


def _level(noise):
    return float(getattr(noise, "level", getattr(noise, "keep", 0.0)))


def _view_summary(setting, view, result, agreement, accuracy, comparison, options):
    own = {"penalty": setting.penalty(result.theta)[0], "accuracy_train": accuracy["train"],
           "accuracy_test": accuracy["test"], "seconds": result.seconds, "iterations": result.iterations}
    if view == "particles":
        return {"objective": agreement.objective_particles, "objective_stderr": agreement.standard_error, **own,
                "paths": agreement.paths * len(setting.data)}
    estimate = agreement.grid if options["law"] == "chain" else comparison.diffusion
    return {"law": options["law"], "objective": estimate.value, "objective_error": estimate.error_bar, **own,
            "box": [estimate.grid.lower.tolist(), estimate.grid.upper.tolist()], "nodes": list(estimate.grid.shape),
            "smallest_value": estimate.lowest, "rounds": result.details["rounds"]}


def paragraph(summary):
    """What was measured, in sentences."""
    told = []
    for view, result in summary["views"].items():
        a = summary["agreement"][f"{view}_trained"]
        told.append(f"The network trained {'on the grid' if view == 'grid' else 'by particles'} has the objective {a['objective_grid']:.5f} ± {a['grid_error_bar']:.0e} on the grid and "
                    f"{a['objective_particles']:.5f} ± {a['standard_error']:.0e} by particles (they {'agree' if a['within'] else 'DISAGREE'}; {100 * a['points_within_fraction']:.1f} % of the points "
                    f"within their own bars) and is right on {100 * result['accuracy_test']:.1f} % of {summary['data']['test']} test points.")
    gap, network = summary["modelling_gap"], summary["network"]
    return (f"A network of {network['layers']} layers × {network['width']} units under {network['noise']} noise of {network['level']:g} on {summary['data']['name']}, each trained view judged by both. "
            + " ".join(told) + f" The Itô limit would have said {gap['objective_sde']:.5f}, {gap['objective_sde'] - gap['objective_network']:+.5f} ± {gap['error_bar']:.0e} from the layers.")


def versions():
    """Versions of what the numbers depend on."""
    import numba
    import scipy
    import sklearn
    return {"ocnet": ocnet.__version__, "python": platform.python_version(), "numpy": np.__version__,
            "scipy": scipy.__version__, "numba": numba.__version__, "scikit-learn": sklearn.__version__}


def main(arguments=None):
    """Run the experiment and return its summary.  arguments : list of command-line words (default: sys.argv)."""
    begun = perf_counter()
    options, given = checked_options(arguments)
    dataset = datasets.load(options["data"], options["seed"])
    setting = setting_of(options, dataset)
    if given["threads"]:
        set_threads(given["threads"])
    with stoppable(), RunFolder.start(given["out"], options, given["resume"]) as folder:
        return _run(folder, setting, dataset, options, begun, not given["no_figures"])


def _run(folder, setting, dataset, options, begun, figures):
    """Train, judge, draw and write all to the folder; return the summary."""
    trained = train_views(setting, folder, options)
    verdicts = judge(setting, dataset, trained, options)
    view, (agreement, _) = next(iter(verdicts.items()))
    stage("gradients, the Itô limit, figures")
    gradients = compare_gradients(setting, trained[view].theta, agreement.grid.grid, seed=options["seed"])
    nodes = max(options["nodes"], round(max(agreement.grid.grid.shape) / 1.5))        # what the chain has needed
    comparison = Comparison(agreement, estimate_on_grid(setting, trained[view].theta, _LAWS["sde"], nodes, _GAP_TOLERANCE))
    if figures:
        from run_figures import draw_run
        draw_run(folder.path, setting, dataset, trained, verdicts)
    summary = summarise(setting, dataset, trained, verdicts, comparison, gradients, options, perf_counter() - begun)
    summary["paragraph"] = paragraph(summary)
    folder.write_summary(summary)
    return summary


def table(summary):
    """Return the summary as lines for a terminal."""
    lines = [f"{summary['data']['name']}: {summary['data']['train']} training and {summary['data']['test']} test points, "
             f"{summary['network']['layers']} layers × {summary['network']['width']} units, "
             f"{summary['network']['noise']} noise {summary['network']['level']:g}", "",
             f"{'trained by':12} {'grid objective':>24} {'particle objective':>24} {'agree':>6} {'points':>8} "
             f"{'train':>7} {'test':>7} {'seconds':>8}"]
    for view, result in summary["views"].items():
        a = summary["agreement"][f"{view}_trained"]
        lines.append(f"{view:12} {a['objective_grid']:>13.5f} ± {a['grid_error_bar']:.1e} "
                     f"{a['objective_particles']:>13.5f} ± {a['standard_error']:.1e} {'yes' if a['within'] else 'NO':>6} "
                     f"{100 * a['points_within_fraction']:>7.1f}% {100 * result['accuracy_train']:>6.1f}% "
                     f"{100 * result['accuracy_test']:>6.1f}% {result['seconds']:>8.1f}")
    gap, g = summary["modelling_gap"], summary["gradients"]
    lines += ["", f"modelling gap: Itô limit {gap['objective_sde']:.5f} − network {gap['objective_network']:.5f} = "
              f"{gap['objective_sde'] - gap['objective_network']:+.5f} ± {gap['error_bar']:.1e}",
              f"gradients of grid and particles: cosine {g['cosine']:.5f}, largest |z| {g['max_abs_z']:.1f} of "
              f"{g['components']} components ({'within' if g['within'] else 'BEYOND'} {g['critical_z']:.1f})"]
    refined = sum(a["refinements"] for a in summary["agreement"].values())
    if refined:
        lines.append(f"the judging grids were refined {refined} times to bring their error bars down")
    lines.append(f"{summary['seconds_total']:.1f} s in all")
    return lines


def command():
    """Run from the command line and print the table."""
    summary = main()
    print("\n".join(table(summary)))


if __name__ == "__main__":
    sys.exit(report_errors(command, "go on with --resume"))
