"""Laws side by side."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from ocnet.inputs import as_object
from ocnet.kernels import philox
from ocnet.typing import Array

from .law import MOST_BRANCHES, Law
from .normal import Normal
from .rademacher import Rademacher

__all__ = ["Joint"]

_JOINING = 0x4A4F494E                # word of the seeds of a joint law's later members


@dataclass(frozen=True)
class Joint(Law):
    """Independent laws side by side: the channels of the first, then those of the second, …

    laws : a tuple of members of `ocnet.laws`.  `quadrature` is the product of their rules, or ValueError where that is too large.
    """

    laws: tuple

    def __post_init__(self) -> None:
        if not isinstance(self.laws, (tuple, list)) or not self.laws:
            raise ValueError(f"laws={self.laws!r} is no tuple of laws; give one or more, such as (Normal(2), Rademacher(1))")
        object.__setattr__(self, "laws", tuple(as_object(law, f"laws[{k}]", ("channels", "uniforms", "draw"), "a law", "give one of ocnet.laws")
                                               for k, law in enumerate(self.laws)))

    @classmethod
    def example(cls) -> "Joint":
        return cls((Normal(2), Rademacher(1)))

    @property
    def channels(self) -> int:
        return sum(law.channels for law in self.laws)

    @property
    def uniforms(self) -> int:
        return sum(law.uniforms for law in self.laws)

    @property
    def skewness(self) -> float:
        return max((law.skewness for law in self.laws), key=abs)

    def draw(self, seed: int, first_path: int, paths: int, layer: int, mirrored: bool = False) -> Array:
        return np.concatenate([law.draw(philox.derived_seed(seed, _JOINING, k) if k else seed, first_path, paths, layer, mirrored)
                               for k, law in enumerate(self.laws)])

    def from_uniforms(self, u: Array) -> Array:
        """(channels, n) of u (uniforms, n), law after law."""
        ends = np.cumsum([law.uniforms for law in self.laws])
        return np.concatenate([law.from_uniforms(part) for law, part in zip(self.laws, np.split(u, ends[:-1]))])

    def quadrature(self, order: int) -> tuple[Array, Array]:
        """The product of the laws' rules."""
        rules = [law.quadrature(order) for law in self.laws]
        if np.prod([len(w) for _, w in rules]) > MOST_BRANCHES:
            raise ValueError(f"the {' × '.join(str(len(w)) for _, w in rules)} quadrature branches are more than "
                             f"{MOST_BRANCHES}; use the particle view (ocnet.particles) instead")
        nodes = [np.concatenate(parts) for parts in product(*[nodes for nodes, _ in rules])]
        return np.array(nodes), np.array([np.prod(w) for w in product(*[w for _, w in rules])])
