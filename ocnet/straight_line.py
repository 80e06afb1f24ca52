"""Programs of linear combinations and few verbs: written once as a formula, then run, transposed and differentiated.

A linear scheme is a formula step(A, u, dt) in A.rate, A.apply, A.mixed, A.stage and linear combinations.  Run on symbols it leaves
a record; read forwards the record is the backward Kolmogorov step, read backwards with transposed verbs it is the
Fokker–Planck step, and with each verb's product rule the gradient in the coefficients.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ocnet.kernels import memory, stencil
from ocnet.kernels.threads import over_chunks
from ocnet.typing import Array

__all__ = ["Program", "record"]

_CHUNK = 1 << 16                        # numbers per task of a linear combination


@dataclass(frozen=True)
class Combination:
    """out = Σ weight · variable over `terms` ((variable, weight), …)."""

    out: int
    terms: tuple


@dataclass(frozen=True)
class Verb:
    """out = name(arguments): rate (u,), apply (u,), mixed (u,), or stage (y, u) or (y,) along `axis` with step `s`."""

    out: int
    name: str
    arguments: tuple
    axis: int = 0
    s: float = 0.0


class Symbol:
    """A linear combination of recorded variables, {variable: weight}."""

    def __init__(self, recorder: Any, terms: Any) -> None:
        self.recorder, self.terms = recorder, terms

    def __add__(self, other: Any) -> "Symbol":
        terms = dict(self.terms)
        for variable, weight in other.terms.items():
            terms[variable] = terms.get(variable, 0.0) + weight
        return Symbol(self.recorder, terms)

    def __mul__(self, number: float) -> "Symbol":
        return Symbol(self.recorder, {variable: number * weight for variable, weight in self.terms.items()})

    __rmul__ = __mul__

    def __neg__(self) -> "Symbol":
        return self * -1.0

    def __sub__(self, other: Any) -> "Symbol":
        return self + other * -1.0

    def variable(self) -> int:
        """The number of a variable that holds this combination; a record is made unless it is one already."""
        (first, weight), *rest = self.terms.items()
        if not rest and weight == 1.0:
            return first
        return self.recorder.add(lambda out: Combination(out, tuple(self.terms.items())))


class Recorder:
    """Stands in for the operator while a scheme's formula is read."""

    def __init__(self, axes: int) -> None:
        self.instructions: list[Any] = []
        self.axes, self.count = axes, 1

    def add(self, instruction: Any) -> Any:
        out, self.count = self.count, self.count + 1
        self.instructions.append(instruction(out))
        return out

    def _verb(self, name, arguments, **parameters):
        variables = tuple(a.variable() for a in arguments)
        return Symbol(self, {self.add(lambda out: Verb(out, name, variables, **parameters)): 1.0})

    def rate(self, u: Any) -> "Symbol":
        return self._verb("rate", (u,))

    def apply(self, u: Any) -> "Symbol":
        return self._verb("apply", (u,))

    def mixed(self, u: Any) -> "Symbol":
        return self._verb("mixed", (u,))

    def stage(self, i: int, y: Any, u: Any, s: float) -> "Symbol":
        return self._verb("stage", (y,) if u is None else (y, u), axis=i, s=s)


def record(step: Callable[..., Any], axes: int, dt: float) -> "Program":
    """Return the Program of the formula step(A, u, dt) for an operator of `axes` axes."""
    recorder = Recorder(axes)
    result = step(recorder, Symbol(recorder, {0: 1.0}), dt).variable()
    return Program(tuple(recorder.instructions), result)


@dataclass(frozen=True)
class Program:
    """instructions in order; variable 0 is the input and `result` the output.

    Arrays are (q, size), float64 in C order; the operator A gives the verbs rate(u, out), apply(u, out), mixed(u, out) and
    stage(i, y, u, s, out), their transposes and their product rules.  rate is affine, rate(u) = apply(u) + g: the program is
    then affine, and `transpose` that of its linear part.
    """

    instructions: tuple
    result: int

    def run(self, A: Any, u: Any, spare: Any = None) -> Array:
        """The output for input u (not changed); `spare` is a list of buffers like u that calls leave for one another."""
        return self._values(A, u, [] if spare is None else spare, keep=False)[self.result]

    def _values(self, A, u, spare, keep):
        values = {0: u}
        for instruction, released in zip(self.instructions, self._released):
            out = spare.pop() if spare and spare[-1].shape == u.shape else memory.empty_like(u)
            if isinstance(instruction, Combination):
                _combine(instruction.terms, values, out)
            elif instruction.name == "stage":
                y, start = (*(values[a] for a in instruction.arguments), None)[:2]
                A.stage(instruction.axis, y, start, instruction.s, out)
            else:
                getattr(A, instruction.name)(values[instruction.arguments[0]], out)
            values[instruction.out] = out
            if not keep:
                spare.extend(values.pop(variable) for variable in released)
        return values

    @cached_property
    def _released(self):
        """For each instruction, the variables it is the last to use; neither the input nor the result."""
        last = {}
        for k, instruction in enumerate(self.instructions):
            for variable in (dict(instruction.terms) if isinstance(instruction, Combination) else instruction.arguments):
                last[variable] = k
        return [[v for v, use in last.items() if use == k and v not in (0, self.result)] for k in range(len(self.instructions))]

    def transpose(self, A: Any, p: Array) -> Array:
        """The transposed program at p."""
        return self._reverse(A, p, None, None)

    def differentiate(self, A: Any, u: Any, p: Array, gradient: Any) -> Array:
        """The transposed program at p; adds ∂⟨p, program(A, u)⟩ in the coefficients of A to `gradient`."""
        return self._reverse(A, p, self._values(A, u, [], keep=True), gradient)

    def _reverse(self, A, p, values, gradient):
        cotangents = {self.result: p}
        for instruction in reversed(self.instructions):
            c = cotangents.pop(instruction.out, None)
            if c is None:
                continue
            if isinstance(instruction, Combination):
                for variable, weight in instruction.terms:
                    _add(cotangents, variable, c, weight)
            elif instruction.name == "stage":
                self._reverse_stage(A, instruction, c, cotangents, values, gradient)
            else:
                u = instruction.arguments[0]
                if values is not None:
                    getattr(A, f"add_{instruction.name}")(gradient, c, values[u])
                _add(cotangents, u, getattr(A, f"{instruction.name}_transposed")(c), 1.0)
        return cotangents[0]

    @staticmethod
    def _reverse_stage(A, instruction, c, cotangents, values, gradient):
        y, u = (*instruction.arguments, None)[:2]
        w = A.stage_transposed(instruction.axis, c, instruction.s)
        if values is not None:
            change = values[instruction.out] if u is None else values[instruction.out] - values[u]
            A.add_stage(gradient, instruction.axis, w, change, instruction.s)
        if y == u:
            _add(cotangents, u, c, 1.0)
            return
        _add(cotangents, y, w, 1.0)
        if u is not None:
            _add(cotangents, u, c, 1.0)
            _add(cotangents, u, w, -1.0)


def _combine(terms, values, out):
    """out = Σ weight · values[variable]."""
    (variable, weight), *rest = terms
    first, (second, other) = values[variable], rest[0] if rest else (variable, 0.0)
    _weighted_sum(first, weight, values[second], other, out)
    for variable, weight in rest[1:]:
        _weighted_sum(out, 1.0, values[variable], weight, out)


def _weighted_sum(first, a, second, b, out):
    x, y, target = first.reshape(-1), second.reshape(-1), out.reshape(-1)
    over_chunks(lambda lo, hi: stencil.combine(x, a, y, b, lo, hi, target), target.size, _CHUNK)


def _add(cotangents, variable, c, weight):
    if variable in cotangents:
        cotangents[variable] = cotangents[variable] + weight * c
    else:
        cotangents[variable] = c if weight == 1.0 else weight * c
