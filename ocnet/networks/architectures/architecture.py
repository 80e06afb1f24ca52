"""The contract of an architecture."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ocnet.inputs import as_array, as_number
from ocnet.networks.architectures.program import Program
from ocnet.networks.blocks import Branches
from ocnet.typing import Array, ArrayLike, Layout, Views

from .formula import Recorder
from .weight import Weight

__all__ = ["Architecture", "ModifiedEquation"]


@lru_cache(maxsize=1 << 12)
def _kept(architecture, n):
    return architecture._recorded(n, ())


@dataclass(frozen=True)
class ModifiedEquation:
    """u' = rate · f + dt · bend ∗ Df f, started at u_0 + dt · shift · f(u_0): what equal layers of step dt follow to order 2 (MATH 2.2).

    f is the branch, its noise at its mean; `bend` is a number, or one for each half of the state.
    """

    rate: float
    bend: ArrayLike = 0.0
    shift: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", as_number(self.rate, "rate"))
        bend = as_array(self.bend, "bend")
        object.__setattr__(self, "bend", tuple(bend.tolist()) if bend.ndim else float(bend))
        object.__setattr__(self, "shift", as_number(self.shift, "shift"))

    def _bends(self, rows):
        """(rows, 1): `bend` at each component of the state."""
        return np.repeat(np.atleast_1d(self.bend), rows // np.size(self.bend))[:, None]

    def drift(self, f: Array, bent: Array, dt: float) -> Array:
        """The drift (d, n) for f and `bent` = Df f (d, n)."""
        return self.rate * f + dt * self._bends(len(f)) * bent

    def start(self, x: Array, f: Array, dt: float) -> Array:
        """Where the smooth solution starts (d, n) for f at x (d, n)."""
        return x + dt * self.shift * f


class Architecture:
    """How the layers of a network are made of its branches: state_{n+1} = step(branch, state_n, n, own).

    branch(n, x, which=0) is dt F(x, θ_n, ξ), the noise model's increment with noise of its own at every evaluation; `own` holds the
    layer's own trainable numbers by name.  A member is a frozen dataclass and gives `step`, a formula in branches and linear
    combinations with numbers or own numbers; everything else is derived (`Program`).  It states as data:

    order      : of consistency with its limit (`modified().rate` times the branch's ODE), the numbers being smooth in depth and those of all
                 branches of a layer equal
    copies     : how many of the last states it carries: state_n = (x_n, x_{n−1}, …), all x_0 at the start
    halves     : 2 where the state is a pair (X, Y) of halves of R^d and the block lives on R^{d/2}
    branches   : blocks a layer, each with numbers of its own
    span       : layers whose numbers a step reads, n … n + span − 1: there are layers − span + 1 steps, each of length horizon/layers
    plain      : whether it is x + branch(n, x) and nothing else, which fused kernels and second-order modified equations know
    exact_inverse : True or False where `inverse` gives the state before a step exactly, or approximately; None where there is none
    typical    : own numbers that stand for a fresh layer, by name
    """

    order: int
    copies = halves = span = 1
    branches: int = 1
    plain = False
    exact_inverse: bool | None = None
    typical: dict[str, float] = {}

    def __init_subclass__(cls) -> None:
        if not hasattr(cls, "order"):
            raise TypeError(f"{cls.__name__} declares no order; give the class the order in dt to which its layers follow their limit")

    def step(self, branch: Any, state: tuple[Any, ...], n: int, own: Any) -> tuple[Any, ...]:
        """The parts of state n + 1 (tuple) from those of state n."""
        raise NotImplementedError

    def inverse(self, branch: Any, state: tuple[Any, ...], n: int, own: Any) -> tuple[Any, ...]:
        """The parts of state n from those of state n + 1, with branches as in `step`: the same layer, branch and repetition has the same noise.

        Raises ValueError for an architecture that has no inverse.
        """
        raise ValueError(f"architecture={self!r} has no inverse; use ResNet, HeunNet (approximate), RevNet or LMResNet (exact)")

    def modified(self, **own: Any) -> "ModifiedEquation | None":
        """The `ModifiedEquation` at own numbers that are the same in all layers; None where the layers follow no equation of the branch."""
        raise NotImplementedError

    def limit(self, network: Any, theta: Array) -> Any:
        """The Itô equation of a network's layers at θ (P,), a Diffusion; None where it is the one derived from the formula's leading order."""
        return None

    def real_stability(self, **own: Any) -> float | None:
        """The published s for which layers on u' = λu, f = λu in every branch, are stable for −s ≤ dt λ ≤ 0; None where none is."""
        return None

    def imaginary_stability(self, **own: Any) -> float | None:
        """The published s for which they are stable for dt λ = iy, |y| ≤ s; None where none is."""
        return None

    def at_step(self, dt: float) -> "Architecture":
        """The architecture of layers of step dt: itself where its formula does not know dt but in the branches."""
        return self

    # what a layer's numbers are ------------------------------------------------------------------------------------------------------

    def layout(self) -> Layout:
        """Names and shapes () of the layer's own numbers."""
        return ()

    def initial(self, rng: np.random.Generator) -> Array:
        """Start values of the layer's own numbers, drawn by a numpy Generator."""
        return np.empty(0)

    def block_dim(self, dim: int) -> int:
        """The dimension in which the block lives, for a state in R^dim; ValueError where a pair of halves has an odd one."""
        if dim % self.halves:
            raise ValueError(f"dim={dim} is odd, and the state of {self!r} is a pair of halves: use an even dim, such as dim={dim + 1} with a "
                             "component of zeros appended to the data")
        return dim // self.halves

    def steps(self, layers: int) -> int:
        """How many steps so many layers make; ValueError where they are fewer than a step reads."""
        if layers < self.span:
            raise ValueError(f"layers={layers}: a step of {self!r} reads the numbers of {self.span} layers; give layers ≥ {self.span}")
        return layers - self.span + 1

    def blocks(self, block: Any) -> Any:
        """The block whose layout holds the numbers of all branches: the block itself, or copies of it."""
        return block if self.branches == 1 else Branches(block, self.branches)

    def layer_layout(self, block: Any, dim: int) -> Layout:
        """((name, shape), …) of one layer: the branches', then its own."""
        return self.blocks(block).layout(self.block_dim(dim)) + self.layout()

    def layer_initial(self, block: Any, dim: int, rng: np.random.Generator) -> Array:
        """(p,) start values of one layer."""
        return np.concatenate([self.blocks(block).initial(self.block_dim(dim), rng), self.initial(rng)])

    def branch_views(self, block: Any, layer: Views) -> list[Views]:
        """[named views of the numbers of a branch, …] from those of a layer."""
        own = {name for name, _ in self.layout()}
        numbers = SimpleNamespace(**{name: view for name, view in vars(layer).items() if name not in own})
        return [numbers] if self.branches == 1 else self.blocks(block).layers(numbers)

    # the state -----------------------------------------------------------------------------------------------------------------------

    @property
    def parts(self) -> int:
        """Arrays that a state is made of."""
        return self.copies * self.halves

    def begin(self, x: Array) -> tuple[Array, ...]:
        """The parts of the first state from x (d, n)."""
        return self.state_of([x] * self.copies)

    def state_of(self, last: Sequence[Array]) -> tuple[Array, ...]:
        """The parts of a state from the `copies` last points (d, n), the present one first."""
        if self.halves == 1:
            return tuple(last)
        middle = len(last[0]) // 2
        return tuple(part for x in last for part in (x[:middle], x[middle:]))

    def end(self, state: tuple[Any, ...]) -> Array:
        """The point (d, n) of a state."""
        return state[0] if self.halves == 1 else np.concatenate(state[:2])

    def end_vjp(self, cotangent: Array) -> tuple[Array, ...]:
        """The cotangents of the parts for one (d, n) of `end`."""
        return self.state_of([cotangent] + [np.zeros_like(cotangent)] * (self.copies - 1))

    # what is derived from the formula ------------------------------------------------------------------------------------------------

    def program(self, n: int = 1, own: tuple[float, ...] = ()) -> Program:
        """The formula of layer n at own numbers (in the order of `layout`) as a `Program`; kept where there are none."""
        return self._recorded(n, own) if own else _kept(self, n)

    def _recorded(self, n, own):
        recorder = Recorder(n, self.parts)
        unit = np.eye(len(own))
        numbers = {name: Weight(value, tuple(e)) for (name, _), value, e in zip(self.layout(), own, unit)}
        return recorder.program(self.step(recorder.branch, recorder.state, n, SimpleNamespace(**numbers)))

    def own_numbers(self, own: dict[str, float]) -> tuple[float, ...]:
        """The values of own numbers given by name, in the order of `layout`; `typical` ones where none are given; ValueError for a name it has not."""
        names = [name for name, _ in self.layout()]
        for name in own:
            if name not in names:
                raise ValueError(f"{name}={own[name]} is no number of {self!r}; it has {', '.join(names) or 'none of its own'}")
        return tuple(float({**self.typical, **own}[name]) for name in names)

    def companion(self, z: Any, **own: float) -> NDArray[np.complex128]:
        """(…, parts, parts) matrices of a later layer on u' = λu, f = λu in every branch, at z = dt λ (…): its stability function."""
        z = np.asarray(z, dtype=complex)
        units = np.broadcast_to(np.eye(self.parts).reshape(self.parts, self.parts, *[1] * z.ndim), (self.parts, self.parts, *z.shape))
        (rows,) = self.program(1, self.own_numbers(own)).run(tuple(units.astype(complex)), lambda evaluation, x: [z * x])
        return np.moveaxis(np.stack(rows), (0, 1), (-2, -1))
