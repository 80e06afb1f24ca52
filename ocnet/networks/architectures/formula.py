"""A layer's formula read on symbols: what it records is a short program of branch evaluations and linear combinations.

An architecture is a formula step(branch, state, n, own) in branch(n, x, which) and linear combinations.  Run on symbols it leaves a record.
Read forwards the record is the layer; on λu it is the stability function; read backwards, with the branch's own transpose, it is the
derivative in the state, in the numbers of the branches and in the layer's own numbers.  No layer writes a transpose.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from .program import Combination, Evaluation, Program
from .weight import Weight, value_of

__all__ = ["Recorder"]


@dataclass(frozen=True)
class _Symbol:
    """A linear combination of recorded variables, {variable: weight}."""

    recorder: object
    terms: dict
    __array_ufunc__ = None

    def __add__(self, other):
        terms = dict(self.terms)
        for variable, weight in other.terms.items():
            terms[variable] = terms[variable] + weight if variable in terms else weight
        return _Symbol(self.recorder, terms)

    def __mul__(self, number):
        return _Symbol(self.recorder, {variable: number * weight for variable, weight in self.terms.items()})

    __rmul__ = __mul__

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + other * -1.0


@dataclass(eq=False)
class Recorder:
    """Stands in for states and branches while the formula of layer `n`, of so many `parts` of state, is read."""

    n: int
    parts: int
    instructions: list = field(default_factory=list)
    _combined: dict = field(default_factory=dict)
    _calls: Counter = field(default_factory=Counter)

    @property
    def state(self) -> tuple[Any, ...]:
        """The parts of the state as symbols."""
        return tuple(_Symbol(self, {k: 1.0}) for k in range(self.parts))

    @property
    def _next(self):
        return self.parts + len(self.instructions)

    def branch(self, n: int, x: Any, which: int = 0) -> Any:
        """Record an evaluation; returns its symbol."""
        argument, key = self._variable(x), (n - self.n, which)
        made = Evaluation(self._next, argument, *key, self._calls[key], sum(self._calls.values()))
        self._calls[key] += 1
        self.instructions.append(made)
        return _Symbol(self, {made.out: 1.0})

    def _variable(self, symbol):
        """The number of a variable that holds a symbol's combination, recorded once."""
        (first, weight), *rest = symbol.terms.items()
        if not rest and value_of(weight) == 1.0 and not isinstance(weight, Weight):
            return first
        terms = tuple(symbol.terms.items())
        if terms not in self._combined:
            self._combined[terms] = self._next
            self.instructions.append(Combination(self._next, terms))
        return self._combined[terms]

    def program(self, results: Any) -> Program:
        """The Program whose results are these symbols, a part of the next state each."""
        found = tuple(self._variable(symbol) for symbol in results)
        return Program(self.parts, tuple(self.instructions), found)
