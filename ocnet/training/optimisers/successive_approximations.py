"""The method of successive approximations: Pontryagin's principle as a fixed-point iteration.  Li, Chen, Tai & E (2018)."""

from dataclasses import dataclass
from typing import Any

from ocnet.inputs import LARGEST, as_number
from ocnet.training.optimisers.state import State

from .layerwise import Layerwise
from .state import Converged

__all__ = ["SuccessiveApproximations"]


@dataclass(frozen=True)
class SuccessiveApproximations(Layerwise):
    """θ_n ← argmin H_n(ϑ) + dt (ρ/2) |ϑ − θ_n|² for all layers n at once, at states and costates of θ (tail: without dt).

    ρ = 0 is the basic method, which may cycle for ever: with x' = θ, J = ½ x_T² + ½ ∫θ², it goes 0.3, −1.3, 0.3, … (MATH 4).  There the
    proximal method contracts by (ρ − 1)/(ρ + 1): ρ = 1 arrives in one iteration.  Too small a ρ gives no descent; `SequentialHamiltonian`
    finds one that does.

    rho      : ρ ≥ 0, per unit of depth
    extended : layers are kept near the held states and costates instead of near θ_n:
               (ρ/2dt) Σ w (|Φ_n(X_n, ϑ, ξ_n) − X_{n+1}|² + |(p_n − (∂Φ_n/∂x)ᵀ p_{n+1})/w|²), see `ParticleHamiltonian`; particles only.
               The tail, which moves no state, keeps (ρ/2) |ϑ − θ_N|²
    A sampled objective is drawn anew in each iteration.  The point returned is the best judged one, whatever the iteration does.
    """

    rho: float = 1.0
    extended: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        remedy = f"give a number from 0, for the basic method, to {LARGEST:g}"
        object.__setattr__(self, "rho", as_number(self.rho, "rho", at_least=0, at_most=LARGEST, remedy=remedy))
        if self.extended and not self.rho:
            raise ValueError("extended=True with rho=0 extends nothing; give rho > 0")

    @classmethod
    def example(cls) -> "SuccessiveApproximations":
        return cls(iterations=60, rho=1.0)

    def advance(self, objective: Any, state: Any) -> State:
        drawn = objective.draw(state.iteration)
        hamiltonian = self.hamiltonian(drawn, state.theta)
        augmentation = self._extension(drawn, hamiltonian) if self.extended else self.proximal(hamiltonian, self.rho)
        theta, _ = self.minimisers(drawn, hamiltonian, augmentation)
        if self.change(hamiltonian, theta) <= self.tolerance**2:
            raise Converged(f"no part of θ moves any more: ‖Δθ‖ is below {self.tolerance:g}")
        return state.but(theta=theta, value=hamiltonian.total, gradient=hamiltonian.gradient, evaluations=state.evaluations + 1)

    def _extension(self, objective, hamiltonian):
        if not hasattr(hamiltonian, "defect_and_gradient"):
            raise ValueError(f"extended=True needs states and costates of paths, which {type(hamiltonian).__name__} has not; "
                             "train a ParticleObjective, or use extended=False")
        proximal = self.proximal(hamiltonian, self.rho)

        def augmentation(n, numbers):
            if n == hamiltonian.layers:
                return proximal(n, numbers)
            value, slope = hamiltonian.defect_and_gradient(n, numbers)
            share = self.rho / hamiltonian.share(n)
            return share * value, share * slope
        return augmentation
