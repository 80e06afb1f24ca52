"""The particle view: Monte Carlo through the layers of a process, with counter-based noise.

Equation    X_{n+1} = Φ_n(X_n, ξ_n), n = 0 … N − 1: a network's own layers, or the steps of a scheme (`schemes`; by default
            X + dt f(t_n, X) + √dt G(t_n, X) ξ_n) for an Itô diffusion dX = f dt + G dB.
Addresses   path k of start point i has the number i · paths + k; its noise in layer n belongs to (seed, path, n, channel),
            so a path is the same whoever computes it, in whatever batch, on however many threads.  Other ways to draw
            (`sampling`: mirrored pairs, Sobol' points) have addresses too.
Batches     about 8192 paths go through all layers while they are in the cache.  Batches, and the tasks (at most 64) that
            executors carry out, are a function of the numbers of points and paths alone, and partial results are added in
            their order: neither threads nor executors change a bit.
Gradients   are pathwise: the derivative of the sampled functional with the noise frozen, exact for what was sampled; with a standard
            error for every component by `estimate_gradient`.
Activations `Stored` on the way, or `Reconstructed` from the ends in memory that does not grow with depth.
Doubt       an `Estimate` carries its standard error (sampling); the time step's error, O(dt^weak_order) in law for a diffusion
            and none for a network's own layers, is not in it.  A `MultilevelEstimate` bounds both.
"""

from .activations import Reconstructed, Stored
from .estimate import Estimate, estimate, estimate_difference
from .gradient_estimate import GradientEstimate, estimate_gradient
from .multilevel import MultilevelEstimate, estimate_multilevel
from .pathwise import sampled_value_and_gradient
from .propagate import Propagation, over_ends, propagate
from .schemes import euler_maruyama

__all__ = ["Estimate", "GradientEstimate", "MultilevelEstimate", "Propagation", "Reconstructed", "Stored", "estimate",
           "estimate_difference", "estimate_gradient", "estimate_multilevel", "euler_maruyama", "over_ends", "propagate",
           "sampled_value_and_gradient"]
