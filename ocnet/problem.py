"""The backward Kolmogorov problem, stated once and checked once."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.boundary import checked_sides
from ocnet.process import Diffusion
from ocnet.typing import Array, ArrayLike, FieldFunction, PointFunction

__all__ = ["KolmogorovProblem"]


def _columns(value: ArrayLike, x: Array, name: str, at: str = "") -> Array:
    """Return what a user's function gave at x (d, n), (n,) or (n, q), as finite C-order rows (q, n)."""
    value, points = np.asarray(value, dtype=np.float64), x.shape[1]
    if value.ndim not in (1, 2) or value.shape[0] != points:
        raise ValueError(f"{name} returned shape {value.shape}{at and f' at {at}'}; expected ({points},) or ({points}, q)")
    rows = np.ascontiguousarray(value.reshape(points, -1).T)
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
        for name in ("drift_rows", "drift_on_grid", "factor_rows", "variance_rows", "steady_factor", "dim", "breaks"):
            if not hasattr(self.process, name):
                raise ValueError(f"process={self.process!r} has no {name}; give a Diffusion, such as network.diffusion(theta)")
        if not callable(self.terminal):
            raise ValueError(f"terminal={self.terminal!r} is not callable; give a function of points (n, d)")
        if not (np.isscalar(self.horizon) and np.isfinite(self.horizon) and self.horizon > 0):  # type: ignore[operator]
            raise ValueError(f"horizon={self.horizon!r} is not a positive finite number")
        object.__setattr__(self, "boundary", checked_sides(self.boundary, self.process.dim))

    def terminal_rows(self, x: Array) -> tuple[Array, bool]:
        """Terminal values at the points x (d, n): rows (q, n), and whether the function gave one column (n,)."""
        value = np.asarray(self.terminal(x.T))
        return _columns(value, x, "terminal"), value.ndim == 1

    def potential_rows(self, t: float, x: Array) -> Array | None:
        """c at (t, x) as (1, n), or None where there is no potential."""
        return self._coefficient_rows(self.potential, "potential", t, x)

    def source_rows(self, t: float, x: Array) -> Array | None:
        """g at (t, x) as (1, n) or (q, n), or None where there is no source."""
        return self._coefficient_rows(self.source, "source", t, x)

    @staticmethod
    def _coefficient_rows(function: FieldFunction | float | None, name: str, t: float, x: Array) -> Array | None:
        if function is None:
            return None
        value = function(t, x.T) if callable(function) else np.full(x.shape[1], float(function))
        return _columns(value, x, name, f"t={t:g}")

    def __repr__(self) -> str:
        extra = "".join(f", {name}" for name in ("potential", "source") if getattr(self, name) is not None)
        return f"KolmogorovProblem(d={self.process.dim}, horizon={self.horizon:g}{extra})"
