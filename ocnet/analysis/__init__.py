"""What the views say of one network, side by side, each with its own error.

    grid (SDE law) − chain = modelling gap        chain − particles = sampling noise + interpolation + box

A comparison never prints a number without its bar.  `weak_order` measures the gap itself as depth grows, without grids or sampling.
`taylor_test` and `duality_test` ask whether a gradient is the derivative of its objective, and a sweep the transpose of another.
"""

from .agreement import Agreement, compare_views
from .comparison import Comparison, compare
from .gradients import GradientAgreement, GradientRoute, compare_gradients
from .verification import DualityTest, TaylorTest, duality_test, taylor_test
from .weak_order import WeakOrder, weak_order

__all__ = ["Agreement", "Comparison", "DualityTest", "GradientAgreement", "GradientRoute", "TaylorTest", "WeakOrder", "compare", "compare_gradients",
           "compare_views", "duality_test", "taylor_test", "weak_order"]
