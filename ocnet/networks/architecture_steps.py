"""Steps of whole states of any architecture: its formula's program with the network's noisy blocks as branches; paths of them."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from ocnet.laws import Joint
from ocnet.process import LayeredProcess
from ocnet.typing import Array, Law

from .blocks import BlockAt

__all__ = ["ArchitectureSteps"]


class ArchitectureSteps(LayeredProcess):
    """state_{n+1} = architecture.step(branch, state_n, n, own_n) of a network at θ; what callers see is its point X_n in R^d.

    `advance`, `advance_vjp` and `retreat` move whole states; `step` and what grids ask for exist where a state is its point.
    """

    def __init__(self, network: Any, theta: Array, precision: str = "double") -> None:
        if precision != "double":
            raise ValueError(f"precision={precision!r} needs a fused kernel, which {network.architecture!r} has not; use 'double'")
        self.network, self.theta, self.architecture = network, theta, network.architecture
        self._depth, steps = network.control.depth(theta), self.architecture.steps(network.layers)
        self.models = [network.noise.at(n, network.layers, network.dt) for n in range(network.layers)]
        self._branch_laws = [model.law(network.block, self.architecture.block_dim(network.dim)) for model in self.models]
        own = len(self.architecture.layout())
        self.programs = [self.architecture.program(n, tuple(self._depth[n, network.control.layer_size - own:])) for n in range(steps)]
        super().__init__(self.step, self.law_at(steps - 1), network.dim, network.times[:steps + 1])

    @cached_property
    def _views(self):
        """[layer][branch]: named views of a branch's numbers."""
        network = self.network
        return [self.architecture.branch_views(network.block, network.control.layer(self.theta, n)) for n in range(network.layers)]

    def _one_point(self):
        """Raise ValueError unless a state is its point."""
        if self.architecture.copies > 1:
            raise ValueError(f"architecture={self.architecture!r}: a state is the pair (X_n, X_{{n−1}}), which a grid of R^{self.dim} does not hold, nor "
                             "does one step from a point; use particles with independent draws (ParticleObjective, propagate), which carry it")

    # noise ---------------------------------------------------------------------------------------------------------------------------

    def _laws_of(self, n):
        """The laws of the evaluations of step n, by slot."""
        return [self._branch_laws[n + e.offset] for e in self.programs[n].evaluations]

    def law_at(self, n: int) -> Law:
        """The law of ξ_n: of all evaluations of the step side by side, each with noise of its own."""
        laws = self._laws_of(n)
        return laws[0] if len(laws) == 1 else Joint(tuple(laws))

    def draw_backward(self, seed: int, first: int, paths: int, n: int) -> Array:
        """ξ_n of the reverse sweep: that of the forward one, but for shake-shake as published."""
        return self.models[n].draw_backward(self.law_at(n), seed, first, paths, n)

    def _split(self, n, xi):
        """ξ (channels, points) of step n cut into those of its evaluations, by slot."""
        return np.split(xi, np.cumsum([law.channels for law in self._laws_of(n)])[:-1])

    # whole states --------------------------------------------------------------------------------------------------------------------

    def _at(self, n, evaluation, x, axes=None):
        """The noise model and the block of an evaluation at x (rows, points)."""
        layer = n + evaluation.offset
        model = self.models[layer]
        here = axes if evaluation.argument == 0 and self.architecture.parts == 1 else None
        return model, BlockAt(self.network.block, self._views[layer][evaluation.which], x, model.needs, here)

    def advance(self, n: int, state: tuple[Any, ...], xi: Array) -> Any:
        """The parts of state n + 1 from those of state n and ξ (channels, points)."""
        parts, dt = self._split(n, xi), self.network.dt

        def evaluate(evaluation, x):
            model, at = self._at(n, evaluation, x)
            return [model.increment(at, parts[evaluation.slot], dt)]

        (after,) = self.programs[n].run(state, evaluate)
        return after

    def advance_vjp(self, n: int, state: tuple[Any, ...], xi: Array, cotangent: Array) -> Any:
        """The cotangents of the parts of state n, and (span, p) of the numbers of layers n, n + 1, …, for those of the parts of state n + 1."""
        parts, dt = self._split(n, xi), self.network.dt

        def evaluate(evaluation, x):
            model, at = self._at(n, evaluation, x)
            return [model.increment(at, parts[evaluation.slot], dt)]

        def pull(model, at, evaluation, cotangents):
            return model.increment_vjp(at, parts[evaluation.slot], dt, cotangents[0])

        return self._reversed(n, state, [cotangent], evaluate, pull)

    def _reversed(self, n, state, cotangents, evaluate, pull, counts=None, axes=None):
        gradients = {}

        def pulled(evaluation, x, c):
            back, gradient = pull(*self._at(n, evaluation, x, axes), evaluation, c)
            key = evaluation.offset, evaluation.which
            gradients[key] = gradients[key] + gradient if key in gradients else gradient
            return 0.0 if back is None else back                       # nodes of a grid do not move

        back, slopes = self.programs[n].reverse(state, cotangents, evaluate, pulled, counts)
        back = tuple(np.zeros_like(part) if c is None else c for part, c in zip(state, back))
        return back, self._rows(gradients, slopes)

    def _rows(self, gradients, slopes):
        """(span, p) in the layout of layers from gradients by (offset, branch) and slopes by own number."""
        rows = np.zeros((self.architecture.span, self.network.control.layer_size), dtype=self.theta.dtype)
        own, dim = len(self.architecture.layout()), self.architecture.block_dim(self.dim)
        branches, end = self.architecture.branches, self.network.control.layer_size - own
        for offset, row in enumerate(rows):
            parts = [gradients.get((offset, which), 0.0) for which in range(branches)]
            if branches > 1:
                zero = np.zeros(end // branches)
                parts = [self.architecture.blocks(self.network.block).joined([part + zero for part in parts], dim)]
            row[:end] = parts[0]
        for k, slope in slopes.items():
            rows[0, end + k] = slope
        return rows

    def retreat(self, n: int, state: tuple[Any, ...], xi: Array) -> Any:
        """The parts of state n from those of state n + 1 by the architecture's `inverse`, exact or not, with the noise of the step."""
        parts, dt = self._split(n, xi), self.network.dt
        slots = {(e.offset, e.which, e.repeat): e for e in self.programs[n].evaluations}
        calls: dict[Any, int] = {}

        def branch(layer, x, which=0):
            repeat = calls[layer, which] = calls.get((layer, which), -1) + 1
            evaluation = slots[layer - n, which, repeat]
            model, at = self._at(n, evaluation, np.ascontiguousarray(x))
            return model.increment(at, parts[evaluation.slot], dt)

        return self.architecture.inverse(branch, state, n, self.network.control.layer(self.theta, n))

    @property
    def span(self) -> int:
        """Layers whose numbers a step reads."""
        return self.architecture.span

    @property
    def exact_inverse(self) -> bool | None:
        """Whether `inverse` is exact; None where there is none from a point."""
        return self.architecture.exact_inverse if self.architecture.copies == 1 else None

    def inverse(self, n: int, x: Array, xi: Array) -> Array:
        """X_n (d, points) from X_{n+1} = x, by the architecture's `inverse`."""
        self._one_point()
        return self.architecture.end(self.retreat(n, self.architecture.begin(x), xi))

    # paths ---------------------------------------------------------------------------------------------------------------------------

    def states(self, x: Array, seed: int, first: int) -> Iterator[Array]:
        """Yield the points (d, m) at layers 0 … of the paths number first … first + m − 1, which start at x (d, m)."""
        yield x
        state = self.architecture.begin(x)
        for n in range(self.layers):
            state = self.advance(n, state, self.draw(seed, first, x.shape[1], n))
            yield self.architecture.end(state)

    def state_at(self, points: Array, n: int) -> Any:
        """The parts of state n from the points (n + 1 or more, d, m) of a trajectory."""
        return self.architecture.state_of([points[max(n - k, 0)] for k in range(self.architecture.copies)])

    def reverse(self, states: Any, seed: int, first: int, cotangent: Array) -> Array:
        """(N, p) cotangents of the layers' numbers for one (d, m) of the last of the states."""
        gradient = np.zeros_like(self._depth)
        back = self.architecture.end_vjp(cotangent)
        for n in reversed(range(self.layers)):
            xi = self.draw_backward(seed, first, cotangent.shape[1], n)
            back, rows = self.advance_vjp(n, self.state_at(states, n), xi, back)
            gradient[n:n + len(rows)] += rows
        return gradient

    def end_of_means(self, x: Array) -> Array:
        """The last point (d, points) of the path from x along which every branch is at its mean."""
        state = self.architecture.begin(x)
        for n in range(self.layers):
            def evaluate(evaluation, y):
                model, at = self._at(n, evaluation, y)
                return [self.network.dt * model.mean(at)]

            (state,) = self.programs[n].run(state, evaluate)
        return self.architecture.end(state)

    def step(self, n: int, x: Array, xi: Array) -> Array:
        """X_{n+1} (d, points) from x (d, points) and ξ (channels, points)."""
        self._one_point()
        return self.architecture.end(self.advance(n, self.architecture.begin(x), xi))

    def step_vjp(self, n: int, x: Array, xi: Array, cotangent: Array) -> tuple[Array, Array]:
        """The cotangents of x (d, points), and of the numbers (span · p,) of the layers that the step reads, summed over the points."""
        self._one_point()
        back, rows = self.advance_vjp(n, self.architecture.begin(x), xi, self.architecture.end_vjp(cotangent))
        return self.architecture.end(back), rows.ravel()
