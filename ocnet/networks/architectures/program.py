"""Programs of branch evaluations and linear combinations: run, and reversed.

Where a branch is noisy an evaluation has several values (quadrature nodes), so that values come as *leaves*: one for each choice of all
evaluations so far, later evaluations varying fastest.  A path's own noise is the case of one leaf.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .weight import Weight, value_of

__all__ = ["Combination", "Evaluation", "Program"]


@dataclass(frozen=True)
class Combination:
    """out = Σ weight · variable over `terms` ((variable, weight), …)."""

    out: int
    terms: tuple

    def of(self, values: Any) -> Any:
        """The combination of the values {variable: array}."""
        total = None
        for variable, weight in self.terms:
            x, w = values[variable], value_of(weight)
            term = x if w == 1.0 else w * x
            total = term if total is None else total + term
        return total

    @property
    def bends(self) -> bool:
        """Whether a weight changes with the layer's own numbers, so that the variables' values are needed for their derivatives."""
        return any(any(weight.slopes) for _, weight in self.terms if isinstance(weight, Weight))


@dataclass(frozen=True)
class Evaluation:
    """out = branch number `which` of layer n + `offset` at a variable; the `repeat`-th of this layer and branch; `slot` counts them all."""

    out: int
    argument: int
    offset: int
    which: int
    repeat: int
    slot: int


@dataclass(frozen=True)
class Program:
    """instructions in order; variables 0 … parts − 1 are the state, `results` the next one.  Arrays are (rows, points), of any type."""

    parts: int
    instructions: tuple
    results: tuple

    @cached_property
    def evaluations(self) -> tuple[Any, ...]:
        """The evaluations, by slot."""
        return tuple(i for i in self.instructions if isinstance(i, Evaluation))

    @cached_property
    def inner(self) -> Any:
        """Whether the value of an evaluation, by slot, goes into the argument of another one."""
        reached = self._ancestors(e.argument for e in self.evaluations)
        return tuple(e.out in reached for e in self.evaluations)

    def weights_of(self, variable: int) -> Any:
        """What a variable weighs in each of the results, where no evaluation stands between."""
        found = {variable: 1.0}
        for instruction in self.instructions:
            if isinstance(instruction, Combination):
                found[instruction.out] = sum(value_of(w) * found.get(v, 0.0) for v, w in instruction.terms)
        return tuple(found.get(r, 0.0) for r in self.results)

    def _ancestors(self, variables):
        """These variables and all that they are made of."""
        found = set(variables)
        for instruction in reversed(self.instructions):
            if instruction.out in found:
                found |= {v for v, _ in instruction.terms} if isinstance(instruction, Combination) else {instruction.argument}
        return found

    @cached_property
    def _needed(self):
        """The variables whose values the derivatives use."""
        bent = [v for i in self.instructions if isinstance(i, Combination) and i.bends for v, _ in i.terms]
        return self._ancestors([*(e.argument for e in self.evaluations), *bent])

    def run(self, state: Any, evaluate: Callable[..., Any]) -> Any:
        """The next state from the parts of a state: a list of its leaves, tuples of parts.

        evaluate : callable (evaluation, x) -> the list of values of the branch at x
        """
        leaves = [dict(enumerate(state))]
        for instruction in self.instructions:
            leaves = _extended(leaves, instruction, evaluate)
        return [tuple(leaf[r] for r in self.results) for leaf in leaves]

    def reverse(self, state: Any, cotangents: Any, evaluate: Callable[..., Any], pull: Callable[..., Any], counts: Any = None) -> Any:
        """The cotangents of the parts of the state, and of the layer's own numbers (list), for those of the leaves (list of tuples of parts).

        evaluate : as for `run`; asked only where a later evaluation, or an own number, needs the value
        pull     : callable (evaluation, x, list of cotangents of its values) -> cotangent of x; what the branch's numbers get is its affair
        counts   : how many values the evaluations have, by slot; one each unless given
        """
        levels, leaves = [], [dict(enumerate(state))]
        for instruction in self.instructions:
            levels.append(leaves)
            if instruction.out in self._needed:
                leaves = _extended(leaves, instruction, evaluate)
            elif isinstance(instruction, Evaluation):
                leaves = [dict(leaf) for leaf in leaves for _ in range(counts[instruction.slot] if counts else 1)]
        backs: list[dict[int, Any]] = [{} for _ in leaves]
        for back, parts in zip(backs, cotangents):
            for variable, c in zip(self.results, parts):
                _add(back, variable, c)
        slopes: dict[Any, Any] = {}
        for instruction, before in zip(reversed(self.instructions), reversed(levels)):
            if isinstance(instruction, Evaluation):
                backs = _pulled(backs, before, instruction, pull)
            else:
                for back, leaf in zip(backs, before):
                    _spread(back, leaf, instruction, slopes)
        return tuple(backs[0].get(k) for k in range(self.parts)), slopes


def _extended(leaves, instruction, evaluate):
    """The leaves with one more variable."""
    if isinstance(instruction, Combination):
        for leaf in leaves:
            leaf[instruction.out] = instruction.of(leaf)
        return leaves
    return [{**leaf, instruction.out: value} for leaf in leaves for value in evaluate(instruction, leaf[instruction.argument])]


def _pulled(backs, leaves, evaluation, pull):
    """Cotangents of the leaves before an evaluation from those after it: what its values share is added up."""
    each, found = len(backs) // len(leaves), []
    for k, leaf in enumerate(leaves):
        children = backs[k * each:(k + 1) * each]
        own = [child.pop(evaluation.out, None) for child in children]
        total = children[0]
        for child in children[1:]:
            for variable, c in child.items():
                _add(total, variable, c)
        if own[0] is not None:
            _add(total, evaluation.argument, pull(evaluation, leaf[evaluation.argument], own))
        found.append(total)
    return found


def _spread(back, leaf, combination, slopes):
    """Hand the cotangent of a combination on to its terms; derivatives in own numbers are added to `slopes` {number: value}."""
    c = back.pop(combination.out, None)
    if c is None:
        return
    for variable, weight in combination.terms:
        w = value_of(weight)
        _add(back, variable, c if w == 1.0 else w * c)
        for k, slope in enumerate(weight.slopes if isinstance(weight, Weight) else ()):
            if slope:
                slopes[k] = slopes.get(k, 0.0) + slope * np.einsum("in,in->", c, leaf[variable])


def _add(back, variable, c):
    back[variable] = back[variable] + c if variable in back else c
