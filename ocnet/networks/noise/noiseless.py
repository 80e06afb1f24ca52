"""X⁺ = x + dt f: the plain residual network, as the limit of every noise model."""

from dataclasses import dataclass

from ocnet.laws import Silent

from .additive_noise import AdditiveNoise

__all__ = ["Noiseless"]


@dataclass(frozen=True)
class Noiseless(AdditiveNoise):
    """No noise."""

    scaling: str = "natural"
    level = deviation = 0.0

    @classmethod
    def example(cls):
        return cls()

    def law(self, block, dim):
        return Silent()
