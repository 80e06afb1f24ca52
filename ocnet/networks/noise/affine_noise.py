"""The contract of a noise model."""

import numpy as np

from ocnet.networks.blocks.features import Features

__all__ = ["AffineNoise"]


class AffineNoise:
    """Base of the noise models; a subclass declares `scaling` and, where its directions are constant, `deviation`.

    scaling   : "natural" (scale dt) or "diffusive" (scale √dt)
    deviation : std per √time of additive, independent, normal noise; None where directions depend on the state
    """

    scaling = None
    deviation = None

    def __init_subclass__(cls):
        if cls.scaling not in ("natural", "diffusive"):
            raise TypeError(f"{cls.__name__}.scaling={cls.scaling!r}; declare 'natural' or 'diffusive'")

    def scale(self, dt):
        """The factor before Σ_j g_j ξ_j in a layer of step dt."""
        return dt if self.scaling == "natural" else np.sqrt(dt)

    def diffusive_scale(self, dt):
        """The factor before g in G of the Itô equation dX = f dt + G dB that a layer of step dt approximates."""
        return np.sqrt(dt) if self.scaling == "natural" else 1.0

    def law(self, dim):
        """The standardised law of ξ for states of dimension `dim`."""
        raise NotImplementedError

    def mean(self, features):
        """(d, n) mean of the noisy branch; by default the branch itself."""
        return features.output

    def directions(self, features):
        """(d, channels, n) columns g_j."""
        raise NotImplementedError

    def cotangent(self, features, mean_cotangent, directions_cotangent):
        """Features that carry ⟨mean_cotangent, ∂mean⟩ + ⟨directions_cotangent, ∂directions⟩ back to the block."""
        return Features(mean_cotangent)
