"""The objective of the neural ODE behind a network: solved adaptively, its gradient by the continuous adjoint.

    J(θ) = Σ_i w_i l(h(x_i(T)), y_i),   x' = φ(x, s),   a' = −(∂φ/∂x)ᵀ a,   ∂J/∂θ_n = ∫ (∂φ/∂θ_n)ᵀ a ds over the layers that θ_n is part of

For comparison with training the layers themselves (MATH 3.1, 3.3): optimise, then discretise.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.inputs import as_number
from ocnet.networks.neural_ode import FunctionAffine, NeuralODE
from ocnet.training.finite import finite, finite_pair
from ocnet.typing import Array

from .labelled import Setting, checked_setting

__all__ = ["NeuralODEObjective"]


@dataclass(frozen=True)
class NeuralODEObjective:
    """J(θ) by an adaptive method of order 8, all data as one system; θ is that of the setting's network, which must have no noise.

    interpolation : what φ is between the layers (`networks.neural_ode`)
    tolerance : of each step, relative and absolute.  The gradient is that of the exact solution to some multiple of it, and not the
                derivative of the computed J
    Forward states are kept at the layers only and set the adjoint's right there; between them they are solved again backwards.
    Raises ValueError for a tolerance outside [1e-13, 1e-2], for a network with noise, and where the ODE is too stiff to be solved.
    """

    setting: Setting
    interpolation: Any = FunctionAffine()
    tolerance: float = 1e-8

    def __post_init__(self) -> None:
        checked_setting(self.setting)
        object.__setattr__(self, "tolerance", as_number(self.tolerance, "tolerance", at_least=1e-13, at_most=1e-2,
                                                        remedy="give a number from 1e-13 (rounding) to 1e-2"))

    def _solved(self, theta):
        """The ODE, its states (N + 1, d, points) at the layers, the scores at the end and the criterion's values of them."""
        setting = self.setting
        ode = NeuralODE(setting.network, theta, self.interpolation)
        states = ode.states(np.ascontiguousarray(setting.data.points.T), self.tolerance)
        scores = setting.network.score(states[-1], theta)
        return ode, states, scores, setting.criterion.terminal(scores)

    def value(self, theta: Array) -> float:
        """J(θ)."""
        theta, data = self.setting.network.control.check(theta), self.setting.data
        values = self._solved(theta)[-1]
        return finite(self.setting.criterion.total(values, data.labels, data.weights)[0] + self.setting.penalty(theta)[0])

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """J(θ) and its derivative (P,), both to the tolerance."""
        setting, data = self.setting, self.setting.data
        network, criterion = setting.network, setting.criterion
        theta = network.control.check(theta)
        ode, states, scores, values = self._solved(theta)
        total, cotangent = criterion.total(values, data.labels, data.weights)
        back, rest = network.score_transposed(states[-1], theta, criterion.terminal_transposed(scores, cotangent))
        penalty, gradient = setting.penalty(theta)
        depth = network.control.depth(gradient)
        network.control.rest(gradient)[:] += rest
        for n in reversed(range(network.layers)):
            back, first, second = ode.carried_back(n, states[n + 1], back, self.tolerance)
            depth[n] += first
            depth[min(n + 1, network.layers - 1)] += second
        return finite_pair(total + penalty, gradient)

    def draw(self, iteration: int) -> "NeuralODEObjective":
        """Itself: nothing is random here."""
        return self

    def fingerprint(self) -> str:
        return self.setting.fingerprint("neural ODE", self.interpolation, self.tolerance)
