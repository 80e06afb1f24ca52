"""The particle view: Monte Carlo through the layers of a process, with counter-based noise.

Equation    X_{n+1} = Φ_n(X_n, ξ_n), n = 0 … N − 1: a network's own layers, or the Euler–Maruyama steps
            X + dt f(t_n, X) + √dt G(t_n, X) ξ_n of an Itô diffusion dX = f dt + G dB.
Addresses   path k of start point i has the number i · paths + k; its noise in layer n belongs to (seed, path, n, channel),
            so a path is the same whoever computes it, in whatever batch, on however many threads.
Chunks      about 8192 paths go through all layers while they are in the cache.  The partition is a function of the
            number of points and of paths alone, and partial results are added in its order: the thread count never
            changes a bit.
Gradients   are pathwise: the derivative of the sampled functional with the noise frozen, exact for what was sampled.
Doubt       an `Estimate` carries its standard error (sampling); the time step's error, O(dt) in law for a diffusion and
            none for a network's own layers, is not in it.
"""

from .estimate import Estimate, estimate, euler_maruyama
from .pathwise import sampled_value_and_gradient
from .propagate import Propagation, over_ends, propagate

__all__ = ["Estimate", "Propagation", "estimate", "euler_maruyama", "over_ends", "propagate", "sampled_value_and_gradient"]
