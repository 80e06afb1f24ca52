"""Carries out what a page of the documents says: writes the files that it shows, then runs its examples in order."""

import doctest
import re
import textwrap

__all__ = ["FLAGS", "blocks", "commands", "files", "run_examples"]

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.FAIL_FAST      # what follows rests on what failed
_BLOCK = re.compile(r"^\.\. code-block:: (\w+)\n((?:   :\w+:.*\n)*)\n((?:(?:   .*)?\n)+)", re.M)


def blocks(text):
    """[(language, caption or "", content)] of the code blocks of a page in reStructuredText, in order."""
    found = []
    for language, options, content in _BLOCK.findall(text + "\n"):
        caption = re.search(r":caption: *(.*)", options)
        found.append((language, caption[1].strip() if caption else "", textwrap.dedent(content).strip("\n") + "\n"))
    return found


def files(text):
    """{name: content} of the files that a page tells its reader to write: Python and text blocks with a caption."""
    return {caption: content for _, caption, content in blocks(text) if caption}


def commands(text):
    """The command lines of a page: what stands after "$ " in its console blocks."""
    return [line[2:] for language, _, content in blocks(text) if language == "console" for line in content.splitlines() if line.startswith("$ ")]


def run_examples(text, name, folder):
    """Write the page's files to `folder`, run its examples there, and return (failed, tried, what the failures print)."""
    for file, content in files(text).items():
        (folder / file).write_text(content)
    test, told = doctest.DocTestParser().get_doctest(text, {"__name__": name}, name, name, 0), []
    results = doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(test, out=told.append)
    return results.failed, results.attempted, "".join(told)
