import numpy as np
import pytest

from ocnet.kernels import roughness


@pytest.mark.parametrize("shape", [(9,), (300,), (8, 41), (7, 9, 50), (5, 4)])
def test_steepest_and_sharpest_are_those_of_numpy_s_differences(shape):
    """The largest entry at any place, the last one of an axis included: a spike goes through all of them."""
    for spike in range(int(np.prod(shape))):
        field = np.random.default_rng(spike).normal(size=shape)
        field.flat[spike] += 20.0
        for axis, n in enumerate(shape):
            layout = int(np.prod(shape[:axis])), n, int(np.prod(shape[axis + 1:]))
            assert roughness.steepest(field.ravel(), *layout) == np.abs(np.diff(field, axis=axis)).max()
            expected = 0.0
            if n >= 7:
                bend = np.moveaxis(np.abs(np.diff(field, 2, axis=axis)), axis, 0)
                expected = max((bend[2:-2] - 5.0 * np.maximum(bend[:-4], bend[4:])).max(), 0.0)
            # products may be fused: a few ulp of 5 × 100, the largest bend of data up to 25
            assert abs(roughness.sharpest(field.ravel(), *layout, 5.0) - expected) < 1e-12
