"""The ODE behind a network without noise: x' = φ(x, s), φ(·, t_n) = f(·, θ_n), and what φ is between the layers (MATH 3.1).

On layer n, at s = t_n + r dt with 0 ≤ r ≤ 1, an *interpolation* makes φ of the numbers θ_n and θ_{n+1} (θ_{N−1} twice on the last layer, where
φ does not change; so φ is continuous in s, and smooth between the breaks t_n):

    FunctionAffine   φ = (1 − r) f(·, θ_n) + r f(·, θ_{n+1})     however rough θ is in depth, the network is within O(dt): the jumps telescope
    WeightAffine     φ = f(·, (1 − r) θ_n + r θ_{n+1})           within O(dt) where θ_{n+1} − θ_n = O(dt); another ODE where θ is rough
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from ocnet.blas import one_thread
from ocnet.inputs import as_array, as_number, as_object, counted
from ocnet.typing import Array

from .blocks import Features
from .network import checked_network

__all__ = ["FunctionAffine", "NeuralODE", "WeightAffine"]

_MOST_EVALUATIONS = 20_000           # of a branch in one layer: a smooth one takes some hundreds, one of Lipschitz constant L some 2 L dt


class _Interpolation:
    """φ between two layers' numbers (p,): subclasses give it and its transpose, in f and its transpose."""

    def slope(self, bounds, radius, dt):
        """What |∂_s φ| cannot exceed on a layer, |x| ≤ radius, given the `BlockBounds` between its two numbers.

        It serves both members: f(·, θ_{n+1}) − f(·, θ_n) is the mean of ∂_θ f [θ_{n+1} − θ_n] over the segment.
        """
        return (bounds.jump + bounds.jump_growth * radius) / dt


@dataclass(frozen=True)
class FunctionAffine(_Interpolation):
    """φ = (1 − r) f(·, θ_n) + r f(·, θ_{n+1})."""

    telescopes = True                # ∫ φ ds over the layers is the trapezoidal rule for fixed x, off the network's sum by its ends alone

    def velocity(self, f: Callable[[Array, Any], Array], first: Any, second: Any, r: float, x: Array) -> Array:
        """φ (d, points) for f(x, numbers)."""
        return (1 - r) * f(x, first) + r * f(x, second)

    def transposed(self, f_vjp: Any, first: Any, second: Any, r: float, x: Array, cotangent: Array) -> tuple[Array, Array, Array]:
        """The cotangents of x (d, points) and of the two numbers (p,) for one of φ, for f_vjp(x, numbers, cotangent)."""
        (back, one), (more, other) = f_vjp(x, first, (1 - r) * cotangent), f_vjp(x, second, r * cotangent)
        return back + more, one, other


@dataclass(frozen=True)
class WeightAffine(_Interpolation):
    """φ = f(·, (1 − r) θ_n + r θ_{n+1})."""

    telescopes = False

    def velocity(self, f: Callable[[Array, Any], Array], first: Any, second: Any, r: float, x: Array) -> Array:
        """φ (d, points) for f(x, numbers)."""
        return f(x, (1 - r) * first + r * second)

    def transposed(self, f_vjp: Any, first: Any, second: Any, r: float, x: Array, cotangent: Array) -> tuple[Array, Array, Array]:
        """The cotangents of x (d, points) and of the two numbers (p,) for one of φ, for f_vjp(x, numbers, cotangent)."""
        back, gradient = f_vjp(x, (1 - r) * first + r * second, cotangent)
        return back, (1 - r) * gradient, r * gradient


class NeuralODE:
    """x' = φ(x, s) of a network at θ, solved layer by layer by an adaptive method of order 8 (Dormand and Prince, `scipy`'s DOP853).

    Raises ValueError for a network with noise: its ODE is that of the same network without; and for another architecture than ResNet.
    """

    def __init__(self, network: Any, theta: Array, interpolation: Any = FunctionAffine()) -> None:
        checked_network(network)
        as_object(interpolation, "interpolation", ("velocity", "transposed"), "an interpolation", "give FunctionAffine() or WeightAffine()")
        if any(network.noise.at(n, network.layers, network.dt).law(network.block, network.dim).channels for n in range(network.layers)):
            raise ValueError(f"noise={network.noise!r}: the ODE is that of a network without noise; "
                             "use dataclasses.replace(network, noise=Noiseless())")
        if not network.architecture.plain:
            raise ValueError(f"architecture={network.architecture!r}: the ODE is that of ResNet(), whose layers are numbers of one branch each; use "
                             "dataclasses.replace(network, architecture=ResNet())")
        self.network, self.interpolation = network, interpolation
        self.numbers = network.control.depth(network.control.check(theta)).copy()

    def pair(self, n: int) -> Any:
        """θ_n and θ_{n+1} (p,); the last layer's twice on the last layer."""
        return self.numbers[n], self.numbers[min(n + 1, len(self.numbers) - 1)]

    def _branch(self, x, numbers):
        return self.network.block.features(x, self.network.control.named(numbers)).output

    def _branch_vjp(self, x, numbers, cotangent):
        return self.network.block.vector_jacobian(x, self.network.control.named(numbers), Features(cotangent))

    def _share(self, n, s):
        return s / self.network.dt - n

    def velocity(self, n: int, s: float, x: Array) -> Array:
        """φ(x, s) (d, points) at a time of layer n."""
        return self.interpolation.velocity(self._branch, *self.pair(n), self._share(n, s), x)

    def velocity_vjp(self, n: int, s: float, x: Array, cotangent: Array) -> Any:
        """The cotangents of x (d, points), of θ_n and of θ_{n+1} (p,) for one of φ(x, s)."""
        return self.interpolation.transposed(self._branch_vjp, *self.pair(n), self._share(n, s), x, cotangent)

    def states(self, x: Array, tolerance: float) -> Any:
        """x(t_n) (N + 1, d, points) from x (d, points), all points as one system; local errors of `tolerance`, relative and absolute."""
        x, tolerance = as_array(x, "x", (self.network.dim, None)), as_number(tolerance, "tolerance", above=0, remedy="give an error > 0, such as 1e-8")
        states = [x]
        for n in range(self.network.layers):
            def field(s, y, n=n):
                return self.velocity(n, s, y.reshape(x.shape)).ravel()

            states.append(self._solved(field, n, n + 1, states[-1].ravel(), tolerance, tolerance).reshape(x.shape))
        return np.stack(states)

    def carried_back(self, n: int, x: Array, cotangent: Array, tolerance: float) -> Any:
        """The cotangents of x(t_n) (d, points), of θ_n and of θ_{n+1} (p,) for one of x(t_{n+1}) = x, by the continuous adjoint.

        a' = −(∂φ/∂x)ᵀ a and ∂θ = ∫ (∂φ/∂θ)ᵀ a ds, solved backwards together with x' = φ.  Errors are held to `tolerance` of the size of each.
        """
        size, p = x.size, self.numbers.shape[1]

        def field(s, y):
            at, a = y[:size].reshape(x.shape), y[size:2 * size].reshape(x.shape)
            back, first, second = self.velocity_vjp(n, s, at, a)
            return np.concatenate([self.velocity(n, s, at).ravel(), -back.ravel(), -first, -second])

        # the solver's norm is a mean over all entries, so those of θ, which are few, count for as much as all others
        scale, few = np.abs(cotangent), np.sqrt(2 * p / (2 * size + 2 * p))
        absolute = tolerance * np.repeat([1.0, scale.max(), few * scale.sum()], [size, size, 2 * p])
        start = np.concatenate([x.ravel(), cotangent.ravel(), np.zeros(2 * p)])
        end = self._solved(field, n + 1, n, start, tolerance, np.maximum(absolute, np.finfo(float).tiny))
        return end[size:2 * size].reshape(x.shape), end[2 * size:2 * size + p], end[2 * size + p:]

    def _solved(self, field, begin, end, y, relative, absolute):
        """y(t_end) from y = y(t_begin), by layers."""
        told = (f"theta: the ODE of layer {min(begin, end)} takes more than {_MOST_EVALUATIONS} evaluations of the branch; its weights are too large for an "
                "explicit method, or the tolerance is too small")
        with one_thread():
            found = solve_ivp(counted(field, _MOST_EVALUATIONS, told), (begin * self.network.dt, end * self.network.dt), y, "DOP853", rtol=relative,
                              atol=absolute)
        if not found.success or not np.isfinite(found.y[:, -1]).all():
            raise ValueError(f"theta: the ODE of layer {min(begin, end)} cannot be solved ({found.message}); its weights are too large, or "
                             "not finite")
        return found.y[:, -1]
