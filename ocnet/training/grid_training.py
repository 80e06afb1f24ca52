"""Training on a grid that stays honest: rounds of a deterministic optimiser, the grid re-examined after each.

An optimiser finds what a discretisation gets wrong and makes use of it.  So after each round the objective is computed anew, on a finer
grid, in a larger box and by particles; where they tell something else than the training grid, that is refined or widened.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from ocnet.inputs import as_whole
from ocnet.kernels.philox import derived_seed
from ocnet.moving_grid import MovingGrid
from ocnet.typing import ArrayLike, Callback, FilePath, Progress, View

from .grid_estimate import check_for_grids, estimate_on_grid
from .objectives.condensed import condensed
from .objectives.grid import ChainView, GridObjective, checked_view
from .objectives.labelled import checked_setting
from .result import TrainingResult
from .second_opinion import sampled
from .trainer import checked_callback, checked_optimiser, minimised, only_writer

__all__ = ["GridTraining", "train_on_grid"]

_ROUNDS = (0.15, 0.35, 0.7, 1.0)     # shares of the iterations after which the grid is looked at anew
_BAR = 0.03                          # gap between what the grid claims and what is found, relative, beyond which it is refined …
_FLOOR = 5e-4                        # … or this much, where that is larger
_BLURRED = 0.3                       # bar of what is found, relative, beyond which it says nothing
_FINER, _WIDER = (1.4, 2.5), 1.3     # by how much at least and at most; by how much the boxes grow
_SLACK, _EARLY = 1.3, 2              # how much wider boxes are in the first rounds, which bend the paths most, and after paths have left theirs
_MOST_NODES = 60_000                 # of a training grid; what is left is for the final estimate to resolve
_MORE_ROUNDS = 3                     # rounds of a quarter of the iterations each, when the last look was not satisfied
_PATHS = 200_000                     # particles in all that check a round, two a point at least
_CHECKING = 7                        # word of their random stream
_SCOUTS = 20_000                     # data points whose paths find the box, where there are more


@dataclass(frozen=True, eq=False)
class GridTraining(TrainingResult):
    """The result of the last round, with nit, nfev, seconds and history of all rounds joined.

    grid   : of the last round
    satisfied : whether the last look found nothing wrong; where it did, and no round was left to mend it, `message` says so too
    rounds : one dict a round: iterations, nodes of the longest axis, what the training grid `claimed`, the `objective` and its `error_bar`
             by a finer and a wider grid, `particles` and their `standard_error`, whether the paths had `left` the boxes of the round, whether
             training went on with the grid `refined` or the boxes `widened`, and the seconds of that look, which count as training's
    """

    grid: Any = None
    rounds: tuple = ()
    satisfied: bool = False

    @property
    def refinements(self) -> int:
        """How often the grid was refined during training."""
        return sum(r["refined"] for r in self.rounds)

    @property
    def widenings(self) -> int:
        """How often the box was grown."""
        return sum(r["widened"] for r in self.rounds)

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "nodes": list(self.grid.shape), "box": [self.grid.lower.tolist(), self.grid.upper.tolist()],
                "rounds": list(self.rounds), "refinements": self.refinements, "widenings": self.widenings, "satisfied": self.satisfied}

    def __repr__(self) -> str:
        return (f"GridTraining(J={self.fun:.6g}, {self.nit} iterations in {len(self.rounds)} rounds, {self.seconds:.1f} s, grid refined "
                f"{self.refinements}× to {' × '.join(map(str, self.grid.shape))}, box widened {self.widenings}×"
                f"{'' if self.satisfied else ', last look NOT satisfied'})")


@dataclass(frozen=True)
class _Resolution:
    """What a round trains on: nodes per axis of the box that scouts find, and by what the box is widened."""

    nodes: int
    widening: float = 1.0

    def grid(self, setting, theta, slack=1.0):
        """Grids whose boxes hold the paths at θ, wider by the factor `slack` too."""
        widening = self.widening * slack
        box = MovingGrid.covering(setting.network.layered(theta), _scouted(setting.data.points), self.nodes)
        return box.widened(widening) if widening > 1 else box

    def finer(self, excess, dim):
        """Nodes for an error that is `excess` times what is wanted, as if it were of third order; within the limit of size."""
        wanted = round((self.nodes - 1) * float(np.clip(np.cbrt(excess), *_FINER))) + 1
        return max(self.nodes, min(wanted, int(_MOST_NODES**(1 / dim))))


def train_on_grid(setting: Any, theta: ArrayLike, optimiser: Any, nodes: int, view: View = ChainView(), journal: FilePath | None = None,
                  progress: Progress | None = None, callback: Callback | None = None) -> "GridTraining":
    """Minimise the grid objective from θ; box and nodes follow what the network has become.

    setting   : Setting of one to three dimensions;  theta : (P,) finite start, not changed;  view : ChainView() or DiffusionView(substeps)
    optimiser : deterministic, with a field `iterations` (the total);  nodes : per axis, of the first grid
    journal   : folder for the evaluations of each round; an interrupted run replays them to the same bits
    progress, callback : as for `train`; a true answer of the callback ends the whole training
    After 15, 35, 70 and 100 % of the iterations the boxes, one for each layer, are found anew from the paths of the data, and the objective is
    computed on a finer and a wider grid and by 2·10⁵ particles.  Where the finer grid tells something else than the training grid by more
    than 3 % (or 5e-4), or is not sure itself to 30 %, training goes on with 1.4 to 2.5 times as many nodes per axis, or, if the new boxes
    alone make up for it, in these (the first time); where the wider one does, in boxes 1.3 times as wide; where the particles do, beyond the bars of both,
    with both.  At the end it does so for up to three more rounds.  A J that is not finite ends the training with its round, iteration and
    layer.  Returns GridTraining.
    """
    check_for_grids(checked_setting(setting).network)
    checked_optimiser(optimiser)
    checked_callback(callback)
    checked_view(view, "sweep", "paths")
    nodes, theta = as_whole(nodes, "nodes", 4, "the nodes of an axis of the first grid"), setting.network.control.check(theta)
    with only_writer(journal):
        return _rounds(setting, theta, optimiser, nodes, view, journal, progress, callback)


def _rounds(setting, theta, optimiser, nodes, view, journal, progress, callback):
    """All rounds of `train_on_grid`, with a look after each."""
    lengths, extra = _lengths(optimiser.iterations), [max(1, optimiser.iterations // 4)] * _MORE_ROUNDS
    rounds: list[Any] = []
    results: list[Any] = []
    resolutions: list[Any] = [None]
    grid, watched = None, _Watched(callback)
    satisfied, after, left = True, _Resolution(nodes), False
    try:
        while lengths or (extra and (after != resolutions[-1] or left)):
            length = lengths.pop(0) if lengths else extra.pop(0)
            resolutions.append(after)
            grid = after.grid(setting, theta, _SLACK if left or len(rounds) < _EARLY else 1.0)
            local = replace(setting, data=condensed(setting.data, grid.at(0)))
            path = None if journal is None else Path(journal) / f"round_{len(rounds) + 1}.journal"
            result = minimised(GridObjective(local, grid, view), theta, replace(optimiser, iterations=length), path, progress, watched)
            results.append(result)
            if result.interrupted or result.fault or watched.stopped:
                satisfied = False
                break
            theta, begun = result.x, perf_counter()
            record, after, satisfied = _look(setting, local, result, view, grid, after, len(rounds), left)
            left = record["left"]
            rounds.append({**record, "seconds": perf_counter() - begun})
    except KeyboardInterrupt:
        if not results:
            raise
        results[-1] = replace(results[-1], success=False, interrupted=True,
                              message="interrupted between two rounds; the best point so far is returned")
    return _joined(results, grid, _carried_out(rounds, resolutions[1:]), satisfied)


class _Watched:
    """A callback that remembers whether it has asked for the end."""

    def __init__(self, callback):
        self.callback, self.stopped = callback, False

    def __call__(self, state):
        self.stopped = self.callback is not None and bool(self.callback(state))
        return self.stopped


def _lengths(iterations):
    """Iterations of each planned round."""
    edges = np.unique(np.round(np.array(_ROUNDS) * iterations).astype(int))
    return [int(n) for n in np.diff(np.append(0, edges)) if n > 0]


def _scouted(points):
    """At most some 20 000 of the points: every k-th, and the farthest in 32 directions of each pair of axes."""
    if len(points) <= _SCOUTS:
        return points
    angles = np.linspace(0, np.pi, 16, endpoint=False)
    pairs = [(i, (i + 1) % points.shape[1]) for i in range(points.shape[1])]
    heights = np.stack([np.cos(a) * points[:, i] + np.sin(a) * points[:, k] for i, k in pairs for a in angles])
    rows = np.concatenate([np.arange(0, len(points), -(-len(points) // _SCOUTS)), heights.argmin(axis=1), heights.argmax(axis=1)])
    return points[np.unique(rows)]


def _look(setting, local, result, view, grid, resolution, number, again=False):
    """One look at the trained network: a record of what was found, the resolution to go on with, whether nothing was wrong.

    setting, local : the problem with all its points, for the particles, and with those that the training grid saw
    again : whether the paths had left their boxes in the round before, too: then the blame is the grid's
    """
    look = estimate_on_grid(local, result.x, view, resolution.grid(setting, result.x), tolerance=np.inf, opinion=False)
    claimed = result.fun - setting.penalty(result.x)[0]
    wanted = max(_BAR * abs(look.value), _FLOOR)
    paths = sampled(setting, result.x, view, _PATHS, derived_seed(0, _CHECKING, number))
    doubted = abs(look.value - paths.value) > look.error_bar + 3 * paths.standard_error
    blurred = look.error_bar - look.box > max(_BLURRED * abs(look.value), wanted)
    gap, excess = abs(claimed - look.value) / wanted, look.space / wanted
    left = gap > 1 and 2 * excess <= 1                     # the same nodes in the new boxes would not have claimed it
    satisfied = gap <= 1 and look.box <= wanted and not (doubted or blurred)
    widened = look.box > wanted or doubted
    refined = (gap > 1 and (again or not left)) or doubted or blurred
    record = {"iterations": int(result.nit), "nodes": int(max(grid.shape)), "claimed": claimed, "objective": look.value,
              "error_bar": look.error_bar, "particles": paths.value, "standard_error": paths.standard_error,
              "left": bool(left)}
    after = _Resolution(resolution.finer(max(gap, excess), setting.network.dim) if refined else resolution.nodes,
                        resolution.widening * (_WIDER if widened else 1.0))
    return record, after, bool(satisfied)


def _carried_out(rounds, resolutions):
    """The records, which say of each look what training went on with: the resolution of the next round, if there was one."""
    following = [*resolutions[1:], resolutions[-1]]
    return tuple({**record, "refined": after.nodes > before.nodes, "widened": after.widening > before.widening}
                 for record, before, after in zip(rounds, resolutions, following))


def _joined(results, grid, rounds, satisfied):
    """The last round's result with the history, counts and seconds of all."""
    last = results[-1]
    looks = [*(r["seconds"] for r in rounds), 0.0]
    offsets = np.cumsum([0, *(r.nit for r in results)])
    seconds = np.cumsum([0.0, *(r.seconds + look for r, look in zip(results, looks))])
    history = {"iteration": np.concatenate([r.history["iteration"] + o for r, o in zip(results, offsets)]),
               "value": np.concatenate([r.history["value"] for r in results]),
               "seconds": np.concatenate([r.history["seconds"] + s for r, s in zip(results, seconds)])}
    totals = {"nit": int(offsets[-1]), "nfev": int(sum(r.nfev for r in results)), "history": history, "seconds": float(seconds[-1])}
    message = last.message
    if last.fault:
        message = f"in round {len(results)}: {message}"
    elif rounds and not satisfied and not last.interrupted and len(rounds) == len(results):
        message += "; the last look was not satisfied with the grid: more iterations, or more nodes to begin with"
    return GridTraining(**{**vars(last), **totals, "message": message, "grid": grid, "rounds": rounds, "satisfied": satisfied})
