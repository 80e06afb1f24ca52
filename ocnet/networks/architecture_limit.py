"""The Itô equation behind the layers of an architecture: what its formula is at leading order (derived for this project).

To leading order every evaluation is at one part X_j of the state, and a part moves by X_i⁺ = X_i + Σ_e w_ie F_e(X_j(e), ξ_e).  So the drift is
Σ_e w_ie mean_e, and as evaluations are independent the covariance is Σ_e w_ie² Cov_e: two halves of a noisy branch have half its variance.
Noise inside an argument moves a mean by O(dt) of itself, in either scaling, which is beyond weak order 1.
"""

from typing import Any

import numpy as np

from ocnet.process import Diffusion
from ocnet.typing import Array, TensorGrid

from .architectures.program import Combination
from .architectures.weight import value_of
from .blocks import BlockAt

__all__ = ["ArchitectureDiffusion"]

_ROUNDING = 1e-12


def _leading(program):
    """[(evaluation, part j that it is at, part i that it moves, weight), …], or ValueError where the formula is not of that form."""
    found = {k: {k: 1.0} for k in range(program.parts)}              # variable -> what it weighs in parts; F itself is of higher order
    for instruction in program.instructions:
        total = {}
        for variable, weight in instruction.terms if isinstance(instruction, Combination) else ():
            for part, w in found[variable].items():
                total[part] = total.get(part, 0.0) + value_of(weight) * w
        found[instruction.out] = {part: w for part, w in total.items() if abs(w) > _ROUNDING}
    moves = []
    for e in program.evaluations:
        at = found[e.argument]
        if len(at) != 1 or abs(next(iter(at.values())) - 1) > _ROUNDING:
            raise ValueError("a branch is evaluated away from the state, so that the layers have no equation in it; use network.layered(theta), or "
                             "form='picard' of a PolyNet")
        moves += [(e, next(iter(at)), part, weight) for part, weight in enumerate(program.weights_of(e.out)) if weight]
    return moves


class ArchitectureDiffusion(Diffusion):
    """dX = drift dt + G dB, with the coefficients of layer n on [t_n, t_{n+1}); G has the channels of each branch at each part it moves."""

    steady_between_breaks = True

    def __init__(self, network: Any, theta: Array) -> None:
        architecture = network.architecture
        if architecture.copies > 1 or architecture.span > 1:
            why = ("a state is the pair (X_n, X_{n−1})" if architecture.copies > 1 else "its steps read two layers and end before the horizon")
            raise ValueError(f"architecture={architecture!r} has no equation here whose coefficients are those of one layer: {why}; use network.layered(theta)")
        self.network, self.theta, self.models = network, theta, [network.noise.at(n, network.layers, network.dt) for n in range(network.layers)]
        self._moves = _merged(_leading(architecture.program()))
        self._views = [architecture.branch_views(network.block, network.control.layer(theta, n)) for n in range(network.layers)]
        super().__init__(self._drift, self._constant_or_callable_factor(), network.dim, breaks=network.times[1:-1])

    def _constant_or_callable_factor(self):
        size, halves = self.network.noise.additive, self.network.architecture.halves
        if size is None:
            return self._factor
        squares = np.zeros(halves)
        for _, _, part, _, square in self._moves:
            squares[part] += square
        return self.network.noise.diffusive_scale(self.network.dt) * size * np.diag(np.repeat(np.sqrt(squares), self.network.dim // halves))

    def layer_at(self, t: float) -> int:
        """The layer whose coefficients hold at time t (the later one at a layer time; rounding errors forgiven)."""
        return min(max(int(t / self.network.dt * (1 + 1e-12)), 0), self.network.layers - 1)

    def _rows(self, part):
        each = self.dim // self.network.architecture.halves
        return slice(part * each, (part + 1) * each)

    def _at(self, t, x):
        """[(block at its part of x (d, n), rows that it moves, weight of its mean, weight of its noise, branch), …] and the noise model at time t."""
        n = self.layer_at(t)
        model = self.models[n]
        return model, [(BlockAt(self.network.block, self._views[n][which], np.ascontiguousarray(x[self._rows(at)]), model.needs),
                        self._rows(at), self._rows(part), weight, np.sqrt(square), which) for which, at, part, weight, square in self._moves]

    def drift_rows(self, t: float, x: Array) -> Array:
        """f at x (d, n): (d, n)."""
        model, moves = self._at(t, x)
        out = np.zeros_like(x)
        for at, _, rows, weight, _, _ in moves:
            out[rows] += weight * model.mean(at)
        return out

    def factor_rows(self, t: float, x: Array) -> Array:
        """G at x (d, n): (d, m, n)."""
        if self.constant_factor is not None:
            return super().factor_rows(t, x)
        model, moves = self._at(t, x)
        columns = []
        for at, _, rows, _, weight, _ in moves:
            g = model.factor(at)
            columns.append(np.zeros((self.dim, g.shape[1], x.shape[1])))
            columns[-1][rows] = weight * model.diffusive_scale(self.network.dt) * g
        return np.concatenate(columns, axis=1)

    def _drift(self, t, x):
        return self.drift_rows(t, np.ascontiguousarray(x.T)).T

    def _factor(self, t, x):
        return np.moveaxis(self.factor_rows(t, np.ascontiguousarray(x.T)), 2, 0)

    def coefficients_vjp(self, t: float, x: Array, drift_cotangent: Array, factor_cotangent: Array | None = None) -> tuple[Array, Array]:
        """The cotangents of x (d, n) and of the layer's θ_n (p,) for cotangents of f (d, n) and of G (d, m, n)."""
        model, moves = self._at(t, x)
        gradients: dict[Any, Any] = {}
        back, column = np.zeros_like(x), 0
        for at, source, rows, weight, root, which in moves:
            of_factor = None
            if model.additive is None and factor_cotangent is not None:
                channels = model.factor(at).shape[1]
                of_factor = root * model.diffusive_scale(self.network.dt) * factor_cotangent[rows, column:column + channels]
                column += channels
            part, gradient = model.coefficients_vjp(at, weight * drift_cotangent[rows], of_factor)
            back[source] += part
            gradients[which] = gradients.get(which, 0.0) + gradient
        return back, self._joined(gradients)

    def coefficients_vjp_on_grid(self, t: float, grid: TensorGrid, drift_cotangent: Array, factor_cotangent: Array | None = None) -> Array:
        """The cotangent of the layer's θ_n (p,) for cotangents of f (d, size) and of G (d, m, size) at the nodes."""
        return self.coefficients_vjp(t, grid.nodes, drift_cotangent, factor_cotangent)[1]

    def _joined(self, gradients):
        """(p,) in the layout of a layer, from the gradients of the branches."""
        architecture = self.network.architecture
        if architecture.branches == 1:
            return gradients[0]
        size = self.network.control.layer_size // architecture.branches
        parts = [gradients.get(which, 0.0) + np.zeros(size) for which in range(architecture.branches)]
        return architecture.blocks(self.network.block).joined(parts, architecture.block_dim(self.dim))


def _merged(moves):
    """[(branch, part it is at, part it moves, Σ w, Σ w²), …]: independent evaluations of one branch at one part are one noise."""
    found = {}
    for e, at, part, weight in moves:
        total, square = found.get((e.which, at, part), (0.0, 0.0))
        found[e.which, at, part] = total + weight, square + weight * weight
    return [(*key, *sums) for key, sums in found.items()]
