"""What laws share: drawing by way of uniforms, and product quadratures."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ocnet.inputs import as_whole
from ocnet.kernels import philox
from ocnet.typing import Array

__all__ = ["Channels", "Law", "MOST_BRANCHES", "checked_channels", "checked_order", "tensor"]

MOST_BRANCHES = 4096


def tensor(nodes: Any, weights: Any, channels: int) -> tuple[Array, Array]:
    """Tensor power of a one-channel rule: ((k^channels, channels), (k^channels,))."""
    if channels * np.log2(len(nodes)) > np.log2(MOST_BRANCHES):
        raise ValueError(f"{len(nodes)}^{channels} quadrature branches for {channels} noise channels are more than "
                         f"{MOST_BRANCHES}; use the particle view (ocnet.particles) instead")
    grids = np.array(list(product(nodes, repeat=channels))).reshape(-1, channels)
    return grids, np.array([np.prod(w) for w in product(weights, repeat=channels)])


def checked_channels(channels: int) -> int:
    """Return `channels` as an int ≥ 1, or raise."""
    return as_whole(channels, "channels", remedy="where there is no noise use Silent()")


def checked_order(order: int) -> int:
    """Return the nodes of a quadrature rule as an int ≥ 1, or raise."""
    return as_whole(order, "order", 1, "it is how many nodes a channel's rule has", MOST_BRANCHES)


class Law:
    """What laws share: drawing by way of `uniforms` uniforms a path and layer."""

    channels: int
    from_uniforms: Callable[[Array], Array]
    skewness: float = 0.0            # the largest |E ξ_i ξ_j ξ_k|, with its sign where channels are independent

    @property
    def uniforms(self) -> int:
        """How many uniforms `from_uniforms` takes."""
        return self.channels

    def draw(self, seed: int, first_path: int, paths: int, layer: int, mirrored: bool = False) -> Array:
        """(channels, paths) draws for the paths first_path, first_path + 1, … of one layer.

        mirrored : draws of the same law as far from these as can be: made of 1 − u for uniforms u (antithetic)
        """
        u = philox.uniforms(seed, first_path, paths, layer, self.uniforms)
        return self.from_uniforms(1 - u if mirrored else u)


@dataclass(frozen=True)
class Channels(Law):
    """Base of laws that are nothing but `channels` independent copies of one variable."""

    channels: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", checked_channels(self.channels))
