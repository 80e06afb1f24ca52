"""The certificate of a trained network: three views of its objective, and what their differences are made of."""

from dataclasses import dataclass
from typing import Any

from ocnet import plotting
from ocnet.archive import Saved
from ocnet.inputs import as_number
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.grid_estimate import GridEstimate, estimate_on_grid
from ocnet.training.losses import Logistic
from ocnet.training.objectives import DiffusionView
from ocnet.training.objectives.labelled import Setting
from ocnet.typing import Array, Criterion

from .agreement import Agreement, compare_views

__all__ = ["Comparison", "compare"]

_SHARE = 0.99                        # of the points that must lie within their own bars


@dataclass(frozen=True, eq=False)
class Comparison(Saved):
    """Three views of one network: chain and particles of its own law, and the grid of its Itô limit.

    agreement : chain against particles;  diffusion : the Itô limit's GridEstimate, or None where there is none (`reason` says why)
    """

    agreement: Agreement
    diffusion: GridEstimate | None
    reason: str = ""

    @property
    def objective(self) -> float:
        """The data term of the network's own law, by the chain."""
        return self.agreement.grid.value

    @property
    def errors(self) -> dict[str, float | None]:
        """What may be between the printed numbers and the truth, by cause: space, time and box are the larger of chain and Itô limit (time:
        of the latter alone), sampling is one standard error, modelling is the size of the gap."""
        chain, sde = self.agreement.grid, self.diffusion
        grids = [chain] if sde is None else [chain, sde]
        return {"space": max(g.space for g in grids), "time": max(g.time for g in grids), "box": max(g.box for g in grids),
                "sampling": self.agreement.standard_error, "modelling": None if self.modelling_gap is None else abs(self.modelling_gap)}

    @property
    def error_bar(self) -> float:
        """Of the network's objective: the chain's bar and three standard errors."""
        return self.agreement.grid.error_bar + 3 * self.agreement.standard_error

    @property
    def modelling_gap(self) -> float | None:
        """Objective of the Itô limit minus that of the network; None where there is no limit."""
        return None if self.diffusion is None else self.diffusion.value - self.objective

    @property
    def modelling_error(self) -> float | None:
        """Bar of the modelling gap: those of both grids."""
        return None if self.diffusion is None else self.diffusion.error_bar + self.agreement.grid.error_bar

    @property
    def within(self) -> bool:
        """Whether chain and particles agree within their bars, in the objective and in 99 % of the points."""
        return bool(self.agreement.within and self.agreement.points_within.mean() >= _SHARE)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON."""
        chain, sde = self.agreement.grid, self.diffusion
        out = {"objective_network": self.objective, "objective_particles": self.agreement.objective_particles,
               "network_error_bar": self.error_bar, "within": self.within, "errors": self.errors, "chain_nodes": list(chain.grid.shape)}
        if sde is None:
            return {**out, "objective_sde": None, "error_bar": chain.error_bar, "no_sde": self.reason}
        return {**out, "objective_sde": sde.value, "modelling_gap": self.modelling_gap, "error_bar": self.modelling_error,
                "sde_error": {"space": sde.space, "time": sde.time, "box": sde.box}, "sde_nodes": list(sde.grid.shape)}

    def plot(self, ax: Any = None) -> Any:
        """Draw the objective of each view with its bar, a row a view: what separates the last from the others is the modelling gap; returns the axes."""
        a, sde = self.agreement, self.diffusion
        rows = [("chain, network", a.grid.value, a.grid.error_bar), ("particles, network (3 s.e.)", a.objective_particles, 3 * a.standard_error)]
        rows += [] if sde is None else [("grid, Itô SDE", sde.value, sde.error_bar)]
        return plotting.intervals(*zip(*rows), label="objective", ax=ax)

    def __repr__(self) -> str:
        a, sde = self.agreement, self.diffusion
        lines = [f"{'view':<10} {'law':<8} {'objective':>10} {'± bar':>8} {'space':>8} {'time':>8} {'box':>8} {'sampling':>8}",
                 _line("chain", "network", a.grid.value, a.grid.error_bar, a.grid.space, None, a.grid.box, None),
                 _line("particles", "network", a.objective_particles, 3 * a.standard_error, None, None, None, a.standard_error)]
        if sde is not None:
            lines.append(_line("grid", "Itô SDE", sde.value, sde.error_bar, sde.space, sde.time, sde.box, None))
        lines.append(f"chain − particles = {a.difference:+.1e}, allowed {self.error_bar:.1e}: {'agree' if a.within else 'DISAGREE'}; "
                     f"{100 * a.points_within.mean():.1f} % of {len(a.grid_values)} points within their own bars ({a.paths} paths each)")
        lines.append(f"no Itô limit: {self.reason}" if sde is None else
                     f"modelling gap: SDE − network = {self.modelling_gap:+.2e} ± {self.modelling_error:.0e}")
        return "\n".join(lines)


def _line(view, law, value, bar, *parts):
    """One row of the table; a part that a view does not have is a dash."""
    cells = " ".join(f"{'–' if part is None else format(part, '.1e'):>8}" for part in parts)
    return f"{view:<10} {law:<8} {value:>10.6f} {bar:>8.1e} {cells}"


def compare(network: Any, theta: Array, data: Any, criterion: Criterion = ExpectedLoss(Logistic()), nodes: int = 61, paths: int | None = None,
            seed: int = 0, substeps: int = 4, tolerance: float = 0.03, floor: float = 5e-4) -> "Comparison":
    """Return the `Comparison` of the three views at θ, errors split into space, time, box, sampling and modelling.

    network   : ResidualNetwork of one to three dimensions (grids serve no more; above that only particles do);  theta : (P,)
    data      : LabelledPoints, or a pair (points (n, d), labels (n,))
    criterion : member of `training.criteria`; what is compared is the data term, without penalties
    tolerance : bar wanted relative to the objective;  floor : or this much, where that is larger.  The network's bar takes half of it for the
                chain and half for three standard errors, the Itô limit's the whole
    nodes     : per axis of the first grids, which are refined until they meet that, or would need more than a million nodes
    paths     : particles a data point; None: as many as it takes;  seed : of their noise
    substeps  : time steps a layer of the first solution of the Itô limit
    Raises      ValueError for a network that no grid serves, labels that the loss does not know
    Cost        some solves on grids of 61² to 10⁶ nodes, and 10⁵ to 2·10⁷ paths
    """
    setting, view = Setting(network, data, criterion), DiffusionView(substeps)
    for name, value in (("tolerance", tolerance), ("floor", floor)):
        as_number(value, name, at_least=0, remedy="give a bar ≥ 0 that is wanted")
    agreement = compare_views(setting, theta, nodes, paths, seed, 0.5 * tolerance, 0.5 * floor)
    try:
        network.diffusion(theta)
    except ValueError as reason:
        return Comparison(agreement, None, str(reason))
    return Comparison(agreement, estimate_on_grid(setting, theta, view, nodes, tolerance, floor))
