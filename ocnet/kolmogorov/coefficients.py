"""A problem on a grid at one time: drift, variance rate, potential and source at the nodes."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from ocnet.boundary import HeldNodes, rows_of
from ocnet.problem import KolmogorovProblem

__all__ = ["Coefficients", "held_nodes", "steady_span"]


@lru_cache(maxsize=8)
def held_nodes(grid: Any, sides: Any) -> Any:
    """The `HeldNodes` of a grid's sides, made once."""
    return HeldNodes(grid, sides)


@dataclass(frozen=True, eq=False)
class Coefficients:
    """f, a = G Gᵀ, c and g at the nodes; all 0 where a side holds the value, but for g, which moves it along.

    grid : Grid;  rows : what the sides' rows are, one (low, high) pair per axis (see `boundary`)
    drift (d, size);  variance_rate (d, d, size), symmetric;  potential (size,) or None;  source (1 or q, size) or None
    """

    grid: Any
    rows: tuple
    drift: np.ndarray
    variance_rate: np.ndarray
    held: np.ndarray                    # (k,) nodes held by the sides
    potential: Any = None
    source: Any = None
    is_flat: bool = False               # whether the variance rate is the same at all nodes
    cuts: tuple = ()                    # (axis, nodes, slope) of drifts cut at Outflow sides: f = ±√(2a/T), slope = df/da

    @classmethod
    def at(cls, problem: KolmogorovProblem, grid: Any, t0: float, t1: float, previous: Any = None) -> "Coefficients":
        """The coefficients of a step from t1 down to t0, at its middle; `previous` lends a constant variance rate."""
        t, process, sides = 0.5 * (t0 + t1), problem.process, problem.boundary
        held = held_nodes(grid, sides)
        drift = process.drift_on_grid(t, grid)
        constant = getattr(process, "constant_factor", None) is not None
        lent = previous.variance_rate if process.steady_factor and previous is not None else None
        variance_rate = process.variance_rows(t, grid.nodes) if lent is None else lent
        cuts = ()
        if held.nodes.size or "one_sided" in sum(rows_of(sides), ()):
            drift = np.array(drift)
            drift[:, held.nodes] = 0.0
            cuts = tuple(_cut_outward(drift, variance_rate, grid, sides, problem.horizon))
        if lent is None and held.nodes.size:
            variance_rate = np.array(variance_rate) if constant else variance_rate
            variance_rate[:, :, held.nodes] = 0.0
        coefficients = cls(grid, rows_of(sides), np.ascontiguousarray(drift), variance_rate, held.nodes,
                           _potential(problem, grid, t, held), _source(problem, grid, t, t0, t1, held),
                           constant and not held.nodes.size, cuts)
        if lent is not None:
            vars(coefficients)["split"] = previous.split
        return coefficients

    @cached_property
    def split(self) -> Any:
        """Diagonal (d, size) and, in the order (0,1), (0,2), (1,2), upper (pairs, size) entries of a; no pairs if all are 0."""
        d, a = len(self.drift), self.variance_rate
        diagonal = np.stack([a[i, i] for i in range(d)])
        upper = [a[p, k] for p in range(d) for k in range(p + 1, d)]
        mixed = any(row[:1 if self.is_flat else None].any() for row in upper)
        return diagonal, np.stack(upper) if mixed else np.empty((0, diagonal.shape[1]))

    def released(self, drift_bar: Any, variance_bar: Any, potential_bar: Any, source_bar: Any) -> Any:
        """Return the cotangents as those of the process: 0 at held nodes, and through the cuts at Outflow sides (in place)."""
        for axis, nodes, slope in self.cuts:
            if variance_bar is not None:
                variance_bar[axis, axis, nodes] += slope * drift_bar[axis, nodes]
            drift_bar[axis, nodes] = 0.0
        for cotangent in (drift_bar, variance_bar, potential_bar, source_bar):
            if cotangent is not None:
                cotangent[..., self.held] = 0.0
        return drift_bar, variance_bar, potential_bar, source_bar


def _cut_outward(drift, variance_rate, grid, sides, horizon):
    """Cut a drift that points outwards across an `Outflow` side to √(2a/T), in place; yields what was cut."""
    numbers = np.arange(grid.size).reshape(grid.shape)
    for axis, pair in enumerate(sides):
        for end, side in enumerate(pair):
            if side.row != "one_sided":
                continue
            nodes, outward = np.take(numbers, -end, axis=axis).ravel(), 1.0 if end else -1.0
            most = np.sqrt(2 * variance_rate[axis, axis, nodes] / horizon)
            over = outward * drift[axis, nodes] > most
            nodes, most = nodes[over], most[over]
            drift[axis, nodes] = outward * most
            yield axis, nodes, outward * np.divide(1.0, horizon * most, out=np.zeros_like(most), where=most > 0)


def _potential(problem, grid, t, held):
    c = problem.potential_rows(t, grid.nodes)
    if c is None:
        return None
    c = np.array(c[0])
    c[held.nodes] = 0.0
    return c


def _source(problem, grid, t, t0, t1, held):
    """g at time t; on held nodes the rate at which the side's value changes from t1 to t0."""
    g = problem.source_rows(t, grid.nodes)
    if g is None and held.constant:
        return None
    moves = None if held.constant else (held.values(t0) - held.values(t1)) / (t1 - t0)
    columns = max(1 if g is None else len(g), 1 if moves is None else len(moves))
    g = np.zeros((columns, grid.size)) if g is None else np.repeat(g, columns // len(g), axis=0)
    g[:, held.nodes] = 0.0 if moves is None else moves
    return g


def steady_span(problem: KolmogorovProblem, grid: Any, t0: float, t1: float) -> tuple[float, float] | None:
    """The (start, end) between breaks that holds [t0, t1] if all that the operator has is steady there, else None."""
    varying = callable(problem.potential) or callable(problem.source) or not held_nodes(grid, problem.boundary).constant
    if varying or not getattr(problem.process, "steady_between_breaks", False):
        return None
    breaks = problem.process.breaks
    slack = 1e-9 * (t1 - t0)
    return (max((b for b in breaks if b <= t0 + slack), default=float("-inf")),
            min((b for b in breaks if b >= t1 - slack), default=float("inf")))
