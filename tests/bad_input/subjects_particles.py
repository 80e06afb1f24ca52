"""Paths and their means."""

import numpy as np

from ocnet import Diffusion, KolmogorovProblem, LayeredProcess, estimate, estimate_difference, estimate_gradient, estimate_multilevel, laws, propagate
from ocnet.particles import Reconstructed, Stored, euler_maruyama, over_ends, sampled_value_and_gradient
from ocnet.particles.sampling import Antithetic, Independent, Sobol
from ocnet.particles.schemes import EulerMaruyama, Milstein, Platen

from .subjects_processes import FACTOR, LAYERED, POINTS, PROCESS, drift, factor, field, step, terminal
from .verdict import Subject

PROBLEM = KolmogorovProblem(PROCESS, terminal, 1.0)
OTHER = KolmogorovProblem(PROCESS, lambda x: 0.5 * x[:, 1], 1.0)
ESTIMATE = estimate(PROBLEM, POINTS, 8, 2)
# what paths meet on their way is told by what makes them leave
ON_THE_WAY = ("drift", "factor", "terminal", "potential", "source", "step", "x0")
X0 = {"x0": ON_THE_WAY}


class Steps(LayeredProcess):
    """X + θ_n x/8 + ξ/4 with its derivative, two layers of one number."""

    theta = np.array([-1.0, 0.5])

    def __init__(self):
        super().__init__(self.step, laws.Normal(2), 2, np.array([0.0, 0.5, 1.0]))

    def step(self, n, x, xi):
        return x + 0.125 * self.theta[n] * x + 0.25 * xi

    def step_vjp(self, n, x, xi, cotangent):
        return cotangent * (1 + 0.125 * self.theta[n]), np.array([0.125 * (cotangent * x).sum()])


def functional(ends, rows):
    """The mean of ½|x|² over draws, summed over points, and of a number of its own."""
    paths = ends.shape[1]
    return 0.5 * float((ends**2).sum()) / paths, ends / paths, np.array([float(ends.sum()) / paths])


def _odd(kind):
    """A functional that answers wrongly."""
    def wrong(ends, rows):
        value, back, rest = functional(ends, rows)
        return {"NaN value": (np.nan, back, rest), "NaN cotangent": (value, back * np.nan, rest), "NaN rest": (value, back, rest * np.nan),
                "wrong shape": (value, back[:, :1], rest), "two": (value, back), "words": ("a", back, rest), "None": None}[kind]
    return wrong


def _estimate(drift, factor, terminal, horizon, potential, source, x0, paths, steps, seed, scheme, sampling, progress):
    problem = KolmogorovProblem(Diffusion(drift, factor, 2), terminal, horizon, potential, source)
    return estimate(problem, x0, paths, steps, seed, scheme=scheme, sampling=sampling, progress=progress)


def _propagate(step, x0, paths, seed, keep_layers):
    return propagate(LayeredProcess(step, laws.Normal(2), 2, np.array([0.0, 0.5, 1.0])), x0, paths, seed, keep_layers)


def _over_ends(process, x0, paths, seed):
    means = {}
    over_ends(process, x0, paths, lambda ends, rows: means.update({rows.start: ends[:, 0]}), seed)
    return [means[first] for first in sorted(means)]


def _multilevel(drift, factor, terminal, x0, tolerance, seed, steps, most_levels, progress):
    if isinstance(tolerance, float) and 0 < tolerance < 0.02:
        raise ValueError("tolerance: those that take seconds to minutes, as they should, are left out here")
    problem = KolmogorovProblem(Diffusion(drift, factor, 2), terminal, 1.0)
    return estimate_multilevel(problem, x0, tolerance, seed, steps, most_levels, progress=progress)


def _bars_are_numbers(result, arguments):
    assert (result.standard_error >= 0).all(), "a standard error below 0"


def _is_a_mean_of_the_terminal(result, arguments):
    """|tanh| ≤ 1, so its mean lies there too: where the drawn problem has neither potential nor source of size."""
    _bars_are_numbers(result, arguments)
    assert (np.abs(result.value) <= 1 + 1e-12).all(), "a mean outside the range of what is averaged"


def _is_the_drift_of_linear_steps(result, arguments):
    assert result.times[0] == 0 and (np.diff(result.times) > 0).all(), "times"


GOOD = {"drift": drift, "factor": FACTOR, "terminal": terminal, "horizon": 1.0, "potential": field, "source": field, "x0": POINTS, "paths": 8, "steps": 2,
        "seed": 3, "scheme": EulerMaruyama(), "sampling": Independent(), "progress": False}
WAYS = {"horizon": ON_THE_WAY, "x0": ON_THE_WAY, "drift": ON_THE_WAY, "factor": ON_THE_WAY, "terminal": ON_THE_WAY, "potential": ON_THE_WAY,
        "source": ON_THE_WAY}
GIVEN = {"optional": ("potential", "source", "seed", "scheme", "sampling"), "also": {"potential": ["no function"], "source": ["no function"]},
         "keep": ("progress",)}

SUBJECTS = [
    Subject("estimate", _estimate, GOOD, WAYS, check=_bars_are_numbers, **GIVEN),
    *(Subject(f"estimate ({type(scheme).__name__}, {type(sampling).__name__})", _estimate,
              {**GOOD, "factor": factor, "scheme": scheme, "sampling": sampling, "paths": paths}, WAYS, check=_bars_are_numbers, **GIVEN)
      for scheme, sampling, paths in ((Milstein(), Antithetic(), 8), (Platen(), Sobol(2), 8))),
    Subject("estimate (problem)", lambda problem, layered, control: estimate(problem, POINTS, 8, 2, layered=layered, control=control),
            {"problem": PROBLEM, "layered": LAYERED, "control": None}, optional=("layered", "control"), keep=("control",), check=_is_a_mean_of_the_terminal),
    Subject("estimate (control)", lambda control: estimate(PROBLEM, POINTS, 8, 2, control=control), {"control": None}, optional=("control",)),
    Subject("estimate_difference", lambda problem_a, problem_b, x0, paths, steps, seed, scheme, sampling, progress:
            estimate_difference(problem_a, problem_b, x0, paths, steps, seed, scheme=scheme, sampling=sampling, progress=progress),
            {"progress": False, "problem_a": PROBLEM, "problem_b": OTHER, "x0": POINTS, "paths": 8, "steps": 2, "seed": 3, "scheme": EulerMaruyama(), "sampling": Antithetic()},
            X0, optional=("seed", "scheme", "sampling"), keep=("progress",), check=_bars_are_numbers),
    Subject("estimate_difference (pairs)", lambda layered, control: estimate_difference(PROBLEM, OTHER, POINTS, 8, 2, layered=layered, control=control),
            {"layered": (None, None), "control": (None, None)}),
    Subject("estimate_multilevel", _multilevel, {"drift": drift, "factor": FACTOR, "terminal": terminal, "x0": POINTS[:2], "tolerance": 0.25, "seed": 3, "steps": 2,
                                                 "most_levels": 4, "progress": False}, {**WAYS, "tolerance": ON_THE_WAY}, optional=("seed",),
            keep=("progress",)),
    Subject("estimate_multilevel (problem)", lambda problem: estimate_multilevel(problem, POINTS, 0.25), {"problem": PROBLEM}),
    Subject("propagate", _propagate, {"step": step, "x0": POINTS, "paths": 3, "seed": 3, "keep_layers": True}, X0, optional=("seed",)),
    Subject("propagate (process)", lambda process: propagate(process, POINTS, 3), {"process": LAYERED}),
    Subject("over_ends", _over_ends, {"process": LAYERED, "x0": POINTS, "paths": 3, "seed": 3}, X0, optional=("seed",)),
    Subject("sampled_value_and_gradient", lambda process, x0, paths, seed: sampled_value_and_gradient(process, x0, paths, functional, seed),
            {"process": Steps(), "x0": POINTS, "paths": 4, "seed": 3}, {"x0": ("terminal", "process")}, optional=("seed",),
            unbounded=(r"^\[0\]",)),            # a value beyond all numbers is inf: line searches step back from it
    Subject("sampled_value_and_gradient (activations)", lambda activations: sampled_value_and_gradient(Steps(), POINTS, 4, functional, activations=activations),
            {"activations": Stored()}),
    Subject("estimate_gradient", lambda process, x0, paths, seed, batches: estimate_gradient(process, x0, paths, functional, seed, batches),
            {"process": Steps(), "x0": POINTS, "paths": 8, "seed": 3, "batches": 4}, {"x0": ("terminal", "process"), "batches": ("paths",), "paths": ("batches",)},
            optional=("seed",)),
    Subject("Reconstructed", Reconstructed, {"bar": 0.1}, also={"bar": ["inf"]}, unbounded=("bar",)),     # inf: no warning
    Subject("euler_maruyama", euler_maruyama, {"diffusion": PROCESS, "horizon": 1.0, "steps": 4, "channels": 2}, optional=("channels",),
            check=_is_the_drift_of_linear_steps),
    Subject("Sobol", Sobol, {"replicates": 4}),
    *(Subject(f"{type(sampling).__name__}.checked", sampling.checked, {"paths": 8}) for sampling in (Independent(), Antithetic(), Sobol(2))),
    Subject("Estimate.interval", ESTIMATE.interval, {"level": 0.95}),
    Subject("GradientEstimate.interval", estimate_gradient(Steps(), POINTS, 8, functional, 3, 4).interval, {"level": 0.95}),
    Subject("MultilevelEstimate.interval", estimate_multilevel(PROBLEM, POINTS[:1], 0.5, most_levels=3).interval, {"level": 0.95}),
]
