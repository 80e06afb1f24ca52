"""The choice that scheme="auto" makes."""

from typing import Any

import numpy as np

from ocnet.problem import KolmogorovProblem
from ocnet.typing import Array

from .coefficients import Coefficients
from .schemes import TRBDF2, HundsdorferVerwer, SemiLagrangian
from .terminal import jumps

__all__ = ["LOOKS", "STIFF", "automatic_scheme", "checked_scheme", "contraction"]

_CONVECTIVE = 0.05                   # share of nodes with a cell Péclet number above 1, beyond which central drift is not trusted
_CELLS = 0.1                         # of a cell that a drift must carry within the horizon to count at all
STIFF = 300.0                        # times that a drift draws neighbouring nodes together by a factor e within the horizon: not to be followed
LOOKS = (0.999, 0.5, 0.001)          # shares of the horizon at which a drift is looked at


def checked_scheme(scheme: Any, problem: KolmogorovProblem, grid: Any, linear: bool = False) -> Any:
    """Return `scheme`, or what "auto" stands for (of the linear ones, if `linear`); ValueError for anything else."""
    if isinstance(scheme, str):
        if scheme != "auto":
            raise ValueError(f"scheme={scheme!r}; give 'auto' or an object such as HundsdorferVerwer(drift='hybrid')")
        return automatic_scheme(problem, grid, linear)
    if isinstance(scheme, type) or not hasattr(scheme, "prepare"):
        raise ValueError(f"scheme={scheme!r} has no prepare(); give an object of ocnet.kolmogorov.schemes")
    return scheme


def automatic_scheme(problem: KolmogorovProblem, grid: Any, linear: bool = False) -> Any:
    """Choose by what the drift does on the grid at three times.

    Diffusive (cell Péclet numbers above 1 on at most 5 % of the nodes): TR-BDF2 on one axis, Hundsdorfer–Verwer on
    more, damped at the start where the terminal data jump, or the drift is stiff.  Convective or without noise along an axis: SemiLagrangian, bounded
    (unless a linear scheme is wanted), if it serves the grid and sides, and if the drift does not draw paths together so fast that noise and
    transport, which it takes in turns, would have to be taken in hundreds of steps; otherwise the first two with drift="hybrid".
    """
    times = [s * problem.horizon for s in LOOKS]
    convective = max(_convective_share(problem, grid, t) for t in times) > _CONVECTIVE
    stiff = problem.horizon * max(contraction(problem, grid, t).max() for t in times) > STIFF
    if convective and not linear and SemiLagrangian.serves(problem, grid) and not stiff:
        return SemiLagrangian()
    rule = "hybrid" if convective else "central"
    return TRBDF2(drift=rule) if grid.dim == 1 else HundsdorferVerwer(drift=rule, damped=2 if stiff or _is_rough(problem, grid) else 0)


def _convective_share(problem, grid, t):
    """Share of the nodes where |f| h > a along some axis."""
    coefficients = Coefficients.at(problem, grid, t, t + 1e-9 * problem.horizon)
    h = grid.spacings
    f, a = np.abs(coefficients.drift), coefficients.split[0]
    matters = f * problem.horizon > _CELLS * h
    return float(np.mean(((f * h > a) & matters).any(axis=0)))


def contraction(problem: KolmogorovProblem, grid: Any, t: float) -> Array:
    """The largest −∂f_i/∂x_i between neighbouring nodes along each axis, (d,), 0 where there is none."""
    drift, fastest = grid.reshape(problem.process.drift_on_grid(t, grid)), np.zeros(grid.dim)
    for i, axis in enumerate(grid.axes):
        along = np.moveaxis(drift[i], i, -1)
        fastest[i] = max(0.0, float((-np.diff(along) / np.diff(axis)).max()))
    return fastest


def _is_rough(problem, grid):
    """Whether the terminal data jump between neighbouring nodes."""
    return bool(jumps(problem, grid, problem.terminal_rows(grid.nodes)[0]).any())
