"""θ is one vector; structure is a view."""

import numpy as np
import pytest

from ocnet.networks import Control

CONTROL = Control((("W1", (3, 2)), ("b1", (3,))), 4, (("w", (2,)),))


def test_named_views_write_through_to_theta():
    theta = CONTROL.zeros()
    CONTROL.layer(theta, 2).W1[1, 0] = 5.0
    CONTROL.tail_views(theta).w[1] = 7.0
    assert theta[2 * 9 + 2] == 5.0 and theta[-1] == 7.0 and np.count_nonzero(theta) == 2


def test_differences_in_depth_are_those_of_consecutive_layers():
    theta = np.arange(CONTROL.size, dtype=float)
    assert CONTROL.size == 4 * 9 + 2 and (np.diff(CONTROL.depth(theta), axis=0) == 9).all()
    assert CONTROL.depth(theta).base is not None                        # a view: no copy


def test_theta_of_a_wrong_size_or_not_finite_is_refused():
    with pytest.raises(ValueError, match="expected \\(38,\\)"):
        CONTROL.check(np.zeros(37))
    theta = CONTROL.zeros()
    theta[5] = np.nan
    with pytest.raises(ValueError, match=r"theta\[5\]"):
        CONTROL.check(theta)
