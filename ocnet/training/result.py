"""What training returns, whichever optimiser ran."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet import plotting
from ocnet.archive import Saved
from ocnet.xarrays import dataset, labelled

__all__ = ["Ending", "TrainingResult", "first_in", "history_of"]


def history_of(rows: Any) -> dict[str, Any]:
    """Return rows of (iteration, value, seconds) as the `history` of a result."""
    table = np.asarray(rows, dtype=np.float64).reshape(-1, 3)
    return {"iteration": table[:, 0].astype(np.int64), "value": table[:, 1], "seconds": table[:, 2]}


@dataclass(frozen=True)
class Ending:
    """How a run ended: whether by its own rule, a sentence, whether Ctrl-C did it, and whether something that is not finite did."""

    success: bool
    message: str
    interrupted: bool = False
    fault: bool = False

    @classmethod
    def by_interrupt(cls, iterations: int) -> "Ending":
        return cls(False, f"interrupted after {iterations} iterations; the best point so far is returned", True)

    @classmethod
    def by_callback(cls, iterations: int) -> "Ending":
        return cls(False, f"stopped by the callback after {iterations} iterations; the best point so far is returned")

    @classmethod
    def at_fault(cls, iteration: int, fault: Any, detail: str = "") -> "Ending":
        """fault : has `what` is not finite, and the `place` where first;  detail : more of the iteration"""
        told = f"{fault.what} is not finite in iteration {iteration}{detail}{first_in(fault)}; the best point before it is returned"
        return cls(False, told, fault=True)


def first_in(fault: Any) -> str:
    """", first in …" with the place of a fault, or "" where there is none."""
    return f", first in {fault.place}" if fault.place else ""


@dataclass(frozen=True, eq=False)
class TrainingResult(Saved):
    """The best point an optimiser has met, and how it got there.

    x       : (P,) the best θ;  fun : J there (a sampled objective is judged with its own fixed noise, one of batches on eight fixed ones)
    jac     : (P,) ∇J at x, of the objective as it was given (a sampled one with its own seed); NaN if Ctrl-C came
              twice, or it takes longer than a second after one
    nit     : iterations;  nfev : evaluations of J or (J, ∇J), those before a resume included, that for `jac` not
    success : whether the optimiser ended by its own rule (converged, or all planned steps done); message says how
    history : {"iteration", "value", "seconds"}, arrays of equal length; seconds count from the very first start
    seconds : time spent, that before a resume included, that of being dead excluded
    last    : (P,) the point reached last, which may be worse than x
    interrupted : whether Ctrl-C ended the run;  fault : whether a J or ∇J that is not finite did
    """

    x: np.ndarray
    fun: float
    jac: np.ndarray
    nit: int
    nfev: int
    success: bool
    message: str
    history: dict
    seconds: float
    last: np.ndarray
    interrupted: bool = False
    fault: bool = False

    def plot(self, ax: Any = None, against: str = "iteration") -> Any:
        """Draw the objective against "iteration" or "seconds"; returns the axes."""
        return plotting.training({"training": self.history}, against=against, ax=ax)

    def to_xarray(self) -> Any:
        """Return an xarray.Dataset of the history (value and seconds over iteration) and of x, jac and last over number."""
        told = {"x": "best numbers θ", "jac": "gradient of J there", "last": "numbers reached last"}
        variables = {"value": labelled("iteration", self.history["value"], "objective J"),
                     "seconds": labelled("iteration", self.history["seconds"], "time since the very first start", "s"),
                     **{name: labelled("number", getattr(self, name), said) for name, said in told.items()}}
        return dataset(variables, {"iteration": labelled("iteration", self.history["iteration"], "iteration of the optimiser")},
                       {"fun": float(self.fun), "nit": int(self.nit), "nfev": int(self.nfev), "success": bool(self.success), "message": self.message})

    def __repr__(self) -> str:
        return (f"TrainingResult(J={self.fun:.6g}, {self.nit} iterations, {self.nfev} evaluations, "
                f"{self.seconds:.1f} s: {self.message})")

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers, strings and lists, ready for JSON."""
        return {"x": self.x.tolist(), "fun": float(self.fun), "jac": self.jac.tolist(), "nit": int(self.nit), "nfev": int(self.nfev),
                "success": bool(self.success), "message": self.message, "seconds": float(self.seconds),
                "last": self.last.tolist(), "interrupted": bool(self.interrupted), "fault": bool(self.fault),
                "history": {name: column.tolist() for name, column in self.history.items()}}
