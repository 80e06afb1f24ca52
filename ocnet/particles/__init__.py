"""The particle view: Monte Carlo through the layers of a process, with counter-based noise.

Path k of start point i has the number i · paths + k; its noise in layer n is addressed by (seed, path, n, channel).
Chunks hold all paths of some whole start points and are added in order, so neither threads nor chunks change a bit.
"""

from .pathwise import sampled_value_and_gradient
from .propagate import Propagation, over_ends, propagate

__all__ = ["Propagation", "over_ends", "propagate", "sampled_value_and_gradient"]
