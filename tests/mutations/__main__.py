"""`python -m tests.mutations`: put small faults into kernels and schemes, one at a time, and see whether the suite catches them."""

import argparse
import json
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np

from .chosen import CHOSEN
from .draw import draw, places, sources
from .drawn import DRAWN, EQUIVALENT, keep
from .run import Verdict, failures, try_all
from .workshop import Workshop, frozen

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).parent / "results.json"
SAMPLE = 72


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    made.add_argument("--all", action="store_true", help=f"every mutant, not {SAMPLE} of them")
    made.add_argument("--only", metavar="WORD", action="append", default=[], help="mutants whose name or file holds this word; may be given again")
    made.add_argument("--whole", action="store_true", help="try what the likely tests do not catch by the whole suite too, which takes minutes each")
    made.add_argument("--afresh", action="store_true", help="do not begin with the test that caught a mutant before")
    made.add_argument("--draw", metavar="SEED:COUNT", help="draw so many mutants that nobody has seen, and try these only")
    made.add_argument("--keep", action="store_true", help="keep the drawn ones in drawn.json")
    made.add_argument("--workers", type=int, default=2, help="mutants tried side by side")
    made.add_argument("--limit", type=float, default=600.0, metavar="SECONDS", help="for one run of pytest, beyond which it hangs")
    made.add_argument("--folder", type=Path, help="where the copies are made (default: a temporary folder)")
    made.add_argument("--out", type=Path, help="write the verdicts to this JSON file")
    return made


def asked_for(options: argparse.Namespace):
    """The mutants that the options name."""
    if options.draw:
        seed, count = map(int, options.draw.split(":"))
        return list(draw(ROOT, seed, count, (*DRAWN, *[mutant for mutant, _ in EQUIVALENT])))
    mutants = [*CHOSEN, *DRAWN]
    if options.only:
        return [mutant for mutant in mutants if any(word in mutant.name or word in mutant.file for word in options.only)]
    return mutants if options.all else _sample(mutants)


def _sample(mutants):
    """So many of them, drawn by chance, the same each time."""
    return [mutants[k] for k in sorted(np.random.default_rng(0).permutation(len(mutants))[:SAMPLE])]


def _sound(workshop: Workshop, verdicts: list[Verdict]) -> list[Verdict]:
    """The verdicts, but for those whose test fails without a mutant too: these are open."""
    wrong = failures(workshop.tree, sorted({verdict.by for verdict in verdicts if verdict.by and verdict.by.startswith("tests/")}))
    return [replace(verdict, outcome="open") if verdict.by in wrong else verdict for verdict in verdicts]


def summary(verdicts: list[Verdict], seconds: float) -> list[str]:
    """What came out, in lines."""
    outcomes = Counter(verdict.outcome for verdict in verdicts)
    lines = [f"{len(verdicts)} mutants in {seconds:.0f} s: {outcomes['caught']} caught, {outcomes['hung']} made the tests hang, "
             f"{outcomes['not caught']} not caught, {outcomes['open']} open ({(outcomes['caught'] + outcomes['hung']) / max(len(verdicts), 1):.1%} found)"]
    for kind in sorted({verdict.kind for verdict in verdicts}):
        of_kind = [verdict for verdict in verdicts if verdict.kind == kind]
        lines.append(f"  {kind:13s} {sum(v.outcome in ('caught', 'hung') for v in of_kind):3d} of {len(of_kind)}")
    return lines + [f"  {verdict.outcome}: {verdict.name} in {verdict.file}" + (f", {verdict.by} fails anyway" if verdict.outcome == "open" else "")
                    for verdict in verdicts if verdict.outcome in ("not caught", "open")]


def main(arguments: list[str] | None = None) -> list[Verdict]:
    """Try the mutants that the arguments ask for, tell of each, and return the verdicts."""
    options = parser().parse_args(arguments)
    mutants, begun = asked_for(options), perf_counter()
    known = {} if options.afresh or not RESULTS.exists() else {row["name"]: row["by"] for row in json.loads(RESULTS.read_text())["verdicts"]
                                                                       if row["by"] and row["by"].startswith("tests/")}
    print(f"{len(mutants)} mutants; {len(EQUIVALENT)} equivalent ones left out; {sum(len(places(path)) for path in sources(ROOT))} places to draw from",
          flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        source = frozen(ROOT, folder / "source")
        first = Workshop(folder / "1", source)
        first.warm()
        shops = [first, *[Workshop(folder / str(k), source, of=first) for k in range(2, options.workers + 1)]]
        verdicts = try_all(mutants, shops, known, options.whole, options.limit, lambda verdict: print(verdict, flush=True))
        verdicts = _sound(first, verdicts)
    seconds = perf_counter() - begun
    print("\n".join(summary(verdicts, seconds)))
    if options.keep and options.draw:
        keep(mutants)
    if options.out:
        options.out.write_text(json.dumps({"seconds": round(seconds), "verdicts": [verdict.to_dict() for verdict in verdicts]}, indent=1) + "\n")
    return verdicts


if __name__ == "__main__":
    sys.exit(any(verdict.outcome in ("not caught", "open") for verdict in main()))
