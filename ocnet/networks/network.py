"""ResidualNetwork, and the processes it gives out: its own layers, and the Itô diffusion (or jump process) they approximate."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ocnet.archive import Saved
from ocnet.inputs import LARGEST, as_number, as_object, as_whole
from ocnet.typing import Array, ArrayLike, Block, Noise, Readout

from .architecture_layers import ArchitectureLayers
from .architecture_limit import ArchitectureDiffusion
from .architectures import ResNet
from .control import Control
from .jump_process import JumpProcess
from .layers import NetworkLayers
from .limit import NetworkDiffusion
from .modified_equation import modified_equation
from .readouts import Linear

__all__ = ["ResidualNetwork", "checked_network"]

_PARTS = {"block": ("layout", "block", "ocnet.networks.blocks, such as Perceptron(16)"),         # what each must have, what it is, where to find one
          "noise": ("needs", "noise model", "ocnet.networks.noise, such as Gaussian(0.2), or Noiseless()"),
          "readout": ("layout", "readout", "ocnet.networks.readouts, such as Linear()"),
          "architecture": ("at_step", "architecture", "ocnet.networks.architectures, such as ResNet()")}
_SHORTEST = 1e-150                   # horizon whose steps have squares and inverses that are numbers
_MOST = 1_000_000                    # layers, and components of a state: what a file may claim, and far beyond what was ever run


def checked_network(network: Any) -> Any:
    """Return a network as it is; ValueError for a class and anything else without layers and numbers of its own."""
    return as_object(network, "network", ("control", "layered"), "a network", "give a ResidualNetwork")


@dataclass(frozen=True)
class ResidualNetwork(Saved):
    """X_{n+1} = X_n + dt mean(X_n, θ_n) + scale Σ_j g_j(X_n, θ_n) ξ_nj, n = 0 … layers − 1, dt = horizon/layers.

    (Or, before a nonlinearity, another increment of that mean; see `networks.noise`.  Or another architecture of such increments.)

    block, noise, readout : members of `networks.blocks`, `.noise`, `.readouts`
    layers  : N ≥ 1;  horizon : T > 0, from 1e-150 to 1e150;  dim : d ≥ 1;  N and d up to 10⁶
    architecture : member of `networks.architectures`; ResNet() is the formula above
    Raises  ValueError for numbers without meaning, parts of another kind than their names say, a noise that needs what the block does not show, and an
            architecture that cannot have so many layers or so many dimensions
    Source  Sun, Tao, Du (arXiv 1812.00174) for noise; Lu, Zhong, Li, Dong (arXiv 1710.10121) for architectures
    """

    block: Block
    noise: Noise
    layers: int
    horizon: float = 1.0
    dim: int = 2
    readout: Readout = field(default_factory=Linear)
    architecture: Any = field(default_factory=ResNet)

    def __post_init__(self) -> None:
        for name in ("layers", "dim"):
            object.__setattr__(self, name, as_whole(getattr(self, name), name, at_most=_MOST))
        remedy = f"give a time from {_SHORTEST:g} to {LARGEST:g}"
        object.__setattr__(self, "horizon", as_number(self.horizon, "horizon", at_least=_SHORTEST, at_most=LARGEST, remedy=remedy))
        self._check_pair()
        object.__setattr__(self, "architecture", self.architecture.at_step(self.dt))
        self.architecture.steps(self.layers), self.architecture.block_dim(self.dim)        # each refuses what it cannot do

    def _check_pair(self):
        """Raise ValueError unless each part is of its kind and the block shows what the noise needs."""
        for name, (lacked, kind, remedy) in _PARTS.items():
            part = getattr(self, name)
            if isinstance(part, type):
                raise ValueError(f"{name}={part.__name__} is a class; give an object, such as {part.__name__}.example()")
            if not hasattr(part, lacked):
                raise ValueError(f"{name}={part!r} is no {kind}; give an object of {remedy}")
        name, shows = type(self.block).__name__, self.block.shows
        lacking = [need for need in self.noise.needs if need not in shows]
        if lacking:
            raise ValueError(f"noise={self.noise!r} needs `{lacking[0]}`, which {name} does not show (it shows {', '.join(shows)}); "
                             "use OutputDropout, or another block")
        copies = getattr(self.noise, "copies", None)
        if copies not in (None, getattr(self.block, "count", None)):
            raise ValueError(f"noise={self.noise!r} shares {copies} branches; give block=Branches(block, {copies}), not {self.block!r}")

    @property
    def dt(self) -> float:
        return self.horizon / self.layers

    @cached_property
    def control(self) -> Control:
        """The layout of θ."""
        return Control(self.architecture.layer_layout(self.block, self.dim), int(self.layers), self.readout.layout(self.dim))

    def refined(self) -> "ResidualNetwork":
        """The network of twice as many layers; `control.prolong(theta)` gives its θ."""
        return replace(self, layers=2 * self.layers)

    @cached_property
    def times(self) -> Array:
        """(layers + 1,) times of the layers."""
        return np.linspace(0.0, self.horizon, self.layers + 1)

    def initialise(self, seed: int) -> Array:
        """Return random start parameters θ (P,)."""
        rng = np.random.Generator(np.random.PCG64(as_whole(seed, "seed", 0)))
        depth = [self.architecture.layer_initial(self.block, self.dim, rng) for _ in range(self.layers)]
        return np.concatenate([*depth, self.readout.initial(self.dim, rng)])

    def layered(self, theta: ArrayLike, precision: str = "double") -> Any:
        """Return the network's own law: a LayeredProcess with gradients.

        precision : "single" carries particles in float32, for blocks and noise with a fused kernel: about twice as fast, other draws of
            the same law, results and gradients off by some 1e-7 of their size a layer; the chain is in double precision always
        """
        return (NetworkLayers if self.architecture.plain else ArchitectureLayers)(self, self.control.check(theta).copy(), precision)

    def diffusion(self, theta: ArrayLike, order: int = 1) -> Any:
        """Return the Itô equation that the layers approximate to weak order `order` in dt.

        1 : dX = mean dt + G dB, G = g (diffusive) or √dt g (natural scaling); of another architecture than ResNet() what its formula makes of
            it at leading order (`architecture_limit`)
        2 : the modified equation (`modified_equation`), with coefficients that know dt
        Raises ValueError, with the reason, where none exists.
        """
        if not self.noise.weak_order["itô"]:
            raise ValueError(f"noise={self.noise!r} has no diffusion limit: its layers jump; use network.jump_process(theta)")
        if order not in (1, 2):
            raise ValueError(f"order={order!r}; choose 1 (the limit) or 2 (the modified equation)")
        if not self.architecture.plain:
            if order == 2:
                raise ValueError(f"order=2: the noise's part of a second-order equation is known for ResNet() only, not for {self.architecture!r}; "
                                 "use order=1, or the network's own chain")
            own = self.control.check(theta).copy()
            return self.architecture.limit(self, own) or ArchitectureDiffusion(self, own)
        return (NetworkDiffusion if order == 1 else modified_equation)(self, self.control.check(theta).copy())

    def jump_process(self, theta: ArrayLike) -> JumpProcess:
        """Return the compound Poisson limit of strong dropout, a LayeredProcess drawn exactly; ValueError for other noise or architectures."""
        if not self.architecture.plain:
            raise ValueError(f"architecture={self.architecture!r}: the jump limit is that of ResNet(); use network.layered(theta)")
        return JumpProcess(self, self.control.check(theta).copy())

    def score(self, x: Array, theta: Array) -> Array:
        """h at the last states x (d, n): (n,), or (K, n) from a readout of K scores."""
        return self.readout.value(x, self.control.tail_views(theta))

    def score_transposed(self, x: Array, theta: Array, cotangent: Array) -> tuple[Array, Array]:
        """The cotangents of x (d, n) and of the tail (r,) for one of the scores, (n,) or (K, n)."""
        return self.readout.vector_jacobian(x, self.control.tail_views(theta), cotangent)

    def describe(self) -> dict[str, Any]:
        """A dict that identifies the network (for checkpoints and summaries); "architecture" is told where it is not the plain ResNet."""
        told = {} if self.architecture.plain else {"architecture": repr(self.architecture)}
        return {"block": repr(self.block), "noise": repr(self.noise), "readout": repr(self.readout),
                "layers": int(self.layers), "horizon": float(self.horizon), "dim": int(self.dim), **told}
