"""Agreement of the chain with the network's own particles, and the gap to the Itô limit."""

from dataclasses import dataclass

import numpy as np

from ocnet.kernels.philox import derived_seed
from ocnet.training.grid_estimate import GridEstimate, estimate_on_grid
from ocnet.training.objectives import ChainView, DiffusionView, GridObjective, ParticleObjective

__all__ = ["Agreement", "Comparison", "compare", "compare_views"]

_COMPARING = 3                       # word that keeps these random streams apart from training's


@dataclass(frozen=True, eq=False)
class Agreement:
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
    def difference(self):
        return self.grid.value - self.objective_particles

    @property
    def within(self):
        """|grid − particles| ≤ 3 standard errors + the grid's bar."""
        return bool(abs(self.difference) <= 3 * self.standard_error + self.grid.error_bar)

    @property
    def points_within(self):
        """(n,) whether each point agrees within 3.5 of its standard errors and its own bar."""
        return np.abs(self.grid_values - self.particle_values) <= self.point_quantile * self.point_errors + self.point_bars

    def to_dict(self):
        return {"objective_grid": self.grid.value, "objective_particles": self.objective_particles,
                "standard_error": self.standard_error, "grid_error_bar": self.grid.error_bar,
                "grid_error": {"space": self.grid.space, "time": self.grid.time, "box": self.grid.box},
                "within": self.within, "points": len(self.grid_values),
                "points_within_fraction": float(self.points_within.mean()),
                "max_abs_difference": float(np.abs(self.grid_values - self.particle_values).max()),
                "paths_per_point": self.paths, "nodes": list(self.grid.grid.shape),
                "refinements": self.grid.refinements, "smallest_value": self.grid.lowest}

    def __repr__(self):
        verdict = "agree" if self.within else "DISAGREE"
        return (f"Agreement(grid {self.grid.value:.6g} ± {self.grid.error_bar:.1g} (space {self.grid.space:.1g}, box "
                f"{self.grid.box:.1g}), particles {self.objective_particles:.6g} ± {self.standard_error:.1g} s.e.: {verdict}, "
                f"{100 * self.points_within.mean():.1f} % of {len(self.grid_values)} points within)")


@dataclass(frozen=True, eq=False)
class Comparison:
    """Three views of one network: chain and particles of its own law, and the grid of its Itô limit."""

    agreement: Agreement
    diffusion: GridEstimate

    @property
    def modelling_gap(self):
        """Objective of the Itô limit minus that of the network."""
        return self.diffusion.value - self.agreement.grid.value

    def to_dict(self):
        chain = self.agreement.grid
        return {"objective_network": chain.value, "objective_sde": self.diffusion.value,
                "error_bar": chain.error_bar + self.diffusion.error_bar,
                "sde_error": {"space": self.diffusion.space, "time": self.diffusion.time, "box": self.diffusion.box},
                "sde_nodes": list(self.diffusion.grid.shape)}

    def __repr__(self):
        return (f"Comparison({self.agreement!r}, Itô limit {self.diffusion.value:.6g} ± {self.diffusion.error_bar:.1g}, "
                f"modelling gap {self.modelling_gap:+.2g})")


def compare_views(setting, theta, nodes, paths, seed, tolerance=0.015):
    """Return the `Agreement` of the chain (refined until its bar is small) with `paths` particles a data point."""
    estimate = estimate_on_grid(setting, theta, ChainView(), nodes, tolerance)
    objective = ParticleObjective(setting, paths, derived_seed(seed, _COMPARING))
    sample = objective.sample(theta)
    column, rows = setting.criterion.column(setting.data.labels), np.arange(len(setting.data))
    errors = np.maximum(sample.errors[column, rows], _spread(setting, theta, estimate)[column, rows] / np.sqrt(paths))
    return Agreement(estimate, sample.value, sample.standard_error, estimate.values[column, rows],
                     sample.means[column, rows], estimate.bars[column, rows], errors, paths)


def _spread(setting, theta, estimate):
    """(q, n) standard deviations of the terminal values of one path from each point, by the chain of their squares.

    A sample that has missed a rare, large loss underestimates its own error; the grid has not missed it.
    """
    objective = GridObjective(setting, estimate.grid)
    second = objective.values_at(theta, setting.data.points, power=2)
    return np.sqrt(np.maximum(second - estimate.values**2, 0))


def compare(setting, theta, nodes=129, paths=2048, seed=0, substeps=2):
    """Return the `Comparison` of the three views at θ, errors split into space, time, box, sampling and modelling.

    nodes : per axis of the first grid, refined where its bar is above 1.5 % of the objective (or 2e-4)
    paths : particles a data point;  substeps : time steps a layer of the first solution of the Itô limit
    """
    agreement = compare_views(setting, theta, nodes, paths, seed)
    return Comparison(agreement, estimate_on_grid(setting, theta, DiffusionView(substeps), nodes))
