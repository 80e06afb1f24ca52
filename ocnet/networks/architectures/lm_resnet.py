"""LM-ResNet: a linear two-step method with a trainable coefficient a layer (Lu, Zhong, Li & Dong, 2018; MATH 2.2)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.inputs import as_number
from ocnet.networks.limit import NetworkDiffusion
from ocnet.typing import Array, Layout

from .architecture import Architecture, ModifiedEquation

__all__ = ["LMResNet"]


class LMDiffusion(NetworkDiffusion):
    """dX = w_n mean dt + w_n G dB on layer n: the branch's Itô equation, sped up by what later layers make of a move (derived).

    x_{n+1} − x_n = −k_n (x_n − x_{n−1}) + F_n, so a move F_n ends as w_n F_n with w_n = 1 − k_{n+1} w_{n+1}: 1/(1 + k) where k is constant, and
    1/(1 + k_n) + O(dt) where it is smooth in depth, but not where it is rough.  The tail that the last layers have not yet added is O(dt) in the
    mean in either scaling, for ξ_n does not know x_n; the last k is thought to go on.  No noise-induced drift appears, whatever the noise.
    """

    def __init__(self, network: Any, theta: Array) -> None:
        k = np.array([network.control.layer(theta, n).k for n in range(network.layers)], dtype=float)
        for n in np.flatnonzero(~(np.abs(k[1:]) < 1)) + 1:
            raise ValueError(f"k={k[n]:.6g} in layer {n} is outside (−1, 1), where a move's echo dies out; elsewhere the layers follow no equation of "
                             "their present state: use network.layered(theta), or KineticLM for k near −1")
        self.speed = np.ones(len(k))
        if len(k) > 1:
            self.speed[-1] = 1 / (1 + k[-1])
        for m in reversed(range(len(k) - 1)):
            self.speed[m] = 1 - k[m + 1] * self.speed[m + 1]
        super().__init__(network, theta)

    def _constant_or_callable_factor(self):
        constant = super()._constant_or_callable_factor()
        if callable(constant):
            return constant
        return self.speed[0] * constant if (self.speed == self.speed[0]).all() else self._factor

    def drift_rows(self, t: float, x: Array) -> Array:
        """w_n mean at x (d, n): (d, n)."""
        return self.speed[self.layer_at(t)] * super().drift_rows(t, x)

    def drift_on_grid(self, t: float, grid: Any) -> Array:
        """w_n mean at the nodes of a grid: (d, size)."""
        return self.speed[self.layer_at(t)] * super().drift_on_grid(t, grid)

    def factor_rows(self, t: float, x: Array) -> Array:
        """w_n G at x (d, n): (d, m, n)."""
        found = super().factor_rows(t, x)
        return found if self.constant_factor is not None else self.speed[self.layer_at(t)] * found

    def _coefficients_vjp(self, model, at, drift_cotangent, factor_cotangent):
        raise ValueError("the coefficients of LMResNet's equation depend on the k of all later layers, so that they have no gradient of one layer; "
                         "train the layers themselves: ParticleObjective(setting, paths) with its default view")


@dataclass(frozen=True)
class LMResNet(Architecture):
    """x_{n+1} = (1 − k_n) x_n + k_n x_{n−1} + F(x_n), the first step x_1 = x_0 + F(x_0).

    Its limit is (1 + k) u' = f: branches of −1 < k < 0 move 1/(1 + k) > 1 times as far.  Zero-stable for −1 < k ≤ 1 (roots 1 and −k of
    the characteristic polynomial; `ocnet.analysis.zero_stability` watches trained k_n).  k_0 is unused: nothing precedes x_0.  The first step excites
    the root −k, after which the smooth solution is the one from x_0 + dt k f/(1 + k)².  Near k = 0 the inverse, a division by k_n,
    magnifies rounding by 1/|k_n| a step.

    least, most : k_n starts uniform between them, in the paper's code between −0.1 and 0
    Raises        ValueError unless −1 < least ≤ most ≤ 1; by `inverse` where k_n = 0, by `modified` where k is outside (−1, 1)
    """

    least: float = -0.1
    most: float = 0.0
    order = 1
    copies = 2
    exact_inverse = True
    typical = {"k": -0.05}

    def __post_init__(self) -> None:
        for name in ("least", "most"):
            object.__setattr__(self, name, as_number(getattr(self, name), name, above=-1, at_most=1, remedy="the layers are zero-stable for −1 < k ≤ 1"))
        if not self.least <= self.most:
            raise ValueError(f"least={self.least}, most={self.most}: give −1 < least ≤ most ≤ 1, where the layers are zero-stable")

    @classmethod
    def example(cls) -> "LMResNet":
        return cls()

    def layout(self) -> Layout:
        return (("k", ()),)

    def initial(self, rng: np.random.Generator) -> Array:
        return rng.uniform(self.least, self.most, 1)

    def step(self, branch: Any, state: tuple[Any, ...], n: int, own: Any) -> tuple[Any, ...]:
        x, before = state
        if n == 0:
            return x + branch(n, x), x
        return (1 - own.k) * x + own.k * before + branch(n, x), x

    def inverse(self, branch: Any, state: tuple[Any, ...], n: int, own: Any) -> tuple[Any, ...]:
        """The state (x_n, x_{n−1}) from (x_{n+1}, x_n): x_{n−1} = (x_{n+1} − (1 − k_n) x_n − F(x_n))/k_n."""
        after, x = state
        if n == 0:
            return x, x
        if own.k == 0:
            raise ValueError(f"k=0 in layer {n}: x_{{n−1}} has left no trace in x_{{n+1}}; store the states, or start with most < 0")
        return x, (after - (1 - own.k) * x - branch(n, x)) / own.k

    def _k(self, own):
        return self.own_numbers(own)[0]

    def modified(self, **own: Any) -> ModifiedEquation | None:
        """(1 + k) u' + (1 − k)(dt/2) u'' = f as an equation of the first order (MATH 2.2)."""
        k = self._k(own)
        if not -1 < k < 1:
            raise ValueError(f"k={k} is outside (−1, 1), where the root −k of the first step dies out; elsewhere the layers follow no equation of "
                             "the first order")
        return ModifiedEquation(1 / (1 + k), -(1 - k) / (2 * (1 + k) ** 3), k / (1 + k) ** 2)

    def limit(self, network: Any, theta: Array) -> Any:
        """dX = mean/(1 + k) dt + G/(1 + k) dB for k constant in depth (MATH 2.3), by `LMDiffusion` for any |k_n| < 1 and any noise model with an Itô limit."""
        return LMDiffusion(network, theta)

    def real_stability(self, **own: Any) -> float | None:
        return float(2 * (1 - self._k(own)))

    def imaginary_stability(self, **own: Any) -> float | None:
        """0, but for the leapfrog k = 1: 2."""
        return 2.0 if self._k(own) == 1 else 0.0
