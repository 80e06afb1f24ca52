"""X⁺ = x + dt f η/p, η ~ Bernoulli(p_n): whole blocks are dropped (Huang et al., 2016)."""

from dataclasses import dataclass, replace
from typing import Any

from ocnet.networks.blocks.block_at import BlockAt
from ocnet.networks.blocks.features import Features
from ocnet.typing import Array

from .dropout import Dropout

__all__ = ["StochasticDepth"]


@dataclass(frozen=True)
class StochasticDepth(Dropout):
    """Each block stays with probability p_n: S = (1 − p)/p f fᵀ where rescaled, p(1 − p) f fᵀ where not; one channel.

    survival : p_L of the last block
    schedule : "constant", or "linear": p_n = 1 − n/(N − 1) (1 − p_L), from 1 at the first block (one block alone has p_L)
    rescaled : whether a block that stays is scaled by 1/p, which leaves the drift f; else it is p f
    Raises   ValueError for a survival outside (0, 1] and another schedule
    """

    survival: float
    rescaled: bool = True
    schedule: str = "constant"
    scaling: str = "natural"
    place = "output"
    stays = "survival", "the chance that the last block stays"

    def __post_init__(self) -> None:
        if self.schedule not in ("constant", "linear"):
            raise ValueError(f"schedule={self.schedule!r}; choose 'constant' or 'linear' (from 1 at the first block to survival at the last)")
        super().__post_init__()

    @classmethod
    def example(cls) -> "StochasticDepth":
        return cls(survival=0.7, schedule="linear")

    @property
    def keep(self) -> float:
        return self.survival

    @property
    def mean_share(self) -> float:
        return 1.0 if self.rescaled else self.survival

    def at(self, n: int, layers: int, dt: float) -> "StochasticDepth":
        if self.schedule == "constant":
            return self
        share = n / (layers - 1) if layers > 1 else 1.0
        return replace(self, survival=1 - share * (1 - self.survival), schedule="constant")

    def masks(self, block: Any, dim: int) -> int:
        return 1

    def factor(self, at: BlockAt) -> Array:
        """(d, 1, n): one column also where nothing is dropped, as in the first layer of a linear schedule."""
        return self.unit_size * at.features.output[:, None]

    @property
    def skewed(self) -> bool:
        return self.survival < 1 if self.schedule == "linear" else bool(self.skewness)

    def spread(self, features: Features, xi: Array) -> Array:
        return self.unit_size * features.output * xi

    def spread_vjp(self, features: Features, xi: Array, cotangent: Array) -> Features:
        return Features(self.unit_size * xi * cotangent)
