"""What every readout promises: scores, their transposes, and a tail of the declared layout."""

import numpy as np
import pytest

from ocnet.networks import Control, readouts

MEMBERS = [getattr(readouts, name).example() for name in readouts.__all__]
every = pytest.mark.parametrize("readout", MEMBERS, ids=lambda r: type(r).__name__)


@every
def test_vector_jacobian_is_the_transpose_of_the_derivative(readout):
    rng = np.random.default_rng(0)
    control = Control((), 0, readout.layout(3))
    tail, x, c = readout.initial(3, rng), rng.normal(size=(3, 8)), rng.normal(size=8)
    assert tail.shape == (control.size,)
    dx, dtail, h = rng.normal(size=x.shape), rng.normal(size=tail.shape), 1e-3
    back, gradient = readout.vector_jacobian(x, control.tail_views(tail), c)

    def moved(step):
        return (c * readout.value(x + step * dx, control.tail_views(tail + step * dtail))).sum()

    slope = (45 * (moved(h) - moved(-h)) - 9 * (moved(2 * h) - moved(-2 * h)) + moved(3 * h) - moved(-3 * h)) / (60 * h)
    assert abs(slope - (back * dx).sum() - gradient @ dtail) < 1e-9      # h⁶ · 1e6/140 + 1e-15/h
