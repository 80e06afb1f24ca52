"""SciPy: Crank–Nicolson with one sparse LU factorisation a layer, on the matrix of ocnet's very rates."""

import numpy as np
from scipy.sparse import diags, identity, kron
from scipy.sparse.linalg import splu

__all__ = ["crank_nicolson"]


def _derivatives(axis):
    """∂ and ∂² on a uniform axis as sparse (n, n), mirrored at the ends."""
    n, h = axis.size, axis[1] - axis[0]
    first = diags([-np.ones(n - 1), np.ones(n - 1)], [-1, 1], format="lil") / (2 * h)
    second = diags([np.ones(n - 1), -2 * np.ones(n), np.ones(n - 1)], [-1, 0, 1], format="lil") / h**2
    first[0, 1] = first[-1, -2] = 0.0
    second[0, 1] = second[-1, -2] = 2 / h**2
    return first.tocsc(), second.tocsc()


def crank_nicolson(axis, drift_of, terminal, rate, layers, layer_time, steps):
    """u(0, ·) (n, n), `steps` a layer, from the terminal values (n, n).  drift_of : callable layer -> (2, n²)."""
    n = axis.size
    first, second = _derivatives(axis)
    one = identity(n, format="csc")
    slopes = kron(first, one, format="csc"), kron(one, first, format="csc")
    bend = 0.5 * rate * (kron(second, one, format="csc") + kron(one, second, format="csc"))
    half = 0.5 * layer_time / steps
    u, whole = terminal.ravel(), identity(n * n, format="csc")
    for layer in reversed(range(layers)):
        generator = bend + sum(diags(f) @ slope for f, slope in zip(drift_of(layer), slopes))
        factors = splu((whole - half * generator).tocsc())
        explicit = (whole + half * generator).tocsr()
        for _ in range(steps):
            u = factors.solve(explicit @ u)
    return u.reshape(n, n)
