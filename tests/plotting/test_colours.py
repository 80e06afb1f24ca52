"""The palette is told apart by readers who lack one kind of cone; pairs that they do confuse are seen to fail."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from ocnet import plotting

# Machado, Oliveira, Fernandes, "A physiologically-based model for simulation of color vision deficiency" (2009), severity 1.0, on linear RGB
READERS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    "all cones": np.eye(3),
}
# linear sRGB to XYZ (IEC 61966-2-1), white at its row sums
XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
# a difference that is just noticed is about 2.3 in CIE L*a*b* (Mahy, van Eycken, Oosterlinck 1994) for large patches side by side; marks and lines are
# small and apart, so five of them are asked for
LEAST = 5 * 2.3


def _lab(colour, reader):
    encoded = np.array(to_rgb(colour))
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    t = XYZ @ np.clip(np.array(READERS[reader]) @ linear, 0, 1) / XYZ.sum(axis=1)
    x, y, z = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def _nearest(palette, reader):
    return min(np.linalg.norm(_lab(a, reader) - _lab(b, reader)) for a, b in combinations(palette, 2))


def test_the_simulation_keeps_white_white_and_black_black():
    for reader in READERS:
        # rows of the published matrices sum to 1 within 1e-6, which is 1e-4 in L*
        assert np.abs(_lab("white", reader) - [100, 0, 0]).max() < 0.01 and np.abs(_lab("black", reader)).max() < 1e-9


@pytest.mark.parametrize("reader", READERS)
def test_every_pair_of_the_palette_is_told_apart(reader):
    assert _nearest([*plotting.COLOURS, "black", "white"], reader) >= LEAST


@pytest.mark.parametrize("reader, palette", [("deuteranopia", ["#FC0007", "#16B402"]), ("protanopia", ["#1A6E67", "#E91455"]),
                                             ("tritanopia", ["#37C028", "#33B6A2"])])
def test_colours_that_such_readers_confuse_are_found(reader, palette):
    assert _nearest(palette, reader) < LEAST < _nearest(palette, "all cones")
