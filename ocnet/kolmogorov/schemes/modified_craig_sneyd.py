"""The modified scheme of Craig and Sneyd."""

from dataclasses import dataclass
from typing import Any, ClassVar

from .linear import LinearScheme

__all__ = ["ModifiedCraigSneyd"]


@dataclass(frozen=True)
class ModifiedCraigSneyd(LinearScheme):
    """Order 2 with mixed derivatives, whatever θ.  In 't Hout & Welfert (2009), eq. (1.4), with their θ = ⅓ for two axes.

    theta : θ of the implicit part and of the corrections
    """

    theta: float = 1 / 3
    damped: int = 0  # type: ignore[misc]
    order: ClassVar[int] = 2

    def step(self, A: Any, u: Any, dt: float) -> Any:
        start = y = u + dt * A.rate(u)
        for i in range(A.axes):
            y = A.stage(i, y, u, self.theta * dt)
        z = start + self.theta * dt * A.mixed(y - u) + (0.5 - self.theta) * dt * A.apply(y - u)
        for i in range(A.axes):
            z = A.stage(i, z, u, self.theta * dt)
        return z

    def fused(self, A: Any, u: Any, dt: float) -> Any:
        d = A.buffer(u)
        w = A.correct(u, self.theta * dt, gamma=dt, mu=dt, keep=d)
        out = A.correct(w, self.theta * dt, d, alpha=1.0, gamma=(0.5 - self.theta) * dt, mu=0.5 * dt, add=(u,))
        A.release(d, w)
        return out

    @classmethod
    def example(cls) -> "ModifiedCraigSneyd":
        return cls()
