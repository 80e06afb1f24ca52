"""`python -m tests.bad_input [CASES] [--seed N] [--only WORD]`: cases drawn anew for every subject, two processes side by side, and a table of what failed.

Exit status 1 where a case was neither refused by name nor answered rightly.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from .test_bad_input import ALL, fault_at


def main(arguments=None):
    """Run and print; return the number of subjects with a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.bad_input", description="Cases of bad input, drawn anew.")
    parser.add_argument("cases", type=int, nargs="?", default=100_000, help="cases over all subjects (100000)")
    parser.add_argument("--seed", type=int, default=None, help="seed of the draw; another one every day by default")
    parser.add_argument("--only", default="", help="subjects whose name holds this word")
    options = parser.parse_args(arguments)
    start = int(time.time()) // 86400 if options.seed is None else options.seed
    places = [k for k, subject in enumerate(ALL) if options.only in subject.name]
    each, began = -(-options.cases // max(1, len(places))), time.perf_counter()
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        results = list(pool.map(fault_at, places, [each] * len(places), [start] * len(places)))
    faults = [fault for _, fault in results if fault]
    print("\n\n".join(faults))
    print(f"{sum(count for count, _ in results)} cases over {len(results)} subjects with seed {start}: {len(faults)} subjects at fault, "
          f"{time.perf_counter() - began:.0f} s")
    return len(faults)


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
