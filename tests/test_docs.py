"""The documents: they build without a warning, their examples do what they say, and what the project says of itself in several places agrees."""

import inspect
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import ocnet
from ocnet.networks.architectures import PolyNet
from tests.pages import commands, files, run_examples

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(page for folder in ("tutorial", "how_to", "theory") for page in (DOCS / folder).rglob("*.rst")) + [DOCS / "trust.rst"]
EXAMPLES = [page for page in PAGES if ">>> " in page.read_text()]
README = (ROOT / "README.md").read_text()
every_page = pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: page.stem)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in, from which modules can be imported; they are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@every_page
def test_examples_do_what_they_say(page, folder):
    failed, tried, told = run_examples(page.read_text(), page.name, folder)
    assert tried and not failed, told


@pytest.mark.parametrize("page", sorted((DOCS / "how_to").glob("*.rst")), ids=lambda page: page.stem)
def test_how_to_pages_are_short_and_write_one_file_at_most(page):
    text = page.read_text()
    assert len(text.splitlines()) <= 80
    assert len([name for name in files(text) if name.endswith(".py")]) <= 1
    assert page.stem == "index" or ">>> " in text or commands(text)


def test_what_a_reader_is_told_to_type_is_understood(monkeypatch):
    """Every `python experiments/NAME.py …` of the documents parses: the program exists and has these options."""
    monkeypatch.syspath_prepend(str(ROOT / "experiments"))
    told = [(page.name, command) for page in [*PAGES, DOCS / "index.rst"] for command in commands(page.read_text()) if "experiments/" in command]
    assert told
    for page, command in told:
        words = shlex.split(command.split(" #")[0])
        program = next(word for word in words if word.startswith("experiments/"))
        name = program.removeprefix("experiments/").removesuffix(".py").replace("/", ".")
        try:
            import_module(name).parser().parse_args(words[words.index(program) + 1:])
        except (ImportError, SystemExit) as reason:
            pytest.fail(f"{page} says {command!r}, which fails: {reason}")


def test_readme_runs_from_top_to_bottom(folder):
    """All Python blocks of the README in one namespace; only the number of paths of the one that shows bounded memory is made smaller."""
    found = [content for language, content in re.findall(r"^```(\w+)\n(.*?)^```", README, re.M | re.S) if language == "python"]
    assert found
    names = {"__name__": "readme"}
    for block in found:
        exec(compile(block.replace("paths=10**8", "paths=10**5"), "README.md", "exec"), names)


def test_pages_build_without_a_warning_and_have_every_public_name(tmp_path):
    build = subprocess.run([sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "text", str(DOCS), str(tmp_path)],
                           capture_output=True, text=True, timeout=300)
    assert build.returncode == 0, build.stderr
    told = "\n".join(page.read_text() for page in (tmp_path / "api").glob("*.txt"))
    lacking = [name for name in ocnet.__all__ if not re.search(rf"^(class |exception )?{name}(\(|$)", told, re.M)]
    assert not lacking


def test_converted_docstrings_lose_no_word(monkeypatch):
    """What stands in a docstring stands on its page, but for the signs that the conversion reads: colons, semicolons, backquotes."""
    monkeypatch.syspath_prepend(str(DOCS))
    from house_docstrings import converted

    def words(lines):
        text = re.sub(r":ref:`theory (\S+) <[^>]*>`", r"\1", " ".join(lines).replace("MATH ", ""))
        return re.sub(r"[:;]", " ", re.sub(r"\\ |[\\`]", "", text)).split()

    for thing in (ocnet.estimate, ocnet.solve_backward, ocnet.Grid.concentrated, ocnet.train, ocnet.particles, PolyNet, ocnet.ResidualNetwork):
        assert words(converted(inspect.getdoc(thing).splitlines())) == words(inspect.getdoc(thing).splitlines()), thing


def test_the_version_is_the_same_everywhere():
    declared = re.search(r"^version = (.*)$", (ROOT / "setup.cfg").read_text(), re.M)[1]
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.M)[1]
    latest = re.search(r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)[1]
    assert ocnet.__version__ == declared == cited == latest


def test_the_citation_has_what_its_format_requires():
    """CFF 1.2.0: cff-version, message, title, authors; a licence of setup.cfg's name; and no tab, which YAML forbids."""
    text = (ROOT / "CITATION.cff").read_text()
    keys = re.findall(r"^([a-z-]+):", text, re.M)
    assert {"cff-version", "message", "title", "authors", "license", "references"} <= set(keys) and len(keys) == len(set(keys)) and "\t" not in text
    assert re.search(r"^cff-version: 1\.2\.0$", text, re.M) and re.search(r"^license: MIT$", text, re.M)
    assert [number in text for number in ("1812.00174", "1710.10121", "2205.14612")] == [True] * 3
    assert all(len(re.findall(rf"^    {key}: ", text, re.M)) == 3 for key in ("title", "year", "url"))


def test_contributing_names_files_that_exist():
    """Every path in backquotes, but for patterns."""
    told = re.findall(r"`((?:ocnet|tests|experiments|docs|figures)/[\w/.]*)`", (ROOT / "CONTRIBUTING.md").read_text())
    assert len(told) > 10
    assert [path for path in told if "NAME" not in path and not (ROOT / path).exists()] == []
