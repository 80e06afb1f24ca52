"""What a branch cannot exceed: constants for bounds of errors."""

from dataclasses import dataclass

__all__ = ["BlockBounds"]


@dataclass(frozen=True)
class BlockBounds:
    """True upper bounds for f(x, θ) at all θ on the segment between two layers' numbers θ₀, θ₁, and all x, y (Euclidean norms).

    size, growth      : |f(x, θ)| ≤ size + growth |x|
    lipschitz         : |f(x, θ) − f(y, θ)| ≤ lipschitz |x − y|
    jump, jump_growth : |∂_θ f(x, θ) [θ₁ − θ₀]| ≤ jump + jump_growth |x|, hence the same for f(x, θ₁) − f(x, θ₀)
    """

    size: float
    growth: float
    lipschitz: float
    jump: float
    jump_growth: float
