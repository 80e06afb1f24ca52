"""What the views say of one network, side by side, each with its own error.

    grid (SDE law) − chain = modelling gap        chain − particles = sampling noise + interpolation + box

A comparison never prints a number without its bar.
"""

from .comparison import Agreement, Comparison, GradientAgreement, compare, compare_gradients, compare_views

__all__ = ["Agreement", "Comparison", "GradientAgreement", "compare", "compare_gradients", "compare_views"]
