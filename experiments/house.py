"""Draw how the library is built: its rooms by floor, and who imports whom, read from the sources.

An arrow is an import.  One that also goes round by way of other rooms is left out, so that the picture shows the least that says all.
Prints the rooms with their sizes and draws the house.
"""

import ast
import sys
from pathlib import Path

import ocnet
from command_line import OneLineParser, report_errors
from ocnet import plotting
from outcome import keep
from parts import in_folder

ROOT = Path(ocnet.__file__).parent
DEFAULT_OUT = Path(__file__).resolve().parents[1] / "figures" / "house"
NOUNS = "nouns"                      # the room of all files on the ground floor
EVERYWHERE = ("typing", "inputs")    # names of types and checks of arguments, under every room: not drawn
FLOORS = (("experiments",), ("faces",), ("analysis",), ("training",), ("networks", "kolmogorov", "chain", "particles"), (NOUNS,), ("kernels", "plotting", "archive"))
TOLD = {"experiments": "one command each", "faces": "classifier, warm-up, command line", "analysis": "compare, verify, explain",
        "training": "objectives, optimisers,\nlosses, penalties", "networks": "blocks, noise,\narchitectures, readouts", "kolmogorov": "backward equation\nand its transpose",
        "chain": "layers on a grid", "particles": "Monte Carlo and\npathwise gradients", NOUNS: "Diffusion, LayeredProcess, KolmogorovProblem, Grid,\nValueFunction, Density, splines, sweeps",
        "kernels": "arrays in, arrays out", "plotting": "arrays onto axes",
        "archive": "results in files"}
WIDTH, HEIGHT = 2.2, 0.74


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="house.py", description=__doc__)
    p.add_argument("--out", default=str(DEFAULT_OUT), metavar="DIR", help="folder for house.json and house.png")
    return p


def room_of(name):
    """The room of the picture in which a file or folder of the package lies."""
    if any(name in floor for floor in FLOORS):
        return name
    return {**dict.fromkeys(("classifier", "compilation", "__main__"), "faces"), "xarrays": "archive", "blas": "kernels"}.get(name, NOUNS)


def imported(path):
    """Names of what a source imports from the package, one level deep, by absolute or relative import; those for type checkers too."""
    inside = path.relative_to(ROOT).parts if path.is_relative_to(ROOT) else ()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            words = (node.module or "").split(".")
            if node.level:
                words = ["ocnet", *inside[:-1][:len(inside) - node.level], *[word for word in words if word]]
            if words[0] == "ocnet":
                yield from ([words[1]] if len(words) > 1 else [alias.name for alias in node.names])
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("ocnet."))


def homes():
    """{public name: the room that it lives in}."""
    return {name: getattr(ocnet, name).__module__.split(".")[1] for name in ocnet.__all__ if hasattr(getattr(ocnet, name), "__module__")}


def measure():
    """Return {"lines": {room: lines of code}, "arrows": pairs of rooms, "drawn": those that no way round replaces}."""
    sources = {path: room_of(path.relative_to(ROOT).parts[0].removesuffix(".py")) for path in ROOT.rglob("*.py") if path not in (ROOT / "__init__.py", *(ROOT / f"{name}.py" for name in EVERYWHERE))}
    sources |= dict.fromkeys(Path(__file__).parent.rglob("*.py"), "experiments")
    public = homes()
    lines, arrows = {}, set()
    for path, room in sources.items():
        lines[room] = lines.get(room, 0) + path.read_text(encoding="utf-8").count("\n")
        arrows |= {(room, room_of(public.get(name, name))) for name in imported(path) if name not in EVERYWHERE}
    arrows = {(a, b) for a, b in arrows if a != b}
    return {"lines": lines, "arrows": sorted(arrows), "drawn": sorted(arrow for arrow in arrows if not _way_round(arrow, arrows))}


def _way_round(arrow, arrows):
    """Whether the rooms of an arrow are joined without it."""
    start, end = arrow
    open_ends, seen = [b for a, b in arrows if a == start and b != end], set()
    while open_ends:
        room = open_ends.pop()
        if room == end:
            return True
        if room not in seen:
            seen.add(room)
            open_ends += [b for a, b in arrows if a == room]
    return False


def places():
    """{room: (x, y) of the middle of its box}, the top floor first."""
    step = WIDTH + 0.25
    return {room: (step * (i - 0.5 * (len(floor) - 1)), -1.2 * k) for k, floor in enumerate(FLOORS) for i, room in enumerate(floor)}


def draw(found):
    """Return the figure: a box a room, an arrow an import."""
    made, ((ax,),) = plotting.figure(1, 1, 9.0, 6.6)
    at = places()
    for a, b in found["drawn"]:
        (xa, ya), (xb, yb) = at[a], at[b]
        ends = [(x + max(-0.42, min(0.42, (other - x) / (WIDTH + 0.25) * 0.3)) * reach(room), y) for room, x, y, other in
                ((a, xa, ya - 0.5 * HEIGHT, xb), (b, xb, yb + 0.5 * HEIGHT, xa))]
        ax.annotate("", ends[1], ends[0], arrowprops={"arrowstyle": "-|>", "color": plotting.GREY, "lw": 0.9, "shrinkA": 1, "shrinkB": 1})
    for room, (x, y) in at.items():
        _box(ax, x, y, room, found["lines"].get(room, 0))
    ax.set(xlim=(-5.1, 5.1), ylim=(min(y for _, y in at.values()) - 0.5, 0.5))
    ax.axis("off")
    return made


def reach(room):
    """Width of a room's box."""
    return WIDTH * {NOUNS: 2.2, "faces": 1.7}.get(room, 1.0)


def _box(ax, x, y, room, lines):
    from matplotlib.patches import FancyBboxPatch
    colour = {"kernels": plotting.LOWER, "plotting": plotting.LOWER, "archive": plotting.LOWER, "experiments": plotting.UPPER, "faces": plotting.UPPER}.get(room, plotting.FIRST)
    wide = reach(room)
    ax.add_patch(FancyBboxPatch((x - wide / 2, y - HEIGHT / 2), wide, HEIGHT, boxstyle="round,pad=0,rounding_size=0.08", fc=colour, ec=colour, alpha=0.16))
    told = TOLD[room]
    ax.text(x, y + 0.2, room, ha="center", va="center", weight="bold", fontsize=9)
    ax.text(x, y - 0.13, told, ha="center", va="center", fontsize=7.5, linespacing=1.15)


def table(found):
    """Lines of text: a row a room."""
    rows = [f"{'room':12s} {'lines':>7s}   imports"]
    return rows + [f"{room:12s} {found['lines'].get(room, 0):7d}   {', '.join(b for a, b in found['arrows'] if a == room)}"
                   for floor in FLOORS for room in floor]


def main(arguments=None):
    """Read the sources; return {"lines_of_code", "arrows", "paragraph", "lines": the table}; writes JSON and figure."""
    given = parser().parse_args(arguments)
    found = measure()
    thousands = {name: round(sum(found["lines"][room] for room in rooms) / 1000) for name, rooms in
                 (("library", [room for room in found["lines"] if room != "experiments"]), ("experiments", ["experiments"]))}
    told = (f"The {len(found['lines'])} rooms of the project on {len(FLOORS)} floors, as the sources import each other: {len(found['drawn'])} arrows, one an import, and none "
            f"climbs. {len(found['arrows']) - len(found['drawn'])} more imports skip floors and are not drawn, for other rooms lead there too. Networks give out processes; the "
            "views (kolmogorov, chain, particles) serve any process and know no network; training is the lowest room that knows them all. The library has about "
            f"{thousands['library']} thousand lines, its experiments {thousands['experiments']}.")
    summary = {"lines_of_code": found["lines"], "arrows": found["arrows"], "paragraph": told}
    with in_folder(given.out, "house", given):
        keep(given.out, "house", summary, lambda: draw(found))
    return {**summary, "lines": table(found)}


def command():
    """Run from the command line."""
    print("\n".join(main()["lines"]))


if __name__ == "__main__":
    sys.exit(report_errors(command))
