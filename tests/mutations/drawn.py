"""Mutants drawn by chance (`draw`), kept as data with the seed they came from, and the mutants that no test could ever catch, with the reason."""

import json
from dataclasses import asdict
from pathlib import Path

from .chosen import EQUIVALENT as _OF_CHOSEN
from .mutant import Mutant

__all__ = ["DRAWN", "EQUIVALENT", "keep"]

_FILE = Path(__file__).parent / "drawn.json"


def _read():
    return json.loads(_FILE.read_text()) if _FILE.exists() else []


def keep(mutants: list[Mutant]) -> None:
    """Add mutants to the file."""
    rows = _read() + [{**asdict(mutant), "equivalent": None} for mutant in mutants]
    _FILE.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def _mutants(rows):
    return tuple(Mutant(**{name: value for name, value in row.items() if name != "equivalent"}) for row in rows)


DRAWN = _mutants([row for row in _read() if row["equivalent"] is None])
EQUIVALENT = (*_OF_CHOSEN, *((mutant, row["equivalent"]) for row in _read() if row["equivalent"] is not None for mutant in _mutants([row])))
