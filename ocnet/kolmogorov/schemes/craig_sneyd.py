"""The scheme of Craig and Sneyd."""

from dataclasses import dataclass
from typing import Any, ClassVar

from .linear import LinearScheme

__all__ = ["CraigSneyd"]


@dataclass(frozen=True)
class CraigSneyd(LinearScheme):
    """Order 2 with mixed derivatives at θ = ½, else 1.  Craig & Sneyd (1988); in this form In 't Hout & Foulon (2010), eq. (3.2).

    theta : θ of the implicit part, ½ for order 2
    """

    theta: float = 0.5
    damped: int = 0  # type: ignore[misc]
    order: ClassVar[int] = 2

    def step(self, A: Any, u: Any, dt: float) -> Any:
        start = y = u + dt * A.rate(u)
        for i in range(A.axes):
            y = A.stage(i, y, u, self.theta * dt)
        z = start + 0.5 * dt * A.mixed(y - u)
        for i in range(A.axes):
            z = A.stage(i, z, u, self.theta * dt)
        return z

    def fused(self, A: Any, u: Any, dt: float) -> Any:
        d = A.buffer(u)
        w = A.correct(u, self.theta * dt, gamma=dt, mu=dt, keep=d)
        out = A.correct(w, self.theta * dt, d, alpha=1.0, mu=0.5 * dt, add=(u,))
        A.release(d, w)
        return out

    @classmethod
    def example(cls) -> "CraigSneyd":
        return cls()
