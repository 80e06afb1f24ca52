"""Coefficients beyond the ends of the axes: against the axis-by-axis formula, and the exact transpose."""

import itertools

import numpy as np
import pytest

from ocnet.kernels import ghosts

every_shape = pytest.mark.parametrize("shape", [(2, 7, 5), (1, 2, 4), (3, 1, 6)])
every_end = pytest.mark.parametrize("ends", list(itertools.product((0, 1), repeat=4)))


def padded(c, ends):
    """The formula, an axis after the other."""
    for axis, (low, high) in ((1, ends[:2]), (2, ends[2:])):
        c = np.moveaxis(c, axis, 0)
        if len(c) == 1:
            c = np.repeat(c, 4, axis=0)
        else:
            c = np.concatenate([(c[1] if low else 2 * c[0] - c[1])[None], c, (c[-2] if high else 2 * c[-1] - c[-2])[None]])
        c = np.moveaxis(c, 0, axis)
    return c


def both(shape, ends):
    c = np.random.default_rng(0).normal(size=shape)
    out = np.empty((shape[0], max(shape[1] + 2, 4), shape[2] + 2))
    ghosts.pad_plane(c, *ends, out)
    return c, out


@every_shape
@every_end
def test_padding_is_the_formula(shape, ends):
    c, out = both(shape, ends)
    assert np.abs(out - padded(c, ends)).max() < 1e-14                   # two roundings of numbers below 30


@every_shape
@every_end
def test_unpadding_is_its_transpose(shape, ends):
    c, out = both(shape, ends)
    back, cotangent = np.empty(shape), np.random.default_rng(1).normal(size=out.shape)
    forward = (out * cotangent).sum()
    ghosts.unpad_plane(cotangent.copy(), *ends, back)
    assert abs((back * c).sum() - forward) < 1e-12                       # sums of up to 126 products of size 10
