"""The sequential quadratic Hamiltonian scheme.  Breitenbach & Borzì (2019), for the control of Kolmogorov equations (MATH 4)."""

from dataclasses import dataclass
from typing import Any

from ocnet.inputs import LARGEST, as_number
from ocnet.typing import Array

from .evaluation import evaluated
from .layerwise import Layerwise
from .state import Converged, State

__all__ = ["SequentialHamiltonian", "SequentialState"]

_BOUNDS: dict[str, dict[str, Any]] = {"rho": {"at_least": 1e-12, "at_most": LARGEST},
                                     "growth": {"at_least": 1.01, "at_most": LARGEST}, "decay": {"above": 0, "below": 1},
                                        "decrease": {"above": 0, "at_most": LARGEST}, "share": {"at_least": 0, "below": 1}}


@dataclass(frozen=True, eq=False, kw_only=True)
class SequentialState(State):
    """rho : of the next trial;  rejected : trials refused so far"""

    rho: float
    rejected: int = 0


@dataclass(frozen=True)
class SequentialHamiltonian(Layerwise):
    """θ_n ← argmin H_n(ϑ) + dt (ρ/2) |ϑ − θ_n|² for all layers at once; taken only if J falls by η ‖Δθ‖², else with ρ ← σρ again.

    After a step that is taken ρ ← ζρ.  So J never rises, whatever ρ is at the start; in exact arithmetic a trial is taken once ρ
    exceeds the coupling of the layers, and ‖Δθ‖ → 0.  Each iteration is one step taken.
    J must also fall by a share of what the H_n promise, Σ (H_n(θ_n) − H_n(ϑ)) ≥ (ρ/2) ‖Δθ‖².  The published scheme has no such test
    and may nearly cycle: on R9 its steps pass with any ρ > η, and contract by (ρ − 1)/(ρ + 1) only.  There J falls by ρ/(ρ + ½) of the
    promise, so that a share of 0.4 asks for ρ ≥ ⅓ and a contraction of ½.
    A sampled objective is held at its own frozen noise (it is not drawn anew): J of that noise is what falls.

    rho   : ρ ≥ 1e-12 of the first trial, per unit of depth;  growth : σ ≥ 1.01;  decay : ζ in (0, 1);  decrease : η > 0
    share : in [0, 1); 0 is the published scheme
    Cost  an iteration has one sweep and its transpose, and for each trial some `inner` Hamiltonians of every layer, about as many sweeps.
    """

    rho: float = 1.0
    growth: float = 3.0
    decay: float = 0.5
    decrease: float = 1e-4
    share: float = 0.4

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, bounds in _BOUNDS.items():
            object.__setattr__(self, name, as_number(getattr(self, name), name, **bounds))

    @classmethod
    def example(cls) -> "SequentialHamiltonian":
        return cls(iterations=80, rho=300.0, decay=0.7)

    def start(self, theta: Array) -> State:
        return SequentialState.at(theta, rho=float(self.rho))

    def advance(self, objective: Any, state: Any) -> State:
        hamiltonian = self.hamiltonian(objective, state.theta)
        rho, trials = state.rho, 0
        while True:
            theta, promised = self.minimisers(objective, hamiltonian, self.proximal(hamiltonian, rho))
            change = self.change(hamiltonian, theta)
            if change <= self.tolerance**2:
                raise Converged(f"no step of length {self.tolerance:g} lowers J any more")
            trials += 1
            total, _ = evaluated(objective, theta, lambda theta: (objective.hamiltonian(theta).total, 0.0))     # one sweep: no costates
            if total <= hamiltonian.total - max(self.decrease * change, self.share * promised):
                break
            rho *= self.growth
        return state.but(theta=theta, value=hamiltonian.total, gradient=hamiltonian.gradient, rho=rho * self.decay,
                         rejected=state.rejected + trials - 1, evaluations=state.evaluations + 1 + trials)
