"""The scheme of Hundsdorfer and Verwer."""

from dataclasses import dataclass
from typing import Any, ClassVar

from .linear import LinearScheme

__all__ = ["HundsdorferVerwer"]


@dataclass(frozen=True)
class HundsdorferVerwer(LinearScheme):
    """Order 2 with mixed derivatives, whatever θ.  Hundsdorfer & Verwer (2003); θ = 1 − ½√2 as in 't Hout & Welfert (2009).

    theta  : θ of the implicit part
    damped : first steps taken by locally one-dimensional implicit Euler, for data that jump
    """

    theta: float = 1 - 0.5**0.5
    damped: int = 0  # type: ignore[misc]
    order: ClassVar[int] = 2

    def step(self, A: Any, u: Any, dt: float) -> Any:
        start = y = u + dt * A.rate(u)
        for i in range(A.axes):
            y = A.stage(i, y, u, self.theta * dt)
        z = start + 0.5 * dt * A.apply(y - u)
        for i in range(A.axes):
            z = A.stage(i, z, y, self.theta * dt)
        return z

    def fused(self, A: Any, u: Any, dt: float) -> Any:
        d = A.buffer(u)
        w = A.correct(u, self.theta * dt, gamma=dt, mu=dt, keep=d)
        out = A.correct(w, self.theta * dt, d, alpha=1.0, beta=-1.0, gamma=0.5 * dt, mu=0.5 * dt, add=(u, w))
        A.release(d, w)
        return out

    @classmethod
    def example(cls) -> "HundsdorferVerwer":
        return cls()
