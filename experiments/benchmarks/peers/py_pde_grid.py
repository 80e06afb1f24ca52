"""py-pde: explicit steps of u_τ = f·∇u + ½ a Δu, τ = T − t, on its cell-centred grid with mirror sides.

Its operators are compiled once; the drift enters as arrays, because its Numba back end would compile every layer anew.
"""

import numpy as np
import pde

__all__ = ["solve", "stable_steps"]


class _Transport(pde.PDEBase):
    """One layer's equation."""

    def __init__(self, drift, rate):
        super().__init__()
        self.drift, self.rate = drift, rate

    def evolution_rate(self, state, t=0):
        slope = state.gradient(_MIRROR)
        return pde.ScalarField(state.grid, np.einsum("ixy,ixy->xy", self.drift, slope.data)
                               + 0.5 * self.rate * state.laplace(_MIRROR).data)


_MIRROR = {"derivative": 0}


def stable_steps(cells, width, rate, layer_time):
    """Fewest explicit Euler steps a layer that the second derivatives allow: a dt (1/h² + 1/h²) ≤ 1."""
    return int(np.ceil(2 * rate * layer_time / (width / cells) ** 2))


def solve(cells, half_width, drift_of, terminal, rate, layers, layer_time, steps, solver):
    """(axes, u(0, ·)) on cells², `steps` a layer; solver "euler" or "runge-kutta".

    drift_of : callable (layer, points (n, 2)) -> (n, 2);  terminal : callable (n, 2) -> (n,)
    """
    grid = pde.CartesianGrid([[-half_width, half_width]] * 2, cells)
    points = grid.cell_coords.reshape(-1, 2)
    state = pde.ScalarField(grid, terminal(points).reshape(cells, cells))
    for layer in reversed(range(layers)):
        drift = np.ascontiguousarray(drift_of(layer, points).T).reshape(2, cells, cells)
        state = _Transport(drift, rate).solve(state, layer_time, dt=layer_time / steps, tracker=None, solver=solver,
                                              backend="numpy")
    return grid.axes_coords, state.data
