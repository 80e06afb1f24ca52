"""The state of a run, and what a member raises when it has nothing left to do."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ocnet.training.checkpoint import CheckpointError
from ocnet.typing import Array

__all__ = ["Converged", "State"]


@dataclass(frozen=True, eq=False, kw_only=True)
class State:
    """All that the next iteration depends on, as arrays and numbers, and what has been found; a member adds its own arrays.

    iteration : iterations made;  theta (P,) : the point reached
    value, gradient (P,) : J, with the noise drawn, and ∇J where the latest step began; NaN before the first
    best (P,), best_value : the best judged point;  jac (P,) : ∇J there, NaN until it is asked for
    evaluations : of J or (J, ∇J);  seconds : spent so far;  history (k, 3) : iteration, judged value, seconds
    """

    theta: np.ndarray
    gradient: np.ndarray
    best: np.ndarray
    jac: np.ndarray
    history: np.ndarray
    value: float = np.nan
    best_value: float = np.inf
    iteration: int = 0
    evaluations: int = 0
    seconds: float = 0.0

    @classmethod
    def at(cls, theta: Array, **own: Any) -> "State":
        """The state before the first iteration at θ (P,), with the member's own arrays by name."""
        unknown = np.full_like(theta, np.nan)
        return cls(theta=theta.copy(), gradient=unknown, best=theta.copy(), jac=unknown, history=np.empty((0, 3)), **own)

    def but(self, **changes: Any) -> "State":
        """The same with other values in some fields: `dataclasses.replace` at a fifth of its cost, which every iteration pays."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, **changes)
        return other

    def arrays(self) -> dict[str, Any]:
        """{field: value}, as stored in a checkpoint."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def restored(self, path: Any, arrays: dict[str, Any]) -> "State":
        """The state that a checkpoint's arrays are; CheckpointError unless they are as many numbers as this one's, history aside, whose rows grow."""
        own = self.arrays()
        if arrays.keys() != own.keys():
            raise CheckpointError(f"{path}: {min(arrays.keys() ^ own.keys())!r} is in one of this optimiser's state and this checkpoint only; "
                                  "delete it to start anew")
        for name, value in arrays.items():
            shape = (len(value), 3) if name == "history" and value.ndim else np.shape(own[name])
            if value.shape != shape or value.dtype.kind not in "biuf":
                raise CheckpointError(f"{path}: its {name} has shape {value.shape} of {value.dtype}, where this optimiser's state has numbers of shape "
                                      f"{shape}; delete it to start anew")
        return type(self)(**{name: value if value.ndim else value.item() for name, value in arrays.items()})

    def shown(self) -> "State":
        """The same with arrays that cannot be written to: what a callback sees."""
        views = {}
        for name, value in self.arrays().items():
            if isinstance(value, np.ndarray):
                views[name] = value.view()
                views[name].flags.writeable = False
        return self.but(**views)


class Converged(Exception):
    """Raised by an `advance` that finds nothing left to do: the run ends there with success and this message."""
