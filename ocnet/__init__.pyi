"""The public names, as tools see them; `__init__.py` loads each from the same place on first use."""

from .analysis import L2Ball as L2Ball
from .analysis import LinearProblem as LinearProblem
from .analysis import LInfinityBall as LInfinityBall
from .analysis import compare as compare
from .analysis import compare_gradients as compare_gradients
from .analysis import fgsm as fgsm
from .analysis import input_gradient as input_gradient
from .analysis import landscape as landscape
from .analysis import linear_limit as linear_limit
from .analysis import lyapunov_exponent as lyapunov_exponent
from .analysis import network_ode_distance as network_ode_distance
from .analysis import order_of as order_of
from .analysis import pgd as pgd
from .analysis import regularisation_ledger as regularisation_ledger
from .analysis import stability_region as stability_region
from .analysis import taylor_test as taylor_test
from .analysis import top_eigenvalue as top_eigenvalue
from .analysis import variance_ledger as variance_ledger
from .analysis import weak_order as weak_order
from .analysis import zero_stability as zero_stability
from .archive import ArchiveError as ArchiveError
from .archive import load as load
from .archive import save as save
from .chain import solve_chain as solve_chain
from .classifier import StochasticResNetClassifier as StochasticResNetClassifier
from .compilation import warm_up as warm_up
from .density import Density as Density
from .grid import Grid as Grid
from .kernels.threads import set_threads as set_threads
from .kolmogorov import solve_backward as solve_backward
from .kolmogorov import solve_forward as solve_forward
from .moving_grid import MovingGrid as MovingGrid
from .networks import Control as Control
from .networks import ResidualNetwork as ResidualNetwork
from .networks import TrainedNetwork as TrainedNetwork
from .particles import Reconstructed as Reconstructed
from .particles import Stored as Stored
from .particles import estimate as estimate
from .particles import estimate_difference as estimate_difference
from .particles import estimate_gradient as estimate_gradient
from .particles import estimate_multilevel as estimate_multilevel
from .particles import propagate as propagate
from .problem import KolmogorovProblem as KolmogorovProblem
from .process import Diffusion as Diffusion
from .process import LayeredProcess as LayeredProcess
from .process import Transition as Transition
from .training import LabelledPoints as LabelledPoints
from .training import Setting as Setting
from .training import train as train
from .training import train_in_depth as train_in_depth
from .training import train_on_grid as train_on_grid
from .value_function import ValueFunction as ValueFunction

__version__: str
__all__: list[str]
