"""What the views say of one network, side by side, each with its own error.

    grid (SDE law) − chain = modelling gap        chain − particles = sampling noise + interpolation + box

A comparison never prints a number without its bar.  `weak_order` measures the gap itself as depth grows, without grids or sampling.
`feedback_bound` says what no schedule of layers can be below, by a control that may look at the state (`solve_feedback`).
`network_ode_distance` says how far the layers are from the ODE behind them, with bounds that hold.
`linear_limit` follows the weights of linear residual networks, as functions of depth, through N-scaled training.
`order_of` and `stability_region` measure what architectures state of themselves, `zero_stability` what a trained LM-ResNet's products do.
`fgsm` and `pgd` move inputs within a ball until the loss of a stochastic network is large; `lyapunov_exponent` says how fast paths part.
`regularisation_ledger` says what small noise adds to the loss in each layer, `variance_ledger` how J_EL − J_LE is made of layers, whatever the noise.
`landscape` draws an objective on filter-normalised slices, `top_eigenvalue` finds the largest curvature at a point.
`taylor_test` and `duality_test` ask whether a gradient is the derivative of its objective, and a sweep the transpose of another.
"""

from .agreement import Agreement, compare_views
from .attacks import Attack, InputGradient, fgsm, input_gradient, pgd
from .balls import L2Ball, LInfinityBall
from .bellman import solve_feedback
from .comparison import Comparison, compare
from .curvature import Eigenvalue, top_eigenvalue
from .feedback import FeedbackBound, feedback_bound, posterior_floor
from .gradients import GradientAgreement, GradientRoute, compare_gradients
from .landscape import Landscape, filter_normalised, landscape
from .linear_limit import LinearLimit, LinearTraining, descend, flow, linear_limit
from .linear_product import LinearProblem, SufficientCondition
from .lyapunov import Lyapunov, MomentExponent, lyapunov_exponent
from .network_ode import NetworkODEDistance, network_ode_distance
from .order import ConsistencyOrder, order_of
from .regularisation import Ledger, diffusion_ledger, process_ledger, regularisation_ledger
from .stability import StabilityRegion, ZeroStability, stability_region, zero_stability
from .variance import VarianceLedger, diffusion_variance_ledger, process_variance_ledger, variance_ledger
from .verification import DualityTest, TaylorTest, duality_test, taylor_test
from .weak_order import WeakOrder, weak_order

__all__ = ["Agreement", "Attack", "Comparison", "ConsistencyOrder", "DualityTest", "Eigenvalue", "FeedbackBound", "GradientAgreement",
           "GradientRoute", "InputGradient", "L2Ball", "LInfinityBall", "Landscape", "Ledger", "LinearLimit", "LinearProblem", "LinearTraining",
           "Lyapunov", "MomentExponent", "NetworkODEDistance", "StabilityRegion", "SufficientCondition", "TaylorTest", "VarianceLedger", "WeakOrder",
           "ZeroStability", "compare", "compare_gradients", "compare_views", "descend", "diffusion_ledger", "diffusion_variance_ledger",
           "duality_test", "feedback_bound", "fgsm", "filter_normalised", "flow", "input_gradient", "landscape", "linear_limit", "lyapunov_exponent",
           "network_ode_distance", "order_of", "pgd", "posterior_floor", "process_ledger", "process_variance_ledger", "regularisation_ledger",
           "solve_feedback", "stability_region", "taylor_test", "top_eigenvalue", "variance_ledger", "weak_order", "zero_stability"]
