"""Means, variances and standard errors of samples that come in parts."""

import numpy as np
import pytest

from ocnet.particles.moments import Moments


@pytest.mark.parametrize("cuts", [(), (1,), (2, 3, 30)])
def test_moments_of_parts_are_those_of_all_samples_and_the_variance_is_unbiased(cuts):
    """40 samples around 1000 of variance 1: some 40 roundings of a thousand in the mean, 1e-13, and so in deviations of about 1."""
    x = 1000 + np.random.default_rng(4).normal(size=(2, 40))
    first, *rest = (Moments.of(part) for part in np.split(x, cuts, axis=1))
    total = sum(rest, first)
    assert total.count == 40 and np.abs(total.mean - x.mean(axis=1)).max() < 1e-11
    assert np.abs(total.variance - x.var(axis=1, ddof=1)).max() < 1e-11
    assert np.abs(total.standard_error - np.sqrt(x.var(axis=1, ddof=1) / 40)).max() < 1e-11
