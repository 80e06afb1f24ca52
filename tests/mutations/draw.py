"""Mutants drawn by chance: every place of the source where one token can be wrong is as likely as any other.

Places are found in the syntax tree, so that text in strings, messages and type hints is left alone:

    arithmetic     + ↔ −, · ↔ /, // ↔ %, << ↔ >>, & ↔ |, a minus sign lost; the same in x += …, x *= …
    comparison     < ↔ ≤, > ↔ ≥, = ↔ ≠; and ↔ or, `not` lost; min ↔ max
    constants      a whole number ± 1, a float 1.1 times as large (0 becomes 1)
    indices        a constant in an index or in a range ± 1, two indices that are names exchanged, a range that stops one early
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from .mutant import Mutant

__all__ = ["draw", "places", "sources"]

_SCOPE = ("ocnet/kernels", "ocnet/kolmogorov", "ocnet/particles", "ocnet/networks", "ocnet/laws", "ocnet/chain.py", "ocnet/boundary.py", "ocnet/spline.py",
          "ocnet/tensor_spline.py", "ocnet/moving_grid.py", "ocnet/training/hamiltonians", "ocnet/training/optimisers", "ocnet/training/regularisers",
          "ocnet/training/losses")
_MACHINERY = {"compile.py", "notice.py", "memory.py", "threads.py", "executors.py"}        # no numbers are made there
_TELLING = {"__repr__", "to_dict", "plot"}                                             # functions that show results
_ARITHMETIC = {ast.Add: ("+", "-", "sign"), ast.Sub: ("-", "+", "sign"), ast.Mult: ("*", "/", "factor"), ast.Div: ("/", "*", "factor"),
               ast.FloorDiv: ("//", "%", "operator"), ast.Mod: ("%", "//", "operator"), ast.LShift: ("<<", ">>", "operator"),
               ast.RShift: (">>", "<<", "operator"), ast.BitAnd: ("&", "|", "operator"), ast.BitOr: ("|", "&", "operator")}
_COMPARISON = {ast.Lt: ("<", "<=", "off by one"), ast.LtE: ("<=", "<", "off by one"), ast.Gt: (">", ">=", "off by one"),
               ast.GtE: (">=", ">", "off by one"), ast.Eq: ("==", "!=", "operator"), ast.NotEq: ("!=", "==", "operator")}
_EXTREMES = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum"}


def sources(root: Path) -> list[Path]:
    """The files from which mutants are drawn."""
    found = [path for scope in _SCOPE for path in ([root / scope] if scope.endswith(".py") else sorted((root / scope).rglob("*.py")))]
    return [path for path in found if path.name not in _MACHINERY]


class _Places(ast.NodeVisitor):
    """Collects (start, stop, new text, kind, what was done) with byte offsets into one source."""

    def __init__(self, source: str):
        self.source, self.found = source.encode(), []
        self.starts = np.cumsum([0] + [len(line) for line in self.source.splitlines(keepends=True)])      # as columns are: in bytes
        self.function, self.inside = "the module", ""

    def at(self, line: int, column: int) -> int:
        return int(self.starts[line - 1]) + column

    def span(self, node: ast.AST) -> tuple[int, int]:
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset)

    def add(self, start: int, stop: int, new: str, kind: str) -> None:
        old = self.source[start:stop].decode()
        self.found.append((start, stop, new, kind, f"{new or 'nothing'} for {old} in {self.function}"))

    def between(self, left: ast.AST, right: ast.AST, rule: tuple[str, str, str]) -> None:
        """The operator between two operands: nothing else but brackets and blanks lies there."""
        start, stop = self.span(left)[1], self.span(right)[0]
        gap = self.source[start:stop].decode()
        old, new, kind = rule
        if "#" not in gap and gap.count(old) == 1:
            begin = start + len(gap[:gap.index(old)].encode())
            self.add(begin, begin + len(old), new, kind)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name in _TELLING:
            return
        outer, self.function = self.function, node.name
        for part in [*node.args.defaults, *[d for d in node.args.kw_defaults if d is not None], *node.body]:
            self.visit(part)
        self.function = outer

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        outer, self.function = self.function, node.name
        for part in node.body:
            self.visit(part)
        self.function = outer

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None: ...

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None: ...

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in _ARITHMETIC and not (isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)):
            self.between(node.left, node.right, _ARITHMETIC[type(node.op)])
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if type(node.op) in _ARITHMETIC:
            old, new, kind = _ARITHMETIC[type(node.op)]
            self.between(node.target, node.value, (old + "=", new + "=", kind))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        start, operand = self.span(node)[0], self.span(node.operand)[0]
        if isinstance(node.op, ast.USub):
            self.add(start, start + 1, "", "sign")
        elif isinstance(node.op, ast.Not):
            self.add(start, operand if self.source[start:operand].decode().strip() == "not" else start + 4, "", "operator")
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for left, op, right in zip([node.left, *node.comparators[:-1]], node.ops, node.comparators, strict=True):
            if type(op) in _COMPARISON:
                self.between(left, right, _COMPARISON[type(op)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        rule = ("and", "or", "operator") if isinstance(node.op, ast.And) else ("or", "and", "operator")
        for left, right in zip(node.values[:-1], node.values[1:], strict=True):
            self.between(left, right, rule)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name in _EXTREMES:
            stop = self.span(node.func)[1]
            self.add(stop - len(name), stop, _EXTREMES[name], "operator")
        if name in ("range", "prange") and node.args:
            end = node.args[min(1, len(node.args) - 1)]
            start, stop = self.span(end)
            self.add(start, stop, f"({self.source[start:stop].decode()}) - 1", "off by one")
        outer, self.inside = self.inside, "off by one" if name in ("range", "prange") else self.inside
        self.generic_visit(node)
        self.inside = outer

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.visit(node.value)
        names = [part for part in (node.slice.elts if isinstance(node.slice, ast.Tuple) else ()) if isinstance(part, ast.Name)]
        for one, other in zip(names[:-1], names[1:], strict=True):
            (start, a), (b, stop) = self.span(one), self.span(other)
            self.add(start, stop, other.id + self.source[a:b].decode() + one.id, "index")
        outer, self.inside = self.inside, "index"
        self.visit(node.slice)
        self.inside = outer

    def visit_Constant(self, node: ast.Constant) -> None:
        if type(node.value) is int:
            kind = self.inside or "constant"
            for change in (1, -1):
                self.add(*self.span(node), str(node.value + change), kind)
        elif type(node.value) is float:
            self.add(*self.span(node), repr(1.1 * node.value) if node.value else "1.0", self.inside or "constant")


def places(path: Path) -> list[tuple[int, int, str, str, str]]:
    """Every place of a file where one token can be wrong: (start, stop, new text, kind, what was done), in bytes."""
    return _places(path.read_text())


@cache
def _places(source):
    visitor = _Places(source)
    visitor.visit(ast.parse(source))
    return visitor.found


def _anchored(source: bytes, start: int, stop: int, new: str) -> tuple[str, str]:
    """(old, new): the changed lines with as many lines before and after them as make the old text unique."""
    first, last = source.rfind(b"\n", 0, start) + 1, source.find(b"\n", stop)
    last = len(source) if last < 0 else last
    while source.count(source[first:last]) > 1:
        first = source.rfind(b"\n", 0, max(first - 1, 0)) + 1
        if source.count(source[first:last]) > 1 and source.find(b"\n", last + 1) > 0:
            last = source.find(b"\n", last + 1)
    return source[first:last].decode(), (source[first:start] + new.encode() + source[stop:last]).decode()


def draw(root: Path, seed: int, count: int, but: tuple[Mutant, ...] = ()) -> Iterator[Mutant]:
    """`count` mutants, every place as likely as any other, none of them in `but`."""
    all_places = [(path, *place) for path in sources(root) for place in places(path)]
    taken = {(mutant.file, mutant.old, mutant.new) for mutant in but}
    drawn = 0
    for number in np.random.default_rng(seed).permutation(len(all_places)):
        if drawn == count:
            return
        path, start, stop, text, kind, what = all_places[number]
        file = str(path.relative_to(root))
        old, new = _anchored(path.read_bytes(), start, stop, text)
        try:
            compile(path.read_bytes()[:start] + text.encode() + path.read_bytes()[stop:], file, "exec")
        except SyntaxError:
            continue
        if (file, old, new) not in taken:
            drawn += 1
            line = path.read_bytes()[:start].count(b"\n") + 1
            yield Mutant(f"{seed}-{drawn:02d} {path.stem} {line}", file, old, new, kind, what)
