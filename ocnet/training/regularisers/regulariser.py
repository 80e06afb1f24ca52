"""What regularisers share."""

import numpy as np

__all__ = ["Regulariser"]


class Regulariser:
    """Base of all penalties with a field `weight`, finite and ≥ 0; see the folder's primer."""

    weight: float

    def __init_subclass__(cls) -> None:
        if not hasattr(cls, "degree"):
            raise TypeError(f"{cls.__name__} declares no degree; give the class degree = 2 where R is quadratic, 1 where it is a norm with a prox")

    def __post_init__(self) -> None:
        if not (np.isfinite(self.weight) and self.weight >= 0):
            raise ValueError(f"weight={self.weight} of {type(self).__name__} is not a finite number ≥ 0; use 0 for no penalty")
