"""Training as optimal control: minimise J(θ) over the layers of a stochastic residual network.

    J(θ) = data term (EL or LE, see `criteria`) + Σ penalties,   θ (P,) float64, laid out by `networks.Control`

An *objective* gives J and its derivative, whatever the view; an *optimiser* walks downhill and writes down what it
needs to go on after a kill; `train` joins the two.  Losses take one score and labels −1, +1, or K scores
and labels 0 … K − 1; penalties are integrals over depth, so their weights do not change with the number of layers.
"""

from .checkpoint import CheckpointError
from .result import TrainingResult
from .trainer import train

__all__ = ["CheckpointError", "TrainingResult", "train"]
