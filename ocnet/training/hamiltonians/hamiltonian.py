"""What the Hamiltonians of all views share: parts of θ, penalties, and a network of one layer."""

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from ocnet.inputs import as_array, as_whole
from ocnet.training.finite import finite, finite_pair
from ocnet.typing import Array

__all__ = ["Hamiltonian"]


class Hamiltonian:
    """States and costates of a control θ (P,), and J as each part of θ sees it while they are held.

    Parts are numbered 0 … N − 1 (the layers, p numbers each) and N (the tail, r numbers).  A subclass gives `_data`, the data term, and

    _layer(n, numbers, gradient) : the change of the data term, to first order in states, when layer n has these numbers, and its
                                   derivative (p,); None in its place where `gradient` is False
    _tail(rest, gradient)        : the same for the tail
    _data_gradient               : (P,), from the sweep that makes the costates; made when first asked for
    """

    _data: float
    _data_gradient: Any

    def __init__(self, setting: Any, theta: Array) -> None:
        self.setting, self.network, self.control = setting, setting.network, setting.network.control
        if self.network.architecture.copies * self.network.architecture.span > 1:
            raise ValueError(f"architecture={self.network.architecture!r} has no Hamiltonian of one layer: its steps carry two states, or read the "
                             "numbers of two layers; train by the gradient, such as with LBFGS or Adam")
        self.theta = self.control.check(theta).copy()
        self._penalty, self._penalty_gradient = setting.penalty(self.theta)

    @property
    def layers(self) -> int:
        """N; there are N + 1 parts."""
        return self.control.layers

    @property
    def total(self) -> float:
        """J(θ): no costate is needed for it."""
        return finite(self._data + self._penalty)

    @cached_property
    def gradient(self) -> Array:
        """(P,) derivative of J: that of H_n in part n, at θ."""
        return finite_pair(self.total, self._data_gradient + self._penalty_gradient)[1]

    def part(self, n: int) -> slice:
        """The slice of θ that is part n."""
        size = self.control.layer_size
        n = self._number(n)
        return slice(n * size, (n + 1) * size if n < self.layers else self.control.size)

    def _number(self, n):
        return as_whole(n, "n", 0, f"a layer 0 … {self.layers - 1}, or {self.layers} for the tail", self.layers)

    def share(self, n: int) -> float:
        """The weight of part n in integrals over depth: dt for a layer, 1 for the tail."""
        return self.network.dt if n < self.layers else 1.0

    def value(self, n: int, numbers: Array) -> float:
        """H_n, a float, where part n has these numbers and all others those of θ."""
        return finite(self._evaluated(n, numbers, gradient=False)[0])

    def value_and_gradient(self, n: int, numbers: Array) -> tuple[float, Array]:
        """H_n and its derivative in the numbers of part n, (p,) or (r,)."""
        return finite_pair(*self._evaluated(n, numbers, gradient=True))

    def _evaluated(self, n, numbers, gradient):
        n = self._number(n)
        part = self.part(n)
        moved = self.theta.copy()
        moved[part] = as_array(numbers, "numbers", moved[part].shape)
        change, slope = self._tail(moved[part], gradient) if n == self.layers else self._layer(n, moved[part], gradient)
        penalty, penalty_slope = self.setting.penalty(moved)
        return self.total + change + (penalty - self._penalty), (slope + penalty_slope[part] if gradient else None)

    @cached_property
    def _single(self):
        """Networks of one layer each, with the law of that layer and its step dt."""
        network = self.network
        return [replace(network, noise=network.noise.at(n, network.layers, network.dt), layers=1, horizon=network.dt)
                for n in range(network.layers)]

    def _one_layer(self, n, numbers):
        """(network, θ) of layer n alone with these numbers."""
        return self._single[n], np.concatenate([numbers, self.control.rest(self.theta)])

    def __repr__(self) -> str:
        return f"{type(self).__name__}(J={self.total:.6g}, {self.layers} layers of {self.control.layer_size} numbers)"
