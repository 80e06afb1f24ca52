"""Make the figures of the gallery again, each by its experiment at full size, and write figures/README.md: picture, what was measured, command.

`--only NAME …` makes some of them; the sections of the others stay as they are.  A figure without its section, or a section that differs from what
is made again, is a sign that one of the two is old.
"""

import re
import sys
import traceback
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from time import perf_counter

from command_line import OneLineParser, report_errors
from ocnet.training.checkpoint import write_text
from parts import in_folder

__all__ = ["ENTRIES", "Entry", "read_sections"]

FIGURES = Path(__file__).resolve().parents[1] / "figures"


@dataclass(frozen=True)
class Entry:
    """One section: its folder in figures/, title, the pictures to show, the experiment that makes them, and what that takes.

    pictures  : {file: what it shows, for who cannot see it}
    module    : the experiment, whose `main(arguments)` returns a summary with a "paragraph"
    arguments : of its command line, besides --out
    minutes   : of the command on two cores that have nothing else to do
    """

    name: str
    title: str
    pictures: dict
    module: str
    arguments: tuple = ()
    minutes: float = 1.0

    @property
    def command(self):
        """What makes this figure alone."""
        return " ".join(["python", f"experiments/{self.module}.py", *self.arguments])


def _one(name, title, shown, minutes, *arguments):
    """An entry whose experiment has the folder's name and draws one picture of that name."""
    return Entry(name, title, {f"{name}.png": shown}, name, arguments, minutes)


ENTRIES = (
    Entry("moons", "A network trained by two views", {"value_functions.png": "value functions of two trained networks", "agreement.png": "grid against particles at every point",
                                                      "layers.png": "particles through the layers over the density of the data"},
          "binary_classification", ("--data", "moons", "--out", "figures/moons"), 0.5),
    _one("regularisation", "Why noise regularises", "loss split along depth into a noise-free part and curvature penalties", 0.5),
    _one("loss_landscape", "The landscape of the loss", "slices of the loss around trained networks", 0.5),
    _one("generalisation", "Noise and generalisation", "test loss and gap against the size of the noise", 2),
    _one("dropout_placement", "Where dropout is placed", "test errors of output, hidden and input dropout", 1.2),
    _one("robustness", "Noise and attacks", "test error under attacks against the noise", 2.5),
    _one("classifier_accuracy", "The classifier against scikit-learn's", "cross-validated accuracies with their standard errors", 3.5),
    _one("weak_order", "Weak orders of all noise models", "weak errors against the number of layers", 0.5),
    _one("depth", "Training in depth", "what doubling the layers changes, and controls as functions of time", 0.5),
    _one("multilevel", "What training from few layers to many saves", "objective reached against work, and ratios of work", 4),
    _one("averaged_sgd", "Averaged stochastic gradient descent", "mean-square errors of last points and of averages", 1.5),
    _one("feedback", "Layers against feedback", "value functions of trained layers and of feedback", 0.7),
    _one("architectures", "Architectures compared", "test errors of architectures of equal size, less ResNet's", 4.5),
    _one("modified_equations", "What architectures follow", "errors of architectures against their equations", 0.2),
    _one("stability_regions", "Where architectures are stable", "nine stability regions of seven architectures, and LM-ResNet's interval for all k", 0.2),
    _one("memory_free_adjoint", "Gradients without stored activations", "errors, memory and test errors of reconstructed gradients", 2.5),
    _one("linear_deep_limit", "Deep linear networks", "weights of deep linear networks as functions of depth", 0.5),
    _one("house", "How the library is built", "rooms of the library and the imports between them", 0.1),
)
NAMES = tuple(entry.name for entry in ENTRIES)


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="gallery.py", description=__doc__)
    p.add_argument("--only", nargs="+", choices=NAMES, default=None, metavar="NAME", help=f"some of {', '.join(NAMES)}")
    p.add_argument("--out", default=str(FIGURES), metavar="DIR", help="folder for README.md and a folder for each figure")
    return p


_MARK = re.compile(r"^<!-- ([a-z_]+) -->$", re.MULTILINE)


def read_sections(path):
    """{name: text} of the sections of a gallery, which begin with <!-- name -->; none where there is no file."""
    if not Path(path).exists():
        return {}
    _, *parts = _MARK.split(Path(path).read_text(encoding="utf-8"))
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2])}


def section(entry, paragraph):
    """The text of an entry."""
    pictures = "\n\n".join(f"![{shown}]({entry.name}/{file})" for file, shown in entry.pictures.items())
    return f"## {entry.title}\n\n{pictures}\n\n{paragraph}\n\n`{entry.command}`"


def page(sections):
    """The whole of README.md from {name: text}: sections in the order of ENTRIES, what they take in all."""
    shown = [entry for entry in ENTRIES if entry.name in sections]
    minutes = sum(entry.minutes for entry in shown)
    head = (f"# Gallery\n\nWhat the experiments measure, at full size. Every picture, and the text under it with its numbers, is made by the command below it; all {len(shown)} by\n"
            f"`python experiments/gallery.py`, in about {minutes:.0f} minutes on two cores with nothing else to do, and in the same bytes for the same versions of what is installed.")
    return "\n\n".join([head, *(f"<!-- {entry.name} -->\n{sections[entry.name]}" for entry in shown)]) + "\n"


def make(entry, out):
    """Run the experiment of an entry; return its section, and the seconds it took."""
    begun = perf_counter()
    summary = import_module(entry.module).main([*_without_out(entry.arguments), "--out", str(out / entry.name)])
    if missing := _missing(entry, out):
        raise OSError(f"{entry.module}.py has not written {', '.join(missing)} to {out / entry.name}")
    return section(entry, summary["paragraph"]), perf_counter() - begun


def _missing(entry, out):
    """Pictures of an entry that are not there."""
    return [file for file in entry.pictures if not (out / entry.name / file).exists()]


def _without_out(arguments):
    """The arguments but for --out and its folder, which the gallery chooses."""
    at = arguments.index("--out") if "--out" in arguments else len(arguments)
    return arguments[:at] + arguments[at + 2:]


def main(arguments=None):
    """Make the figures; return {"made": {name: seconds}, "failed": {name: error}, "lines": a row each}; writes README.md after each.  A killed run goes on."""
    given = parser().parse_args(arguments)
    out = Path(given.out)
    with in_folder(out, "gallery", given) as part:
        return _made(given, out, part)


def _made(given, out, part):
    """What `main` returns; a figure that a killed run has made is a part of it."""
    sections, made, failed, lines = read_sections(out / "README.md"), {}, {}, []
    for entry in ENTRIES:
        if given.only is not None and entry.name not in given.only:
            continue
        print(f"{entry.name}: {entry.command}", file=sys.stderr, flush=True)
        try:
            if _missing(entry, out):
                part.forget(entry.name)
            sections[entry.name], made[entry.name] = part(entry.name, partial(make, entry, out))
            lines.append(f"{entry.name:22s} {made[entry.name]:7.1f} s   (stated: {60 * entry.minutes:.0f} s)")
        except (Exception, SystemExit) as error:     # noqa: BLE001 - one figure that cannot be made does not keep the others
            failed[entry.name] = "".join(traceback.format_exception_only(error)).strip()
            lines.append(f"{entry.name:22s}  FAILED   {failed[entry.name]}")
        write_text(out / "README.md", page(sections))
    lines.append(f"{'in all':22s} {sum(made.values()):7.1f} s")
    return {"made": made, "failed": failed, "lines": lines}


def command():
    """Run from the command line; status 1 if a figure could not be made."""
    summary = main()
    print("\n".join(summary["lines"]))
    return 1 if summary["failed"] else 0


if __name__ == "__main__":
    sys.exit(report_errors(command))
