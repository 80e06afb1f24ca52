"""Densities: what their report measures, files, and agreement with a law."""

import numpy as np
import pytest

from ocnet.boundary import Absorbing
from ocnet.density import Density
from ocnet.grid import Grid
from ocnet.kolmogorov import solve_forward
from ocnet.process import Diffusion


def brownian(width, nodes=201, sides=None, steps=40):
    """Brownian motion from 0 over a unit of time on [−width, width]."""
    return solve_forward(Diffusion(lambda t, x: 0 * x, [[1.0]], 1), [[0.0]], Grid.uniform(-width, width, nodes), 1.0, steps,
                         boundary=sides, keep=3)


def test_the_report_says_how_much_mass_met_the_sides_of_the_box():
    """The share on the outermost nodes is about 2 φ(width) h (half cells with twice the density, both sides)."""
    wide, narrow = brownian(6.0).report, brownian(2.0).report
    expected = 2 * np.exp(-2.0) / np.sqrt(2 * np.pi) * (4.0 / 200)
    assert wide.leak < 1e-8 and 0.9 * expected < narrow.leak < 1.1 * expected       # h² and steps: 1e-3, further images e⁻⁸
    assert wide.mass_drift < 1e-12 and narrow.mass_drift < 1e-12
    assert "leak" in repr(narrow) and "mass drift" in repr(narrow) and "\n" not in repr(narrow)


def test_what_absorbing_sides_took_is_neither_lost_nor_a_leak():
    density = brownian(1.0, sides=Absorbing())
    assert density.report.leak == 0.0 and density.report.mass_drift < 1e-12
    inside = density.masses[-1][1:-1].sum()
    assert abs(inside - 4 / np.pi * (np.exp(-np.pi**2 / 8) - np.exp(-9 * np.pi**2 / 8) / 3)) < 1e-3     # series, h²


def test_saved_densities_come_back_to_the_last_bit(tmp_path):
    density = brownian(3.0)
    density.save(tmp_path / "density.npz")
    back = Density.load(tmp_path / "density.npz")
    assert np.array_equal(back.masses, density.masses) and np.array_equal(back.times, density.times)
    assert back.report == density.report and repr(back) == repr(density)
    (tmp_path / "other.npz").write_bytes(b"text")
    with pytest.raises(ValueError, match="other.npz cannot be loaded: ocnet did not write it"):
        Density.load(tmp_path / "other.npz")
