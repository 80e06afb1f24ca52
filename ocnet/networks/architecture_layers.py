"""The layers of any architecture as a LayeredProcess: paths, and the transitions that grids ask for."""

from typing import Any

import numpy as np

from ocnet.laws.law import MOST_BRANCHES
from ocnet.process import Transition
from ocnet.typing import Array

from .architecture_steps import ArchitectureSteps

__all__ = ["ArchitectureLayers"]

_HERMITE = 7                         # quadrature nodes a channel, where the noise is not a mask


class ArchitectureLayers(ArchitectureSteps):
    """The steps of an architecture, and the law of a step from given points where a state is its point."""

    def _rules(self, n, order, means=False):
        """Quadrature (nodes, weights) of the evaluations of step n, by slot.

        None for additive normal noise that no later evaluation sees; for any noise that none sees, where only the mean is asked for.
        """
        found = []
        for e, law, inner in zip(self.programs[n].evaluations, self._laws_of(n), self.programs[n].inner):
            left = not inner and (means or self.models[n + e.offset].deviation is not None)
            found.append(None if left else law.quadrature(order))
        branches = np.prod([1 if rule is None else len(rule[1]) for rule in found])
        if branches > MOST_BRANCHES:
            raise ValueError(f"the {branches:g} quadrature branches of the {len(found)} noisy evaluations of a layer of {self.architecture!r} are more "
                             f"than {MOST_BRANCHES}; use the particle view (ocnet.particles) instead")
        return found

    def _values(self, n, rules, axes):
        """The values of an evaluation by quadrature, or their mean where it has no rule."""
        def evaluate(evaluation, x):
            model, at = self._at(n, evaluation, x, axes)
            rule = rules[evaluation.slot]
            return [self.network.dt * model.mean(at)] if rule is None else list(model.branches(at, rule[0], self.network.dt))

        return evaluate

    def transition(self, n: int, x: Array, order: int = _HERMITE, axes: tuple[Array, ...] | None = None) -> Transition:
        """The law of X_{n+1} from x (d, points): the product of the evaluations' quadrature branches; additive normal noise as smoothing where
        no later evaluation of the step sees it.

        axes : of the tensor grid whose nodes x are, if they are: blocks may be faster there
        """
        self._one_point()
        rules = self._rules(n, order)
        feet, weights = self._feet(n, x, rules, axes)
        return Transition(feet, weights, self._smoothing(n, rules))

    def _feet(self, n, x, rules, axes=None):
        """Feet (branches, d, points) and weights (branches,) of a step from x (d, points)."""
        leaves = self.programs[n].run(self.architecture.begin(x), self._values(n, rules, axes))
        weights = np.ones(1)
        for rule in rules:
            weights = weights if rule is None else np.outer(weights, rule[1]).ravel()
        return np.stack([self.architecture.end(leaf) for leaf in leaves]), weights

    def _smoothing(self, n, rules):
        """(d,) standard deviation of the noise that is not in the branches: what its evaluations weigh in each part."""
        program, squares = self.programs[n], np.zeros(self.architecture.halves)
        for e, rule in zip(program.evaluations, rules):
            model = self.models[n + e.offset]
            if rule is None and model.deviation:
                weights = program.weights_of(e.out)
                squares += np.array(weights[:len(squares)]) ** 2 * (model.scale(self.network.dt) * model.deviation) ** 2
        return np.repeat(np.sqrt(squares), self.dim // len(squares))

    def transition_vjp(self, n: int, x: Array, feet_cotangent: Array, order: int = _HERMITE, axes: tuple[Array, ...] | None = None) -> Array:
        """The cotangent of the numbers (span · p,) of the layers that the step reads, for one (branches, d, points) of the feet of `transition`."""
        self._one_point()
        rules, dt = self._rules(n, order), self.network.dt

        def pull(model, at, evaluation, cotangents):
            rule = rules[evaluation.slot]
            if rule is None:
                return model.coefficients_vjp(at, dt * cotangents[0])
            return model.branches_vjp(at, rule[0], dt, np.stack(cotangents))

        counts = [1 if rule is None else len(rule[1]) for rule in rules]
        parts = [self.architecture.end_vjp(c) for c in feet_cotangent]
        return self._reversed(n, self.architecture.begin(x), parts, self._values(n, rules, axes), pull, counts, axes)[1].ravel()

    def layers_of(self, rows: Any) -> Array:
        """(N, p) cotangents of all layers from those of the steps, [(span · p,), …] as `transition_vjp` gives them."""
        gradient = np.zeros_like(self._depth)
        for n, row in enumerate(rows):
            gradient[n:n + self.architecture.span] += row.reshape(self.architecture.span, -1)
        return gradient

    def mean_step(self, n: int, x: Array) -> Array:
        """E[X_{n+1} | X_n = x] at x (d, points): exact but for normal noise inside a branch's argument, which takes a quadrature."""
        self._one_point()
        feet, weights = self._feet(n, x, self._rules(n, _HERMITE, means=True))
        return np.einsum("k,kip->ip", weights, feet)
