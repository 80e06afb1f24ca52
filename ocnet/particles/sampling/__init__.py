"""How paths get their noise, and what their spread then says of the mean: one file a way.

A sampling has
    replicates       independent parts of equal size that the paths of a point come in
    samples(paths)   how many independent samples the standard error rests on
    checked(paths)   the number of paths as an int, or ValueError with the nearest number it can do
    batch_size(process)   paths that go through the layers together
    noises(process, seed, batches)   for each of the consecutive `batches` of a task, an object whose `states(process, x)` and
                     `ends(process, x)` carry the start states x (d, count) through the layers of that or a like process
    moments(payoffs)   Moments of the samples that payoffs (…, paths) of one batch are

A path's noise depends on the seed and the path's number only: neither on batches nor on who computes them.
"""

from .antithetic import Antithetic
from .independent import Independent
from .sobol import Sobol

__all__ = ["Antithetic", "Independent", "Sobol"]
