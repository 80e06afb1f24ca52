"""Douglas' alternating-direction scheme."""

from dataclasses import dataclass
from typing import Any, ClassVar

from .linear import LinearScheme

__all__ = ["Douglas"]


@dataclass(frozen=True)
class Douglas(LinearScheme):
    """Order 2 at θ = ½ without mixed derivatives, order 1 with them (the mixed part is explicit).

    theta : θ of the implicit part
    Douglas (1962); in this form In 't Hout & Foulon (2010), eq. (3.1).
    """

    theta: float = 0.5
    order: ClassVar[int] = 2
    order_with_mixed: ClassVar[int] = 1

    def step(self, A: Any, u: Any, dt: float) -> Any:
        y = u + dt * A.rate(u)
        for i in range(A.axes):
            y = A.stage(i, y, u, self.theta * dt)
        return y

    def fused(self, A: Any, u: Any, dt: float) -> Any:
        return A.correct(u, self.theta * dt, gamma=dt, mu=dt, add=(u,))

    @classmethod
    def example(cls) -> "Douglas":
        return cls()
