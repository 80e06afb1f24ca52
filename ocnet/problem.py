"""The backward Kolmogorov problem, stated once and checked once."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.boundary import checked_sides
from ocnet.inputs import answer_of, as_number, as_plain
from ocnet.process import Diffusion
from ocnet.typing import Array, FieldFunction, PointFunction

__all__ = ["KolmogorovProblem"]


def _columns(value: Array, x: Array, name: str, at: str = "") -> Array:
    """Return what a user's function gave at x (d, n), (n,) or (n, q), as finite C-order rows (q, n)."""
    points = x.shape[1]
    if value.ndim not in (1, 2) or value.shape[0] != points or not all(value.shape[1:]):
        raise ValueError(f"{name} returned shape {value.shape}{at and f' at {at}'}; expected ({points},) or ({points}, q)")
    rows = as_plain(value.reshape(points, *value.shape[1:] or (1,)).T)
    finite = np.isfinite(rows).all(axis=0)
    if not finite.all():
        raise ValueError(f"{name} is not finite at {at and f'{at}, '}x={x[:, np.argmin(finite)].tolist()}")
    return rows


@dataclass(frozen=True, eq=False)
class KolmogorovProblem:
    """u_t + f·∇u + ½ tr(G Gᵀ ∇²u) − c u + g = 0 on [0, T),  u(T, ·) = terminal.

    process   : Diffusion, dX = f dt + G dB
    terminal  : callable (n, d) -> (n,) or (n, q); q problems share one pass
    horizon   : T > 0
    potential : c, callable (t, x (n, d)) -> (n,), or a number; None is 0
    source    : g, callable (t, x (n, d)) -> (n,) or (n, q), or a number; None is 0
    boundary  : one (low, high) pair of sides per axis, or one side for all (see `boundary`); None is Reflecting()
    Raises    ValueError naming the argument, its value and what it should be.
    """

    process: Diffusion
    terminal: PointFunction
    horizon: float
    potential: FieldFunction | float | None = None
    source: FieldFunction | float | None = None
    boundary: Any = None

    def __post_init__(self) -> None:
        if isinstance(self.process, type):
            raise ValueError(f"process={self.process.__name__} is a class; give a Diffusion, such as network.diffusion(theta)")
        for name in ("drift_rows", "drift_on_grid", "factor_rows", "variance_rows", "steady_factor", "dim", "breaks"):
            if not hasattr(self.process, name):
                raise ValueError(f"process={self.process!r} has no {name}; give a Diffusion, such as network.diffusion(theta)")
        if not callable(self.terminal):
            raise ValueError(f"terminal={self.terminal!r} is not callable; give a function of points (n, d)")
        object.__setattr__(self, "horizon", as_number(self.horizon, "horizon", above=0, remedy="a horizon is a positive finite number"))
        for name in ("potential", "source"):
            given = getattr(self, name)
            if isinstance(given, type):
                raise ValueError(f"{name}={given.__name__} is a class; give a function of (t, x (n, d)), a finite number, or None")
            if given is not None and not callable(given):
                object.__setattr__(self, name, as_number(given, name, remedy="give a function of (t, x (n, d)), a finite number, or None"))
        object.__setattr__(self, "boundary", checked_sides(self.boundary, self.process.dim))

    def terminal_rows(self, x: Array) -> tuple[Array, bool]:
        """Terminal values at the points x (d, n): rows (q, n), and whether the function gave one column (n,)."""
        value = answer_of(self.terminal, "terminal", x.T)
        return _columns(value, x, "terminal"), value.ndim == 1

    def potential_rows(self, t: float, x: Array) -> Array | None:
        """c at (t, x) as (1, n), or None where there is no potential."""
        c = self._coefficient_rows(self.potential, "potential", t, x)
        if c is not None and len(c) != 1:
            raise ValueError(f"potential returned {len(c)} columns at t={t:g}; expected ({x.shape[1]},): one potential for all columns of the terminal")
        return c

    def source_rows(self, t: float, x: Array) -> Array | None:
        """g at (t, x) as (1, n) or (q, n), or None where there is no source."""
        return self._coefficient_rows(self.source, "source", t, x)

    @staticmethod
    def _coefficient_rows(function: FieldFunction | float | None, name: str, t: float, x: Array) -> Array | None:
        if function is None:
            return None
        value = answer_of(function, name, t, x.T) if callable(function) else np.full(x.shape[1], function)
        return _columns(value, x, name, f"t={t:g}")

    def __repr__(self) -> str:
        extra = "".join(f", {name}" for name in ("potential", "source") if getattr(self, name) is not None)
        return f"KolmogorovProblem(d={self.process.dim}, horizon={self.horizon:g}{extra})"
