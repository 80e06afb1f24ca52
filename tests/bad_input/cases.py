"""Cases drawn for a subject: one or two of its arguments altered."""

import copy

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from .variants import of
from .verdict import Fault, Hanging, judge

__all__ = ["fault_of", "run"]


@st.composite
def _changes(draw, subject):
    names = draw(st.lists(st.sampled_from(subject.altered), min_size=1, max_size=2, unique=True))
    changed = {name: draw(of(subject.arguments[name], name in subject.optional)) for name in names}
    for name, variant in changed.items():
        if name in subject.gaps and variant.label.startswith(("NaN in", "inf in", "-inf in")):
            variant.fate = "gap"
        if variant.label.startswith(tuple(subject.also.get(name, ())) or ("\0",)):
            variant.fate = "either"
    return changed


def run(subject, cases, start=0):
    """Judge `cases` drawn cases; the first Fault, shrunk to its simplest form, is raised.  start: seed of the draw.  Returns {fate: count}."""
    plain, counts = subject.call(**copy.copy(subject.arguments)), {"answered": 0, "refused": 0}

    @seed(start)
    @settings(max_examples=cases, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
              report_multiple_bugs=False)
    @given(_changes(subject))
    def judged(changed):
        try:
            counts[judge(subject, changed, plain)] += 1
        except Hanging:                          # a cold cache: what was compiled meanwhile is there now
            counts[judge(subject, changed, plain)] += 1

    try:
        judged()
    except (Fault, Hanging) as fault:
        raise Fault(f"{subject}: {fault}") from fault
    return counts


def fault_of(subject, cases, start):
    """Return (cases judged, what was found, or ""): `run` for a process of its own."""
    try:
        return sum(run(subject, cases, start).values()), ""
    except Fault as fault:
        return 0, str(fault)
