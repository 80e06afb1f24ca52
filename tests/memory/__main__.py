"""`python -m tests.memory [flat | interrupts | nested] [NAME …]`: all subjects, runs or ways in turn, each in a process of its own; a line each, and JSON.

flat       : resident memory over 208 repetitions;  interrupts : Ctrl-C at 20 random instants within 5 s;  nested : other people's parallelism, with
             every threading layer of Numba
The record goes to the file that OCNET_RECORD names, `memory.json` by default.  On two quiet cores some 40 minutes in all.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

_INSTANTS = 20


def _flat(name):
    from .flat import flatness
    from .subjects import SUBJECTS
    found = flatness(SUBJECTS[name])
    return {"said": repr(found), "spread": found.spread, "growth": found.growth, "fine": found.spread <= 0.02}


def _interrupts(name):
    from .interrupts import measured
    seconds, troubles = measured(name, _INSTANTS)
    worst = max((each for each in seconds if each is not None), default=0.0)
    return {"said": f"{worst:.2f} s at most; {', '.join(troubles) or 'nothing left behind'}", "seconds": seconds, "troubles": troubles,
            "fine": worst < 2 and not troubles and None not in seconds}


def _nested(name):
    from .nested import nested_run
    way, layer = name.rsplit(", ", 1)
    digest, usual, most = nested_run(way, layer)
    return {"said": f"{usual} threads running in nine samples of ten, {most} at most", "digest": digest, "usual": usual, "most": most, "fine": True}


def _names(kind):
    if kind == "flat":
        from .subjects import SUBJECTS
        return list(SUBJECTS)
    if kind == "interrupts":
        from .long_runs import RUNS
        return list(RUNS)
    from .nested import WAYS
    return [f"{way}, {layer}" for layer in ("default", "workqueue") for way in WAYS]


_KINDS = {"flat": _flat, "interrupts": _interrupts, "nested": _nested}


def main(arguments):
    if arguments[:1] == ["one"]:
        print(json.dumps(_KINDS[arguments[1]](arguments[2])))
        return 0
    kinds = [word for word in arguments if word in _KINDS] or list(_KINDS)
    chosen, record = [word for word in arguments if word not in _KINDS], {}
    environment = {**os.environ, "OCNET_QUIET": "1", "MPLBACKEND": "Agg", "PYTHONWARNINGS": "ignore"}
    for kind in kinds:
        for name in [name for name in _names(kind) if not chosen or name in chosen]:
            done = subprocess.run([sys.executable, "-m", "tests.memory", "one", kind, name], text=True, capture_output=True, env=environment)
            lines = done.stdout.splitlines()
            found = json.loads(lines[-1]) if done.returncode == 0 and lines else {"said": done.stderr[-500:], "fine": False}
            record[f"{kind}: {name}"] = found
            print(f"{'' if found['fine'] else 'NOT FINE  '}{kind}: {name}: {found['said']}", flush=True)
    digests = {found["digest"] for found in record.values() if "digest" in found}
    Path(os.environ.get("OCNET_RECORD", "memory.json")).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0 if len(digests) <= 1 and all(found["fine"] for found in record.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
