"""The peer of the semi-Lagrangian step: nine bicubic interpolations a node, as one would write them down in Numba.

u⁺(x) = Σ_jk w_j w_k u(foot(x) + √h ε (ξ_j, ξ_k)), ξ the three Gauss–Hermite nodes; Catmull–Rom cubics of 4 × 4 nodes,
indices clipped to the box.  Neither bounded nor mass-conserving.
"""

import numpy as np

from ocnet.kernels.compile import kernel

__all__ = ["step"]

_XI = np.array([-np.sqrt(3.0), 0.0, np.sqrt(3.0)])
_W = np.array([1 / 6, 2 / 3, 1 / 6])


@kernel
def _cubic(t, w):
    w[0] = ((-0.5 * t + 1.0) * t - 0.5) * t
    w[1] = (1.5 * t - 2.5) * t * t + 1.0
    w[2] = ((-1.5 * t + 2.0) * t + 0.5) * t
    w[3] = (0.5 * t - 0.5) * t * t


@kernel
def nine_point_step(u, feet, spread, origin, inverse_spacing, xi, weight, out):
    """One step of u (n, n) along feet (2, n²) into out (n²,); spread = √h ε, square grid of equal spacings."""
    n = u.shape[0]
    a, b = np.empty(4), np.empty(4)
    for j in range(feet.shape[1]):
        total = 0.0
        for p in range(3):
            x = min(max((feet[0, j] + spread * xi[p] - origin) * inverse_spacing, 0.0), n - 1.0)
            i = min(int(x), n - 2)
            _cubic(x - i, a)
            for q in range(3):
                y = min(max((feet[1, j] + spread * xi[q] - origin) * inverse_spacing, 0.0), n - 1.0)
                k = min(int(y), n - 2)
                _cubic(y - k, b)
                value = 0.0
                for r in range(4):
                    row = min(max(i + r - 1, 0), n - 1)
                    for s in range(4):
                        value += a[r] * b[s] * u[row, min(max(k + s - 1, 0), n - 1)]
                total += weight[p] * weight[q] * value
        out[j] = total


def step(u, feet, spread, grid, out):
    """Fill and return out (size,) from u (n, n)."""
    nine_point_step(u, feet, spread, grid.lower[0], 1 / grid.spacing[0], _XI, _W, out)
    return out
