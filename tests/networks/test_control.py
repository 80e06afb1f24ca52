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


def affine_in_time(control, slope, start):
    """θ whose layers are start + slope t at their middles, horizon 1."""
    theta = np.arange(control.size, dtype=float)
    middles = (np.arange(control.layers) + 0.5) / control.layers
    control.depth(theta)[:] = start + slope * middles[:, None]
    return theta


def test_a_copy_is_the_same_function_of_time_and_the_tail_stays():
    theta = np.random.default_rng(0).normal(size=CONTROL.size)
    fine = CONTROL.refined()
    longer = fine.check(CONTROL.prolong(theta, "copy"))
    assert fine.layers == 8 and (fine.rest(longer) == CONTROL.rest(theta)).all()
    assert (fine.depth(longer)[0::2] == CONTROL.depth(theta)).all() and (fine.depth(longer)[1::2] == CONTROL.depth(theta)).all()


def test_linear_prolongation_is_exact_where_theta_is_affine_in_time():
    """But in the outermost quarters, which hold the value of the first and last middle."""
    slope, start = np.random.default_rng(1).normal(size=(2, 9))
    longer = CONTROL.prolong(affine_in_time(CONTROL, slope, start))
    exact = affine_in_time(CONTROL.refined(), slope, start)
    inside, found = (CONTROL.refined().depth(v) for v in (exact, longer))
    assert np.abs(found - inside)[1:-1].max() < 1e-14                   # a few roundings of numbers below 5
    ends = CONTROL.depth(affine_in_time(CONTROL, slope, start))
    assert (found[0] == ends[0]).all() and (found[-1] == ends[-1]).all() and np.abs(found[0] - inside[0]).max() > 1e-2


@pytest.mark.parametrize("layers", [1, 2, 5])
def test_linear_prolongation_keeps_bounds_and_integral_and_does_not_raise_the_penalty_of_differences(layers):
    """N Σ|Δθ|² for 2N layers: at most what it was; copied layers double it."""
    control = Control((("b", (3,)),), layers)
    theta = np.random.default_rng(layers).normal(size=control.size)
    coarse = control.depth(theta)

    def roughness(depth):
        return len(depth) * (np.diff(depth, axis=0) ** 2).sum()

    fine, copied = (control.refined().depth(control.prolong(theta, how)) for how in ("linear", "copy"))
    assert (fine.min(axis=0) >= coarse.min(axis=0)).all() and (fine.max(axis=0) <= coarse.max(axis=0)).all()
    assert np.abs(fine.mean(axis=0) - coarse.mean(axis=0)).max() < 1e-15 * 8
    assert roughness(fine) <= roughness(coarse) and abs(roughness(copied) - 2 * roughness(coarse)) <= 1e-12 * roughness(copied)


def test_an_unknown_prolongation_is_refused():
    with pytest.raises(ValueError, match="how='cubic' is none of 'copy', 'linear'"):
        CONTROL.prolong(CONTROL.zeros(), "cubic")
