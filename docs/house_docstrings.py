"""From the hand our docstrings are written in to what Sphinx reads.

A docstring is plain text: a sentence, formulas that stand indented or on lines of their own, and lines such as

    x0      : (n, d) start points, not changed;  paths : draws from each, ≥ 2
    Returns   Estimate
    Raises    ValueError where x0 is not finite

which become definition lists; indented paragraphs become literal blocks; everything else is text, in which only `names` and **strong**
words are markup.
"""

import inspect
import re
import sys

import ocnet

__all__ = ["converted", "fill_in", "process"]

_VERBS = ("Returns", "Yields", "Raises", "Warns", "Cost", "Accuracy", "Source")
_TERM = r"""(?:[\w*.⁺₊]+|"[^"]+"|`[^`]+`)(?:\s\([^()]*\))?"""
_TERMS = rf"{_TERM}(?:,\s{_TERM})*"
_FIELD = re.compile(rf"({_TERMS})\s+:\s+(\S.*)")
_SECOND = re.compile(rf";\s\s+(?={_TERMS}\s+:\s)")
_VERB = re.compile(rf"({'|'.join(_VERBS)})(?::\s+|\s\s+|\s(?=[A-Z]))(\S.*)")
_CHOICE = re.compile(r"(\"[^\"]+\")(?:\s\s+|\s:\s)(\S.*)")
_HEADWORD = re.compile(r"([A-Z]\w*(?:\s\w+)?)\s\s+\S")
_MARKED = re.compile(r"(``[^`]+``|`[^`]+`|\*\*[^*\s][^*]*\*\*)")
_CITED = re.compile(r"MATH (\d(?:\.\d)?|R\d)")
_LIST_LIKE = re.compile(r"([-+•]|\w{1,3}[.)]|\(\w\)|>>>|\.\.|:)\s")


# ---- reading: a docstring as blocks (kind, content) ------------------------------------------------------------------------------------

def _paragraphs(lines):
    """Runs of lines without blank ones; indented runs that follow one another are one."""
    runs, fresh = [], True
    for line in lines:
        if not line.strip():
            fresh = True
            continue
        if fresh and not (runs and line[0] == " " and runs[-1][0][0] == " "):
            runs.append([line])
        else:
            runs[-1] += ["", line] if fresh else [line]
        fresh = False
    return runs


def _blocks(paragraph):
    """The blocks of one paragraph: ("literal", lines), ("text", lines), ("fields", [(term, lines)])."""
    if paragraph[0][0] == " ":
        return [("literal", paragraph)]
    blocks, column = [], _column_of_headwords(paragraph)
    for line in paragraph:
        kind = blocks[-1][0] if blocks else None
        fields = _fields(line, column)
        if fields:
            blocks += [] if kind == "fields" else [("fields", [])]
            blocks[-1][1].extend(fields)
        elif line[0] == " " and kind == "fields":
            blocks[-1][1][-1][1].append(line.strip())
        else:
            own = "literal" if line[0] == " " else "text"              # an indented line below text is a formula
            blocks += [] if kind == own else [(own, [])]
            blocks[-1][1].append(line)
    return blocks


def _column_of_headwords(paragraph):
    """Where what is said begins, in a paragraph of headwords at the left and text in a column beside them; else None."""
    if _HEADWORD.match(paragraph[0]) and not _VERB.match(paragraph[0]) and not _FIELD.match(paragraph[0]):
        column = _HEADWORD.match(paragraph[0]).end() - 1
        if all(len(line) > column and line[column - 1] == " " and line[column] != " " for line in paragraph):
            return column
    return None


def _fields(line, column):
    """[(term, [meaning])] of the fields in a line, which may hold several: "a : …;  b : …"; empty where it is text."""
    if line[0] == " ":
        return []
    if column:
        return [(line[:column].strip(), [line[column:]])]
    verb = _VERB.match(line)
    if verb:
        return [(verb[1], [verb[2]])]
    found = [_FIELD.fullmatch(part) for part in _SECOND.split(line)]
    return [(match[1], [match[2]]) for match in found] if all(found) else []


# ---- writing -----------------------------------------------------------------------------------------------------------------------

def converted(lines):
    """The lines of a docstring in our hand as lines of reStructuredText."""
    out = []
    for paragraph in _paragraphs(lines):
        for kind, content in _blocks(paragraph):
            out += _WRITTEN[kind](content)
    return out


def _literal(lines):
    return ["::", "", *["    " + line for line in lines], ""]


def _text(lines):
    return [*map(_escaped, lines), ""]


def _definitions(items):
    out = []
    for term, meaning in items:
        out.append(term if term in _VERBS or _HEADWORD.match(term + "  x") else f"``{term.replace('`', '')}``")
        out += ["    " + line for line in _meaning(meaning)]
    return [*out, ""]


def _meaning(lines):
    """What is said of a term; choices on lines of their own, each in quotes, are a list below it."""
    choices = [_CHOICE.match(line) for line in lines]
    if sum(map(bool, choices)) < 2:
        return list(map(_escaped, lines))
    said, items = [], []
    for line, choice in zip(lines, choices):
        if choice:
            items.append((choice[1], [choice[2]]))
        else:
            (items[-1][1] if items else said).append(line)
    return [*_text(said), *_definitions(items)] if said else _definitions(items)


_WRITTEN = {"literal": _literal, "text": _text, "fields": _definitions}


def _escaped(line):
    """Text in which only `names` and **strong** words are markup."""
    parts = _MARKED.split(line)
    for i, part in enumerate(parts):
        if i % 2 == 0:
            parts[i] = _CITED.sub(_linked, re.sub(r"([\\*|`_])", r"\\\1", part))
        elif part.startswith("`") and not part.startswith("``"):
            parts[i] = f"\\ ``{part[1:-1].strip()}``\\ "
    line = "".join(parts)
    return "\\ " + line if _LIST_LIKE.match(line) else line


def _linked(citation):
    """A section of the theory by its number, as a link."""
    number = citation[1]
    return f":ref:`theory {number} <math-{'5' if number[0] == 'R' else number}>`"


# ---- Sphinx's hooks ----------------------------------------------------------------------------------------------------------------

def process(app, what, name, thing, options, lines):
    """Rewrite a docstring in place; a class that has a file to itself is told what that file says first."""
    if what == "attribute" and lines and inspect.getdoc(type(thing)) == inspect.getdoc(thing):
        lines[:] = []                                                  # a plain number or string has the docstring of its type
    if what == "class" and lines and thing.__module__ != name.rpartition(".")[0] and _has_a_file(thing):
        lines[:0] = [*inspect.getdoc(sys.modules[thing.__module__]).split("\n\n")[0].splitlines(), ""]
    lines[:] = converted(lines)


def _has_a_file(thing):
    """Whether a class has a file to itself, named after it, but for its checks and its state."""
    home = sys.modules[thing.__module__]
    others = [known for known in getattr(home, "__all__", ()) if known != thing.__name__]
    named = thing.__module__.rpartition(".")[2].replace("_", "") == thing.__name__.lower()
    return named and all(known.startswith("checked_") or inspect.isclass(getattr(home, known)) for known in others)


def fill_in(app, name, source):
    """Write the table of public names where a page asks for it."""
    if "PUBLIC_NAMES" in source[0]:
        source[0] = source[0].replace("PUBLIC_NAMES", public_names())


def first_sentence(thing):
    """Of the docstring of a thing: up to the first full stop, or the first paragraph."""
    return re.split(r"(?<=[^.]\.)\s", " ".join(inspect.getdoc(thing).split("\n\n")[0].split()))[0]


def public_names():
    """A table of the names that `ocnet` itself has, each with its first sentence."""
    rows = []
    for name in ocnet.__all__:
        thing = getattr(ocnet, name)
        rows += [f"   * - ``{name}``", f"     - {_escaped(first_sentence(thing))}", f"     - ``{thing.__module__}``"]
    return "\n".join([".. list-table::", "   :header-rows: 1", "   :widths: 22 53 25", "",
                      "   * - name", "     - what it is", "     - where it lives", *rows])
