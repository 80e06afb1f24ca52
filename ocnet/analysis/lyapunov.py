"""Lyapunov exponents: how fast nearby paths with the same noise part or meet.

    X_{n+1} = Φ_n(X_n, ξ_n),   V_{n+1} = DΦ_n(X_n, ξ_n) V_n,   λ = E log|V_N|/|V_0| / T      (the exponent as T → ∞; of a network, that of its depth)

For dX = f dt + G dB the tangent follows dV = Df V dt + Σ_j DG_j V dB_j.  Of the scalar equation de = L e dt + s e dB the exponent is L − s²/2 while
E|e|² grows at the rate 2L + s²: noise in proportion to the state makes almost every path stable long before it makes the mean square so.  A step of
size dt has exponents of its own, which differ by O(dt).
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from ocnet import plotting
from ocnet.archive import Saved
from ocnet.inputs import LARGEST, as_number, as_object, as_seed_or_fresh, as_whole
from ocnet.kernels.philox import derived_seed, normals
from ocnet.kernels.threads import over_chunks
from ocnet.particles.partition import chunk_of
from ocnet.particles.propagate import starts
from ocnet.particles.schemes import EulerMaruyama
from ocnet.process import Diffusion, LayeredProcess, checked_starts
from ocnet.typing import Array, ArrayLike, Axes, PathScheme
from ocnet.xarrays import dataset, labelled

__all__ = ["Lyapunov", "MomentExponent", "lyapunov_exponent"]

_FRAME = 21                          # word that keeps the stream of first directions apart from the noise
_STEP = np.finfo(float).eps ** (1 / 3)           # of a central difference: its error h²/6 and the rounding eps/h are both about 4e-11
_MOST_ORDER = 1e6                    # of a moment
_FEW = 100                           # paths that a moment must rest on at least, by the effective number (Σw)²/Σw² of its summands


@dataclass(frozen=True)
class MomentExponent(Saved):
    """(1/T) log E|V_T|^p/|V_0|^p and its standard error, of order `p`, for paths that carry it in effect."""

    order: float
    value: float
    standard_error: float
    carriers: float

    def to_dict(self) -> dict[str, float]:
        """Plain numbers, by name."""
        return {"order": self.order, "value": self.value, "standard_error": self.standard_error, "carriers": self.carriers}

    def __repr__(self) -> str:
        return f"MomentExponent(order {self.order:g}: {self.value:.5g} ± {self.standard_error:.1g} s.e., carried by {self.carriers:.0f} paths)"


@dataclass(frozen=True, eq=False)
class Lyapunov(Saved):
    """Exponents (k,) per time, the largest first as time goes on, with standard errors (k,) of sampling.

    growth (n, paths, k) : logarithms of what each direction of each path has grown by, over `time`
    steps : taken in that time;  seed : reproduces it bit for bit
    The standard errors are of the mean over these start points; neither the step's O(dt) nor what a finite time leaves out is in them.
    """

    growth: Array
    time: float
    steps: int
    seed: int

    def __post_init__(self) -> None:
        self.growth.flags.writeable = False

    @property
    def exponents(self) -> Array:
        """(k,) exponents."""
        return self.growth.mean(axis=(0, 1)) / self.time

    @property
    def standard_errors(self) -> Array:
        """(k,) standard errors of the exponents; infinite where a direction was lost."""
        points, paths, _ = self.growth.shape
        with np.errstate(invalid="ignore"):
            found = np.sqrt((self.growth.var(axis=1, ddof=1) / paths).sum(axis=0)) / (points * self.time)
        return np.where(np.isfinite(self.exponents), found, np.inf)

    @property
    def value(self) -> float:
        """The first exponent."""
        return float(self.exponents[0])

    @property
    def standard_error(self) -> float:
        """Of the first exponent."""
        return float(self.standard_errors[0])

    @property
    def sum(self) -> float:
        """The sum of the exponents found; of all d it is the mean rate at which volumes grow."""
        return float(self.exponents.sum())

    @property
    def sum_error(self) -> float:
        """Standard error of `sum`."""
        return float(Lyapunov(self.growth.sum(axis=2, keepdims=True), self.time, self.steps, self.seed).standard_error)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Ends of the normal interval of the first exponent."""
        level = as_number(level, "level", above=0, below=1, remedy="give a probability, such as 0.95")
        half = norm.ppf(0.5 + level / 2) * self.standard_error
        return self.value - half, self.value + half

    def moment(self, order: float) -> MomentExponent:
        """Return (1/T) log E|V_T/V_0|^order, with a standard error by the delta method.

        The p-th power of what grows like e^{s B_T} has a tail that few paths see once p² s² T is large: then a UserWarning says so.
        """
        order = as_number(order, "order", at_least=-_MOST_ORDER, at_most=_MOST_ORDER, remedy=f"give a power from −{_MOST_ORDER:g} to {_MOST_ORDER:g}")
        logs = order * self.growth[..., 0]
        weights = np.exp(logs - logs.max())
        mean, paths = weights.mean(), weights.shape[1]
        error = np.sqrt((weights.var(axis=1, ddof=1) / paths).sum()) / (len(weights) * mean)
        carriers = float(weights.sum() ** 2 / (weights**2).sum())
        if carriers < min(_FEW, weights.size / 2):
            warnings.warn(f"the moment of order {order:g} over time {self.time:g} rests on {carriers:.0f} of {weights.size} paths and is likely too "
                          "small; use a shorter horizon or more paths", UserWarning, stacklevel=2)
        return MomentExponent(float(order), float((np.log(mean) + logs.max()) / self.time), float(error / self.time), carriers)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name; of the growth only what is made of it."""
        points, paths, _ = self.growth.shape
        return {"exponents": self.exponents.tolist(), "standard_errors": self.standard_errors.tolist(), "time": self.time, "steps": self.steps,
                "points": points, "paths": paths, "seed": self.seed}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the histogram of the paths' own exponents over the time, and their mean; returns the axes."""
        if ax is None:
            _, ((ax,),) = plotting.figure(1, 1, 4.6, 3.2)
        ax.hist(self.growth[..., 0].ravel() / self.time, bins=60, density=True, color=plotting.FIRST, alpha=0.6, label="paths")
        ax.axvline(self.value, color=plotting.UPPER, lw=1.2, label=f"mean {self.value:.3g}")
        ax.axvline(0, color=plotting.GREY, lw=0.8, ls=":")
        ax.set(xlabel="log|V$_T$|/T, per time", ylabel="density")
        ax.legend()
        return ax

    def to_xarray(self) -> Any:
        """Return an xarray.Dataset: growth over point, path and exponent; exponents and their standard errors over exponent."""
        return dataset({"growth": labelled(("point", "path", "exponent"), self.growth, "logarithm of what a direction has grown by"),
                        "exponents": labelled("exponent", self.exponents, "Lyapunov exponent", "1/time"),
                        "standard_errors": labelled("exponent", self.standard_errors, "standard error of the exponent", "1/time")},
                       {"exponent": labelled("exponent", range(1, self.growth.shape[-1] + 1), "number of the exponent, largest first")},
                       {"time": self.time, "steps": self.steps, "seed": self.seed})

    def __repr__(self) -> str:
        told = ", ".join(f"{e:.5g} ± {s:.1g}" for e, s in zip(self.exponents, self.standard_errors))
        points, paths, _ = self.growth.shape
        return f"Lyapunov({told} s.e. over time {self.time:g}, {self.steps} steps, {points} × {paths} paths, seed {self.seed})"


def lyapunov_exponent(process: Diffusion | LayeredProcess, x0: ArrayLike, paths: int = 256, horizon: float | None = None, steps: int | None = None,
                      scheme: PathScheme = EulerMaruyama(), exponents: int = 1, burn_in: int = 0, seed: int = 0) -> Lyapunov:
    """Return Lyapunov exponents along sampled paths, from the growth of tangents that are made orthonormal again after every step.

    process : Diffusion, walked by `scheme` in `steps` steps to `horizon` (both are needed); or a LayeredProcess such as network.layered(theta),
              whose own layers and times are taken (then neither is)
    x0      : (n, d) start points, `paths` ≥ 2 from each, with first directions drawn evenly;  seed : of noise and directions
    exponents : k ≤ d directions, made orthonormal in their order (Benettin et al.)
    burn_in : steps that are walked first and not counted, for exponents of a stationary law; the directions turn meanwhile
    Accuracy  DΦ_n v by central differences of the step with its noise held: rounding and curvature leave some 4e-11/dt in an exponent; a kink at the
              path itself counts with the mean of its two slopes
    Cost      1 + 2k steps of all paths
    Raises    ValueError naming what is missing or too much; for an architecture whose state is more than its point
    Source    Benettin, Galgani, Giorgilli & Strelcyn (1980); of diffusions Talay (1991); L − s²/2 and its use for networks: Liu et al. (2019)
    """
    walked = _walked(process, x0, horizon, steps, scheme)
    points, seed, N = checked_starts(x0, walked.dim), as_seed_or_fresh(seed), walked.layers
    paths, exponents = as_whole(paths, "paths", 2, "one path has no standard error"), as_whole(exponents, "exponents", at_most=walked.dim)
    burn_in = as_whole(burn_in, "burn_in", 0, at_most=N - 1)
    growth = np.empty((len(points) * paths, exponents))

    def along(lo: int, hi: int) -> None:
        growth[lo:hi] = _grown(walked, starts(points, paths, lo, hi), lo, exponents, burn_in, seed).T

    over_chunks(along, len(growth), chunk_of((1 + 2 * exponents) * walked.dim))
    return Lyapunov(growth.reshape(len(points), paths, exponents), float(walked.times[-1] - walked.times[burn_in]), N - burn_in, seed)


def _walked(process: Diffusion | LayeredProcess, x0: ArrayLike, horizon: float | None, steps: int | None, scheme: PathScheme) -> Any:
    """The LayeredProcess to walk."""
    if isinstance(process, Diffusion):
        if horizon is None or steps is None:
            raise ValueError(f"horizon={horizon}, steps={steps}: a Diffusion is walked in so many steps to a horizon; give both")
        steps = as_whole(steps, "steps")
        horizon = as_number(horizon, "horizon", at_least=1 / LARGEST, at_most=LARGEST)
        as_object(scheme, "scheme", ("layered",), "a scheme of particles", "give EulerMaruyama() or another of ocnet.particles.schemes")
        first = checked_starts(x0, process.dim)[:1].T
        return scheme.layered(process, horizon, steps, process.factor_rows(0.0, np.ascontiguousarray(first)).shape[1])
    as_object(process, "process", ("dim", "layers", "step", "draw"), "a process", "give a Diffusion, or a LayeredProcess such as network.layered(theta)")
    if horizon is not None or steps is not None:
        raise ValueError(f"horizon={horizon}, steps={steps}: a LayeredProcess has layers and times of its own; leave both out")
    return process


def _grown(walked: Any, x: Array, first: int, k: int, burn_in: int, seed: int) -> Array:
    """(k, m) logarithms of the growth of k directions along the paths number first … from x (d, m)."""
    d, m = x.shape
    frame, _ = _orthonormal(normals(derived_seed(seed, _FRAME), first, m, 0, k * d).reshape(k, d, m))
    logs = np.zeros((k, m))
    for n in range(walked.layers):
        h = _STEP * (1 + np.abs(x).max(axis=0))
        around = np.concatenate([x, *(x + sign * h * v for v in frame for sign in (1, -1))], axis=1)
        after = walked.step(n, around, np.tile(walked.draw(seed, first, m, n), 2 * k + 1)).reshape(d, 2 * k + 1, m)
        x = np.ascontiguousarray(after[:, 0])
        tangents = np.moveaxis(after[:, 1::2] - after[:, 2::2], 1, 0) / (2 * h)
        turned, lengths = _orthonormal(tangents)
        frame = np.where(lengths[:, None] > 0, turned, frame)              # a direction that is lost keeps its name
        if n >= burn_in:
            with np.errstate(divide="ignore"):
                logs += np.log(lengths)
    return logs


def _orthonormal(vectors: Array) -> tuple[Array, Array]:
    """Gram and Schmidt on (k, d, m), path by path: the orthonormal vectors, and the lengths (k, m) that were left."""
    out, lengths = np.empty_like(vectors), np.empty((len(vectors), vectors.shape[2]))
    for j, v in enumerate(vectors):
        for _ in range(2):                                                 # twice is enough (Kahan)
            for u in out[:j]:
                v = v - (u * v).sum(axis=0) * u
        lengths[j] = np.sqrt((v * v).sum(axis=0))
        out[j] = np.divide(v, lengths[j], out=np.zeros_like(v), where=lengths[j] > 0)
    return out, lengths
