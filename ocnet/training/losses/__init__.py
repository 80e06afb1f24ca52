"""Losses l(u, y) of scores u under a label y.

A loss declares, checked when its class is made (`Loss`):
    labels    : the whole numbers y it knows, increasing;  scores : how many scores u it takes
    convex    : whether l is convex in u;  quadratic : whether l = ½|u|² + an affine function of u, for each label
With one score, u has any shape, labels are −1 and +1 and the sign of u is the prediction.  With K scores, u is (K, …), label k belongs
to score k and the largest score is the prediction.  The shape behind the scores' axis is broadcast with that of y to some (…):

    value(u, y) (…)     derivative(u, y) = ∂l/∂u, (…) or (K, …)     second_derivative(u, y) = ∂²l/∂u², (…) or (K, K, …)

A loss is ≥ 0, finite for scores up to 1e150 at least, and never grows as the prediction moves to the label.
"""

from .cross_entropy import CrossEntropy
from .logistic import Logistic
from .squared import Squared
from .squared_classes import SquaredClasses

__all__ = ["CrossEntropy", "Logistic", "Squared", "SquaredClasses"]
