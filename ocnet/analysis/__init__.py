"""What the views say of one network, side by side, each with its own error.

    grid (SDE law) − chain = modelling gap        chain − particles = sampling noise + interpolation + box

A comparison never prints a number without its bar.  `weak_order` measures the gap itself as depth grows, without grids or sampling.
"""

from .agreement import Agreement, compare_views
from .comparison import Comparison, compare
from .gradients import GradientAgreement, compare_gradients
from .weak_order import WeakOrder, weak_order

__all__ = ["Agreement", "Comparison", "GradientAgreement", "WeakOrder", "compare", "compare_gradients", "compare_views", "weak_order"]
