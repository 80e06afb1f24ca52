"""Pathwise gradients with a standard error for every component."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from ocnet import plotting
from ocnet.archive import Saved
from ocnet.inputs import as_number, as_seed_or_fresh, as_whole
from ocnet.kernels.philox import derived_seed
from ocnet.typing import Array, ArrayLike
from ocnet.xarrays import dataset, labelled

from .pathwise import sampled_value_and_gradient
from .sampling.independent import checked_paths

__all__ = ["GradientEstimate", "estimate_gradient"]

_BATCH = 0x42415443                  # word of the seeds of the batches


@dataclass(frozen=True, eq=False)
class GradientEstimate(Saved):
    """A sampled functional and its gradient, by means over independent batches; `paths`, `batches` and `seed` reproduce them.

    value, value_error       : the functional and its standard error
    gradient, gradient_error : (N, p) in the layers' parameters, and the standard error of each component
    rest, rest_error         : (r,) in the functional's own parameters
    """

    value: float
    value_error: float
    gradient: np.ndarray
    gradient_error: np.ndarray
    rest: np.ndarray
    rest_error: np.ndarray
    paths: int
    batches: int
    seed: int

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """(low, high), both (N, p): each component of the gradient by itself lies between them with probability `level` (Student).

        Raises ValueError for a level outside (0, 1).
        """
        level = as_number(level, "level", above=0, below=1, remedy="it is a probability in (0, 1)")
        reach = stdtrit(self.batches - 1, 0.5 + 0.5 * level) * self.gradient_error
        return self.gradient - reach, self.gradient + reach

    def plot(self, ax: Any = None) -> Any:
        """Draw the gradient and its standard error by layer, root mean squares over a layer's numbers; returns the axes."""
        sizes, errors = (np.sqrt((values**2).mean(axis=1)) for values in (self.gradient, self.gradient_error))
        layers, told = np.arange(len(sizes)), ("layer n", "root mean square of ∂J/∂θ$_n$")
        ax = plotting.curve(layers, sizes, labels=told, ax=ax, color=plotting.FIRST, marker="o", ms=3, label="gradient")
        plotting.curve(layers, errors, labels=told, ax=ax, color=plotting.GREY, ls="--", label="its standard error")
        ax.set_yscale("log")
        ax.legend()
        return ax

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name."""
        arrays = {name: getattr(self, name).tolist() for name in ("gradient", "gradient_error", "rest", "rest_error")}
        return {"value": self.value, "value_error": self.value_error, **arrays, "paths": self.paths, "batches": self.batches, "seed": self.seed}

    def to_xarray(self) -> Any:
        """Return an xarray.Dataset of value, gradient over layer and number, and rest, each with its error, with what reproduces them."""
        dims = {"value": (), "gradient": ("layer", "number"), "rest": ("own",)}
        told = {"value": "functional", "gradient": "derivative in the layers' numbers", "rest": "derivative in the functional's own numbers"}
        means = {name: labelled(dims[name], getattr(self, name), told[name]) for name in dims}
        errors = {f"{name}_error": labelled(dims[name], getattr(self, f"{name}_error"), f"standard error of {name}") for name in dims}
        return dataset({**means, **errors}, {}, {"paths": self.paths, "batches": self.batches, "seed": self.seed})

    def __repr__(self) -> str:
        return (f"GradientEstimate({self.value:.6g} ± {self.value_error:.1g} s.e., {' × '.join(map(str, self.gradient.shape))} components of size "
                f"{np.abs(self.gradient).max():.2g}, s.e. at most {self.gradient_error.max():.1g}, {self.paths} paths in {self.batches} batches, "
                f"seed {self.seed})")


def estimate_gradient(process: Any, x0: ArrayLike, paths: int, terminal: Callable[..., tuple[float, Array, Array]], seed: int | None = 0, batches: int = 16,
                      executor: Executor | None = None) -> "GradientEstimate":
    """Estimate the mean of a functional over the paths and its derivatives, each with its standard error.

    terminal : as for `sampled_value_and_gradient`, a mean over the draws of each point (any sum over points): its contributions must not
               grow with the number of draws
    paths    : from each start point in all, a multiple of `batches`;  batches : ≥ 2, independent, whose spread gives the errors
    process, x0, seed, executor : as for `sampled_value_and_gradient`
    Returns    GradientEstimate.
    Raises     ValueError for fewer than two batches, and for paths that are no multiple of their number
    Accuracy   unbiased where the functional is linear in the draws; else with the bias of paths/batches draws.
    Source     the pathwise derivative: Glasserman, Monte Carlo Methods in Financial Engineering (2004), sec. 7.2
    """
    paths, seed = checked_paths(paths), as_seed_or_fresh(seed)
    batches = as_whole(batches, "batches", 2, "one batch has no standard error")
    if paths % batches:
        raise ValueError(f"paths={paths} is not a multiple of batches={batches}; use {-(-paths // batches) * batches} paths")
    parts = [sampled_value_and_gradient(process, x0, paths // batches, terminal, derived_seed(seed, _BATCH, k), executor)
             for k in range(batches)]
    means, errors = zip(*(_mean_and_error(np.stack(part)) for part in zip(*parts)))
    for name, mean, error in zip(("value", "gradient in the layers' numbers", "gradient in the numbers of terminal"), means, errors):
        if not (np.isfinite(mean).all() and np.isfinite(error).all()):
            raise FloatingPointError(f"the {name} is not finite: paths from x0 or what terminal makes of them leave the range of floating-point numbers")
    return GradientEstimate(float(means[0]), float(errors[0]), means[1], errors[1], means[2], errors[2], paths, batches, seed)


def _mean_and_error(samples):
    return samples.mean(axis=0), samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
