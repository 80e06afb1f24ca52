"""Proximal gradient steps for J = smooth part + a penalty with corners.  Beck & Teboulle (2009), FISTA."""

from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

import numpy as np

from ocnet.typing import Array

from .evaluation import evaluated
from .rated import Rated
from .state import State

__all__ = ["ProximalGradient", "ProximalState", "split"]


def split(objective: Any) -> Any:
    """Return (the smooth part of an objective, its penalty with a proximal map or None).

    The penalties are read from `objective.setting.penalties`: one with `prox(layers, tail, horizon, step)` is taken out, and the
    objective rebuilt without it (objective and setting are dataclasses).  An objective without `setting` is smooth.
    Raises ValueError where several penalties have a proximal map: the map of a sum is not known from those of its terms.
    """
    setting: Any = getattr(objective, "setting", None)
    penalties = () if setting is None else setting.penalties
    corners = [term for term in penalties if hasattr(term, "prox")]
    if len(corners) > 1:
        raise ValueError(f"penalties={penalties}: {len(corners)} of them have a proximal map; give one, with the sum of the weights")
    if not corners:
        return objective, None
    smooth = replace(setting, penalties=tuple(term for term in penalties if term is not corners[0]))
    return replace(objective, setting=smooth), corners[0]


@dataclass(frozen=True, eq=False, kw_only=True)
class ProximalState(State):
    """With ahead (P,), the point of extrapolation where the gradient is taken, and momentum ≥ 1, the paper's t_k."""

    ahead: np.ndarray
    momentum: float = 1.0


@dataclass(frozen=True)
class ProximalGradient(Rated):
    """θ⁺ = prox_{s R}(y − s ∇(J − R)(y)),  y⁺ = θ⁺ + (t − 1)/t⁺ (θ⁺ − θ),  t⁺ = ½(1 + √(1 + 4t²)).

    R is the objective's one penalty with a `prox` (see `split`); components that R pulls to zero are exactly zero.  s is the rate, at
    most 1/L for gradients of Lipschitz constant L; t starts anew where the step turns against the extrapolation (O'Donoghue & Candès,
    2015).  With the box, θ⁺ is clipped after the prox, which is exact for a separable R such as L1.
    The result's `jac` is of J with R, by its subgradient that is 0 at zeros; in the state, `value` is of J and `gradient` of J − R, at y.

    accelerated : False keeps t = 1: plain proximal gradient, for drawn objectives, whose noise the extrapolation would add up
    """

    final: float = 1.0
    accelerated: bool = True

    @classmethod
    def example(cls) -> "ProximalGradient":
        return cls(iterations=600, rate=0.05)

    def start(self, theta: Array) -> State:
        return ProximalState.at(theta, ahead=theta.copy())

    def advance(self, objective: Any, state: Any) -> State:
        smooth, corner = split(objective.draw(state.iteration))
        value, gradient = evaluated(smooth, state.ahead)
        step = self.step_size(state.iteration)
        theta = state.ahead - step * self.clipped(gradient)
        if corner is not None:
            value += _penalty(smooth.setting.network, corner, state.ahead)
            theta = _proximal(smooth.setting.network, corner, theta, step)
        return self._extrapolated(state, self.project(theta)).but(value=value, gradient=gradient, evaluations=state.evaluations + 1)

    def _extrapolated(self, state, theta):
        """The state at its new point θ (P,), with the next y and t."""
        if not self.accelerated:
            return state.but(theta=theta, ahead=theta)
        moved = theta - state.theta
        t = 1.0 if ((state.ahead - theta) * moved).sum() > 0 else state.momentum
        following = 0.5 * (1 + sqrt(1 + 4 * t * t))
        return state.but(theta=theta, ahead=self.project(theta + (t - 1) / following * moved), momentum=following)


def _penalty(network, term, theta):
    return term.value(network.control.depth(theta), network.control.rest(theta), network.horizon)


def _proximal(network, term, theta, step):
    """The proximal map of step · R at θ (P,)."""
    control = network.control
    return np.concatenate([part.ravel() for part in term.prox(control.depth(theta), control.rest(theta), network.horizon, step)])
