"""Why noise regularises: the loss without noise, and what small noise adds to it in each layer (MATH 1.6).

With the noise of all layers multiplied by ε, V_n the noise-free loss-to-go l(h(x_N), y) from layer n on and x_n the noise-free states,

    J_EL(ε) = J_0 + ε² Σ_n (gauss_newton_n + bending_n) + R       R = O(ε⁴), or O(ε³) where the noise is skewed
    J_LE(ε) = J_0 + ε² Σ_n bending_n + R                          J_M: the same with gauss_newton_n / M

    gauss_newton_n = ½ Σ_i w_i Σ_j (∂u/∂ξ_nj)ᵀ l'' (∂u/∂ξ_nj) ≥ 0 for convex l        u = h(x_N), ξ_nj channel j of layer n, at ξ = 0
    bending_n      = ½ Σ_i w_i Σ_j l' · ∂²u/∂ξ_nj²

Their sum is ½ tr(Gᵀ ∇²V_{n+1} G) where the noise is affine in ξ; before a nonlinearity the shift of the mean is in `bending`.  For a diffusion the sum
over layers is the integral (ε²/2) ∫ E tr(Gᵀ ∇²v_0 G) ds, the layers being pieces of time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ocnet import plotting
from ocnet.archive import Saved
from ocnet.inputs import LARGEST, as_number, as_seed, as_whole
from ocnet.networks import ResidualNetwork
from ocnet.process import Diffusion, LayeredProcess, checked_points
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.criteria.checked_loss import checked_loss
from ocnet.training.losses import Logistic
from ocnet.training.objectives import LabelledPoints, Setting
from ocnet.training.objectives.labelled import check_labels
from ocnet.xarrays import dataset, labelled

from .loss_to_go import LossToGo
from .noise_at_nodes import NoiseAtNodes
from .scores import finite_result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["Ledger", "diffusion_ledger", "process_ledger", "regularisation_ledger"]

@dataclass(frozen=True, eq=False)
class Ledger(Saved):
    """The noise-free loss J_0, and what noise of level ε = 1 adds to it in each layer, to second order in ε.

    gauss_newton, bending (N,) : the two parts of `regularisation`;  times (N + 1,) of the layers
    bars (N,)          : of penalties, by cause deterministic: differences of sixth against fourth order, and of time steps for a diffusion
    standard_errors (N,) : of penalties, where directions were sampled; else 0
    noise_free_bar     : of J_0: 0 for layers, of time steps for a diffusion
    What the expansion leaves out, R, is not in the bars: it is of the order ε⁴ (ε³ for skewed noise) and measured by `experiments/regularisation.py`.
    """

    noise_free: float
    gauss_newton: np.ndarray
    bending: np.ndarray
    times: np.ndarray
    bars: np.ndarray
    standard_errors: np.ndarray
    noise_free_bar: float = 0.0

    @property
    def penalties(self) -> np.ndarray:
        """(N,) what each layer adds to J_EL."""
        return self.gauss_newton + self.bending

    @property
    def penalty(self) -> float:
        """Coefficient of ε² in J_EL, the C1 of MATH 1.6 where ε is its sigma."""
        return float(self.penalties.sum())

    @property
    def penalty_bar(self) -> float:
        """Of `penalty`: the bars' sum and three standard errors, whose squares add as layers are sampled independently."""
        return float(self.bars.sum() + 3 * np.sqrt((self.standard_errors**2).sum()))

    def expected_loss(self, level: float = 1.0) -> float:
        """J_EL(ε) to second order."""
        return self.noise_free + level**2 * self.penalty

    def loss_of_expectation(self, level: float = 1.0) -> float:
        """J_LE(ε) to second order."""
        return self.noise_free + level**2 * float(self.bending.sum())

    def ensemble(self, members: int, level: float = 1.0) -> float:
        """J_M(ε) of `members` paths to second order."""
        return self.noise_free + level**2 * float((self.bending + self.gauss_newton / members).sum())

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name."""
        return {"noise_free": self.noise_free, "noise_free_bar": self.noise_free_bar, "penalty": self.penalty, "penalty_bar": self.penalty_bar,
                **{name: getattr(self, name).tolist() for name in ("gauss_newton", "bending", "bars", "standard_errors", "times")}}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the two parts of each layer's penalty, stacked, and their sum with its bar; returns the axes."""
        return plotting.ledger(self.times, {"Gauss–Newton": self.gauss_newton, "bending": self.bending}, self.bars + 3 * self.standard_errors, ax=ax)

    def to_xarray(self) -> Any:
        """Return an xarray.Dataset over layer (and its time): what the noise adds to the loss, in its two parts, with their doubts."""
        told = {"gauss_newton": "part of the penalty by the slopes of the score", "bending": "part of the penalty by its curvature",
                "bars": "deterministic bar of the penalty", "standard_errors": "standard error of the penalty"}
        return dataset({name: labelled("layer", getattr(self, name), said) for name, said in told.items()},
                       {"time": labelled("layer", self.times[:-1], "time at which the layer starts", "time")},
                       {"noise_free": self.noise_free, "noise_free_bar": self.noise_free_bar, "penalty": self.penalty, "penalty_bar": self.penalty_bar})

    def __repr__(self) -> str:
        return (f"Ledger(J_0 = {self.noise_free:.6g}, penalty {self.penalty:.6g} ± {self.penalty_bar:.1g} over {len(self.bending)} layers: "
                f"Gauss–Newton {self.gauss_newton.sum():.4g}, bending {self.bending.sum():.4g})")


def regularisation_ledger(network: ResidualNetwork, theta: ArrayLike, data: Any, loss: Any = Logistic(), directions: int | None = None,
                          seed: int = 0) -> Ledger:
    """Return the `Ledger` of a network's own layers at θ: any dimension, any noise model, any architecture whose state is its point.

    network    : ResidualNetwork;  data : LabelledPoints, or a pair (points (n, d), labels (n,));  loss : member of `training.losses`
    directions : None: every noise channel, exactly; a number k ≥ 2: k random combinations of them a layer and point, whose mean square is
                 unbiased (Hutchinson (1990)) with a standard error, where channels are many
    Cost         6 · channels (or k) · N²/2 block evaluations a point.
    Accuracy     about 1e-8 of the largest score where the flow is smooth on the scale of 0.05 spreads of the data; `bars` say it.
    """
    if not isinstance(network, ResidualNetwork):
        raise ValueError(f"network={network!r} is no ResidualNetwork; use process_ledger for other layered processes, diffusion_ledger for a Diffusion")
    data = Setting(network, data, ExpectedLoss(loss)).data
    theta = network.control.check(theta)
    return process_ledger(network.layered(theta), data, lambda x: np.asarray(network.score(np.ascontiguousarray(x.T), theta)).T, loss, directions, seed)


def process_ledger(process: LayeredProcess, data: LabelledPoints, score: Callable[[np.ndarray], ArrayLike], loss: Any,
                   directions: int | None = None, seed: int = 0) -> Ledger:
    """Return the `Ledger` of a LayeredProcess, whose noise must be standardised: E ξ = 0, E ξξᵀ = 1.

    score : h, callable (points (n, d)) -> (n,), or (n, K) for a loss of K scores;  other arguments as for `regularisation_ledger`
    """
    if not isinstance(process, LayeredProcess):
        raise ValueError(f"process={process!r} is no LayeredProcess; use diffusion_ledger for a Diffusion, or network.layered(theta)")
    data, seed = LabelledPoints.of(data), as_seed(seed)
    directions = None if directions is None else as_whole(directions, "directions", 2, "one has no standard error; None takes every channel")
    checked_loss(loss, "ExpectedLoss")
    check_labels(data.labels, loss)
    checked_points(data.points, process.dim, "data.points")
    to_go = LossToGo(process, data, score, loss, directions, seed)
    rows, x = [], np.ascontiguousarray(data.points.T)
    for n in range(process.layers):
        rows.append(to_go.layer(n, x))
        x = to_go.quiet(n, x)
    gauss_newton, bending, bars, errors = np.array(rows).T
    ledger = Ledger(to_go.noise_free, gauss_newton, bending, process.times, bars, errors)
    return finite_result(ledger, "theta, data, score", "noise_free", "gauss_newton", "bending", "bars", "standard_errors")


def diffusion_ledger(process: Diffusion, data: LabelledPoints, score: Callable[[np.ndarray], ArrayLike], loss: Any, horizon: float = 1.0,
                     layers: int | None = None, substeps: int = 4, directions: int | None = None, seed: int = 0) -> Ledger:
    """Return the `Ledger` of a Diffusion dX = f dt + ε G dB, by the pieces of time between its breaks.

    layers   : number of equal pieces of [0, horizon] instead (default 16 where the process has no breaks)
    substeps : of a piece; the result is that of twice as many, of order 4 in time, and what doubling changed is in the bars
    Other arguments as for `process_ledger`.
    """
    if not isinstance(process, Diffusion):
        raise ValueError(f"process={process!r} is no Diffusion; use process_ledger for a LayeredProcess, or network.diffusion(theta)")
    horizon, data = as_number(horizon, "horizon", at_least=1 / LARGEST, at_most=LARGEST), LabelledPoints.of(data)
    substeps, layers = as_whole(substeps, "substeps"), None if layers is None else as_whole(layers, "layers")
    checked_points(data.points, process.dim, "data.points")
    inner = [t for t in process.breaks if 0 < t < horizon]
    times = np.linspace(0, horizon, (layers or 16) + 1) if layers or not inner else np.array([0.0, *inner, horizon])
    coarse, fine = (_joined(process_ledger(NoiseAtNodes(process, times, steps, data.points[0]), data, score, loss, directions, seed), times)
                    for steps in (substeps, 2 * substeps))
    change = np.where(fine.standard_errors > 0, 0.0, np.abs(fine.penalties - coarse.penalties))      # sampled ones differ by their directions
    return Ledger(fine.noise_free, fine.gauss_newton, fine.bending, times, fine.bars + change, fine.standard_errors,
                  abs(fine.noise_free - coarse.noise_free))


def _joined(ledger, times):
    """The ledger with the entries of equally many steps a piece of time added up."""
    def added(entries):
        return entries.reshape(len(times) - 1, -1).sum(axis=1)

    return Ledger(ledger.noise_free, added(ledger.gauss_newton), added(ledger.bending), times, added(ledger.bars),
                  np.sqrt(added(ledger.standard_errors**2)))
