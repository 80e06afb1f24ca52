"""The house's own rules: clean for ruff and mypy, names that tools see, light imports, every public thing said in words and hinted in types."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ocnet

PACKAGE = Path(ocnet.__file__).parent
ROOT = PACKAGE.parent
FAMILIES = {                                 # folder -> the protocol of `ocnet.typing` that its members meet
    "laws": "Law", "networks.blocks": "Block", "networks.noise": "Noise", "networks.readouts": "Readout", "particles.schemes": "PathScheme",
    "particles.sampling": "Sampling", "training.losses": "Loss", "training.criteria": "Criterion", "training.regularisers": "Regulariser",
    "training.optimisers": "Optimiser"}
ROOMS = ["ocnet", "ocnet.boundary", "ocnet.kolmogorov", "ocnet.kolmogorov.schemes", "ocnet.laws", "ocnet.networks", "ocnet.networks.architectures",
         "ocnet.networks.blocks", "ocnet.networks.noise", "ocnet.networks.readouts", "ocnet.particles", "ocnet.particles.sampling",
         "ocnet.particles.schemes", "ocnet.training", "ocnet.training.criteria", "ocnet.training.hamiltonians", "ocnet.training.losses",
         "ocnet.training.objectives", "ocnet.training.optimisers", "ocnet.training.regularisers", "ocnet.analysis", "ocnet.plotting"]
FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if "kernels" not in path.relative_to(PACKAGE).parts]     # kernels: see kernels/compile.py


def run(*command):
    """What a Python process with these arguments prints, and its exit status."""
    done = subprocess.run([sys.executable, *map(str, command)], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr, done.returncode


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """mypy with a cache of its own, cold for the first test of this file that asks; hints are written against the types of NumPy from 2.3 on."""
    if tuple(int(part) for part in np.__version__.split(".")[:2]) < (2, 3):
        pytest.skip(f"numpy {np.__version__} describes its arrays to type checkers in other words")
    cache = tmp_path_factory.mktemp("mypy")
    return lambda *what: run("-m", "mypy", "--cache-dir", cache, *what)


def test_ruff_finds_nothing():
    told, status = run("-m", "ruff", "check", "--no-cache", "--output-format", "concise", ".")
    assert status == 0, told


def test_mypy_finds_nothing(checked):
    told, status = checked()
    assert status == 0, told


def test_members_of_families_meet_their_protocols(checked, tmp_path):
    """By mypy, member after member; and what must fail: a loss is no block."""
    lines = ["import ocnet.typing as t"]
    for folder, protocol in FAMILIES.items():
        room = importlib.import_module(f"ocnet.{folder}")
        names = [name for name in room.__all__ if hasattr(getattr(room, name), "example")]
        assert len(names) > 1, folder
        lines += [f"from ocnet.{folder} import {name} as {protocol}{name}\nx{protocol}{name}: t.{protocol} = {protocol}{name}.example()" for name in names]
    page = tmp_path / "members.py"
    page.write_text("\n".join(lines) + "\n")
    told, status = checked(page)
    assert status == 0, told
    page.write_text(page.read_text() + "wrong: t.Block = LossLogistic.example()\n")
    told, status = checked(page)
    assert status == 1 and told.count("error:") == 1 and "Block" in told


def test_tools_see_the_names_that_load_on_first_use():
    """The stub names each with the home it is loaded from."""
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text())
    seen = {alias.asname: node.module for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names if node.level}
    assert seen == ocnet._HOMES and sorted(seen) == ocnet.__all__
    assert (PACKAGE / "py.typed").exists()


def test_importing_is_light_and_warns_of_nothing():
    heavy = "numba", "matplotlib", "scipy", "sklearn", "xarray", "pandas"
    told, status = run("-W", "error", "-c", f"import sys, ocnet; print([name for name in {heavy} if name in sys.modules])")
    assert (told.strip(), status) == ("[]", 0)
    told, status = run("-W", "error", "-c", "import ocnet\nfor name in ocnet.__all__: getattr(ocnet, name)")
    assert (told, status) == ("", 0)


def _sayings(cls, name):
    """The docstrings in which a method may be spoken of: of its classes, their files and their folders."""
    for base in cls.__mro__:
        if base.__module__.startswith("ocnet"):
            folder = base.__module__.rpartition(".")[0]
            yield from (base.__doc__, sys.modules[base.__module__].__doc__, sys.modules[folder].__doc__ if folder in sys.modules else None)


def _methods(cls):
    """(name, whether it has a docstring, inherited ones included) of the public methods and properties that a class defines."""
    for name, member in vars(cls).items():
        function = getattr(member, "__func__", None) or getattr(member, "fget", None) or getattr(member, "func", member)
        if inspect.isfunction(function) and not name.startswith("_"):
            yield name, bool(inspect.getdoc(getattr(cls, name)) or function.__doc__)


@pytest.mark.parametrize("room", ROOMS)
def test_everything_public_is_said_in_words(room):
    """A public name has a docstring whose first paragraph is a sentence or formula; a method has one, or is told of where its contract is."""
    module = importlib.import_module(room)
    assert module.__doc__ and module.__all__
    lacking = []
    for name in module.__all__:
        thing = getattr(module, name)
        if not callable(thing):
            continue
        first = (inspect.getdoc(thing) or "").partition("\n\n")[0].replace("\n", " ")
        if not (". " in first or first.endswith((".", ":", ")", "…"))):
            lacking.append(f"{name}: {first!r} is no sentence")
        if inspect.isclass(thing):
            lacking += [f"{name}.{method}" for method, said in _methods(thing) if not said and method != "example"
                        and not any(text and re.search(rf"\b{method}\b", text) for text in _sayings(thing, method))]
    assert not lacking


def _public_functions(body, prefix=""):
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public_functions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef) and (not node.name.startswith("_") or node.name.endswith("__")):
            yield prefix + node.name, node


def _unhinted(node):
    """Names of the arguments without a hint, and "return" if that has none."""
    a = node.args
    arguments = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
    bare = [argument.arg for argument in arguments if argument.annotation is None and argument.arg not in ("self", "cls")]
    return bare + ["return"] * (node.returns is None)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_public_function_is_hinted_whole(path):
    bare = {name: _unhinted(node) for name, node in _public_functions(ast.parse(path.read_text()).body)}
    assert not {name: missing for name, missing in bare.items() if missing}


def test_the_rules_above_see_what_breaks_them():
    functions = dict(_public_functions(ast.parse("class A:\n  def f(self, x, *y: int): ...\n  def _g(x): ...\nclass _B:\n  def f(x): ...").body))
    assert {name: _unhinted(node) for name, node in functions.items()} == {"A.f": ["x", "return"]}

    class Bare:
        def verb(self):
            pass

    assert list(_methods(Bare)) == [("verb", False)]
