"""X⁺ = x + dt f + √dt f ∗ (γ − q)/√(q(1 − q)): dropout in the diffusive scaling, with a noise that does not grow as q falls."""

from dataclasses import dataclass
from typing import Any

from .output_dropout import OutputDropout

__all__ = ["CentredDropout"]


@dataclass(frozen=True)
class CentredDropout(OutputDropout):
    """Standardised masks times the branch: S = diag(f²) whatever `keep`; of weak order ½ unless keep = ½."""

    scaling: str = "diffusive"

    @property
    def unit_size(self) -> Any:
        return 1.0
