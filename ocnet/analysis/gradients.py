"""The gradients of one network by every route, held against each other component by component.

    law of the network's own layers     chain (transposed sweep on a grid) · pathwise · likelihood ratio (additive normal noise)
    law of its Itô limit                grid (transposed sweep, Fokker–Planck) · pathwise through Euler–Maruyama steps

Routes of one law estimate the same derivative, each with its own doubt; those of different laws differ by the modelling gap and are not
compared.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from scipy.special import stdtrit

from ocnet.archive import Saved
from ocnet.inputs import as_number, as_object, as_seed, as_whole
from ocnet.kernels.philox import derived_seed
from ocnet.particles.diffusion_steps import DiffusionSteps
from ocnet.training.objectives import ChainView, DiffusionView, GridObjective, ParticleObjective
from ocnet.training.objectives.labelled import checked_setting
from ocnet.training.objectives.likelihood_ratio import LikelihoodRatioObjective
from ocnet.typing import Array, ArrayLike

__all__ = ["GradientAgreement", "GradientRoute", "compare_gradients"]

_COMPARING = 3                       # word that keeps these random streams apart from training's
_COARSER, _WIDER = 1 / 2, 1.3        # of the nodes and of the box that the grid's bars compare
_SAFETY = 3                          # of a change under refinement, for two grids: Roache (1994); a coarse grid may be right by accident
_MOST_NODES = 60_000                 # per field: no grid beyond this is tried
_ROUNDING = 1e-12                    # of the largest component: what sums of some 10⁴ terms may differ by


@dataclass(frozen=True, eq=False)
class GradientRoute(Saved):
    """A gradient with its doubt, component by component.

    gradient, standard_error, space, time, box : (P,) each.  A deterministic bar is the change under refinement, or the root mean square of
        all changes where that is larger: space by half the nodes (it bounds the error of any order ≥ 1), time by halving the steps, both
        extrapolated once, box by one 1.3 times as wide
    replicates : independent gradients that the standard error comes from; 0 for a deterministic route
    """

    law: str
    name: str
    gradient: np.ndarray
    standard_error: np.ndarray
    space: np.ndarray
    time: np.ndarray
    box: np.ndarray
    replicates: int

    @property
    def bar(self) -> Array:
        """(P,) space + time + box: what is not random."""
        return self.space + self.time + self.box

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name: norm and largest bars, not the components."""
        largest = {name: float(getattr(self, name).max()) for name in ("standard_error", "space", "time", "box")}
        return {"law": self.law, "name": self.name, "norm": float(np.linalg.norm(self.gradient)), **largest, "replicates": self.replicates}

    def __repr__(self) -> str:
        return (f"GradientRoute({self.name} of the {self.law} law, norm {np.linalg.norm(self.gradient):.4g}, largest bars: sampling "
                f"{self.standard_error.max():.1g}, space {self.space.max():.1g}, time {self.time.max():.1g}, box {self.box.max():.1g})")


@dataclass(frozen=True, eq=False)
class Pair:
    """Two routes of one law.  z (P,): how far they are apart beyond three times their deterministic bars, in standard errors."""

    first: GradientRoute
    second: GradientRoute

    @property
    def bar(self) -> Array:
        """(P,) deterministic bars of both, with their factor of safety."""
        return _SAFETY * (self.first.bar + self.second.bar)

    @property
    def standard_error(self) -> Array:
        """(P,) of the difference."""
        return np.hypot(self.first.standard_error, self.second.standard_error)

    @cached_property
    def z(self) -> Array:
        """(P,) ≥ 0: the excess of the difference over `bar`, in units of `standard_error`."""
        a, b = self.first.gradient, self.second.gradient
        size = max(np.abs(a).max(), np.abs(b).max(), np.finfo(float).tiny)
        return np.maximum(np.abs(a - b) - self.bar, 0.0) / np.maximum(self.standard_error, _ROUNDING * size)

    @property
    def cosine(self) -> float:
        """Of the angle between the two (1 where both vanish)."""
        a, b = self.first.gradient, self.second.gradient
        size = np.sqrt((a @ a) * (b @ b))
        return float(a @ b / size) if size else 1.0

    @property
    def name(self) -> str:
        return f"{self.first.name} – {self.second.name}"


@dataclass(frozen=True, eq=False)
class GradientAgreement(Saved):
    """All pairs of routes of one law, tested simultaneously: one verdict a law.

    level    : chance that any component of any pair is above `critical` while all deterministic errors are within three bars
    critical : Bonferroni's quantile of Student's t over all components of all pairs, with the degrees of freedom of one sampled route
               (Welch's are no fewer)
    """

    routes: tuple
    level: float = 1e-3

    @cached_property
    def pairs(self) -> "tuple[Pair, ...]":
        return tuple(Pair(a, b) for a, b in combinations(self.routes, 2) if a.law == b.law)

    @property
    def components(self) -> int:
        return int(self.routes[0].gradient.size)

    @property
    def critical(self) -> float:
        freedom = min(route.replicates for route in self.routes if route.replicates) - 1
        return float(-stdtrit(freedom, 0.5 * self.level / (self.components * len(self.pairs))))

    @property
    def laws(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(route.law for route in self.routes))

    def pairs_of(self, law: str) -> Any:
        """The pairs of one law, its grid first."""
        return [pair for pair in self.pairs if pair.first.law == law]

    def max_abs_z_of(self, law: str) -> float:
        """The largest of |z| over all pairs of a law."""
        return float(np.max([pair.z.max() for pair in self.pairs_of(law)]))          # NaN if any is, and then no verdict is good

    def reach_of(self, law: str) -> float:
        """The largest error of one component, over the gradient's norm, that the grid against the paths of a law might not see."""
        pair = self.pairs_of(law)[0]
        return float((self.critical * pair.standard_error + pair.bar).max() / np.linalg.norm(pair.first.gradient))

    @property
    def max_abs_z(self) -> float:
        """The largest |z| of all laws."""
        return float(np.max([self.max_abs_z_of(law) for law in self.laws]))

    @property
    def cosine(self) -> float:
        """Of the first pair: chain and pathwise."""
        return self.pairs[0].cosine

    @property
    def verdicts(self) -> Any:
        """{law: whether all its routes agree}."""
        return {law: self.max_abs_z_of(law) <= self.critical for law in self.laws}

    @property
    def within(self) -> bool:
        """Whether the routes of every law agree."""
        return all(self.verdicts.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name: of each pair the worst component."""
        pairs = [{"law": p.first.law, "pair": p.name, "cosine": p.cosine, "max_abs_z": float(p.z.max()), "component": int(p.z.argmax())}
                 for p in self.pairs]
        return {"cosine": self.cosine, "max_abs_z": self.max_abs_z, "components": self.components, "critical_z": self.critical,
                "within": self.within, "level": self.level, "verdicts": self.verdicts, "pairs": pairs,
                "routes": [route.to_dict() for route in self.routes]}

    def __repr__(self) -> str:
        lines = [f"{law}: {'agree' if agree else 'DISAGREE'}, " + ", ".join(
            f"{p.name} cosine {p.cosine:.5f} max |z| {p.z.max():.2f}" for p in self.pairs_of(law))
            for law, agree in self.verdicts.items()]
        return f"GradientAgreement({self.components} components, critical |z| {self.critical:.2f}; " + ";\n  ".join(lines) + ")"


@dataclass(frozen=True)
class _OnePath:
    """The Itô limit by `substeps` Euler–Maruyama steps a layer along a Brownian path drawn on `finest`."""

    substeps: int
    finest: int
    name = "sde"

    def paths(self, network, theta):
        return DiffusionSteps(network.diffusion(theta), network.times, self.substeps, self.finest)


def compare_gradients(setting: Any, theta: ArrayLike, grid: Any, paths: int = 64, seed: int = 0, substeps: int | None = None, replicates: int = 48,
                      level: float = 1e-3, sde_paths: int | None = None, tolerance: float = np.inf) -> "GradientAgreement":
    """Return the `GradientAgreement` of all routes to the data term's derivative at θ.

    setting  : Setting;  theta : (P,);  seed : from which those of the replicates are derived
    grid     : of the chain and of the equation; their bars come from half the nodes and a box 1.3 times as wide.  Twice as many nodes are
               taken while the space bar of any component is above `tolerance` times the gradient's norm, up to 60 000 a field
    paths    : a data point and replicate, a multiple of 4 for LE's likelihood ratio;  replicates : ≥ 2, independent
    substeps : coarsest time steps a layer for the Itô limit; there are twice and four times as many too, and errors of first and second
               order are extrapolated away.  None leaves the equation out, as does noise, or an architecture, without one
    sde_paths : as `paths`, for the equation, whose paths cost seven times the steps and more; None: `paths`
    level    : false-alarm rate of the verdict, over all components, pairs and laws.  Compared are the derivatives of J itself, penalties
               included (they are the same everywhere).  LE of a loss that is not quadratic: particles have a bias O(1/paths²) of their own
    Raises   ValueError for fewer than two replicates: one gradient has no spread
    """
    theta = checked_setting(setting).network.control.check(theta)
    replicates, seed = as_whole(replicates, "replicates", 2, "one gradient has no spread"), as_seed(seed)
    substeps = None if substeps is None else as_whole(substeps, "substeps", remedy="it counts the time steps a layer; None leaves the equation out")
    sde_paths = None if sde_paths is None else as_whole(sde_paths, "sde_paths", 2, "one path has no standard error")
    level = as_number(level, "level", above=0, below=1, remedy="give a false-alarm rate, such as 1e-3")
    if tolerance != np.inf:
        as_number(tolerance, "tolerance", above=0, remedy="give a share of the gradient's norm, or inf")
    as_object(grid, "grid", ("axes", "refined", "widened"), "a grid", "give a Grid with equal spacing, or a MovingGrid")
    seeds = [derived_seed(seed, _COMPARING, k) for k in range(1, replicates + 1)]
    routes = [_on_grid("network", "chain", setting, theta, grid, (ChainView(),), tolerance),
              _by_particles("network", "pathwise", theta, [(ParticleObjective(setting, paths, s),) for s in seeds])]
    if _has_density(setting.network):
        others = [derived_seed(s, _COMPARING) for s in seeds]
        routes.append(_by_particles("network", "likelihood ratio", theta, [(LikelihoodRatioObjective(setting, paths, s),) for s in others]))
    if substeps is not None and _has_limit(setting.network, theta):
        counts = [substeps * k for k in (1, 2, 4)]
        routes.append(_on_grid("sde", "grid", setting, theta, grid, tuple(DiffusionView(m) for m in counts), tolerance))
        views = [_OnePath(m, counts[-1]) for m in counts]
        routes.append(_by_particles("sde", "pathwise", theta, [
            [ParticleObjective(setting, sde_paths or paths, s, view=v) for v in views] for s in seeds]))
    return GradientAgreement(tuple(routes), level)


def _has_density(network):
    """Whether every layer is a step with additive normal noise."""
    return network.architecture.plain and all(network.noise.at(n, network.layers, network.dt).deviation for n in range(network.layers))


def _has_limit(network, theta):
    """Whether the layers approximate an Itô equation in R^d."""
    try:
        return bool(network.diffusion(theta))
    except ValueError:
        return False


def _bar(change):
    """|change| (P,), or the root mean square of all where that is larger."""
    return np.maximum(np.abs(change), np.sqrt((change * change).mean()))


def _extrapolated(gradients):
    """The limit of gradients with m, 2m, 4m steps a layer, errors of order 1 and 2 removed; its bar, three times the error of order 2 removed."""
    if len(gradients) == 1:
        return gradients[0], np.zeros_like(gradients[0])
    once, twice = 2 * gradients[1] - gradients[0], 2 * gradients[2] - gradients[1]
    return twice + (twice - once) / 3, twice - once


def _on_grid(law, name, setting, theta, grid, views, tolerance):
    def solved(grid):
        return _extrapolated([GridObjective(setting, grid, view).value_and_gradient(theta)[1] for view in views])

    coarse = grid.refined(_COARSER)
    (rough, _), (wide, _), (fine, change) = solved(coarse), solved(coarse.widened(_WIDER)), solved(grid)
    box = _bar(wide - rough)
    while _bar(fine - rough).max() > tolerance * np.linalg.norm(fine) and grid.size / _COARSER**grid.dim <= _MOST_NODES:
        grid = grid.refined(1 / _COARSER)
        rough, (fine, change) = fine, solved(grid)
    return GradientRoute(law, name, fine, np.zeros_like(fine), _bar(fine - rough), _bar(change), box, 0)


def _by_particles(law, name, theta, replicates):
    """From one tuple of objectives a replicate: one, or three of m, 2m, 4m steps a layer on the same paths."""
    parts = [_extrapolated([objective.value_and_gradient(theta)[1] for objective in objectives]) for objectives in replicates]
    drawn, changes = (np.stack(part) for part in zip(*parts))
    error, none = drawn.std(axis=0, ddof=1) / np.sqrt(len(drawn)), np.zeros(drawn.shape[1])
    return GradientRoute(law, name, drawn.mean(axis=0), error, none, _bar(changes.mean(axis=0)), none, len(drawn))
