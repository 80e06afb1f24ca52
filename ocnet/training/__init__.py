"""Training as optimal control: minimise J(θ) over the layers of a stochastic residual network.

    J(θ) = data term (EL or LE, see `criteria`) + Σ penalties,   θ (P,) float64, laid out by `networks.Control`

A `Setting` is the problem: network, `LabelledPoints`, criterion, penalties.  An *objective* gives J and its derivative, whatever the view; an
*optimiser* walks downhill and writes down what it needs to go on after a kill; `train` joins the two, `train_on_grid` keeps a grid honest
meanwhile, `train_in_depth` goes from few layers to many.  Losses take one score and labels −1, +1, or K scores
and labels 0 … K − 1; penalties are integrals over depth, so their weights do not change with the number of layers.
"""

from .checkpoint import CheckpointError
from .depth import train_in_depth
from .grid_training import GridTraining, train_on_grid
from .objectives import LabelledPoints, Setting
from .result import TrainingResult
from .trainer import train

__all__ = ["CheckpointError", "GridTraining", "LabelledPoints", "Setting", "TrainingResult", "train", "train_in_depth", "train_on_grid"]
