"""A small objective with a known minimum, which can be told to break at a given evaluation."""

from copy import copy
from functools import cached_property

import numpy as np

CENTRE = np.array([1.0, -2.0, 0.5, 3.0])
START = np.zeros(4)


class Killed(BaseException):
    """Stands for kill -9: nobody catches it, nobody cleans up."""


class Valley:
    """J = Σ ½ w_i (θ_i − c_i)² + 0.05 (θ_i − c_i)⁴ + noise · θ;  minimum 0 at CENTRE without noise.

    event : called with the number of the evaluation (from 1) before it is made; may raise, or return a value for J
    """

    weights = np.array([1.0, 3.0, 10.0, 0.5])
    values = 0                           # of J, known to whoever asked, of all valleys

    def __init__(self, spread=0.0, event=None, name="valley"):
        self.spread, self.event, self.name = spread, event, name
        self.noise, self.count = np.zeros(4), [0]

    def value(self, theta):
        r = theta - CENTRE
        value = float((0.5 * self.weights * r**2 + 0.05 * r**4).sum() + (self.noise * theta).sum())
        Valley.values += 1
        return value

    def value_and_gradient(self, theta):
        self.count[0] += 1
        told = self.event(self.count[0]) if self.event else None
        r = theta - CENTRE
        gradient = self.weights * r + 0.2 * r**3 + self.noise
        return (self.value(theta) if told is None else told), gradient

    def draw(self, iteration):
        drawn = Valley(self.spread, self.event, self.name)
        drawn.noise = self.spread * np.random.default_rng([7, iteration]).normal(size=4)
        drawn.count = self.count
        return drawn

    def fingerprint(self):
        return self.name

    def hamiltonian(self, theta):
        return ValleyHamiltonian(self, theta)


class ValleyHamiltonian:
    """The components of a valley, which do not couple, as parts: H_n is J with another component n.  Its gradient is one evaluation."""

    layers = 3                           # and the last component as the tail

    def __init__(self, valley, theta):
        self.theta, self._valley, self._quiet = theta.copy(), valley, copy(valley)
        self._quiet.event, self._quiet.count = None, [0]

    @property
    def total(self):
        return self._quiet.value_and_gradient(self.theta)[0]

    @cached_property
    def gradient(self):
        value, gradient = self._valley.value_and_gradient(self.theta)
        return gradient if np.isfinite(value) else np.full_like(gradient, value)

    def part(self, n):
        return slice(n, n + 1)

    def share(self, n):
        return 1.0

    def value_and_gradient(self, n, numbers):
        theta = self.theta.copy()
        theta[n] = numbers[0]
        value, gradient = self._quiet.value_and_gradient(theta)
        return value, gradient[n:n + 1]


def raising(error, at):
    """An event that raises `error` at evaluation `at`."""
    def event(count):
        if count == at:
            raise error
    return event


def bits(result):
    """All of a result that must not depend on when it was computed."""
    return (result.x.tobytes(), result.fun, result.jac.tobytes(), result.last.tobytes(), result.nit, result.nfev, result.success, result.message,
            result.history["iteration"].tobytes(), result.history["value"].tobytes())
