"""Laws of every optimiser: it descends, keeps its best, and can be killed."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ocnet.training import CheckpointError, optimisers, train
from ocnet.training.optimisers import LBFGS, Adam
from tests.training.problems import CENTRE, START, Killed, Valley, bits, raising

# How far from the minimum each may end on Valley, with the noise it is made for.  A new optimiser without an entry fails.
# LBFGS: projected gradient below 1e-6 over the smallest curvature ½, or a decrease below 1e-9: √(2·1e-9/½) = 6e-5.
# Adam: noise 0.1 at rates falling to 1e-3: stationary deviation ≈ noise · √(rate / 2w) per component, below 0.03.
SPREAD, NEAR = {LBFGS: 0.0, Adam: 0.1}, {LBFGS: 1e-4, Adam: 0.1}
MEMBERS = [getattr(optimisers, name).example() for name in optimisers.__all__]
CASES = [(member, SPREAD[type(member)], NEAR[type(member)]) for member in MEMBERS]
every_optimiser = pytest.mark.parametrize("optimiser, spread, near", CASES, ids=[type(m).__name__ for m in MEMBERS])


def quiet(iteration, value):
    """No bar."""


def run(optimiser, spread, path=None, event=None, start=START, name="valley"):
    return train(Valley(spread, event, name), start, optimiser, path, quiet)


@every_optimiser
def test_it_finds_the_minimum_of_a_convex_valley(optimiser, spread, near):
    result = run(optimiser, spread)
    assert np.abs(result.x - CENTRE).max() < near
    assert result.fun == Valley().value(result.x)
    assert result.success and not result.interrupted


@every_optimiser
def test_the_start_is_not_changed_and_the_result_is_not_its_memory(optimiser, spread, near):
    start = START.copy()
    result = train(Valley(spread), start, optimiser, progress=quiet)
    assert (start == START).all() and not np.shares_memory(start, result.x)


@every_optimiser
def test_the_best_point_is_returned_though_the_last_may_be_worse(optimiser, spread, near):
    result = run(optimiser, 20 * spread)                     # noise that throws Adam about; none for LBFGS
    assert result.fun <= result.history["value"].min()
    if spread:                                               # the premise: the last judged point is not the best
        assert result.history["value"][-1] > result.fun


@every_optimiser
def test_history_starts_before_the_first_step_and_runs_forward(optimiser, spread, near):
    history = run(optimiser, spread).history
    assert history["iteration"][0] == 0 and history["value"][0] == Valley().value(START)
    assert (np.diff(history["iteration"]) > 0).all() and (np.diff(history["seconds"]) >= 0).all()


@every_optimiser
def test_a_run_with_a_journal_has_the_bits_of_one_without(optimiser, spread, near, tmp_path):
    assert bits(run(optimiser, spread, tmp_path / "run")) == bits(run(optimiser, spread))


@every_optimiser
@pytest.mark.parametrize("chunk", [1, 3, 7])
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
    """The same optimiser, shortened and without a pause between checkpoints."""
    if isinstance(optimiser, Adam):
        return replace(optimiser, iterations=25, check_every=4, save_every=0.0)
    return optimiser


SCRIPT = """
import os, signal, sys
from math import inf
from ocnet.training import train
from ocnet.training.optimisers import LBFGS, Adam
from tests.training.problems import START, Valley
def event(count):
    if count == 6: os.kill(os.getpid(), signal.SIGKILL)
train(Valley(float(sys.argv[2]), event), START, eval(sys.argv[3]), sys.argv[1])
"""


@every_optimiser
def test_kill_minus_nine_leaves_a_file_that_goes_on(optimiser, spread, near, tmp_path):
    optimiser, path = written_each_time(optimiser), tmp_path / "run"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    script = SCRIPT.replace("eval(sys.argv[3])", repr(optimiser))
    dead = subprocess.run([sys.executable, "-c", script, str(path), str(spread)], env=environment)
    assert dead.returncode == -signal.SIGKILL and path.exists()
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
    assert part.fun <= part.history["value"].min()
    assert bits(run(optimiser, spread, tmp_path / "run")) == bits(run(optimiser, spread))


@every_optimiser
@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_a_j_that_is_not_finite_ends_the_run_at_the_last_good_point(optimiser, spread, near, poison, tmp_path):
    optimiser = written_each_time(optimiser)
    for _ in range(2):                                       # the second time from the file
        result = run(optimiser, spread, tmp_path / "run", lambda count: poison if count >= 5 else None)
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


@pytest.mark.parametrize("at", [2, 4, 7])
def test_adam_interrupted_while_it_judges_goes_on_with_the_same_bits(at, tmp_path):
    class Impatient(Valley):
        judged = 0

        def value(self, theta):
            Impatient.judged += not self.noise.any()         # the drawn ones have noise and are no judges
            if Impatient.judged == at:
                raise KeyboardInterrupt
            return super().value(theta)

    optimiser = written_each_time(Adam.example())
    part = train(Impatient(0.1), START, optimiser, tmp_path / "run", quiet)
    assert part.interrupted
    assert bits(run(optimiser, 0.1, tmp_path / "run")) == bits(run(optimiser, 0.1))


def test_a_longer_limit_continues_the_journal_of_a_shorter_run(tmp_path):
    path = tmp_path / "run"
    short = run(LBFGS(iterations=3), 0, path)
    assert not short.success and short.nit == 3 and "limit of 3" in short.message
    assert bits(run(LBFGS(iterations=60), 0, path)) == bits(run(LBFGS(iterations=60), 0))


def test_lbfgs_keeps_inside_its_box_and_finds_the_corner_there():
    result = run(LBFGS(bounds=(-1.0, 2.0)), 0)
    assert np.abs(result.x - np.clip(CENTRE, -1, 2)).max() < 1e-4            # separable: the clipped minimum, as above
    assert (result.x >= -1).all() and (result.x <= 2).all()


def test_lbfgs_refuses_a_start_outside_its_box_by_name():
    with pytest.raises(ValueError, match=r"theta\[2\]=5 starts outside"):
        run(LBFGS(bounds=(-1, 4)), 0, start=np.array([0, 0, 5.0, 0]))


def test_adam_refuses_a_checkpoint_of_other_settings(tmp_path):
    run(Adam(iterations=20), 0.1, tmp_path / "run")
    with pytest.raises(CheckpointError, match="settings"):
        run(Adam(iterations=20, rate=0.03), 0.1, tmp_path / "run")


def test_the_first_adam_step_is_the_rate_against_the_sign_of_the_gradient():
    # m̂ = g and v̂ = g² after one step, so the step is rate · g/(|g| + ε): ε/|g| = 1e-8 at most here (|g| ≥ 1)
    result = train(Valley(), START, Adam(iterations=1, rate=0.25), progress=quiet)
    assert np.abs(result.x - 0.25 * np.sign(CENTRE)).max() < 1e-8


def test_clipping_shortens_the_gradient_to_its_length_but_keeps_short_ones():
    long, short = np.array([3.0, 4.0, 0, 0]), np.array([0.3, 0.4, 0, 0])
    assert Adam(clip=1.0).clipped(long) == pytest.approx(long / 5, rel=1e-15)  # roundings of √25 (none), ratio, product
    assert (Adam(clip=1.0).clipped(short) == short).all() and (Adam().clipped(1e9 * long) == 1e9 * long).all()

    class Steep(Valley):
        def value_and_gradient(self, theta):
            return self.value(theta), long

        def draw(self, iteration):
            return self

    momenta = []
    train(Steep(), START, Adam(iterations=1, clip=1.0), progress=quiet, callback=lambda state: momenta.append(state.m))
    assert momenta[0] == pytest.approx(0.1 * long / 5, rel=1e-14)            # 1 − β₁ = 0.1, up to rounding


def test_the_rate_falls_from_the_first_to_the_final_share():
    adam = Adam(iterations=100, rate=0.5, final=0.2)
    steps = [adam.step_size(k) for k in range(101)]
    assert steps[0] == 0.5 and steps[100] == pytest.approx(0.1, rel=1e-14) and (np.diff(steps) < 0).all()
    assert Adam(rate=0.5, final=1).step_size(7) == 0.5


@pytest.mark.parametrize("build, named", [
    (lambda: LBFGS(iterations=0), "iterations=0"), (lambda: LBFGS(bounds=(1, -1)), "bounds="),
    (lambda: Adam(iterations=2.5), "iterations=2.5"), (lambda: Adam(rate=-1), "rate=-1"), (lambda: Adam(final=2), "final=2"),
    (lambda: Adam(check_every=0), "check_every=0"), (lambda: Adam(clip=0), "clip=0")])
def test_settings_without_meaning_are_refused_by_name(build, named):
    with pytest.raises(ValueError, match=named):
        build()
