"""Laws of every optimiser: it descends, keeps its best, stays in its box, shows its state, and can be killed."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ocnet.kernels.threads import set_threads
from ocnet.training import CheckpointError, optimisers, train
from ocnet.training.optimisers import (
    LBFGS,
    Adam,
    AveragedSGD,
    GradientDescent,
    Momentum,
    ProximalGradient,
    SequentialHamiltonian,
    SuccessiveApproximations,
    TrustConstr,
)
from ocnet.training.optimisers.descent import Descent
from tests.training.interrupting import interrupted_at, lines_of
from tests.training.problems import CENTRE, START, Killed, Valley, bits, raising

# The noise each is made for on Valley, and how far from the minimum it may then end.  A new optimiser without an entry fails.
# LBFGS: projected gradient below 1e-6 over the smallest curvature ½, or a decrease below 1e-9: √(2·1e-9/½) = 6e-5.
# TrustConstr: the first of these, and 1e-8 over the smallest multiplier in these tests, 0.7.
# Adam, GradientDescent, Momentum: noise 0.1, effective rates 0.1, 0.1, 0.2 falling to a hundredth: the stationary deviation is
#   0.1 √(rate/2w) ≤ 0.024 for w = ½ at the rate where a component freezes (≤ 0.06), so 0.1 is four of them.
# AveragedSGD: the mean of the noise, 0.1/(w √1500) = 5e-3 for w = ½, and of what is left of the start, 3 e^(−w Σ rate) ≤ 0.04 after the
#   burn-in (Σ = 0.4 √500 = 9), which then decays within 220 of the 1500 points averaged: 6e-3; four deviations and this: 0.03.
# SequentialHamiltonian, SuccessiveApproximations: ‖Δθ‖ ≤ 1e-6 at a contraction c = ρ/(w + ρ) ≤ ⅔ (the one's ρ has then fallen below the
#   other's, 1): 1e-6/(1 − c) = 3e-6, and an inner search to 1e-7/(w + ρ) in each step.
# ProximalGradient: restarts bring J down by e² every e √(8/(½ rate)) = 48 iterations: 30 e^(−25) after 600, √(2·4e-10/½) = 4e-5.
SPREAD = {LBFGS: 0.0, TrustConstr: 0.0, ProximalGradient: 0.0, Adam: 0.1, GradientDescent: 0.1, Momentum: 0.1, AveragedSGD: 0.1,
          SequentialHamiltonian: 0.0, SuccessiveApproximations: 0.0}
NEAR = {LBFGS: 1e-4, TrustConstr: 1e-5, ProximalGradient: 1e-4, Adam: 0.1, GradientDescent: 0.1, Momentum: 0.1, AveragedSGD: 0.03,
        SequentialHamiltonian: 1e-5, SuccessiveApproximations: 1e-5}
MEMBERS = [getattr(optimisers, name).example() for name in optimisers.__all__]
CASES = [(member, SPREAD[type(member)], NEAR[type(member)]) for member in MEMBERS]
every_optimiser = pytest.mark.parametrize("optimiser, spread, near", CASES, ids=[type(m).__name__ for m in MEMBERS])
# those that follow what is drawn in each iteration; SequentialHamiltonian holds one J, which never rises
DRAWING = [m for m in MEMBERS if isinstance(m, Descent) and not isinstance(m, SequentialHamiltonian)]
every_drawing_one = pytest.mark.parametrize("optimiser", DRAWING, ids=lambda m: type(m).__name__)


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """What a power cut would leave is not tested here, and waiting for the disk at every iteration costs minutes."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def quiet(iteration, value):
    """No bar."""


def run(optimiser, spread, path=None, event=None, start=START, name="valley"):
    return train(Valley(spread, event, name), start, optimiser, path, quiet)


@every_optimiser
def test_it_finds_the_minimum_of_a_convex_valley(optimiser, spread, near):
    result = run(optimiser, spread)
    assert np.abs(result.x - CENTRE).max() < near
    assert result.fun == Valley().value(result.x) and (result.jac == Valley().value_and_gradient(result.x)[1]).all()
    assert result.success and not result.interrupted


@every_optimiser
def test_the_start_is_not_changed_and_the_result_is_not_its_memory(optimiser, spread, near):
    start = START.copy()
    result = train(Valley(spread), start, optimiser, progress=quiet)
    assert (start == START).all() and not np.shares_memory(start, result.x)


@every_drawing_one
def test_the_best_point_is_returned_though_the_last_is_worse(optimiser):
    class Misleading(Valley):
        """From iteration 12 on what is drawn is a valley upside down: whoever follows it climbs."""

        def draw(self, iteration):
            return self if iteration < 12 else Upwards()

    class Upwards(Valley):
        def value_and_gradient(self, theta):
            value, gradient = super().value_and_gradient(theta)
            return -value, -gradient

    result = train(Misleading(), START, replace(written_each_time(optimiser), bounds=(-5.0, 5.0)), progress=quiet)
    judged = result.history["value"]
    assert result.fun == Valley().value(result.x) == judged.min() < judged[-1]
    assert (result.last != result.x).any() and Valley().value(result.last) > result.fun


@every_optimiser
def test_the_last_point_is_where_the_run_ended(optimiser, spread, near):
    seen = []
    result = train(Valley(spread), START, optimiser, progress=quiet, callback=lambda state: seen.append(state.theta))
    assert (result.last == seen[-1]).all() and result.last.shape == START.shape


@every_optimiser
def test_history_starts_before_the_first_step_and_runs_forward(optimiser, spread, near):
    history = run(optimiser, spread).history
    assert history["iteration"][0] == 0 and history["value"][0] == Valley().value(START)
    assert (np.diff(history["iteration"]) > 0).all() and (np.diff(history["seconds"]) >= 0).all()


@every_optimiser
def test_a_run_with_a_journal_has_the_bits_of_one_without(optimiser, spread, near, tmp_path):
    assert bits(run(optimiser, spread, tmp_path / "run")) == bits(run(optimiser, spread))


@every_optimiser
@pytest.mark.parametrize("chunk", [1, 4])
def test_killed_again_and_again_it_ends_with_the_bits_of_an_uninterrupted_run(optimiser, spread, near, chunk, tmp_path):
    optimiser, path, deaths = written_each_time(optimiser), tmp_path / "run", 0
    whole = run(optimiser, spread)
    while True:                                              # dies at every `chunk`-th new evaluation, then starts again
        try:
            result = run(optimiser, spread, path, raising(Killed(), chunk + 1))
            break
        except Killed:
            deaths += 1
    assert deaths >= 2 and bits(result) == bits(whole)
    again = run(optimiser, spread, path, raising(Killed(), 1))               # complete: nothing is evaluated any more
    assert bits(again) == bits(whole) and again.seconds == result.seconds


def written_each_time(optimiser):
    """The same optimiser, shortened, its state written after every iteration."""
    if not isinstance(optimiser, Descent):
        return replace(optimiser, iterations=12)
    changes = {"iterations": 25, "check_every": 4, "save_every": 0.0} | ({"burn_in": 5} if hasattr(optimiser, "burn_in") else {})
    return replace(optimiser, **changes)


SCRIPT = """
import os, signal, sys
from math import inf
from ocnet.training import train
from ocnet.training.optimisers import *
from tests.training.problems import START, Valley
def event(count):
    if count == 6: os.kill(os.getpid(), signal.SIGKILL)
for line in sys.stdin:
    path, spread, optimiser = eval(line)
    child = os.fork()
    if not child:
        train(Valley(spread, event), START, optimiser, path)
        os._exit(0)
    print(path, os.WTERMSIG(os.waitpid(child, 0)[1]))
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """{optimiser's type: (the file it left, the signal it died of)}; one process is the parent of all, for its imports take a second."""
    folder = tmp_path_factory.mktemp("killed")
    jobs = {type(member): (str(folder / type(member).__name__), spread, written_each_time(member)) for member, spread, _ in CASES}
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", SCRIPT], input="\n".join(map(repr, jobs.values())), env=environment, text=True,
                          stdout=subprocess.PIPE, check=True)
    signals = dict(line.split() for line in done.stdout.splitlines())
    return {kind: (Path(path), int(signals[path])) for kind, (path, _, _) in jobs.items()}


@every_optimiser
def test_kill_minus_nine_leaves_a_file_that_goes_on(optimiser, spread, near, killed):
    (path, signal_of_death), optimiser = killed[type(optimiser)], written_each_time(optimiser)
    assert signal_of_death == signal.SIGKILL and path.exists()
    evaluations = Valley(spread)
    result = train(evaluations, START, optimiser, path, quiet)
    assert bits(result) == bits(run(optimiser, spread))
    fresh = Valley(spread)
    train(fresh, START, optimiser, None, quiet)
    assert evaluations.count[0] == fresh.count[0] - 5        # those before the kill were not made again


@every_optimiser
def test_control_c_returns_the_best_so_far_and_the_run_can_go_on(optimiser, spread, near, tmp_path):
    optimiser = written_each_time(optimiser)
    part = run(optimiser, spread, tmp_path / "run", raising(KeyboardInterrupt(), 5))
    assert part.interrupted and not part.success and "interrupted" in part.message
    assert part.fun <= part.history["value"].min() and (part.jac == Valley().value_and_gradient(part.x)[1]).all()
    result = run(optimiser, spread, tmp_path / "run")
    assert bits(result) == bits(run(optimiser, spread)) and result.seconds > part.seconds > 0


@every_optimiser
def test_control_c_at_any_line_returns_the_best_so_far_and_leaves_a_file_that_goes_on(optimiser, spread, near, tmp_path):
    # every line of training, the journal, the checkpoint, SciPy's methods, the objective and the callback is a place to be interrupted at
    set_threads(1)                                           # of this thread: the share of others would vary from run to run
    optimiser = replace(written_each_time(optimiser), iterations=11)

    def started(path):
        return train(Valley(spread), START, optimiser, path, quiet, callback=lambda state: state.iteration < 0)

    whole, lines, returned = started(None), lines_of(lambda: started(tmp_path / "whole")), 0
    for at in np.unique(np.linspace(1, lines, 16).astype(int)):
        path = tmp_path / f"run{at}"
        part, judged = interrupted_at(at, lambda: started(path))
        if part is None:
            assert judged <= 1                               # nothing was known yet, or J at the start had just come
        else:
            assert part.interrupted and part.fun == Valley().value(part.x) <= Valley().value(START)
            returned += 1
        assert bits(started(path)) == bits(whole)
    assert returned >= 11


@every_optimiser
def test_control_c_twice_leaves_only_the_gradient_at_the_best_point_open(optimiser, spread, near, tmp_path):
    optimiser, path = written_each_time(optimiser), tmp_path / "run"

    def event(count):
        if count >= 6:
            raise KeyboardInterrupt

    part = run(optimiser, spread, path, event)
    assert part.interrupted and part.fun == Valley().value(part.x)
    assert np.isnan(part.jac).all() or (part.jac == Valley().value_and_gradient(part.x)[1]).all()
    assert bits(run(optimiser, spread, path)) == bits(run(optimiser, spread))


@every_optimiser
def test_the_callback_sees_every_iteration_whole_and_cannot_change_it(optimiser, spread, near):
    states = []
    optimiser = written_each_time(optimiser)
    result = train(Valley(spread), START, optimiser, progress=quiet, callback=states.append)
    assert bits(result) == bits(run(optimiser, spread))
    assert [state.iteration for state in states] == list(range(1, result.nit + 1))
    assert (states[-1].best == result.x).all() and states[-1].best_value == result.fun
    for state in states:
        arrays = {name: value for name, value in state.arrays().items() if isinstance(value, np.ndarray)}
        assert {"theta", "gradient", "best", "history"} <= set(arrays) and np.isfinite([state.value, *state.theta, *state.gradient]).all()
        assert state.best_value == Valley().value(state.best) == state.history[:, 1].min() or isinstance(optimiser, TrustConstr | LBFGS)
        for value in arrays.values():
            with pytest.raises(ValueError, match="read-only"):
                value[...] = 0
    assert (np.diff([state.best_value for state in states]) <= 0).all() and (np.diff([state.seconds for state in states]) >= 0).all()
    assert (np.diff([state.evaluations for state in states]) >= 0).all()


@every_optimiser
def test_the_callback_can_stop_the_run_which_then_can_be_resumed(optimiser, spread, near, tmp_path):
    optimiser, path = written_each_time(optimiser), tmp_path / "run"
    part = train(Valley(spread), START, optimiser, path, quiet, callback=lambda state: state.iteration == 3)
    assert part.nit == 3 and not part.success and not part.interrupted and "stopped by the callback after 3 iterations" in part.message
    assert bits(run(optimiser, spread, path)) == bits(run(optimiser, spread))


@every_optimiser
@pytest.mark.parametrize("bounds", [(-1.0, 2.0), ([-1, -0.5, 0.5, -1], [0.5, 2, 0.5, 9])], ids=["numbers", "arrays, one component held"])
def test_it_keeps_inside_its_box_and_finds_the_corner_there(optimiser, spread, near, bounds):
    evaluated = []

    class Noting(Valley):
        def value_and_gradient(self, theta):
            evaluated.append(theta.copy())
            return super().value_and_gradient(theta)

        def draw(self, iteration):
            drawn = Noting(self.spread)
            drawn.noise = super().draw(iteration).noise
            return drawn

    lower, upper = (np.broadcast_to(side, 4) for side in bounds)
    result = train(Noting(spread), np.clip(START, lower, upper), replace(optimiser, bounds=bounds), progress=quiet)
    assert np.abs(result.x - np.clip(CENTRE, lower, upper)).max() < near     # separable: the clipped minimum
    for theta in (result.x, result.last, *evaluated):
        assert (theta >= lower).all() and (theta <= upper).all()


@every_optimiser
def test_a_start_outside_its_box_is_refused_by_name(optimiser, spread, near):
    with pytest.raises(ValueError, match=r"theta\[2\]=5 starts outside"):
        run(replace(optimiser, bounds=(-1, 4)), spread, start=np.array([0, 0, 5.0, 0]))
    with pytest.raises(ValueError, match=r"\(4,\) arrays"):
        run(replace(optimiser, bounds=(np.zeros(3), 4)), spread)


@every_optimiser
@pytest.mark.parametrize("bounds", [(1, -1), (np.nan, 1), (0, [1, -1, 1, 1]), (1,), None, (np.zeros((2, 2)), 1)])
def test_bounds_that_are_no_box_are_refused(optimiser, spread, near, bounds):
    with pytest.raises(ValueError, match="bounds="):
        replace(optimiser, bounds=bounds)


@every_optimiser
@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_a_j_that_is_not_finite_ends_the_run_at_the_last_good_point(optimiser, spread, near, poison, tmp_path):
    optimiser = written_each_time(optimiser)
    for _ in range(2):                                       # the second time from the file
        result = run(optimiser, spread, tmp_path / "run", lambda count: poison if count >= 5 else None)
        assert not result.success and "not finite in iteration" in result.message
        assert np.isfinite(result.x).all() and result.fun == Valley().value(result.x) <= Valley().value(START)


@every_optimiser
def test_an_evaluation_that_leaves_the_numbers_ends_the_run_at_the_last_good_point(optimiser, spread, near):
    def unstable(count):
        if count >= 5:
            raise FloatingPointError("values are not finite")

    result = run(written_each_time(optimiser), spread, event=unstable)
    assert not result.success and "not finite in iteration" in result.message
    assert np.isfinite(result.x).all() and result.fun == Valley().value(result.x) <= Valley().value(START)


@every_optimiser
def test_a_start_where_j_is_not_finite_is_refused(optimiser, spread, near):
    broken = Valley(spread, lambda count: np.nan)
    broken.value = lambda theta: np.nan
    with pytest.raises(ValueError, match="not finite at the start"):
        train(broken, START, optimiser, progress=quiet)


@every_optimiser
@pytest.mark.parametrize("change", [{"name": "another network"}, {"start": START + 1e-16}])
def test_a_file_of_another_network_or_start_is_refused_and_left_as_it_is(optimiser, spread, near, change, tmp_path):
    path = tmp_path / "run"
    run(optimiser, spread, path)
    before = path.read_bytes()
    with pytest.raises(CheckpointError):
        run(optimiser, spread, path, **change)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["run"]


def test_files_of_the_two_kinds_are_not_taken_for_each_other(tmp_path):
    run(LBFGS.example(), 0, tmp_path / "journal"), run(Adam.example(), 0, tmp_path / "state")
    for optimiser, name in ((LBFGS.example(), "state"), (Adam.example(), "journal")):
        with pytest.raises(CheckpointError, match="not an ocnet"):
            run(optimiser, 0, tmp_path / name)


@every_optimiser
def test_the_result_says_itself_in_one_line_and_in_json(optimiser, spread, near):
    result = run(optimiser, spread)
    assert "\n" not in repr(result) and f"{result.nit} iterations" in repr(result)
    copy = json.loads(json.dumps(result.to_dict()))
    assert copy["fun"] == result.fun and copy["history"]["value"] == result.history["value"].tolist()
