"""`train`: what it passes on, what it shows, what it refuses."""

import io

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from ocnet.training import TrainingResult, train
from ocnet.training.optimisers import LBFGS, Adam
from ocnet.training.result import history_of
from tests.training.problems import START, Valley


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("optimiser", [LBFGS(iterations=5), Adam(iterations=5)], ids=["LBFGS", "Adam"])
def test_progress_is_a_bar_on_a_terminal_and_silence_off_one(optimiser, monkeypatch, capsys):
    train(Valley(), START, optimiser, progress="grid")
    assert capsys.readouterr() == ("", "")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    train(Valley(), START, optimiser, progress="grid")
    assert "grid" in terminal.getvalue() and capsys.readouterr().out == ""


@pytest.mark.parametrize("optimiser", [LBFGS(iterations=5), Adam(iterations=5)], ids=["LBFGS", "Adam"])
def test_a_callable_progress_hears_of_every_iteration_once(optimiser):
    heard = []
    result = train(Valley(), START, optimiser, progress=lambda iteration, value: heard.append((iteration, value)))
    assert [iteration for iteration, _ in heard] == list(range(1, result.nit + 1))
    assert np.isfinite([value for _, value in heard]).all()


def test_blas_has_one_thread_during_training_and_its_own_number_after():
    before, seen = threadpool_info(), []
    train(Valley(event=lambda count: seen.extend(threadpool_info())), START, LBFGS(iterations=2))
    blas = [library["num_threads"] for library in seen if library["user_api"] == "blas"]
    assert blas and set(blas) == {1} and threadpool_info() == before


@pytest.mark.parametrize("theta", [[np.nan, 0, 0, 0], np.zeros((2, 2))])
def test_a_start_that_is_no_finite_vector_is_refused(theta):
    with pytest.raises(ValueError, match="^theta(\\[0\\] = nan is not finite| has shape)"):
        train(Valley(), theta, LBFGS())


def test_an_objective_whose_gradient_has_another_shape_is_refused():
    broken = Valley()
    broken.value_and_gradient = lambda theta: (0.0, np.zeros(3))
    with pytest.raises(ValueError, match=r"gradient has shape \(3,\)"):
        train(broken, START, LBFGS())


def test_a_result_says_in_words_how_it_ended():
    result = TrainingResult(x=np.zeros(2), fun=0.25, jac=np.ones(2), nit=3, nfev=4, success=False, message="stopped at the limit",
                            history=history_of([(0, 1.0, 0.0)]), seconds=1.25, last=np.ones(2))
    assert repr(result) == "TrainingResult(J=0.25, 3 iterations, 4 evaluations, 1.2 s: stopped at the limit)"
