"""Every experiment with a command line, at a small size, and what it takes to run it in a folder."""

import json
import sys
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
if str(EXPERIMENTS) not in sys.path:
    sys.path.insert(0, str(EXPERIMENTS))

__all__ = ["SUBJECTS", "Subject"]

_RUN = ["--data", "moons", "--layers", "2", "--width", "3", "--iterations", "4", "--nodes", "15", "--paths", "8000"]
_SMALL_SET = ["--data", "moons", "--layers", "2", "--iterations", "10", "--paths", "8", "--seeds", "3"]


@dataclass(frozen=True)
class Subject:
    """An experiment at a small size.

    arguments : of its command line; FOLDER stands for the folder of the run
    needs_run : it works on the folder of a finished run of binary_classification.py, which is put there first
    parts     : whether it keeps parts
    """

    name: str
    arguments: tuple
    needs_run: bool = False
    parts: bool = True

    def words(self, folder):
        """The command line in a folder."""
        return [word.replace("FOLDER", str(folder)) for word in self.arguments]

    def prepare(self, folder):
        """What must be there before."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.needs_run:
            import_module("binary_classification").main([*_RUN, "--no-figures", "--out", str(folder)])

    def may_differ(self, name, data, wanted):
        """Whether all that differs is seconds: in the numbers, in a picture with a clock, or in the journals and checkpoints of a run that keeps them."""
        if name.endswith(".json"):
            return numbers_without_seconds(data) == numbers_without_seconds(wanted)
        return self.name == "binary_classification" and (name == "training.png" or name.endswith((".npz", ".journal")))

    def command(self, folder):
        """The work of a process: what `python experiments/NAME.py …` does."""
        from command_line import report_errors
        module = import_module(self.name)
        sys.argv = [f"{self.name}.py", *self.words(folder)]
        if self.name == "gallery":
            module.ENTRIES = tuple(replace(entry, arguments=_GALLERY[entry.name]) for entry in module.ENTRIES if entry.name in _GALLERY)
        return report_errors(module.command)


_GALLERY = {"stability_regions": ("--nodes", "21", "--coefficients", "3"), "modified_equations": ("--layers", "2", "--doublings", "2")}


def _to(name, *arguments, **more):
    return Subject(name, (*arguments, "--out", "FOLDER"), **more)


SUBJECTS = {subject.name: subject for subject in (
    _to("architectures", "--data", "moons", "--depth-data", "moons", "--depths", "2", "4", "--layers", "2", "--iterations", "6", "--width", "3",
        "--seeds", "2"),
    _to("averaged_sgd", "--runs", "4", "--iterations", "1000", "--rates", "10", "40", "--batches", "1", "8", "--alpha", "0.1"),
    _to("binary_classification", *_RUN, "--resume", parts=False),
    Subject("certify", ("--data", "moons", "--seeds", "3", "--size", "60", "--iterations", "4", "--nodes", "15", "--layers", "2", "--paths", "4000",
                        "--json", "FOLDER/rows.json")),
    _to("classifier_accuracy", "--only", "moons", "iris", "--repeats", "1", "--folds", "2", "--seeds", "2", "--max-iter", "4"),
    _to("depth", "--layers", "2", "--levels", "3", "--nodes", "41", "--iterations", "30"),
    _to("dropout_placement", *_SMALL_SET, "--keeps", "0.5", "--horizon", "2", "--draws", "64", "--doublings", "2", "--workers", "1"),
    _to("feedback", "--sigma", "0.3", "--layers", "2", "--nodes", "61", "--iterations", "10", "--starts", "1"),
    _to("gallery", "--only", *_GALLERY),
    _to("generalisation", *_SMALL_SET, "--kinds", "output", "--ratios", "0.2", "--rounds", "2", "--workers", "1"),
    Subject("gradients", ("--seeds", "2", "--only", "MultiplicativeGaussian, diffusive", "--dim", "1", "--json", "FOLDER/cases.json")),
    _to("house", parts=False),
    _to("linear_deep_limit", "--layers", "4", "8", "16", "--reference", "64", "--steps", "6", "--picture-layers", "5"),
    _to("loss_landscape", "--sigmas", "0", "0.4", "--seeds", "2", "--points", "20", "--width", "3", "--layers", "2", "--paths", "8", "--many", "32",
        "--iterations", "10", "--directions", "1", "--places", "5", "--plane", "3", "--nodes", "31"),
    _to("memory_free_adjoint", "--depths", "8", "16", "32", "--memory-depths", "8", "16", "--trained-depths", "2", "4", "--tuned-depth", "4",
        "--iterations", "10", "--seeds", "1", "--width", "4"),
    _to("modified_equations", "--layers", "2", "--doublings", "2"),
    _to("multilevel", "--data", "moons", "--seeds", "2", "--layers", "2", "--levels", "2", "--width", "3", "--iterations", "16", "--doublings", "2"),
    _to("regularisation", "--nodes", "201", "--data", "331", "--steps", "16", "--doublings", "1", "--points", "20", "--layers", "2", "--iterations", "5",
        "--paths", "32"),
    _to("robustness", "--data", "moons", "breast-cancer", "--levels", "0.3", "--members", "1", "2", "--layers", "2", "--iterations", "6", "--rounds", "2",
        "--points", "10", "--steps", "2", "--paths", "4", "--judges", "16", "--chain-paths", "200", "--time-steps", "0.1", "0.05", "--seeds", "2",
        "--workers", "2"),
    _to("stability_regions", "--nodes", "21", "--coefficients", "3"),
    Subject("validate_monte_carlo", ("FOLDER", "--paths", "4000", "--points", "40"), needs_run=True),
    Subject("value_functions", ("FOLDER", "--times", "0", "1", "--animate"), needs_run=True, parts=False),
    _to("weak_order", "--doublings", "2", "--nodes", "15"))}


def numbers_without_seconds(data: bytes) -> object:
    """A JSON file but for what a clock says, and for whom."""
    def stripped(value):
        if isinstance(value, dict):
            return {key: stripped(inner) for key, inner in value.items() if key not in ("seconds", "seconds_total", "seconds_mlp", "ratio", "versions")}
        return [stripped(inner) for inner in value] if isinstance(value, list) else value
    return stripped(json.loads(data))


def every_command() -> set[str]:
    """The experiments that have a command line, as they stand in the folder."""
    return {path.stem for path in EXPERIMENTS.glob("*.py") if '__name__ == "__main__"' in path.read_text(encoding="utf-8")}
