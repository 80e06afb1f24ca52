"""What a criterion takes for a loss."""

from typing import Any

from ocnet.inputs import as_object

__all__ = ["checked_loss"]


def checked_loss(loss: Any, criterion: str) -> None:
    """Raise ValueError for a class, and for anything without labels and a derivative."""
    as_object(loss, "loss", ("labels", "scores", "derivative"), "a loss", f"give an object of ocnet.training.losses, such as {criterion}(Logistic())")
