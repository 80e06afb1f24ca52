"""The contract of a noise model."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ocnet.inputs import LARGEST, as_number
from ocnet.networks.blocks.block_at import BlockAt
from ocnet.typing import Array, Law

__all__ = ["NoiseModel", "settle_level", "settle_probability"]

_SCALINGS = ("natural", "diffusive")
_SMALLEST = 1e-150                   # of probabilities, whose inverses have squares that are numbers


def settle_level(model: Any, above: float = -np.inf, remedy: str = "a standard deviation is a finite number ≥ 0") -> None:
    """Make `model.level` a float, or raise ValueError, TypeError unless it is a standard deviation."""
    object.__setattr__(model, "level", as_number(model.level, "level", above=above, at_least=0, at_most=LARGEST, remedy=remedy))


def settle_probability(model: Any, name: str, meaning: str) -> None:
    """Make the field a float in (0, 1], or raise ValueError, TypeError that says what it means; what is too small for 1/q to be a number is refused."""
    object.__setattr__(model, name, as_number(getattr(model, name), name, at_least=_SMALLEST, at_most=1,
                                              remedy=f"give a probability in (0, 1]; it is {meaning}"))


class NoiseModel:
    """X⁺ = x + increment(ξ) with E increment = dt · mean(x) and Cov increment = scale² S(x).

    A subclass is a frozen dataclass with a field `scaling` ("natural": scale dt, "diffusive": scale √dt; see the folder's primer) and
    gives `law`, `increment`, `increment_vjp`, `branches`, `branches_vjp`, `mean`, `mean_jacobian_product`, `factor`, `coefficients_vjp`.
    All `*_vjp` return the cotangents of the points and of the numbers.  Where the noise is affine in ξ (`AffineNoise`), they follow
    from its mean and its spread.
    needs     : the `Features` that it asks of a block, as (d, n) arrays of points
    additive  : the size s where G = s · 1 whatever the state, else None
    deviation : the same where the noise is normal too, so that grids can smooth instead of branching
    place, unit_size : where in the branch a random factor acts ("additive", "output", "state", "hidden", "input"), and the standard
                deviation of ξ's factor there: what fused kernels need to know; place is None where they do not serve
    mean_share : the mean as a multiple of the branch without noise, where it is one
    skewness  : E ξ³ of the law's channels (the largest third moment where they depend on each other)
    """

    scaling: str
    law: Callable[[Any, int], Law]
    factor: Callable[[BlockAt], Array]
    needs: tuple[str, ...] = ("output",)
    additive: float | None = None
    skewness: float = 0.0
    place: str | None = None
    unit_size: Any = None
    mean_share: float = 1.0

    def __init_subclass__(cls) -> None:
        if not hasattr(cls, "scaling"):
            raise TypeError(f"{cls.__name__} declares no scaling; give the dataclass a field scaling = 'natural' or 'diffusive'")

    def __post_init__(self) -> None:
        if self.scaling not in _SCALINGS:
            raise ValueError(f"scaling={self.scaling!r}; choose 'natural' (noise inside the branch, times dt) or 'diffusive' (times √dt)")

    def at(self, n: int, layers: int, dt: float) -> "NoiseModel":
        """The model of layer n of `layers`, of step dt; itself unless it has a schedule."""
        return self

    def scale(self, dt: float) -> float:
        """The factor before Σ_j g_j ξ_j in a layer of step dt."""
        return dt if self.scaling == "natural" else np.sqrt(dt)

    def diffusive_scale(self, dt: float) -> float:
        """The factor before g in G of the Itô equation dX = f dt + G dB that a layer of step dt approximates."""
        return np.sqrt(dt) if self.scaling == "natural" else 1.0

    @property
    def deviation(self) -> float | None:
        return None

    @property
    def weak_order(self) -> dict[str, float | None]:
        """Weak order of the layers in dt by what they are compared with: a dict (derived in Sun, Tao, Du; checked by experiments/weak_order.py).

        "ode"      : X' = mean(X), natural scaling only
        "itô"      : `network.diffusion(theta)`, in the diffusive scaling ½ where ξ is skewed: the third moment stays
        "modified" : `network.diffusion(theta, order=2)`; None where no such equation exists
        """
        if self.scaling == "natural":
            return {"ode": 1.0, "itô": 1.0, "modified": 2.0}
        return {"ode": None, "itô": 0.5 if self.skewed else 1.0, "modified": 2.0 if self.deviation is not None else None}

    def covariance(self, at: BlockAt) -> Array:
        """S = g gᵀ (d, d, n): Cov increment/scale²."""
        g = self.factor(at)
        return np.einsum("ijn,kjn->ikn", g, g)

    @property
    def skewed(self) -> bool:
        """Whether the increments have third moments of the size of ξ's."""
        return bool(self.skewness)

    def draw_backward(self, law: Law, seed: int, first: int, paths: int, n: int) -> Array:
        """ξ of the reverse sweep: that of the forward one."""
        return law.draw(seed, first, paths, n)
