"""The one sweep of both bounded grid views: values backward through a sequence of transitions, masses forward.

    values:  u ← E[u(X⁺)]            masses:  p ← the transposed step

⟨masses, values⟩ is the same at every step, masses keep their sum, and the derivative in the feet of a transition is at
hand as masses pass: the discrete Fokker–Planck equation is the adjoint.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ocnet.expectation import expectation, expectation_transposed
from ocnet.typing import Array

__all__ = ["Sweep"]


@dataclass(frozen=True)
class Sweep:
    """Transitions layer by layer on a uniform grid, or on one for each layer (`MovingGrid`).

    transitions : n -> list of `Transition`s from the nodes in the order of time; those of one layer share their feet
    pullback    : (n, feet_cotangent (branches, d, size)) -> (p,) cotangent of θ_n; only for gradients
    assemble    : [cotangents of the steps, …] -> (N, p), where a step reads the numbers of more than one layer
    limited     : whether interpolation keeps to the range of neighbouring nodes (False only to study the limiter)
    """

    grid: Any
    layers: int
    transitions: Callable[[int], Any]
    pullback: Any = None
    limited: bool = True
    assemble: Any = np.stack
    _kept: dict = field(default_factory=dict, repr=False)

    def _layer(self, n):
        if n not in self._kept:
            self._kept[n] = self.transitions(n)
        return self._kept[n]

    def _targets(self, n, transitions):
        """On which grid each of a layer's transitions ends, the last one first: the next layer's, and this layer's for those before it."""
        return [self.grid.at(n + 1), *[self.grid.at(n)] * (len(transitions) - 1)]

    def values(self, terminal: Array) -> Iterator[Array]:
        """Yield the values (q, size) of the layers N, N − 1, … 0; nothing is kept."""
        u = np.atleast_2d(np.asarray(terminal, dtype=np.float64))
        yield u
        for n in reversed(range(self.layers)):
            transitions = self.transitions(n)
            for grid, transition in zip(self._targets(n, transitions), reversed(transitions)):
                u, _ = expectation(grid, transition, u, self.limited)
            yield u

    def backward(self, terminal: Array) -> Any:
        """Values (q, size) at all layers, first layer first, and the splines of each layer that `forward` needs."""
        values, splines = [np.atleast_2d(np.asarray(terminal, dtype=np.float64))], []
        for n in reversed(range(self.layers)):
            u, kept = values[-1], []
            transitions = self._layer(n)
            for grid, transition in zip(self._targets(n, transitions), reversed(transitions)):
                u, spline = expectation(grid, transition, u, self.limited)
                kept.append(spline)
            values.append(u)
            splines.append(kept[::-1])
        return values[::-1], splines[::-1]

    def forward(self, masses: Array, splines: Any, collect: Any = None) -> Any:
        """Masses (q, size) at all layers from those at layer 0, by the transposed steps at the values of `splines`.

        collect : called as collect(n, feet_cotangent), the derivative of ⟨masses, values⟩ in the feet of layer n
        """
        history = [masses]
        for n in range(self.layers):
            total, transitions = 0.0, self._layer(n)
            for grid, transition, spline in zip(reversed(self._targets(n, transitions)), transitions, splines[n]):
                masses, feet_cotangent = expectation_transposed(grid, transition, spline, masses)
                if feet_cotangent is not None:
                    total = total + feet_cotangent
            history.append(masses)
            if collect is not None:
                collect(n, total)
        return history

    def value_and_gradient(self, terminal: Array, functional: Callable[[Array], tuple[float, Array]]) -> tuple[float, Array, Array]:
        """J = functional(u_0) with its derivatives.

        functional : values (q, size) -> (J, cotangent (q, size))
        Returns J, its gradient in the layers' parameters (layers, p), and in the terminal values (q, size).
        """
        values, splines = self.backward(terminal)
        total, masses = functional(values[0])
        gradient = [None] * self.layers

        def collect(n, feet_cotangent):
            gradient[n] = self.pullback(n, feet_cotangent)

        history = self.forward(masses, splines, collect)
        return total, self.assemble(gradient), history[-1]
