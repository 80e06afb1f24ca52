"""Training tasks: seconds to the same true loss, for ocnet's particles and grid and for the same training in PyTorch and JAX."""

import itertools
from dataclasses import dataclass
from math import isfinite
from statistics import median
from time import perf_counter, sleep

from ocnet.kernels.philox import derived_seed
from ocnet.kernels.threads import threads
from ocnet.moving_grid import MovingGrid
from ocnet.training import train
from ocnet.training.grid_training import train_on_grid
from ocnet.training.objectives import GridObjective, ParticleObjective
from ocnet.training.optimisers import LBFGS, Adam

from .course import Course, Judge, reached
from .peers import Unavailable, load
from .protocol import Row, clock_name, missing, quickest
from .setting import Setting
from .training_problem import TrainingProblem

__all__ = ["TrainingSetting", "to_loss"]

UNIT, STEPS = "iterations to the loss", "M path-steps/s"
_ABOVE = 1.1                         # target over the final loss of the run that sets it: runs that differ in noise end up to 9 % apart
_SETTLE = 0.1                        # seconds of rest before each run, as in `protocol.race`
_NOISE, _TARGET, _JUDGE, _TRIAL = range(4)     # words of the seeds of runs, of the run that sets the target, of the judge and of trials
_CHUNKS = 2000, 1000                 # columns that are tried besides all at once


class TrainingSetting(Setting):
    """reference : paths in all by which a loss is judged;  repetitions : starts, each trained from by every system"""


@dataclass(frozen=True)
class System:
    """One way to train: run(θ, seed, course);  particles : whether an iteration walks paths;  compiling : seconds of the first call"""

    name: str
    run: object
    note: str
    particles: bool = True
    compiling: float = None


class _FirstTimed:
    """A callable that remembers the wall seconds of its first call and of its latest."""

    def __init__(self, run):
        self._run, self.first, self.latest = run, None, None

    def __call__(self):
        started = perf_counter()
        self._run()
        self.latest = perf_counter() - started
        self.first = self.first or self.latest


def _particles(problem, precision):
    """ocnet's particle view; Adam, in double precision, judges points at the start and the end alone."""
    scale = problem.scale

    def run(theta, seed, course, iterations=scale.iterations):
        optimiser = Adam(iterations=scale.iterations, rate=problem.rate, final=problem.final, check_every=scale.iterations)

        def watch(state):
            if state.iteration % scale.every == 0:
                course.record(state.iteration, state.theta)
            return state.iteration == iterations

        course.record(0, theta)
        train(ParticleObjective(problem.setting, scale.paths, seed, scale.batch, precision=precision), theta, optimiser, callback=watch)

    trial = _FirstTimed(lambda: run(problem.network.initialise(0), 0, Course(), scale.every))
    trial()
    return System(_named("ocnet", precision), run, f"Adam, {_lot(scale)}, paths in {precision} precision", True, trial.first)


def _lot(scale):
    return f"{scale.paths} paths of {'all points' if scale.batch is None else f'{scale.batch} points'} an iteration"


def _on_grid(problem, examined):
    """ocnet's grid view by L-BFGS: on the grids that cover the start's paths, or with the grids looked at anew after each round."""
    scale = problem.scale

    def run(theta, seed, course, iterations=scale.newton):
        count = itertools.count(1)               # of all rounds

        def watch(state):
            course.record(next(count), state.theta)

        course.record(0, theta)
        if examined:
            train_on_grid(problem.setting, theta, LBFGS(iterations=iterations), scale.nodes, callback=watch)
        else:
            grid = MovingGrid.covering(problem.network.layered(theta), problem.setting.data.points, scale.nodes)
            train(GridObjective(problem.setting, grid), theta, LBFGS(iterations=iterations), callback=watch)

    trial = _FirstTimed(lambda: run(problem.network.initialise(0), 0, Course(), 1))
    trial()
    name, more = ("ocnet grid, examined", " at first, train_on_grid") if examined else ("ocnet grid", "")
    return System(name, run, f"L-BFGS, {scale.nodes}² nodes{more}", False, trial.first)


def _tuned(name, trainer, problem, choices, precision):
    """The System of a peer with the quickest of its choices, a dict of what each may be, tried for a few iterations each."""
    start, iterations = problem.parts(problem.network.initialise(0)), problem.scale.iterations
    settings = [dict(zip(choices, values)) for values in itertools.product(*choices.values())]
    runs = [trainer(problem, precision=precision, **chosen) for chosen in settings]

    def tried(run):
        return _FirstTimed(lambda: run(start, _peer_seed(derived_seed(0, _TRIAL)), problem.scale.every, lambda *_: None))

    trials = {k: tried(run) for k, run in enumerate(runs)}
    best = quickest(trials)
    said = ", ".join(_said(key, value, problem.columns) for key, value in settings[best].items())

    def run(theta, seed, course):
        runs[best](problem.parts(theta), _peer_seed(seed), iterations, lambda k, parts: course.record(k, problem.joined(parts)))

    return System(name, run, f"{said}, {precision} precision", True, max(trials[best].first - trials[best].latest, 0.0))


def _peer_seed(seed):
    """Theirs are signed."""
    return seed % 2**63


def _said(key, value, columns):
    """A choice in words."""
    if key == "chunk":
        return "all paths at once" if value == columns else f"chunks of {value}"
    return {"normals": f"normals in {value} precision", "threads": f"threads inside: {value}"}.get(key, value)


def _choices(problem, setting, precision, **own):
    """What is tried for a peer; in a quick run the first of each."""
    columns = problem.columns
    ways = own | {"chunk": [columns, *(chunk for chunk in _CHUNKS if chunk < columns and columns % chunk == 0)],
                  "normals": ["single", "double"] if precision == "double" else ["single"]}
    return {name: list(values)[:setting.size(None, 1)] for name, values in ways.items()}


def _torch(problem, setting, precision):
    peer = load("torch_training")
    choices = _choices(problem, setting, precision, form=peer.FORMS, threads=sorted({1, threads()}))
    return _tuned(_named("PyTorch", precision), peer.trainer, problem, choices, precision)


def _jax(problem, setting, precision):
    peer = load("jax_training")
    return _tuned(_named("JAX", precision), peer.trainer, problem, _choices(problem, setting, precision, layers=peer.LAYERS), precision)


def _named(system, precision):
    return f"{system} float32" if precision == "single" else system


def _systems(task, problem, setting):
    """(systems that can run, rows of those that cannot)."""
    present, absent = [_particles(problem, precision) for precision in ("double", "single")], []
    for peer, build in (("PyTorch", _torch), ("JAX", _jax)):
        for precision in ("double", "single"):
            try:
                present.append(build(problem, setting, precision))
            except Unavailable as reason:
                absent.append(missing(task, _named(peer, precision), str(reason)))
    return [*present, _on_grid(problem, False), _on_grid(problem, True)], absent


def to_loss(task, setting, scale, data):
    """Each system trains from the same starts, in turns; afterwards one judge finds when each has come to the target.

    The target of a start is 1.1 times the final loss of ocnet's particles from there with other noise.  Rows: seconds to the target (median
    over the starts; none where most runs do not come to it), iterations to it, final loss, and the median ratio of a start; seconds an
    iteration and their ratio; seconds of compiling.
    """
    problem = TrainingProblem(data, scale)
    judge = Judge(problem.setting, setting.reference, derived_seed(0, _JUDGE))
    systems, absent = _systems(task, problem, setting)
    found, targets = {system.name: [] for system in systems}, []
    for k in range(setting.repetitions):
        theta = problem.network.initialise(k)
        guide = _course(systems[0], theta, derived_seed(k, _TARGET))
        targets.append(_ABOVE * judge(guide.thetas[-1]))
        courses = [_course(system, theta, derived_seed(k, _NOISE)) for system in systems]
        for system, course in zip(systems, courses):
            found[system.name].append(reached(course, judge, targets[-1]))
    said = (f"; {scale.points} points; target {median(targets):.4g}, its s.e. {judge.standard_error:.1g} from noise that is the same for "
            "all; error: final loss")
    rows = [_rows(task, system, problem, found[system.name], found["ocnet"], said) for system in systems]
    return [*itertools.chain(*zip(*rows)), *absent]


def _course(system, theta, seed):
    sleep(_SETTLE)
    course = Course()
    system.run(theta, seed, course)
    return course


def _rows(task, system, problem, found, own, said):
    """The rows of one system: to the target, an iteration, compiling."""
    to_target, an_iteration = ([getattr(one, name) for one in found] for name in ("seconds", "seconds_an_iteration"))
    missed = sum(not isfinite(seconds) for seconds in to_target)
    note = system.note + said + (f"; {missed} of {len(found)} runs do not come to the target" if missed else "")
    common = {"threads": threads(), "runs": len(found), "clock": clock_name()}
    work = problem.columns * problem.network.layers / 1e6 / median(an_iteration) if system.particles else None
    return (Row(task, system.name, seconds=_finite(median(to_target)), throughput=_finite(median(one.iterations for one in found)),
                unit=UNIT, error=median(one.loss for one in found), ratio=_ratio(to_target, [one.seconds for one in own]), note=note,
                best=_finite(min(to_target)), **common),
            Row(f"{task} iteration", system.name, seconds=median(an_iteration), throughput=work, unit=STEPS if system.particles else None,
                ratio=_ratio(an_iteration, [one.seconds_an_iteration for one in own]), note=system.note, best=min(an_iteration), **common),
            Row(f"compile {task}", system.name, threads(), system.compiling, clock="wall", runs=1,
                note="first call of a few iterations in this process, less a second one of a peer; caches on disk may be filled"))


def _ratio(theirs, own):
    """Median over the starts of theirs / own, where a run that does not come to the target takes for ever; None if that says nothing."""
    ratios = [a / b for a, b in zip(theirs, own) if isfinite(a) or isfinite(b)]
    return _finite(median(ratios)) if ratios else None


def _finite(number):
    """JSON has no ∞."""
    return number if isfinite(number) else None
