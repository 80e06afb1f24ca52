"""SciPy's methods: what their journal replays, what a line search leaves, what a barrier does at its sides."""

import numpy as np
import pytest

from ocnet.training import train
from ocnet.training.optimisers import LBFGS, TrustConstr
from ocnet.training.optimisers.scipy_methods import ScipyMethod
from ocnet.training.result import Ending
from tests.training.problems import CENTRE, START, Valley, bits


def quiet(iteration, value):
    """No bar."""


def test_lbfgs_interrupted_in_a_line_search_returns_the_best_point_and_not_the_last():
    values = {}

    def event(count):
        if count == 4:
            raise KeyboardInterrupt
        return 1e6 if count == 3 else None                   # an overshoot, from which it would have come back

    class Noting(Valley):
        def value_and_gradient(self, theta):
            value, gradient = super().value_and_gradient(theta)
            values[theta.tobytes()] = value
            return value, gradient

    result = train(Noting(event=event), START, LBFGS(), progress=quiet)
    assert list(values.values())[-1] == 1e6 and len(values) == 3
    assert result.fun == min(values.values()) == values[result.x.tobytes()]
    assert f"interrupted after {result.nit} iterations" in result.message


def test_a_longer_limit_continues_the_journal_of_a_shorter_run(tmp_path):
    path, valley = tmp_path / "run", Valley()
    short = train(valley, START, LBFGS(iterations=3), path, quiet)
    assert not short.success and short.nit == 3 and "limit of 3" in short.message
    longer, fresh = Valley(), train(Valley(), START, LBFGS(iterations=60), progress=quiet)
    assert bits(train(longer, START, LBFGS(iterations=60), path, quiet)) == bits(fresh)
    assert longer.count[0] == fresh.nfev - valley.count[0]   # those of the shorter run are read


@pytest.mark.parametrize("optimiser", [LBFGS(bounds=(START, START)), TrustConstr(bounds=(START, START))], ids=["LBFGS", "TrustConstr"])
def test_with_every_component_held_the_start_is_the_result(optimiser):
    result = train(Valley(), START, optimiser, progress=quiet)
    assert result.success and (result.x == START).all() and result.nit == 0 and "held fixed" in result.message


@pytest.mark.parametrize("bounds", [(0, 2), (0, np.inf), (-np.inf, 2), (-np.inf, np.inf)])
def test_trust_constr_leaves_a_start_on_the_wrong_side_and_ends_at_the_right_one(bounds):
    # SciPy's own test of convergence would stop at once at a side, whatever sign the gradient has there
    result = train(Valley(), START, TrustConstr(bounds=bounds), progress=quiet)
    assert result.success and np.abs(result.x - np.clip(CENTRE, *bounds)).max() < 1e-5   # 1e-6/½ within, 1e-8/0.7 at a side


def test_a_trial_outside_the_box_is_neither_evaluated_nor_returned():
    class Wanderer(ScipyMethod):
        """Looks at a point outside its box, where J is lowest, and at one inside."""

        def search(self, watched, start, lower, upper):
            assert watched(CENTRE)[0] == np.inf and watched(0.5 * start)[0] < np.inf
            return Ending(True, "enough")

    valley = Valley()
    result = train(valley, np.ones(4), Wanderer(bounds=(-1.0, 2.0)), progress=quiet)
    assert valley.count[0] == result.nfev == 1 and (result.x == 0.5).all()


def test_trust_constr_says_when_its_iterations_were_too_few():
    result = train(Valley(), START, TrustConstr(iterations=4), progress=quiet)
    assert not result.success and result.nit == 4 and "limit of 4" in result.message


@pytest.mark.parametrize("build, named", [(lambda: LBFGS(iterations=0), "iterations=0"), (lambda: TrustConstr(iterations=1.5), "iterations=1.5")])
def test_settings_without_meaning_are_refused_by_name(build, named):
    with pytest.raises(ValueError, match=named):
        build()
