"""Mutants picked by hand, before it was known whether any test catches them: at least one for every file in which a formula stands.

Signs and factors of the theory (Itô's correction, ½, √dt, 1/12), rows on the sides of the box, quadrature weights, transposes and reverse sweeps,
layers and paths counted from the wrong end: what MATH.md calls traps, and what is seen to go wrong when such code is written.
"""

from .equivalent import EQUIVALENT
from .kernels import MUTANTS as _KERNELS
from .networks import MUTANTS as _NETWORKS
from .paths import MUTANTS as _PATHS
from .solvers import MUTANTS as _SOLVERS
from .training import MUTANTS as _TRAINING

__all__ = ["CHOSEN", "EQUIVALENT"]

CHOSEN = (*_KERNELS, *_SOLVERS, *_PATHS, *_NETWORKS, *_TRAINING)
