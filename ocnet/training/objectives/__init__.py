"""Objectives: J(θ) = data term + penalties, one face for every view.

    objective.value(theta) -> float            objective.value_and_gradient(theta) -> (float, (P,))
    objective.draw(iteration) -> objective     the same for a deterministic view, fresh frozen noise for a sampled one
    objective.fingerprint() -> str             identifies network, data and settings

The data term is a member of `training.criteria` of weighted, labelled points.  `EllipticControl` has neither: a problem with a
known solution, to measure optimisers by.
"""

from .elliptic import EllipticControl
from .grid import ChainView, DiffusionView, GridObjective
from .labelled import LabelledPoints, Setting
from .likelihood_ratio import LikelihoodRatioObjective
from .neural_ode import NeuralODEObjective
from .particles import ParticleObjective

__all__ = ["ChainView", "DiffusionView", "EllipticControl", "GridObjective", "LabelledPoints", "LikelihoodRatioObjective", "NeuralODEObjective",
           "ParticleObjective", "Setting"]
