"""Agreement of the gradients of one network, component by component."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from ocnet.kernels.philox import derived_seed
from ocnet.training.objectives import GridObjective, ParticleObjective

__all__ = ["GradientAgreement", "compare_gradients"]

_COMPARING = 3                       # word that keeps these random streams apart from training's
_REPLICATES = 48                     # independent gradients whose spread gives the standard errors
_FAMILY = 1e-3                       # false-alarm rate of the simultaneous gradient test


@dataclass(frozen=True)
class GradientAgreement:
    """The chain's gradient against independent pathwise ones, component by component.

    max_abs_z : largest difference in units of its own error, √(standard error² + grid bar²); the grid bar of a component
        is its change under refinement, or the root mean square of all changes where that is larger
    within    : max_abs_z below `critical`, the Bonferroni quantile of Student's t over all components at level 1e-3
    """

    cosine: float
    max_abs_z: float
    components: int
    critical: float

    @property
    def within(self):
        return bool(self.max_abs_z <= self.critical)

    def to_dict(self):
        return {"cosine": self.cosine, "max_abs_z": self.max_abs_z, "components": self.components,
                "critical_z": self.critical, "within": self.within}

    def __repr__(self):
        return (f"GradientAgreement(cosine {self.cosine:.5f}, max |z| {self.max_abs_z:.2f} against {self.critical:.2f} "
                f"over {self.components} components)")


def compare_gradients(setting, theta, grid, paths=64, seed=0):
    """Return the `GradientAgreement` of the chain's gradient on `grid` (and 1.5 times refined) with pathwise ones."""
    theta = setting.network.control.check(theta)
    coarse = GridObjective(setting, grid).value_and_gradient(theta)[1]
    fine = GridObjective(setting, grid.refined(1.5)).value_and_gradient(theta)[1]
    draws = np.stack([ParticleObjective(setting, paths, derived_seed(seed, _COMPARING, k)).value_and_gradient(theta)[1]
                      for k in range(1, _REPLICATES + 1)])
    mean, error = draws.mean(axis=0), draws.std(axis=0, ddof=1) / np.sqrt(_REPLICATES)
    change = np.abs(fine - coarse)
    bar = np.maximum(change, np.sqrt((change * change).mean()))
    z = np.abs(fine - mean) / np.sqrt(error**2 + bar**2 + np.finfo(float).tiny)
    cosine = float(fine @ mean / np.sqrt((fine @ fine) * (mean @ mean)))
    return GradientAgreement(cosine, float(z.max()), int(theta.size),
                             float(student.isf(0.5 * _FAMILY / theta.size, _REPLICATES - 1)))
