"""The Hamiltonian on a grid: masses of the Fokker–Planck equation before the layer, values of the backward equation after it."""

from functools import cached_property
from typing import Any

import numpy as np

from ocnet.typing import Array

from .hamiltonian import Hamiltonian

__all__ = ["GridHamiltonian"]


class GridHamiltonian(Hamiltonian):
    """H_n(ϑ) = J(θ) + ⟨P^n, B(ϑ) U^{n+1} − U^n⟩ + penalties, for the chain and for the Itô limit alike.

    B(ϑ) is one layer of the view's own sweep, limiter included, so H_n is exact at held U^{n+1}; P^n is the transposed sweep at the
    values of θ.  For EL without limiter H_n(ϑ) is J itself with only layer n changed; LE is linearised in u_0, and so is the limiter in U.
    Cost  1/N of a sweep and its transpose for each `value_and_gradient`; memory 2 N fields, and the splines of one sweep.
    """

    def __init__(self, setting: Any, grid: Any, view: Any, functional: Any, theta: Array) -> None:
        """functional : values (q, size) at time 0 -> (data term, its cotangent (q, size)).  Costs one sweep; masses come when needed."""
        super().__init__(setting, theta)
        self.grid, self.view = grid, view
        self._scores = self.network.score(grid.at(-1).nodes, self.theta)
        self._terminal = setting.criterion.terminal(self._scores)
        self._sweep = view.sweep(self.network, self.theta, grid)
        self._values, self._splines = self._sweep.backward(self._terminal)
        self._data, self._first = functional(self._values[0])

    @cached_property
    def _masses_and_depth(self):
        gradient = np.empty((self.layers, self.control.layer_size))

        def collect(n, feet_cotangent):
            gradient[n] = self._sweep.pullback(n, feet_cotangent)

        masses = self._sweep.forward(self._first, self._splines, collect)
        self._sweep = self._splines = None                 # of no use any more, and the largest part of the memory
        return masses, gradient

    @cached_property
    def _data_gradient(self):
        masses, depth = self._masses_and_depth
        rest = self.network.score_transposed(
            self.grid.at(-1).nodes, self.theta, self.setting.criterion.terminal_transposed(self._scores, masses[-1]))[1]
        return np.concatenate([depth.ravel(), rest])

    def _layer(self, n, numbers, gradient):
        masses, before = self._masses_and_depth[0][n], self._values[n]
        network, theta = self._one_layer(n, numbers)
        sweep = self.view.sweep(network, theta, self.grid.step(n))

        def change(values):
            return float((masses * (values - before)).sum()), masses

        if gradient:
            value, slope, _ = sweep.value_and_gradient(self._values[n + 1], change)
            return value, slope[0]
        *_, values = sweep.values(self._values[n + 1])
        return change(values)[0], None

    def _tail(self, rest, gradient):
        masses, criterion = self._masses_and_depth[0][-1], self.setting.criterion
        theta = np.concatenate([self.control.depth(self.theta).ravel(), rest])
        scores = self.network.score(self.grid.at(-1).nodes, theta)
        value = float((masses * (criterion.terminal(scores) - self._terminal)).sum())
        if not gradient:
            return value, None
        return value, self.network.score_transposed(self.grid.at(-1).nodes, theta, criterion.terminal_transposed(scores, masses))[1]
