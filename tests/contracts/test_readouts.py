"""What every readout promises: scores, their transposes, and a tail of the declared layout."""

import numpy as np
import pytest

from ocnet.networks import Control, readouts
from ocnet.networks.readouts import LinearClasses

MEMBERS = [getattr(readouts, name).example() for name in readouts.__all__]
every = pytest.mark.parametrize("readout", MEMBERS, ids=lambda r: type(r).__name__)


def _shape(readout, points):
    return (points,) if readout.scores == 1 else (readout.scores, points)


@every
def test_scores_have_the_declared_number_of_rows_and_a_point_does_not_depend_on_the_others(readout):
    rng = np.random.default_rng(1)
    control, tail = Control((), 0, readout.layout(3)), readout.initial(3, rng)
    x = rng.normal(size=(3, 37))
    scores = readout.value(x, control.tail_views(tail))
    assert scores.shape == _shape(readout, 37) and scores.dtype == np.float64
    assert np.array_equal(readout.value(np.ascontiguousarray(x[:, 5:9]), control.tail_views(tail)), scores[..., 5:9])


@every
def test_vector_jacobian_is_the_transpose_of_the_derivative(readout):
    rng = np.random.default_rng(0)
    control = Control((), 0, readout.layout(3))
    tail, x, c = readout.initial(3, rng), rng.normal(size=(3, 8)), rng.normal(size=_shape(readout, 8))
    assert tail.shape == (control.size,)
    dx, dtail, h = rng.normal(size=x.shape), rng.normal(size=tail.shape), 1e-3
    back, gradient = readout.vector_jacobian(x, control.tail_views(tail), c)

    def moved(step):
        return (c * readout.value(x + step * dx, control.tail_views(tail + step * dtail))).sum()

    slope = (45 * (moved(h) - moved(-h)) - 9 * (moved(2 * h) - moved(-2 * h)) + moved(3 * h) - moved(-3 * h)) / (60 * h)
    assert abs(slope - (back * dx).sum() - gradient @ dtail) < 1e-9      # h⁶ · 1e6/140 + 1e-15/h


def test_linear_classes_are_w_x_plus_b():
    control, x = Control((), 0, LinearClasses(4).layout(2)), np.array([[1.0, 2.0], [10.0, 20.0]])
    tail = np.append(np.arange(8.0), [100.0, 200.0, 300.0, 400.0])
    expected = [[110, 120], [232, 264], [354, 408], [476, 552]]          # (0, 1), (2, 3), (4, 5), (6, 7) times x, plus b; by hand
    assert np.array_equal(LinearClasses(4).value(x, control.tail_views(tail)), expected)


def test_linear_classes_of_one_class_are_refused():
    with pytest.raises(ValueError, match=r"classes=1 .* Linear\(\)"):
        LinearClasses(1)
