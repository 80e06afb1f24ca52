"""Agreement of the chain with the network's own particles, for the objective and point by point."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet import plotting
from ocnet.archive import Saved
from ocnet.inputs import as_seed, as_whole
from ocnet.kernels.philox import derived_seed
from ocnet.training.grid_estimate import GridEstimate, estimate_on_grid
from ocnet.training.objectives import ChainView, GridObjective, ParticleObjective
from ocnet.training.objectives.labelled import checked_setting
from ocnet.typing import Array
from ocnet.xarrays import dataset, labelled

__all__ = ["Agreement", "compare_views"]

_COMPARING = 3                       # word that keeps these random streams apart from training's
_PILOT, _MOST_PATHS = 32, 20_000_000 # paths a point that tell how many are needed, and all that are taken at most
_ROUNDING = 1e-13                    # of a value: means of the same numbers in another order
_SAFETY = 1.5                        # of that number, for a pilot that has missed rare losses


@dataclass(frozen=True, eq=False)
class Agreement(Saved):
    """Chain and particles of one network, for the objective and point by point.

    objective_* : data terms; standard_error of the particles'; grid_error_bar computed by refinement
    grid_values, particle_values, point_bars, point_errors (n,) : what each data point contributes to (EL: its expected
        loss, LE: its expected score), the grid's own bar and the particles' standard error
    """

    grid: GridEstimate
    objective_particles: float
    standard_error: float
    grid_values: np.ndarray
    particle_values: np.ndarray
    point_bars: np.ndarray
    point_errors: np.ndarray
    paths: int
    # standard errors in a point's bar: 4.7e-4 of honest points lie outside, so that fewer than 99 % of 250 points inside
    # happens by chance in 2e-4 of all comparisons (at 3 it would be in 3 %)
    point_quantile = 3.5

    @property
    def difference(self) -> float:
        """Chain minus particles."""
        return self.grid.value - self.objective_particles

    @property
    def within(self) -> bool:
        """|grid − particles| ≤ 3 standard errors + the grid's bar, and rounding."""
        return bool(abs(self.difference) <= 3 * self.standard_error + self.grid.error_bar + _ROUNDING * abs(self.objective_particles))

    @property
    def points_within(self) -> Any:
        """(n,) whether each point agrees within 3.5 of its standard errors and its own bar, and rounding."""
        rounding = _ROUNDING * np.abs(self.particle_values)
        return np.abs(self.grid_values - self.particle_values) <= self.point_quantile * self.point_errors + self.point_bars + rounding

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name; of the points only what they come to."""
        return {"objective_grid": self.grid.value, "objective_particles": self.objective_particles,
                "standard_error": self.standard_error, "grid_error_bar": self.grid.error_bar,
                "grid_error": {"space": self.grid.space, "time": self.grid.time, "box": self.grid.box},
                "within": self.within, "points": len(self.grid_values),
                "points_within_fraction": float(self.points_within.mean()),
                "max_abs_difference": float(np.abs(self.grid_values - self.particle_values).max()),
                "paths_per_point": self.paths, "nodes": list(self.grid.grid.shape),
                "refinements": self.grid.refinements, "smallest_value": self.grid.lowest}

    def plot(self, ax: Any = None) -> Any:
        """Draw every point's value by particles against that by the grid, with both bars; returns the axes."""
        return plotting.agreement(self.grid_values, self.particle_values, self.point_bars, self.point_quantile * self.point_errors, self.points_within,
                                  labels=("grid (bar: space + box)", f"particles (bar: {self.point_quantile} s.e., {self.paths} paths)"), ax=ax)

    def to_xarray(self) -> Any:
        """Return an xarray.Dataset over point: values of grid and particles, and their doubts."""
        told = {"grid_values": "value by the grid", "particle_values": "value by particles", "point_bars": "the grid's own bar",
                "point_errors": "standard error of the particles", "points_within": "whether the two agree within both"}
        return dataset({name: labelled("point", getattr(self, name), said) for name, said in told.items()}, {},
                       {"objective_grid": float(self.grid.value), "objective_particles": float(self.objective_particles),
                        "standard_error": float(self.standard_error), "grid_error_bar": float(self.grid.error_bar), "paths": int(self.paths)})

    def __repr__(self) -> str:
        verdict = "agree" if self.within else "DISAGREE"
        return (f"Agreement(grid {self.grid.value:.6g} ± {self.grid.error_bar:.1g} (space {self.grid.space:.1g}, box "
                f"{self.grid.box:.1g}), particles {self.objective_particles:.6g} ± {self.standard_error:.1g} s.e.: {verdict}, "
                f"{100 * self.points_within.mean():.1f} % of {len(self.grid_values)} points within)")


def compare_views(setting: Any, theta: Array, nodes: int, paths: int | None = None, seed: int = 0, tolerance: float = 0.015,
                  floor: float = 2.5e-4) -> "Agreement":
    """Return the `Agreement` of the chain with particles at θ.

    setting   : Setting;  theta : (P,);  seed : of the particles
    nodes     : per axis of the first grid, refined until its bar is below `tolerance` of the objective, or `floor`
    paths     : particles a data point; None: as many as bring three standard errors below the same (2·10⁷ in all at most)
    """
    theta, seed = checked_setting(setting).network.control.check(theta), as_seed(seed)
    paths = None if paths is None else as_whole(paths, "paths", 2, "one path has no standard error; None takes as many as are needed")
    estimate = estimate_on_grid(setting, theta, ChainView(), nodes, tolerance, floor)
    if paths is None:
        paths = _enough_paths(setting, theta, seed, max(tolerance * abs(estimate.value), floor))
    sample = ParticleObjective(setting, paths, derived_seed(seed, _COMPARING)).sample(theta)
    column, rows = setting.criterion.column(setting.data.labels), np.arange(len(setting.data))
    errors = np.maximum(sample.errors[column, rows], _spread(setting, theta, estimate)[column, rows] / np.sqrt(paths))
    return Agreement(estimate, sample.value, sample.standard_error, estimate.values[column, rows],
                     sample.means[column, rows], estimate.bars[column, rows], errors, paths)


def _enough_paths(setting, theta, seed, bar):
    """Paths a data point for which three standard errors are about `bar`, from a pilot sample."""
    pilot = ParticleObjective(setting, setting.criterion.enough(_PILOT), derived_seed(seed, _COMPARING, _PILOT)).sample(theta)
    wanted = _SAFETY * pilot.paths * (3 * pilot.standard_error / bar)**2
    return setting.criterion.enough(np.ceil(np.clip(wanted, _PILOT, max(_PILOT, _MOST_PATHS // len(setting.data)))))


def _spread(setting, theta, estimate):
    """(q, n) standard deviations of the terminal values of one path from each point, by the chain of their squares.

    A sample that has missed a rare, large loss underestimates its own error; the grid has not missed it.  What the grid's own bar may
    make of a difference of squares is taken off: a network without noise has no spread.
    """
    objective = GridObjective(setting, estimate.grid)
    second = objective.values_at(theta, setting.data.points, power=2)
    return np.sqrt(np.maximum(second - estimate.values**2 - 2 * np.abs(estimate.values) * estimate.bars, 0))
