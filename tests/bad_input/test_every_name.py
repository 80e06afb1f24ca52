"""Every public name is drawn bad input for, or stands here with the reason why not."""

import importlib
import inspect
import pkgutil
import re

import pytest

import ocnet
from ocnet.archive import Saved

from .test_bad_input import ALL

# rooms whose names take what other rooms have looked at
INNER = {
    "ocnet.kernels": "arrays of solvers, in the one layout that is compiled",
    "ocnet.typing": "types",
    "ocnet.inputs": "the checks themselves: tests/test_inputs.py",
    "ocnet.expectation": "rows (q, size) of a sweep", "ocnet.sweep": "made by chain_sweep and by schemes", "ocnet.products": "matrices of networks",
    "ocnet.spline": "rows (q, size) of solvers, once a step", "ocnet.tensor_spline": "made by ValueFunction", "ocnet.straight_line": "formulas of schemes",
    "ocnet.scouts": "asked by Diffusion.extent", "ocnet.xarrays": "columns of results", "ocnet.blas": "threads of BLAS, by numbers of the library's own",
    "ocnet.compilation": "one flag: tests/test_warm_up.py",
    "ocnet.archive": "files: tests/test_archive.py, tests/test_damaged_archive.py, tests/test_lock.py",
}
# names of other rooms
EXEMPT = {
    "Transition": "made by processes for sweeps", "HeldNodes": "made by solvers of checked sides", "chosen": "asked of checked sides",
    "SolveReport": "made by solvers", "ErrorBar": "made by solvers", "Coefficients": "made by marches", "CoefficientGradient": "made by gradient",
    "March": "solve_backward, solve_forward and gradient make it of their own arguments", "Operator": "made by schemes",
    "Slope": "made by fitted_slope", "Animation": "made by animate", "drawing": "a decorator of functions", "legend_above": "takes axes of matplotlib",
    "save": "files: tests/test_archive.py", "load": "files: tests/test_damaged_archive.py", "warm_up": "one flag: tests/test_warm_up.py",
    "set_threads": "one number, below the checks: tests/bad_input/test_by_hand.py",
    "Architecture": "a base", "BlockAt": "made by networks", "Features": "made by blocks", "LinearMap": "made by networks",
    "Hamiltonian": "a base", "GridHamiltonian": "made by layerwise optimisers", "ParticleHamiltonian": "made by layerwise optimisers",
    "SufficientCondition": "made by zero_stability and stability_region", "Epoch": "made by the classifier", "ProbabilitySpread": "made by the classifier",
    "StochasticResNetClassifier": "scikit-learn's own checks: tests/test_classifier.py",
}


def rooms():
    """Names of all packages, and of all modules that lie directly in ocnet."""
    found = [m.name for m in pkgutil.walk_packages(ocnet.__path__, "ocnet.") if m.ispkg or m.name.count(".") == 1]
    return ["ocnet", *(name for name in found if name != "ocnet.__main__" and not any(f"{name}.".startswith(f"{inner}.") for inner in INNER))]


def words():
    """Every identifier in the names of the subjects."""
    return {word for subject in ALL for word in re.findall(r"\w+", subject.name)}


def lacking():
    """(room, name) of public functions and classes without a subject and without a reason; results are made by functions, not by users."""
    known = words() | set(EXEMPT)
    for room in rooms():
        module = importlib.import_module(room)
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if callable(thing) and name not in known and not _needs_none(thing):
                yield room, name


def _needs_none(thing):
    """Whether it takes nothing, or is a result or an error, which functions make."""
    return inspect.isclass(thing) and (issubclass(thing, (Saved, Exception)) or not _parameters(thing))


def test_every_public_name_has_a_subject_or_a_reason():
    assert not list(lacking())


def test_reasons_are_for_names_that_are_there():
    public = {name for room in rooms() for name in getattr(importlib.import_module(room), "__all__", ())}
    assert not set(EXEMPT) - public


@pytest.mark.parametrize("inner", INNER)
def test_inner_rooms_are_there(inner):
    importlib.import_module(inner)


def _parameters(thing):
    """Names of a function's parameters, or of a constructor's, but for those that hold many."""
    return {p.name for p in inspect.signature(thing).parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}


# options that no subject alters, and why
LEFT = {
    "executor": "tests/particles/test_executors.py, tests/same_bits", "ax": "axes of matplotlib", "panels": "axes of matplotlib",
    "labels": "texts", "label": "texts", "bar": "texts", "meaning": "texts", "name": "texts", "band": "texts", "numbers": "texts", "names": "texts",
    "colour": "for matplotlib to judge", "colours": "for matplotlib to judge", "dashes": "for matplotlib to judge",
    "made": "a figure", "states": "made by March.states", "axes": "by its values", "parts": "by its values", "histories": "by its values",
    "arrays": "by its values",
    "draw": "a function of pictures",
    "terminal": "its answers: tests/bad_input/test_by_hand.py", "consume": "its answers are not looked at", "collect": "its answers are not looked at",
    "densities": "by its values", "against": "a word: tests/plotting", "report": "made by solvers", "error": "made by solvers", "between": "made by solvers",
}
WHOLE = ("ocnet.grid", "ocnet.moving_grid", "ocnet.process", "ocnet.problem", "ocnet.boundary", "ocnet.chain", "ocnet.density", "ocnet.value_function",
         "ocnet.kolmogorov", "ocnet.kolmogorov.schemes", "ocnet.laws", "ocnet.particles", "ocnet.particles.sampling", "ocnet.particles.schemes",
         "ocnet.plotting")


def unaltered(room):
    """{name: options of it that no subject of that name has}."""
    module, found = importlib.import_module(room), {}
    for name in module.__all__:
        thing = getattr(module, name)
        subjects = [s for s in ALL if name in re.findall(r"\w+", s.name.split(" ")[0])]
        if callable(thing) and subjects and not _needs_none(thing):
            options = _parameters(thing) - set(LEFT) - {option for s in subjects for option in s.arguments}
            if options:
                found[name] = options
    return found


@pytest.mark.parametrize("room", WHOLE)
def test_every_option_of_a_function_is_altered_by_a_subject(room):
    assert not unaltered(room)
