"""The gallery: one figure made again has the numbers that are committed; sections that are not made again stay; failures are told.

The numbers behind a figure are committed where a reader sees them, in its paragraph; the experiments' JSON is larger, and seconds are in some of it.
"""

import re
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import gallery  # noqa: E402

NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def differences(one, other):
    """What differs between two paragraphs beyond one unit of a number's last shown digit: other processors round differently."""
    if NUMBER.sub("#", one) != NUMBER.sub("#", other):
        return ["the words"]
    pairs = [(Decimal(a), Decimal(b)) for a, b in zip(NUMBER.findall(one), NUMBER.findall(other))]
    return [f"{a} and {b}" for a, b in pairs if abs(a - b) > Decimal(1).scaleb(max(a.as_tuple().exponent, b.as_tuple().exponent))]


def test_differences_sees_two_units_of_a_last_digit_and_other_words():
    """What must fail does."""
    assert differences("order 1.98, 2e-05", "order 1.99, 3e-05") == []
    assert differences("order 1.98, 2e-05", "order 2.00, 2e-05") == ["1.98 and 2.00"]
    assert differences("16 orders", "18 orders") == ["16 and 18"] and differences("holds", "fails") == ["the words"]


def test_a_figure_made_again_has_the_numbers_that_are_committed(tmp_path):
    """Orders of architectures at full size: deterministic, so the digits shown are the same but for their rounding."""
    committed = gallery.read_sections(gallery.FIGURES / "README.md")["modified_equations"]
    summary = gallery.main(["--only", "modified_equations", "--out", str(tmp_path)])
    assert not summary["failed"]
    again = gallery.read_sections(tmp_path / "README.md")["modified_equations"]
    assert differences(committed, again) == [] and len(NUMBER.findall(committed)) > 10
    assert (tmp_path / "modified_equations" / "modified_equations.png").stat().st_size > 5000


def test_every_entry_has_an_experiment_and_a_folder_of_its_own():
    for entry in gallery.ENTRIES:
        source = (Path(gallery.__file__).parent / f"{entry.module}.py").read_text(encoding="utf-8")
        assert "def main(" in source and '"paragraph"' in source and entry.pictures and entry.minutes > 0, entry.name
    assert len(set(gallery.NAMES)) == len(gallery.NAMES) and sum(entry.minutes for entry in gallery.ENTRIES) < 60


def test_every_section_that_is_committed_has_its_pictures_and_its_paragraph():
    """One section an entry, in their order; a paragraph of several sentences with numbers, none of which is missing or without end."""
    sections, entries = gallery.read_sections(gallery.FIGURES / "README.md"), {entry.name: entry for entry in gallery.ENTRIES}
    assert list(sections) == [name for name in entries if name in sections] and len(sections) > 3
    for name, text in sections.items():
        pictures = re.findall(r"!\[.+?\]\((.+?)\)", text)
        assert pictures == [f"{name}/{file}" for file in entries[name].pictures] and all((gallery.FIGURES / picture).exists() for picture in pictures)
        assert entries[name].command in text and (Path(gallery.__file__).parent / f"{entries[name].module}.py").exists()
        assert text.count(". ") >= 2 and len(NUMBER.findall(text)) > 5 and not re.search(r"\b(nan|inf|None)\b", text), name
    assert (gallery.FIGURES / "README.md").read_text(encoding="utf-8") == gallery.page(sections)


class Pretended:
    """An experiment that writes its picture at once, or fails."""

    def __init__(self, paragraph):
        self.paragraph = paragraph

    def main(self, arguments):
        if self.paragraph is None:
            raise ZeroDivisionError("no such luck")
        out = Path(arguments[arguments.index("--out") + 1])
        out.mkdir(parents=True)
        (out / f"{out.name}.png").write_bytes(b"picture")
        return {"paragraph": self.paragraph}


@pytest.fixture
def two_entries(monkeypatch):
    """Two entries whose experiments are pretended; {name: paragraph or None}."""
    told = {"depth": "First.", "feedback": "Second."}
    entries = tuple(replace(entry, minutes=2.0) for entry in gallery.ENTRIES if entry.name in told)
    monkeypatch.setattr(gallery, "ENTRIES", entries)
    monkeypatch.setattr(gallery, "import_module", lambda module: Pretended(told[module]))
    return told


def test_sections_that_are_not_made_again_stay_as_they_are(two_entries, tmp_path):
    gallery.main(["--out", str(tmp_path / "a")])
    whole = (tmp_path / "a" / "README.md").read_text()
    assert whole.index("First.") < whole.index("Second.") and "about 4 minutes" in whole and "all 2" in whole
    two_entries.update(depth="Changed.", feedback="Not made.")
    for entry in gallery.ENTRIES:
        (tmp_path / "a" / entry.name / f"{entry.name}.png").unlink()
        (tmp_path / "a" / entry.name).rmdir()
    gallery.main(["--only", "depth", "--out", str(tmp_path / "a")])
    assert (tmp_path / "a" / "README.md").read_text() == whole.replace("First.", "Changed.")


def test_a_figure_that_cannot_be_made_is_told_and_does_not_keep_the_others(two_entries, tmp_path, capsys, monkeypatch):
    two_entries["depth"] = None
    monkeypatch.setattr(sys, "argv", ["gallery.py", "--out", str(tmp_path)])
    assert gallery.command() == 1
    out = capsys.readouterr().out
    assert "depth" in out and "FAILED   ZeroDivisionError: no such luck" in out
    assert set(gallery.read_sections(tmp_path / "README.md")) == {"feedback"}


def test_an_experiment_that_leaves_no_picture_has_failed(two_entries, tmp_path, monkeypatch):
    monkeypatch.setattr(Pretended, "main", lambda self, arguments: {"paragraph": "Nothing."})
    assert "has not written depth.png" in gallery.main(["--only", "depth", "--out", str(tmp_path)])["failed"]["depth"]


def test_a_name_that_is_no_entry_is_refused():
    with pytest.raises(SystemExit) as ended:
        gallery.main(["--only", "nothing"])
    assert ended.value.code == 2
