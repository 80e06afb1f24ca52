"""Optimisers: θ ← θ − step, with everything written down that a killed run needs to end with the same bits.

An optimiser has `iterations` and `minimise(objective, theta, path=None, report=None) -> TrainingResult`.
LBFGS (deterministic objectives) keeps a journal of evaluations and replays it; Adam (sampled ones) keeps its state,
which is made of arrays, and draws the noise of iteration k from the seed and k, never from what was drawn before.
The point returned is the best met, not the last; a J or ∇J that is not finite ends the run there.
"""

from .adam import Adam
from .lbfgs import LBFGS

__all__ = ["Adam", "LBFGS"]
