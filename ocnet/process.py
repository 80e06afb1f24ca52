"""Processes: a diffusion in continuous time, and a layered process in discrete time.

Public callables take points as (n, d); the solvers inside use rows (d, n), which `*_rows` methods serve.
A process that depends on a parameter (a network) also gives the vector–Jacobian products of its coefficients.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.inputs import answer_of, as_array, as_flag, as_number, as_object, as_plain, as_seed, as_whole
from ocnet.kernels import memory
from ocnet.scouts import explored
from ocnet.typing import Array, ArrayLike, FieldFunction, Law, TensorGrid

__all__ = ["Diffusion", "LayeredProcess", "Transition", "checked_points", "checked_starts"]

_SCOUTS = 20_000                     # paths sent out to find the box
_SEMIDEFINITE = 1e-12                # of the largest entry: how far below 0 rounding may bring an eigenvalue
_LEAST_LEAK = 1e-300                 # that scouts may be asked for
_MARGIN = 0.15                       # of the box found by scouts, added on each side
_RELATIVE_WIDTH = 1e-9               # of a box over its distance from 0, below which nodes would not be told apart


def checked_starts(points: ArrayLike, dim: int) -> Array:
    """`checked_points` named x0, of which there must be one at least."""
    x = checked_points(points, dim, "x0")
    if not len(x):
        raise ValueError(f"x0 has shape {np.shape(points)}: no start point; give at least one row")
    return x


def _scouted(points: ArrayLike, dim: int, leak: float, seed: int) -> tuple[Array, float, int]:
    """Start points (d, scouts), leak and seed of scouts that look for a box, checked."""
    x = checked_points(points, dim)
    if not len(x):
        raise ValueError(f"points has shape {np.shape(points)}: no point to start from; give at least one row")
    leak = as_number(leak, "leak", at_least=_LEAST_LEAK, below=1, remedy="it is the mass that may leave the box, such as 1e-6")
    return np.repeat(x.T, -(-_SCOUTS // len(x)), axis=1), leak, as_seed(seed)


def _checked_box(lower: Array, upper: Array) -> tuple[Array, Array]:
    """The box, or FloatingPointError where scouts left the range of numbers."""
    if not (np.isfinite(lower).all() and np.isfinite(upper).all()):
        raise FloatingPointError("paths from the points leave the range of floating-point numbers; scale points, drift, factor or horizon down")
    return lower, upper


def checked_points(points: ArrayLike, dim: int, name: str = "points") -> Array:
    """Return `points` as a finite (n, dim) float64 array, or raise ValueError naming `name` and the row."""
    x = as_array(points, name, finite=False)
    x = x.reshape(-1, 1) if x.ndim <= 1 and dim == 1 else np.atleast_2d(x)
    if x.ndim != 2 or x.shape[1] != dim:
        raise ValueError(f"{name} has shape {np.shape(points)}; expected (n, {dim}): one row per point")
    if not np.isfinite(x).all():
        row = int(np.flatnonzero(~np.isfinite(x).all(axis=1))[0])
        raise ValueError(f"{name}[{row}] = {x[row].tolist()} is not finite")
    return x


def _widened(lower: Array, upper: Array, leak: float) -> tuple[Array, Array]:
    least = np.maximum(_least_width(lower, upper), _RELATIVE_WIDTH * np.maximum(np.abs(lower), np.abs(upper)))
    margin = _MARGIN * np.log10(1 / leak) / 6 * np.maximum(upper - lower, least)
    return lower - margin, upper + margin


def _least_width(lower: Array, upper: Array) -> Array:
    """10⁻³, or what states are themselves where they are smaller than that (but not 0)."""
    size = np.maximum(np.abs(lower), np.abs(upper)).max(axis=-1, keepdims=True)
    return np.where(size > 0, np.minimum(size, 1e-3), 1e-3)


class Diffusion:
    """dX = f(t, X) dt + G(t, X) dB in the sense of Itô.

    drift  : callable (t, x (n, d)) -> (n, d), state units per time
    factor : callable (t, x (n, d)) -> (n, d, m); or a constant (d, m) array (additive noise)
    dim    : d
    breaks : times at which coefficients may jump (a network's layer times); solvers step onto them
    steady_factor : whether the factor is the same at all times, so that grids evaluate it once (a constant one is)
    Raises   ValueError for a drift that is no function, a dim that is no whole number ≥ 1 and a constant factor of another shape; on evaluation, for a
             shape that does not fit or values that are not finite, naming t and the point
    """

    def __init__(self, drift: FieldFunction, factor: FieldFunction | ArrayLike, dim: int, breaks: Iterable[float] = (),
                 steady_factor: bool = False) -> None:
        dim = as_whole(dim, "dim")
        if not callable(drift):
            remedy = f"lambda t, x: {drift} * x" if np.isscalar(drift) else "lambda t, x: x @ matrix.T for a linear one"
            raise ValueError(f"drift={drift!r} is not callable; write {remedy}")
        self.drift, self.dim = drift, dim
        self.factor: Any = factor
        self.breaks = tuple(as_array(list(breaks) if isinstance(breaks, Iterator) else breaks, "breaks", (None,)).tolist())
        self.constant_factor, self.steady_factor = None, as_flag(steady_factor, "steady_factor") or not callable(factor)
        if not callable(factor):
            constant = np.array(as_array(factor, "factor"), order="C")
            if constant.ndim != 2 or constant.shape[0] != self.dim:
                raise ValueError(f"factor has shape {constant.shape}; a constant factor is a finite ({dim}, m) array")
            _checked_rate(constant @ constant.T, "factor")
            self.constant_factor = constant

    def drift_on_grid(self, t: float, grid: TensorGrid) -> Array:
        """f at the nodes of a grid, (d, size); a process that is faster on tensor grids overrides this."""
        return self.drift_rows(t, grid.nodes)

    def drift_rows(self, t: float, x: Array) -> Array:
        """f at the points x (d, n) as (d, n)."""
        value = answer_of(self.drift, "drift", t, x.T)
        return as_plain(self._checked(value, (x.shape[1], self.dim), "drift", t, x).T)

    def factor_rows(self, t: float, x: Array) -> Array:
        """G at the points x (d, n) as (d, m, n); a constant factor is broadcast, not copied.

        Raises ValueError for another shape or values that are not finite, naming t and the point.
        """
        if self.constant_factor is not None:
            return np.broadcast_to(self.constant_factor[:, :, None], self.constant_factor.shape + x.shape[1:])
        value = answer_of(self.factor, "factor", t, x.T)
        if value.ndim != 3:
            raise ValueError(f"factor returned shape {value.shape} at t={t:g}; expected (n, {self.dim}, m)")
        self._checked(value, (x.shape[1], self.dim, value.shape[2]), "factor", t, x)
        return as_plain(np.moveaxis(value, 0, 2))

    @classmethod
    def with_variance_rate(cls, drift: FieldFunction, variance_rate: FieldFunction | ArrayLike, dim: int, breaks: Iterable[float] = (),
                           steady_factor: bool = False) -> "Diffusion":
        """Return the diffusion of drift f and variance rate a = G Gᵀ, G the symmetric square root of a.

        variance_rate : callable (t, x (n, d)) -> (n, d, d), or a constant (d, d) array; symmetric, positive semidefinite
        Raises ValueError, on evaluation, naming the point and the smallest eigenvalue where a is not semidefinite.
        """
        return _GivenRate(drift, variance_rate, dim, breaks, steady_factor)

    def variance_rows(self, t: float, x: Array) -> Array:
        """a = G Gᵀ at the points x (d, n): (d, d, n); a constant rate is broadcast, not copied."""
        if self.constant_factor is not None:
            return np.broadcast_to((self.constant_factor @ self.constant_factor.T)[:, :, None], (self.dim, self.dim, x.shape[1]))
        factor = self.factor_rows(t, x)
        d, m, n = factor.shape
        a = np.zeros((d, d, n))
        for i in range(d):
            for k in range(i, d if m else i):
                a[i, k] = a[k, i] = np.einsum("jn,jn->n", factor[i], factor[k])
            _checked_rate(a[i, i], "factor")                         # |a_ik| ≤ the larger of a_ii and a_kk
        return a

    def extent(self, points: ArrayLike, leak: float = 1e-6, horizon: float = 1.0, steps: int = 64, seed: int = 0,
               within: tuple[ArrayLike, ArrayLike] | None = None) -> tuple[Array, Array]:
        """Box (lower, upper) that holds the paths from `points` over the horizon but for a mass of about `leak`, found by scouts.

        The extremes of at least 20 000 Euler–Maruyama paths are widened by a share of their range that grows with log(1/leak): a
        guess to be checked by widening the box, not a bound.
        points : (n, d);  steps : equal ones in [0, horizon], more where the drift makes these unstable;  seed : of the scouts' noise
        within : (lower, upper) that no path leaves, infinite where there is no side; scouts are stopped there
        Raises FloatingPointError for a drift too stiff for the scouts (its Lipschitz constant times the horizon above 1.6e4), and for paths beyond all numbers.
        """
        x, leak, seed = _scouted(points, self.dim, leak, seed)
        horizon, steps = as_number(horizon, "horizon", above=0, remedy="a horizon is a finite time > 0"), as_whole(steps, "steps")
        lowest, highest = (np.full(self.dim, s) for s in (-np.inf, np.inf)) if within is None else self._checked_within(within)
        lower, upper = explored(self, x, horizon, steps, seed, lowest, highest)
        return _checked_box(np.maximum(_widened(lower, upper, leak)[0], lowest), np.minimum(_widened(lower, upper, leak)[1], highest))

    def _checked_within(self, within: Any) -> Array:
        """`within` as (2, d) of sides, infinite where there is none; ValueError for another shape, NaN, or sides that are no box."""
        sides = as_array(within, "within", (2, self.dim), finite=False)
        if not (sides[0] < sides[1]).all():
            raise ValueError(f"within={sides.tolist()} is no box; give (lower, upper) with lower < upper, -inf and inf where there is no side")
        return sides

    @staticmethod
    def _checked(value: Array, shape: tuple[int, ...], name: str, t: float, x: Array) -> Array:
        if value.shape != shape:
            raise ValueError(f"{name} returned shape {value.shape} at t={t:g}; expected {shape}")
        finite = np.isfinite(value).reshape(shape[0], -1).all(axis=1)
        if not finite.all():
            raise ValueError(f"{name} is not finite at t={t:g}, x={x[:, np.argmin(finite)].tolist()}")
        return value


class _GivenRate(Diffusion):
    """A diffusion known by its variance rate."""

    def __init__(self, drift: FieldFunction, variance_rate: FieldFunction | ArrayLike, dim: int, breaks: Iterable[float],
                 steady_factor: bool) -> None:
        self.variance_rate: Any = variance_rate
        constant = None
        if not callable(variance_rate):
            dim = as_whole(dim, "dim")
            rate = as_array(variance_rate, "variance_rate")
            if rate.shape != (dim, dim):
                raise ValueError(f"variance_rate has shape {rate.shape}; a constant one is a finite ({dim}, {dim}) array")
            constant = _square_root(rate[None], 0.0, np.zeros((dim, 1)))[0]
            _checked_rate(constant @ constant.T, "variance_rate")
        super().__init__(drift, self._factor if constant is None else constant, dim, breaks, steady_factor)

    def _factor(self, t: float, x: Array) -> Array:
        return _square_root(np.moveaxis(self.variance_rows(t, x.T), 2, 0), t, x.T)

    def variance_rows(self, t: float, x: Array) -> Array:
        if self.constant_factor is not None:
            return super().variance_rows(t, x)
        value = answer_of(self.variance_rate, "variance_rate", t, x.T)
        self._checked(value, (x.shape[1], self.dim, self.dim), "variance_rate", t, x)
        _checked_eigenvalues(np.linalg.eigvalsh(value), value, t, x)
        return np.array(np.moveaxis(value, 0, 2), order="C")


def _checked_rate(rate: Array, name: str) -> None:
    """Raise ValueError where a variance rate is beyond the range of numbers."""
    if not np.isfinite(rate).all():
        raise ValueError(f"{name} is so large that the variance rate G Gᵀ is not finite; give a smaller one, or larger units of the state")


def _checked_eigenvalues(eigenvalues: Any, rate: Array, t: float, x: Array) -> None:
    """Raise ValueError unless the rates (n, d, d) are symmetric with eigenvalues (n, d) ≥ 0, but for rounding."""
    size = np.abs(rate).max(axis=(1, 2)) * _SEMIDEFINITE
    skew = np.abs(rate - np.swapaxes(rate, 1, 2)).max(axis=(1, 2))
    if (skew > size).any():
        raise ValueError(f"variance_rate is not symmetric at t={t:g}, x={x[:, np.argmax(skew - size)].tolist()}")
    least = eigenvalues[:, 0]
    if (least < -size).any():
        worst = int(np.argmin(least + size))
        raise ValueError(f"variance_rate is not positive semidefinite at t={t:g}, x={x[:, worst].tolist()}: its smallest "
                         f"eigenvalue is {least[worst]:.6g}; a covariance rate G Gᵀ has none below 0")


def _square_root(rate: Array, t: float, x: Array) -> Array:
    """Symmetric square roots (n, d, d) of rates (n, d, d) at the points x (d, n)."""
    eigenvalues, vectors = np.linalg.eigh(rate)
    _checked_eigenvalues(eigenvalues, rate, t, x)
    return np.einsum("nij,nj,nkj->nik", vectors, np.sqrt(np.maximum(eigenvalues, 0.0)), vectors)


@dataclass(frozen=True)
class Transition:
    """One step of a Markov chain as seen from given points.

    X⁺ = feet[k] with probability weights[k], plus independent normals of standard deviation `smoothing`.
    feet (branches, d, n), weights (branches,) summing to 1, smoothing (d,)
    """

    feet: Any
    weights: Any
    smoothing: Array


@dataclass(frozen=True)
class _GivenStep:
    """A user's step, whose states are looked at."""

    step: Callable[[int, Array, Array], Any]
    dim: int

    def __call__(self, n: int, x: Array, xi: Array) -> Array:
        before = x.view()
        before.flags.writeable = False
        state = as_plain(answer_of(self.step, "step", n, before, xi))
        if state.shape != x.shape:
            raise ValueError(f"step returned shape {state.shape} in layer {n}; expected {x.shape}: one column per point")
        finite = np.isfinite(state).all(axis=0)
        if not finite.all():
            raise ValueError(f"step is not finite in layer {n} at x={x[:, np.argmin(finite)].tolist()}")
        return state


class LayeredProcess:
    """X_{n+1} = Φ_n(X_n, ξ_n) for n = 0 … layers − 1, ξ_n independent draws of a standardised `law`.

    step  : callable (n, x (d, points), xi (channels, points)) -> (d, points), which changes neither
    law   : a member of `ocnet.laws`;  dim : d
    times : (layers + 1,) increasing times of the layers, for results that speak of time
    Raises  ValueError for a step that is no function, a law that is none, times that do not increase; on evaluation, for states of another shape or
            that are not finite, naming the layer and the point
    """

    step_vjp: Callable[..., tuple[Array, Array]]             # of processes that can be differentiated,
    transition_vjp: Callable[..., Array]                     # on grids too,
    inverse: Callable[[int, Array, Array], Array]            # and of those that can be walked backwards

    def __init__(self, step: Callable[[int, Array, Array], Array], law: Law, dim: int, times: ArrayLike) -> None:
        if not callable(step):
            raise ValueError(f"step={step!r} is not callable; give a function (n, x (d, points), xi (channels, points)) -> (d, points)")
        self.law = as_object(law, "law", ("channels",), "a law of the noise", "give one of ocnet.laws, such as Normal(2)")
        self.dim = as_whole(dim, "dim")
        self.step = _GivenStep(step, self.dim) if type(self) is LayeredProcess else step
        self.times = as_array(times, "times")
        if self.times.ndim != 1 or self.times.size < 2 or not (np.diff(self.times) > 0).all():
            raise ValueError("times must be an increasing array of at least two layer times")

    @property
    def layers(self) -> int:
        return self.times.size - 1

    def law_at(self, n: int) -> Law:
        """The law of ξ_n; a process whose law changes from layer to layer overrides this."""
        return self.law

    def draw(self, seed: int, first: int, paths: int, n: int) -> Array:
        """ξ_n (channels, paths) of the paths number first, first + 1, …"""
        return self.law_at(n).draw(seed, first, paths, n)

    def draw_backward(self, seed: int, first: int, paths: int, n: int) -> Array:
        """ξ_n of a reverse sweep: that of the forward one, unless the sweep is not to be the gradient."""
        return self.draw(seed, first, paths, n)

    def mean_step(self, n: int, x: Array) -> Array | None:
        """E[X_{n+1} | X_n = x] at x (d, points), or None where it is not known in closed form."""
        return None

    def states(self, x: Array, seed: int, first: int) -> Iterator[Array]:
        """Yield the states (d, m) at layers 0 … N of the paths number first … first + m − 1, which start at x (d, m)."""
        yield x
        for n in range(self.layers):
            x = self.step(n, x, self.draw(seed, first, x.shape[1], n))
            yield x

    def ends(self, x: Array, seed: int, first: int) -> Array:
        """The last of `states`; a process that gets there faster overrides this."""
        for x in self.states(x, seed, first):  # noqa: B007
            pass
        return x

    def trajectory(self, x: Array, seed: int, first: int) -> Array:
        """All `states` as (layers + 1, d, m)."""
        out = memory.empty((self.layers + 1, *x.shape))
        for n, state in enumerate(self.states(x, seed, first)):
            out[n] = state
        return out

    def reverse(self, states: Array, seed: int, first: int, cotangent: Array) -> Array:
        """(N, p) cotangents of the layers' parameters for one (d, m) of the last of the states (N + 1, d, m); needs `step_vjp`."""
        gradient: list[Any] = [None] * self.layers
        for n in reversed(range(self.layers)):
            xi = self.draw_backward(seed, first, cotangent.shape[1], n)
            cotangent, gradient[n] = self.step_vjp(n, states[n], xi, cotangent)
        return np.stack(gradient)

    def reconstructed(self, n: int, x: Array, seed: int, first: int) -> Array:
        """The states (d, m) before layer n of the paths number first … from those after it; needs `inverse(n, x, xi)`, exact or not."""
        return self.inverse(n, x, self.draw(seed, first, x.shape[1], n))

    def reverse_step(self, n: int, x: Array, seed: int, first: int, cotangent: Array) -> tuple[Array, Array]:
        """`step_vjp` with the noise of a reverse sweep: the cotangents of the states x (d, m) before layer n, and of the layer's parameters."""
        return self.step_vjp(n, x, self.draw_backward(seed, first, x.shape[1], n), cotangent)

    def transition(self, n: int, x: Array, order: int = 7, axes: tuple[Array, ...] | None = None) -> "Transition":
        """The law of X_{n+1} from the points x (d, points) at layer n, by quadrature of `order` nodes a channel.

        axes : of the tensor grid whose nodes x are, if they are; a process that is faster there makes use of it
        """
        nodes, weights = self.law_at(n).quadrature(order)
        feet = [self.step(n, x, np.repeat(node[:, None], x.shape[1], axis=1)) for node in nodes]
        return Transition(np.stack(feet), weights, np.zeros(self.dim))

    def extent(self, points: ArrayLike, leak: float = 1e-6, seed: int = 0) -> tuple[Array, Array]:
        """Box (lower, upper) that holds the paths from `points` but for a mass of about `leak`, found by scouts.

        The extremes of at least 20 000 scouts are widened by a share of their range that grows with log(1/leak):
        a guess to be checked by widening the box, not a bound.
        """
        x, leak, seed = _scouted(points, self.dim, leak, seed)
        lower, upper = self._extremes(x, seed)
        return _checked_box(*_widened(lower.min(axis=0), upper.max(axis=0), leak))

    def extents(self, points: ArrayLike, leak: float = 1e-6, seed: int = 0) -> tuple[Array, Array]:
        """The same for each layer 0 … N by itself: lower and upper (N + 1, d)."""
        x, leak, seed = _scouted(points, self.dim, leak, seed)
        return _checked_box(*_widened(*self._extremes(x, seed), leak))

    def _extremes(self, x: Array, seed: int) -> tuple[Array, Array]:
        """Smallest and largest states of scouts from x (d, scouts) at each layer: (N + 1, d) twice."""
        pairs = [(x.min(axis=1), x.max(axis=1)) for x in self.states(x, seed, 0)]
        return np.array([low for low, _ in pairs]), np.array([high for _, high in pairs])
