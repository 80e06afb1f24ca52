"""A run of `binary_classification.py` on disk: its options, what was trained, its summary.

    run.json                 the options, written first
    grid/round_*.journal     evaluations of the grid training         } a killed run
    particles.npz            state of the particle training           } goes on from these
    trained_VIEW.npz         parameters and training curve of a finished view
    summary.json, *.png      results
"""

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import datasets
from ocnet.archive import alone
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Branches, Perceptron
from ocnet.networks.noise import Gaussian, HiddenDropout, InputDropout, MultiplicativeGaussian, Noiseless, OutputDropout, ShakeShake, StochasticDepth
from ocnet.networks.readouts import Linear, Tanh
from ocnet.training import CheckpointError, checkpoint
from ocnet.training.criteria import ExpectedLoss, LossOfExpectation
from ocnet.training.losses import Logistic, Squared
from ocnet.training.objectives.labelled import LabelledPoints, Setting
from ocnet.training.regularisers import DepthSmoothness, Tikhonov

__all__ = ["NOISES", "RunError", "RunFolder", "Trained", "noise_of", "setting_of"]

NOISES = {"gaussian": (Gaussian, 0.2), "dropout": (OutputDropout, 0.8), "hidden-dropout": (HiddenDropout, 0.8),
           "input-dropout": (InputDropout, 0.8), "stochastic-depth": (StochasticDepth, 0.8), "multiplicative": (MultiplicativeGaussian, 0.5),
           "shake-shake": (ShakeShake, None), "none": (Noiseless, None)}
_CRITERIA = {"EL": ExpectedLoss, "LE": LossOfExpectation}
_VERSION = 1
_MOST_JSON = 1 << 24                 # bytes; Python blows them up some 20 times


class RunError(ValueError):
    """A run folder that cannot be used as asked, in one line."""


def noise_of(name, level):
    """Return the noise model `name` at `level` (None: its default)."""
    member, default = NOISES[name]
    if default is None:
        return member()
    return member(default if level is None else level)


def setting_of(options, dataset):
    """Return the training problem of the options: network, data, criterion, penalties.

    The interval toy keeps the published readout tanh(2x) and squared loss; any other set a trainable affine readout and
    the logistic loss.
    """
    toy = dataset.name == "interval"
    noise, block = noise_of(options["noise"], options["level"]), Perceptron(options["width"])
    network = ResidualNetwork(Branches(block, noise.copies) if hasattr(noise, "copies") else block, noise,
                              options["layers"], dim=dataset.dim,
                              readout=Tanh(2.0) if toy else Linear())
    data = LabelledPoints(dataset.train.points, dataset.train.labels, dataset.train.weights)
    criterion = _CRITERIA[options["loss"]](Squared() if toy else Logistic())
    penalties = (Tikhonov(options["tikhonov"]), DepthSmoothness(options["smoothness"]))
    return Setting(network, data, criterion, penalties)


@dataclass(frozen=True, eq=False)
class Trained:
    """What one view has trained: theta (P,), history {iteration, value, seconds}, iterations, seconds, details (dict)."""

    theta: object
    history: dict
    iterations: int
    seconds: float
    details: dict


def _read_json(file):
    """The value in a plain JSON file of bounded size; OSError or ValueError else."""
    if file.exists() and not file.is_file():
        raise ValueError("it is no plain file")
    if file.stat().st_size > _MOST_JSON:
        raise ValueError(f"it has more than {_MOST_JSON >> 20} MiB")
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("it is nested without end") from None


class RunFolder:
    """The files of one run."""

    def __init__(self, path, options):
        self.path, self.options = Path(path), options

    @classmethod
    @contextmanager
    def start(cls, path, options, resume):
        """Yield the folder of a run with these options, made and emptied of an older run, or kept when resuming; no other run writes there meanwhile.

        Raises RunError where the folder cannot be written or, resuming, holds a run with other options; InUse where another run writes to it.
        """
        path = Path(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"--out {path}: cannot be written ({error.strerror})") from None
        with alone(path, "choose another --out"):
            yield cls._begun(path, options, resume)

    @classmethod
    def _begun(cls, path, options, resume):
        if resume and (path / "run.json").exists():
            held = cls.read(path)
            for name, value in options.items():
                if held.options.get(name) != value:
                    raise RunError(f"{path / 'run.json'}: this run was started with {name}={held.options.get(name)}, not "
                                   f"{value}; resume with the same options or choose another --out")
            return held
        folder = cls(path, options)
        try:
            folder._clear()
            (path / "grid").mkdir(exist_ok=True)
            checkpoint.write_text(path / "run.json", json.dumps({"version": _VERSION, "options": options}, indent=1))
        except OSError as error:
            raise RunError(f"--out {path}: cannot be written ({error.strerror})") from None
        return folder

    @classmethod
    def read(cls, path):
        """Return the run that stands in a folder.  Raises RunError if there is none or it is damaged."""
        file = Path(path) / "run.json"
        try:
            content = _read_json(file)
            if content["version"] != _VERSION:
                raise RunError(f"{file}: written by another version ({content['version']}); this one reads {_VERSION}")
            return cls(path, dict(content["options"]))
        except FileNotFoundError:
            raise RunError(f"{file}: no run here; make one by binary_classification.py --out {path}") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, RunError):
                raise
            raise RunError(f"{file}: damaged ({error}); start the run anew without --resume") from None

    def _clear(self):
        # run.json goes first: what a kill leaves behind is then no run, and the next start clears the rest
        old = [*(self.path / name for name in ("run.json", "summary.json", "particles.npz")),
               *self.path.glob("grid/round_*.journal"), *self.path.glob("trained_*.npz")]
        for file in old:
            file.unlink(missing_ok=True)

    def save_trained(self, view, trained, fingerprint):
        """Write what a view has trained."""
        arrays = {"theta": trained.theta, **{f"history_{name}": column for name, column in trained.history.items()}}
        header = {"fingerprint": fingerprint, "iterations": trained.iterations, "seconds": trained.seconds,
                  "details": trained.details}
        checkpoint.save(self.path / f"trained_{view}.npz", arrays, header)

    def trained(self, view, fingerprint=None):
        """Return the Trained of a view, or None if it has not been finished.  Raises CheckpointError on damage."""
        file = self.path / f"trained_{view}.npz"
        if not file.exists():
            return None
        arrays, header = checkpoint.load(file, fingerprint)
        history = {name[len("history_"):]: column for name, column in arrays.items() if name.startswith("history_")}
        missing = {"iterations", "seconds", "details"} - header.keys() | {"theta"} - arrays.keys()
        if missing:
            raise CheckpointError(f"{file}: has no {min(missing)}, so no run wrote it; delete it to start anew")
        return Trained(arrays["theta"], history, header["iterations"], header["seconds"], header["details"])

    def write_summary(self, summary):
        """Write summary.json."""
        checkpoint.write_text(self.path / "summary.json", json.dumps(summary, indent=1) + "\n")

    def summary(self):
        """Return the summary of a finished run.  Raises RunError if it has not been finished."""
        file = self.path / "summary.json"
        try:
            return _read_json(file)
        except (OSError, ValueError) as error:
            raise RunError(f"{file}: no finished run ({error}); finish it by binary_classification.py --resume") from None

    def dataset(self):
        """Return the data of the run."""
        return datasets.load(self.options["data"], self.options["seed"])
