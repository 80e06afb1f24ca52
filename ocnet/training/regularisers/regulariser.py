"""What regularisers share."""

from ocnet.inputs import LARGEST, as_number

__all__ = ["Regulariser"]


class Regulariser:
    """Base of all penalties with a field `weight`, finite and ≥ 0; see the folder's primer."""

    weight: float

    def __init_subclass__(cls) -> None:
        if not hasattr(cls, "degree"):
            raise TypeError(f"{cls.__name__} declares no degree; give the class degree = 2 where R is quadratic, 1 where it is a norm with a prox")

    def __post_init__(self) -> None:
        remedy = f"the weight of {type(self).__name__} is a number from 0, for no penalty, to {LARGEST:g}"
        object.__setattr__(self, "weight", as_number(self.weight, "weight", at_least=0, at_most=LARGEST, remedy=remedy))
