"""The scikit-learn face: a stochastic residual network as a classifier of rows of features.

A row becomes the state X_0 (features standardised, or their principal components), is carried through the layers with their noise, and read
out as log-odds (two classes) or as scores of K classes.  Training minimises the expected loss EL = Σ_i w_i E l(h(X_N^i), y_i) by pathwise
gradients and Adam, with fresh noise in every step.  What is fitted depends on the weighted data alone: equal rows are one point with their weights added,
and points are put in an order of their own; so a row of weight 2 is a row that comes twice, and the order of rows is nothing, to the last bit.

Prediction averages the probabilities of M draws of the network's noise, the same M for every row: a fixed function of the row, the mean
of M members of the ensemble that a noisy network is.  By how much the members differ is `predict_proba_spread`.
"""

from .course import Epoch
from .estimator import StochasticResNetClassifier
from .spread import ProbabilitySpread

__all__ = ["Epoch", "ProbabilitySpread", "StochasticResNetClassifier"]
