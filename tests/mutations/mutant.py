"""A mutant: one small fault, as text to find in one file and text to put there."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["KINDS", "Mutant"]

KINDS = ("sign", "index", "factor", "boundary row", "weight", "off by one", "operator", "constant")


@dataclass(frozen=True)
class Mutant:
    """A fault to put into `file` (below the repository's root): `old`, found there exactly once, becomes `new`.

    name    : how a person calls it; unique
    kind    : one of KINDS
    breaks  : what goes wrong, in a few words
    """

    name: str
    file: str
    old: str
    new: str
    kind: str
    breaks: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.name}: kind={self.kind!r} is none of {', '.join(KINDS)}")
        if self.old == self.new:
            raise ValueError(f"{self.name}: the new text is the old one")

    def applied(self, root: Path) -> str:
        """The text of the file with the fault in it; ValueError unless the old text is there exactly once."""
        text = (root / self.file).read_text()
        found = text.count(self.old)
        if found != 1:
            raise ValueError(f"{self.name}: its text is found {found} times in {self.file}, not once; the line was edited: edit the mutant with it, "
                             f"or draw another.  Text: {self.old!r}")
        return text.replace(self.old, self.new)

    def __repr__(self) -> str:
        return f"Mutant({self.name}: {self.kind} in {self.file}, {self.breaks})"
