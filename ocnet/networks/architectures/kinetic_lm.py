"""KineticLM: LM-ResNet near k = −1, a second-order equation with damping (Lu, Zhong, Li & Dong, 2018; MATH 2.3)."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ocnet.inputs import as_number
from ocnet.networks.architectures.architecture import ModifiedEquation
from ocnet.networks.limit import NetworkDiffusion
from ocnet.process import Diffusion
from ocnet.typing import Array, Layout

from .architecture import Architecture
from .polynet import checked_choice

__all__ = ["KineticLM"]


class KineticDiffusion(Diffusion):
    """dX = V dt, dV = (γ_n V + mean) dt + G dB in R^{2d}, with the coefficients of layer n on [t_n, t_{n+1}); X starts at x_0, V at 0."""

    steady_between_breaks = True

    def __init__(self, network: Any, theta: Array) -> None:
        self.network, self.theta, self.branch = network, theta, NetworkDiffusion(network, theta)
        numbers = [network.control.layer(theta, n) for n in range(network.layers)]
        self.gamma = np.array([getattr(layer, "gamma", network.architecture.gamma) for layer in numbers], dtype=float)
        constant = self.branch.constant_factor
        factor = self._factor if constant is None else np.concatenate([np.zeros_like(constant), constant])
        super().__init__(self._drift, factor, 2 * network.dim, breaks=network.times[1:-1])

    def drift_rows(self, t: float, x: Array) -> Array:
        """(V, γ V + mean(X)) at (X, V) = x (2d, n): (2d, n)."""
        if len(x) != self.dim:
            raise ValueError(f"x has {len(x)} rows; the equation of {self.network.architecture!r} lives in R^{self.dim}, position and velocity: "
                             "start it with V = 0 below the points, or use the layers themselves, network.layered(theta)")
        x, v = np.split(x, 2)
        return np.concatenate([v, self.gamma[self.branch.layer_at(t)] * v + self.branch.drift_rows(t, x)])

    def factor_rows(self, t: float, x: Array) -> Array:
        """(0, G(X)) at x (2d, n): (2d, m, n)."""
        if self.constant_factor is not None:
            return super().factor_rows(t, x)
        found = self.branch.factor_rows(t, x[:self.network.dim])
        return np.concatenate([np.zeros_like(found), found])

    def _drift(self, t, x):
        return self.drift_rows(t, np.ascontiguousarray(x.T)).T

    def _factor(self, t, x):
        return np.moveaxis(self.factor_rows(t, np.ascontiguousarray(x.T)), 2, 0)


@dataclass(frozen=True)
class KineticLM(Architecture):
    """x_{n+1} = x_n + (1 + γ_n dt)(x_n − x_{n−1}) + dt F(x_n), which is LMResNet with k_n = −(1 + γ_n dt) and branches of size dt².

    A branch moves the velocity: dX = V dt, dV = (γ V + f) dt + G dB from V = 0, where γ < 0 damps; G is that of the noise model, of
    O(1) in its diffusive scaling (noise of dt^{3/2} a layer, MATH 2.3), √dt g in its natural one (the true masks).  A state is the pair
    (x_n, x_{n−1}); the differences of LMResNet's double root at k = −1 grow in proportion to depth, as a velocity must.  γ_0 is unused.

    gamma   : where all γ_n start, or what they are
    damping : "trained", γ_n being numbers of the layers, or "fixed"
    dt      : of the layers; a network sets it to its own
    Raises    ValueError for numbers that are not finite, a dt ≤ 0 and another word
    """

    gamma: float = -1.0
    damping: str = "trained"
    dt: float = 1.0
    order = 1
    copies = 2

    def __post_init__(self) -> None:
        checked_choice(self.damping, "damping", {"trained": "a number of each layer", "fixed": "gamma in all layers"})
        object.__setattr__(self, "gamma", as_number(self.gamma, "gamma", remedy="give a rate per unit of time, such as -1.0 (negative damps)"))
        object.__setattr__(self, "dt", as_number(self.dt, "dt", above=0, remedy="give a time > 0"))

    @classmethod
    def example(cls) -> "KineticLM":
        return cls(dt=0.25)

    @property
    def typical(self) -> dict[str, float]:
        """γ as it starts, where it is trained."""
        return {"gamma": self.gamma} if self.damping == "trained" else {}

    def at_step(self, dt: float) -> "KineticLM":
        return replace(self, dt=dt)

    def layout(self) -> Layout:
        return (("gamma", ()),) if self.damping == "trained" else ()

    def initial(self, rng: np.random.Generator) -> Array:
        return np.full(len(self.layout()), self.gamma)

    def step(self, branch: Any, state: tuple[Any, ...], n: int, own: Any) -> tuple[Any, ...]:
        x, before = state
        kept = 1 + self.dt * (own.gamma if self.damping == "trained" else self.gamma)
        return (1 + kept) * x - kept * before + self.dt * branch(n, x), x

    def modified(self, **own: Any) -> ModifiedEquation | None:
        """None: the layers follow an equation of the second order."""
        self.own_numbers(own)
        return None

    def limit(self, network: Any, theta: Array) -> Any:
        """The `KineticDiffusion` in R^{2d}, of position and velocity."""
        return KineticDiffusion(network, theta)

    def _damped(self, own):
        return (self.own_numbers(own) or (self.gamma,))[0] * self.dt

    def real_stability(self, **own: Any) -> float | None:
        """(4 + 2 γ dt)/dt for −2 ≤ γ dt ≤ 0, else 0: |kept| ≤ 1 and |1 + kept + dt z| ≤ 1 + kept (Schur and Cohn)."""
        damped = self._damped(own)
        return (4 + 2 * damped) / self.dt if -2 <= damped <= 0 else 0.0

    def imaginary_stability(self, **own: Any) -> float | None:
        """0 for −2 < γ dt: the slow root leaves the circle by |y|²(2/(|γ| dt) − 1)/γ²; None elsewhere."""
        return 0.0 if self._damped(own) > -2 else None
