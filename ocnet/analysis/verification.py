"""Verification as a public tool: whether a gradient is the derivative of its objective, and a sweep the transpose of another.

Both return an object and print nothing; a test asserts `result.passed`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet import plotting
from ocnet.archive import Saved
from ocnet.inputs import as_array, as_object, as_seed, as_whole
from ocnet.training.trainer import checked_objective
from ocnet.typing import Array, ArrayLike, Differentiable

__all__ = ["DualityTest", "TaylorTest", "duality_test", "taylor_test"]

_STEPS = tuple(10.0 ** -np.arange(3, 5.1, 0.5))
_LEAST_RATE = 1.95
_UNEVEN = 0.1                        # by how much rates above the last may differ from 2 before they are called uneven
_ROUNDING = 100 * np.finfo(float).eps            # of |J|: what a sum of some 10⁴ terms loses
_CLEAR = 30                          # remainders this many times the floor have rates good to 0.06 a half decade
_DUAL = 1e-11                        # of Σ |masses| |values|: what some 10⁵ products a layer lose


@dataclass(frozen=True, eq=False)
class TaylorTest(Saved):
    """Remainders |J(θ + h v) − J(θ) − h ∇J·v| along directions v, and how fast they fall with h.

    steps (k,) falling; remainders (directions, k); rates (directions, k − 1): logarithms of ratios of neighbouring remainders over those of
    their steps, NaN where one is too near the floor to have a rate;  floor : rounding of J
    expected : 2, for the derivative of a smooth J.  A wrong component e of ∇J·v gives rate 1 as soon as h e exceeds h² |J''|
    least    : the rate below which the test has failed
    """

    steps: np.ndarray
    remainders: np.ndarray
    rates: np.ndarray
    floor: float
    expected: float = 2.0
    least: float = _LEAST_RATE

    def plot(self, ax: Any = None) -> Any:
        """Draw the remainders of every direction against the step, beside slope 2; returns the axes."""
        for k, remainders in enumerate(self.remainders):
            last = k == len(self.remainders) - 1
            ax = plotting.convergence(self.steps, remainders, expected=self.expected if last else None, floor=self.floor if last else None,
                                      name=f"direction {k}", labels=("step h", "|J(θ + h v) − J(θ) − h ∇J·v|"), ax=ax)
        return ax

    @property
    def rate(self) -> float:
        """The smallest over the directions of the rate between the two shortest steps that have one; ∞ where nothing but rounding is left."""
        last = [rates[~np.isnan(rates)][-1:] for rates in self.rates]
        return float(min((r[0] for r in last if r.size), default=np.inf))

    @property
    def passed(self) -> bool:
        """Whether `rate` is at least 1.95."""
        return self.rate >= self.least

    @property
    def uneven(self) -> bool:
        """Whether longer steps have rates that are not 2, nor the last ones: a third derivative that is large, or a kink of J between."""
        seen = self.rates[~np.isnan(self.rates)]
        return bool((np.abs(seen - self.expected) > _UNEVEN).any())

    @property
    def status(self) -> str:
        """A sentence."""
        if self.rate == np.inf:
            return "J is linear along these directions, to rounding"
        if not self.passed:
            return (f"remainders fall with the power {self.rate:.2f} of the step, not 2: the gradient is not that of J, or J has a kink or a jump "
                    "within the shortest steps")
        if not self.uneven:
            return "remainders fall evenly"
        return "remainders fall with the square of short steps; longer ones meet a kink or a large cubic term"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name."""
        return {"steps": self.steps.tolist(), "remainders": self.remainders.tolist(), "rate": self.rate, "expected": self.expected,
                "floor": self.floor, "passed": self.passed, "status": self.status}

    def __repr__(self) -> str:
        return f"TaylorTest({'passed' if self.passed else 'FAILED'}, rate {self.rate:.3f} of {self.expected:g}: {self.status})"


def taylor_test(objective: Differentiable, theta: ArrayLike, directions: Any = 2, steps: ArrayLike = _STEPS, seed: int = 0) -> "TaylorTest":
    """Return the `TaylorTest` of `objective.value_and_gradient` at θ.

    objective  : anything with `value_and_gradient(theta) -> (float, (P,))`;  theta : (P,)
    directions : (k, P) array, or how many random ones are drawn by `seed` (normal, of length 1)
    steps      : falling.  The shortest decide; where J has kinks (the limiter of a coarse grid; roots of singular covariances) shorter
                 ones are less likely to meet them: the chance is proportional to the step
    J is what `value_and_gradient` returns beside its gradient (`value` may be judged by other noise).
    Raises ValueError for steps that do not fall, directions of another length, or where J or its gradient is not finite.
    """
    checked_objective(objective, "value_and_gradient")
    theta, steps = as_array(theta, "theta", (None,)), as_array(steps, "steps")
    if steps.ndim != 1 or steps.size < 2 or not (np.diff(steps) < 0).all() or not steps[-1] > 0:
        raise ValueError(f"steps={steps.tolist()} are not two or more falling positive numbers")
    if isinstance(directions, (int, float, np.generic)) or np.shape(directions) == ():
        directions = np.random.default_rng(as_seed(seed)).normal(size=(as_whole(directions, "directions"), theta.size))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    directions = np.atleast_2d(as_array(directions, "directions"))
    if directions.ndim != 2 or not len(directions) or directions.shape[1] != theta.size:
        raise ValueError(f"directions has shape {directions.shape}; expected (k, {theta.size}): one row per direction")
    value, gradient = objective.value_and_gradient(theta)
    values = np.array([[objective.value_and_gradient(theta + h * v)[0] for h in steps] for v in directions])
    if not (np.isfinite(values).all() and np.isfinite(value) and np.isfinite(gradient).all()):
        raise ValueError(f"J or its gradient is not finite within {steps[0]:g} of theta; a remainder means something only where both are")
    remainders = np.abs(values - value - steps * (directions * gradient).sum(axis=1, keepdims=True))
    floor = _ROUNDING * max(abs(value), float(np.abs(values).max()))
    return TaylorTest(steps, remainders, _rates(steps, remainders, _CLEAR * floor), floor)


def _rates(steps, remainders, least):
    """(…, k − 1) logarithms of ratios of neighbours, NaN where the later is below `least`."""
    clear = remainders[:, 1:] > least
    ratio = np.divide(remainders[:, :-1], remainders[:, 1:], out=np.full(clear.shape, np.nan), where=clear)
    with np.errstate(divide="ignore"):
        return np.log(ratio) / np.log(steps[:-1] / steps[1:])


@dataclass(frozen=True, eq=False)
class DualityTest(Saved):
    """⟨masses, values⟩ and the sum of the masses at every layer, which exact transposes keep.

    products, masses (N + 1, …) : both at every layer;  spread, mass_spread : how far they vary, relative to Σ |masses| |values| and Σ |masses|
    tolerance : for both: what rounding leaves
    """

    products: np.ndarray
    masses: np.ndarray
    spread: float
    mass_spread: float
    tolerance: float = _DUAL

    @property
    def passed(self) -> bool:
        return self.spread <= self.tolerance and self.mass_spread <= self.tolerance

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name."""
        return {"products": self.products.tolist(), "masses": self.masses.tolist(), "spread": self.spread, "mass_spread": self.mass_spread,
                "tolerance": self.tolerance, "passed": self.passed}

    def __repr__(self) -> str:
        return (f"DualityTest({'passed' if self.passed else 'FAILED'}, ⟨masses, values⟩ constant to {self.spread:.1g}, masses to "
                f"{self.mass_spread:.1g}, over {len(self.products)} layers)")


def duality_test(objective: Any, theta: Array, seed: int = 0) -> "DualityTest":
    """Return the `DualityTest` of a GridObjective's two sweeps at θ, with the values of its criterion and random signed masses.

    objective : GridObjective;  theta : (P,);  seed : of the masses
    The limited interpolation is positively homogeneous, so that its derivative at the values, which the masses pass, gives back the
    values' step: ⟨masses, values⟩ is the same at every layer.
    """
    as_object(objective, "objective", ("setting", "grid", "view"), "an objective on a grid", "give GridObjective(setting, grid)")
    setting, grid, seed = objective.setting, objective.grid, as_seed(seed)
    theta = setting.network.control.check(theta)
    sweep = objective.view.sweep(setting.network, theta, grid)
    values, splines = sweep.backward(setting.criterion.terminal(setting.network.score(grid.at(-1).nodes, theta)))
    masses = sweep.forward(np.random.default_rng(seed).normal(size=values[0].shape), splines)
    products = np.array([(p * u).sum() for p, u in zip(masses, values)])
    sums = np.array([p.sum(axis=1) for p in masses])
    size = max(float((np.abs(p) * np.abs(u)).sum()) for p, u in zip(masses, values))
    mass = max(float(np.abs(p).sum()) for p in masses)
    return DualityTest(products, sums, float(np.ptp(products)) / size, float(np.ptp(sums, axis=0).max()) / mass)
