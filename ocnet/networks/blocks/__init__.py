"""Blocks: the deterministic branch f(x, θ_n) of a residual layer, and what it shows to a noise model.

A block has `layout(dim)`, `initial(dim, rng)`, `features(x, layer, needs)`, `vector_jacobian(x, layer, cotangent)` and, for modified
equations, `jacobian_product(x, layer, direction)`, `jacobian(x, layer)`, `laplacian(x, layer)`, for points x (d, n) and `layer` the named
views of its numbers.  `shows` names the `Features` it can give; `BlockAt` is a block at points, as noise models see it.
"""

from .affine import Affine
from .aggregated import Aggregated
from .block_at import BlockAt
from .branches import Branches
from .features import Features
from .linear_map import LinearMap
from .perceptron import Perceptron
from .sine import Sine

__all__ = ["Affine", "Aggregated", "BlockAt", "Branches", "Features", "LinearMap", "Perceptron", "Sine"]
