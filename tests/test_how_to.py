"""A reader writes down the file of a how-to page and has a member of the family: its contract tests run over it, and a network trains with it.

The files are those of the pages, word for word.  What a contract says is written once, in `tests/contracts`: here it meets members that are
not in the library, as if their file lay in the folder and its name in `__all__`.
"""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ocnet import Grid, LabelledPoints, ResidualNetwork, Setting, taylor_test, train, weak_order
from ocnet.analysis import compare_views
from ocnet.networks.blocks import Perceptron, Sine
from ocnet.networks.noise import Gaussian
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.losses import Logistic
from ocnet.training.objectives import GridObjective, ParticleObjective
from ocnet.training.optimisers import LBFGS
from tests.chance import random
from tests.pages import files

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "experiments"))

import weak_order as experiment

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "how_to"
# page: (folder of the family, file of its contract tests)
CONTRACTS = {"add_a_noise_model": ("networks.noise", "test_noise"), "add_a_block": ("networks.blocks", "test_blocks"),
             "add_a_grid_scheme": ("kolmogorov.schemes", "test_schemes"), "add_an_architecture": ("networks.architectures", "test_architectures"),
             "add_a_regulariser": ("training.regularisers", "test_regularisers")}
LEAST = {"add_a_noise_model": 11, "add_a_block": 5, "add_a_grid_scheme": 7, "add_an_architecture": 9, "add_a_regulariser": 7}     # tests a member inherits
# the same file with a mistake of a tenth, and tests that must see it (what an architecture states is measured by the page's own examples)
MISTAKES = {
    "add_a_noise_model": ("return Features(output=self.level", "return Features(output=1.1 * self.level",
                          {"test_reverse_step_is_the_transpose_of_the_derivative_of_the_step", "test_coefficients_of_the_limit_are_differentiated_exactly"}),
    "add_a_block": ("return (1 - a * a) * times(layer.W.T, c)", "return 1.1 * (1 - a * a) * times(layer.W.T, c)",
                    {"test_vector_jacobian_is_the_transpose_for_every_feature"}),
    "add_a_grid_scheme": ("2**0.5 + 1", "1.1 * 2**0.5 + 1", {"test_rows_sum_to_one_so_the_transpose_keeps_mass"}),
    "add_a_regulariser": ("return 0.5 * self.weight", "return 0.55 * self.weight", {"test_gradient_is_the_derivative_where_no_number_is_zero"})}
PLUGIN = '''
import importlib, json, sys

GIVEN = json.loads(sys.argv[1])                      # [[family, module, class], …]
MADE, SEEN = [], {}
for family, module, name in GIVEN:
    member, folder = getattr(importlib.import_module(module), name), importlib.import_module("ocnet." + family)
    setattr(folder, name, member)
    folder.__all__ = [*folder.__all__, name]
    MADE.append((member, module))


def module_of(item):
    """The page's module whose member a test is about, or None."""
    values = list(getattr(getattr(item, "callspec", None), "params", {}).values())
    return next((module for member, module in MADE if any(type(value) is member for value in values)), None)


def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if module_of(item)]
    SEEN.update({item.nodeid: [module_of(item), item.originalname, None] for item in items})


def pytest_runtest_logreport(report):
    if report.when == "call" or report.failed:
        SEEN[report.nodeid][2] = report.outcome


def pytest_unconfigure():
    with open("seen.json", "w") as file:
        json.dump(list(SEEN.values()), file)
'''


def written(page, folder, mistake=False):
    """Write the page's file to a folder (with its mistake, under another name); return (module, class)."""
    ((name, text),) = files((PAGES / f"{page}.rst").read_text()).items()
    if mistake:
        right, wrong, _ = MISTAKES[page]
        assert right in text
        name, text = f"wrong_{name}", text.replace(right, wrong)
    (folder / name).write_text(text)
    return name.removesuffix(".py"), text.split('__all__ = ["')[1].split('"')[0]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """{page or its mistake: {contract test: outcomes}}, all families and mistakes in two processes."""
    found = {}
    for mistake in (False, True):
        folder = tmp_path_factory.mktemp("contributor")
        modules = {page: written(page, folder, mistake) for page in (MISTAKES if mistake else CONTRACTS)}
        given = [[CONTRACTS[page][0], *module] for page, module in modules.items()]
        tests = [str(ROOT / "tests" / "contracts" / f"{CONTRACTS[page][1]}.py") for page in modules]
        (folder / "plugin.py").write_text(PLUGIN)
        (folder / "run.py").write_text("import sys, pytest, plugin\n"
                                       "sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '-p', 'no:xdist', '-o', 'addopts=', '--rootdir', sys.argv[2],\n"
                                       "                      *sys.argv[3:]], plugins=[plugin]))\n")
        done = subprocess.run([sys.executable, "run.py", json.dumps(given), str(ROOT), *tests], cwd=folder, capture_output=True, text=True, check=False)
        assert (folder / "seen.json").exists(), done.stdout + done.stderr
        for page, (module, _) in modules.items():
            outcomes = {}
            for about, test, outcome in json.loads((folder / "seen.json").read_text()):
                if about == module:
                    outcomes.setdefault(test, []).append(outcome)
            found[page, mistake] = outcomes, done.stdout
    return found


@pytest.mark.parametrize("page", CONTRACTS)
def test_a_member_written_by_the_page_keeps_the_contract_of_its_family(page, verdicts):
    outcomes, told = verdicts[page, False]
    assert len(outcomes) >= LEAST[page], outcomes
    assert {outcome for those in outcomes.values() for outcome in those} == {"passed"}, told[-4000:]


@pytest.mark.parametrize("page", MISTAKES)
def test_a_mistake_of_a_tenth_in_the_file_is_caught(page, verdicts):
    outcomes, _ = verdicts[page, True]
    failed = {test for test, those in outcomes.items() if "failed" in those}
    assert failed and failed >= MISTAKES[page][2]


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """{page: the class that it writes}, imported from a folder of the reader's."""
    folder = tmp_path_factory.mktemp("reader")
    sys.path.insert(0, str(folder))
    try:
        made = {page: written(page, folder) for page in CONTRACTS}
        return {page: getattr(importlib.import_module(module), name) for page, (module, name) in made.items()}
    finally:
        sys.path.remove(str(folder))


def setting_with(page, member):
    """A small problem of learning in which the member takes part."""
    block, noise, more = Perceptron(4), Gaussian(0.2), {}
    if page == "add_a_noise_model":
        noise = member
    elif page == "add_a_block":
        block = member
    elif page == "add_an_architecture":
        more = {"architecture": member}
    network = ResidualNetwork(block, noise, layers=4, **more)
    points = np.random.default_rng(0).normal(size=(80, 2))
    labels = np.where(points[:, 0] + 0.5 * np.sin(3 * points[:, 1]) > 0, 1, -1)
    penalties = (member,) if page == "add_a_regulariser" else ()
    return Setting(network, LabelledPoints(points, labels), ExpectedLoss(Logistic()), penalties)


@pytest.mark.parametrize("page", ["add_a_noise_model", "add_a_block", "add_an_architecture", "add_a_regulariser"])
@random()
def test_a_network_trains_with_the_member_and_the_views_agree(page, classes, chance):
    """Its loss falls below the entropy of the labels, which no constant score does; both gradients are derivatives; chain and particles agree."""
    setting = setting_with(page, classes[page].example())
    objective = GridObjective(setting, Grid.uniform([-6, -6], [6, 6], [41, 41]))
    result = train(objective, setting.network.initialise(seed=1), LBFGS(iterations=15))
    share = (setting.data.labels > 0).mean()
    assert result.fun < -(share * np.log(share) + (1 - share) * np.log1p(-share))
    assert taylor_test(ParticleObjective(setting, paths=32), result.x).passed
    assert taylor_test(objective, result.x, steps=(1e-3, 3e-4, 1e-4)).passed
    seen = compare_views(setting, result.x, nodes=41)
    chance.mean(seen.objective_particles, seen.grid.value, seen.standard_error, detects=0.1 * seen.grid.value, slack=seen.grid.error_bar)


@pytest.mark.parametrize("scaling", ["natural", "diffusive"])
def test_the_noise_of_the_page_has_the_weak_orders_that_it_states(scaling, classes):
    """Without sampling; orders approach theirs from below like c/N, c at most 8 for order 1 and 13 for order 2 (as in test_weak_order)."""
    noise = classes["add_a_noise_model"](0.5, scaling)
    network = ResidualNetwork(Sine(2), noise, 1, dim=1)
    for against, stated in noise.weak_order.items():
        if stated is not None:
            measured = weak_order(network, experiment.moving, against, (64, 128), 49).order
            assert stated - 13 / 128 < measured < stated + 0.05, against
    assert sum(stated is not None for stated in noise.weak_order.values()) == (3 if scaling == "natural" else 1)
