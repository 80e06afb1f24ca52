"""Methods that give every part of θ the minimum of its own Hamiltonian, all parts at once."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from scipy.optimize import minimize

from ocnet.inputs import LARGEST, as_number, as_whole
from ocnet.kernels.threads import run_all
from ocnet.training.finite import BeyondNumbers
from ocnet.typing import Array

from .box import sides
from .descent import Descent
from .evaluation import NotFinite, evaluated

__all__ = ["Layerwise"]

_ROUNDING = 1e-14                    # share of max(|H|, 1), per unit of depth, below which a decrease of the inner search is none


class _NotFiniteAt(Exception):
    """An inner search has met a Hamiltonian that is not finite, at these numbers."""

    def __init__(self, numbers):
        super().__init__()
        self.numbers = np.array(numbers)


@dataclass(frozen=True)
class Layerwise(Descent):
    """Base of iterations in which layers do not wait for each other: states and costates are held, and each part of θ (a layer, or the
    readout) minimises H_n(ϑ) plus what keeps it near θ_n, by L-BFGS-B inside its bounds.

    inner     : most L-BFGS-B iterations a part and step
    tolerance : converged when ‖Δθ‖ is at most this;  ‖Δθ‖² = dt Σ |Δθ_n|² + |Δtail|², as in `Tikhonov`
    """

    iterations: int = 100
    check_every: int = 1
    inner: int = 20
    tolerance: float = 1e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "inner", as_whole(self.inner, "inner"))
        object.__setattr__(self, "tolerance", as_number(self.tolerance, "tolerance", at_least=0, at_most=LARGEST))

    def hamiltonian(self, objective: Any, theta: Array) -> Any:
        """The objective's Hamiltonian at θ, J and ∇J finite; ValueError for an objective that has none."""
        if not hasattr(objective, "hamiltonian"):
            raise ValueError(f"objective={objective!r} has no hamiltonian(theta); use LBFGS or Adam, which need gradients only")
        found = []

        def evaluate(theta):
            found.append(objective.hamiltonian(theta))
            return found[0].total, found[0].gradient

        evaluated(objective, theta, evaluate)
        return found[0]

    def minimisers(self, objective: Any, hamiltonian: Any, augmentation: Any) -> Any:
        """θ (P,) whose every part minimises H_n/share + augmentation(n, numbers), share dt for layers and 1 for the tail; and by how much
        the H_n fall, added: what J would fall by if layers did not couple.

        augmentation : (n, numbers) -> (value, derivative), 0 at θ_n
        Raises NotFinite, of the first such part, where a search meets a value that is not finite.
        """
        lower, upper = sides(self.bounds, hamiltonian.theta)
        theta, faults, falls = hamiltonian.theta.copy(), {}, np.zeros(hamiltonian.layers + 1)
        hamiltonian.gradient                                 # the costates, once, before the threads start

        def task(n):
            own = hamiltonian.part(n)
            try:
                theta[own], falls[n] = self._searched(hamiltonian, n, augmentation, np.stack([lower[own], upper[own]], axis=1))
            except _NotFiniteAt as fault:
                faults[n] = hamiltonian.theta.copy()
                faults[n][own] = fault.numbers

        run_all([lambda n=n: task(n) for n in range(hamiltonian.layers + 1)])
        if faults:
            raise NotFinite("the Hamiltonian of a part of theta", objective, faults[min(faults)])
        return theta, float(falls.sum())

    def _searched(self, hamiltonian, n, augmentation, box):
        """The numbers of part n at the end of its search, and by how much H_n is lower there."""
        start, share, total = hamiltonian.theta[hamiltonian.part(n)], hamiltonian.share(n), hamiltonian.total

        def augmented(numbers):
            try:
                value, slope = hamiltonian.value_and_gradient(n, numbers)
            except (BeyondNumbers, FloatingPointError):
                raise _NotFiniteAt(numbers) from None
            more, more_slope = augmentation(n, numbers)
            value, slope = (value - total) / share + more, slope / share + more_slope
            if not (isfinite(value) and np.isfinite(slope).all()):
                raise _NotFiniteAt(numbers)
            return value, slope

        if not start.size or (box[:, 0] == box[:, 1]).all():
            return start, 0.0
        options = {"maxiter": self.inner, "gtol": 0.1 * self.tolerance, "ftol": _ROUNDING}
        found = minimize(augmented, start, jac=True, method="L-BFGS-B", bounds=box, options=options)
        return found.x, share * (augmentation(n, found.x)[0] - found.fun)

    @staticmethod
    def proximal(hamiltonian: Any, rho: float) -> Any:
        """The augmentation (ρ/2) |ϑ − θ_n|²; none where ρ = 0."""
        def augmentation(n, numbers):
            if not rho:
                return 0.0, np.zeros_like(numbers)
            change = numbers - hamiltonian.theta[hamiltonian.part(n)]
            return 0.5 * rho * float((change * change).sum()), rho * change
        return augmentation

    @staticmethod
    def change(hamiltonian: Any, theta: Array) -> float:
        """‖θ − its θ‖²."""
        square = (theta - hamiltonian.theta) ** 2
        return float(sum(hamiltonian.share(n) * square[hamiltonian.part(n)].sum() for n in range(hamiltonian.layers + 1)))
