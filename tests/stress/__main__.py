"""python -m tests.stress [--cases 40] [--only FAMILY …] [--json FILE]: the whole table, how many bars hold, and every case whose bar does not."""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

from .cases import FAMILIES
from .coverage import verdicts

_MOST_WORK = 3e7                     # node-steps a solve


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=40, help="of each family")
    parser.add_argument("--first", type=int, default=0, help="number of the first case of each")
    parser.add_argument("--only", nargs="+", choices=list(FAMILIES), default=list(FAMILIES))
    parser.add_argument("--json", type=Path)
    options, everything = parser.parse_args(arguments), []
    for family in options.only:
        start, found = time.process_time(), []
        for verdict in verdicts(family, range(options.first, options.first + options.cases), _MOST_WORK):
            found.append(verdict)
            if not verdict.honest:
                print(f"    NOT COVERED {family} {verdict.number}: {verdict.told}: error {verdict.error:.2e}, bar {verdict.bar:.2e}", flush=True)
        everything += found
        print(f"{family:12} {sum(v.covered for v in found)} of {len(found)} covered, {sum(v.reached for v in found)} within the tolerance, "
              f"{sum(bool(v.raised) and not v.covered for v in found)} refused or warned of, {time.process_time() - start:.0f} s", flush=True)
    print(f"in all {sum(v.honest for v in everything)} of {len(everything)} bars true, or refused")
    if options.json:
        options.json.write_text(json.dumps([asdict(v) for v in everything], indent=1))
    return everything


if __name__ == "__main__":
    main()
