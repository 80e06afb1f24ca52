"""The faults of `tests/mutations` still fit the source, are what they say, and three of them, one deep in an inlined helper, are caught."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.mutations.chosen import CHOSEN
from tests.mutations.draw import draw, places, sources
from tests.mutations.drawn import DRAWN, EQUIVALENT
from tests.mutations.mutant import KINDS, Mutant
from tests.mutations.run import first_failure
from tests.mutations.workshop import Workshop, frozen, reached, tracked

ROOT = Path(__file__).resolve().parents[1]
ALL = (*CHOSEN, *DRAWN, *[mutant for mutant, _ in EQUIVALENT])


def test_every_mutant_fits_the_source_once_and_is_a_program():
    wrong = []
    for mutant in ALL:
        try:
            compile(mutant.applied(ROOT), mutant.file, "exec")
        except (ValueError, SyntaxError) as error:
            wrong.append(str(error))
    assert not wrong, "\n".join(wrong)


def test_mutants_are_many_of_all_kinds_and_in_every_file_with_a_formula():
    assert len({mutant.name for mutant in ALL}) == len(ALL)
    assert len({(mutant.file, mutant.old, mutant.new) for mutant in ALL}) == len(ALL)
    assert len(CHOSEN) >= 40 and len(DRAWN) >= 40 and set(KINDS) == {mutant.kind for mutant in ALL}
    assert all(reason for _, reason in EQUIVALENT) and len(EQUIVALENT) < 0.1 * len(ALL)


def test_drawn_mutants_change_one_token_and_a_seed_draws_the_same_again():
    again = list(draw(ROOT, 5, 20))
    assert again == list(draw(ROOT, 5, 20)) and not {m.name for m in again} & {m.name for m in draw(ROOT, 6, 20)}
    for mutant in again:
        old, new = (list(ast.walk(ast.parse(text))) for text in ((ROOT / mutant.file).read_text(), mutant.applied(ROOT)))
        kinds = Counter(type(node).__name__ for node in old), Counter(type(node).__name__ for node in new)
        assert sum(((kinds[0] - kinds[1]) + (kinds[1] - kinds[0])).values()) <= 4, mutant          # one operator, constant or name, and its context
    assert sum(len(places(path)) for path in sources(ROOT)) > 10_000


def test_a_mutant_whose_text_is_gone_or_twice_there_says_so(tmp_path):
    (tmp_path / "f.py").write_text("a = 1\nb = 1\n")
    assert Mutant("m", "f.py", "a = 1", "a = 2", "constant", "a").applied(tmp_path) == "a = 2\nb = 1\n"
    for old, count in (("c = 1", 0), (" = 1", 2)):
        with pytest.raises(ValueError, match=f"found {count} times in f.py"):
            Mutant("m", "f.py", old, "x", "constant", "a").applied(tmp_path)
    with pytest.raises(ValueError, match="kind='slip'"):
        Mutant("m", "f.py", "a", "b", "slip", "a")


def test_a_fault_reaches_the_kernels_that_import_its_module_directly_or_not():
    kernels = ROOT / "ocnet" / "kernels"
    assert reached(kernels, "elementary") >= {"elementary", "elementary_rows", "perceptron", "perceptron_paths", "draws", "philox"}
    assert "stencil" not in reached(kernels, "elementary") and reached(kernels, "plane_step") == {"plane_step"}
    assert not [path for path in kernels.glob("*.py") if path.stem != "__init__" and "import_module" in path.read_text()]      # nothing hidden


def test_copies_begin_with_one_state_of_the_repository(tmp_path):
    """What is edited while the first is warmed up is in none of them; times stay, with which compiled kernels are found."""
    source = frozen(ROOT, tmp_path / "source")
    assert set(tracked(source)) >= {name for name in tracked(ROOT) if (ROOT / name).is_file()}
    for name in ("ocnet/kernels/philox.py", "tests/test_mutations.py"):
        assert (source / name).read_bytes() == (ROOT / name).read_bytes() and (source / name).stat().st_mtime_ns == (ROOT / name).stat().st_mtime_ns


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    return Workshop(tmp_path_factory.mktemp("mutations"), ROOT)


DEEP = "philox: nine rounds"                          # seen by a kernel of another module, into which the number of rounds is compiled
CAUGHT = {"bernoulli: a dropped unit": "tests/test_laws.py::test_a_mask_is_one_of_two_values_and_rescaled_dropout_follows_from_it",
          "logistic: the derivative": "tests/contracts/test_losses.py::test_logistic_tails_keep_their_relative_accuracy",
          DEEP: "tests/kernels/test_single_precision.py::test_uniforms_are_made_of_the_published_words"}


@pytest.mark.parametrize("name", CAUGHT)
def test_a_mutant_is_caught_by_the_test_named_for_it(name, workshop):
    (mutant,) = [mutant for mutant in CHOSEN if mutant.name == name]
    before = (workshop.tree / mutant.file).read_bytes()
    workshop.put(mutant)
    assert (first_failure(workshop.tree, [CAUGHT[name]], 300.0) or "").partition("[")[0] == CAUGHT[name]
    workshop.restore()
    assert (workshop.tree / mutant.file).read_bytes() == before == (ROOT / mutant.file).read_bytes()


def test_a_fault_would_be_hidden_by_compiled_kernels_that_are_left_where_they_are(workshop, monkeypatch):
    """The same deep fault with nothing taken away: the other module's kernel comes from the cache, without it."""
    (mutant,) = [mutant for mutant in CHOSEN if mutant.name == DEEP]
    assert first_failure(workshop.tree, [CAUGHT[DEEP]], 300.0) is None                # compiled here, if it was not at hand
    workshop.keep_compiled()
    monkeypatch.setattr("tests.mutations.workshop.reached", lambda kernels, stem: {stem})
    workshop.put(mutant)
    assert first_failure(workshop.tree, [CAUGHT[DEEP]], 300.0) is None
    workshop.restore()
