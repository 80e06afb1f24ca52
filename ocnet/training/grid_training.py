"""Training on a grid that stays honest: rounds of a deterministic optimiser, the grid re-examined after each."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ocnet.grid import Grid

from .grid_estimate import estimate_on_grid
from .objectives.grid import ChainView, GridObjective
from .trainer import train

__all__ = ["GridTraining", "train_on_grid"]

_ROUNDS = (0.15, 0.35, 0.7, 1.0)     # shares of the iterations after which the grid is looked at anew
_BAR = 0.03                          # bar, relative to the objective, beyond which the grid is refined …
_FLOOR = 5e-4                        # … or this much, where that is larger
_FINER = 1.4
_MOST_NODES = 60_000                 # of a training grid; what is left is for the final estimate to resolve
_MORE_ROUNDS = 2                     # rounds of a quarter of the iterations each, when the last look was not satisfied


@dataclass(frozen=True, eq=False)
class GridTraining:
    """theta : best parameters on the last grid;  grid : that grid;  history : of all rounds, joined
    rounds : one dict a round (iterations, nodes, objective and its error bar on a fresh box, whether refined after it)
    iterations, evaluations, seconds : of all rounds;  message : how the last one ended
    """

    theta: np.ndarray
    grid: Grid
    history: dict
    rounds: tuple
    iterations: int
    evaluations: int
    seconds: float
    message: str

    def __repr__(self):
        return (f"GridTraining({self.iterations} iterations in {len(self.rounds)} rounds, {self.seconds:.1f} s, "
                f"last grid {' × '.join(map(str, self.grid.shape))})")


def train_on_grid(setting, theta, optimiser, nodes, view=ChainView(), journal=None, progress=None):
    """Minimise the grid objective from θ; box and nodes follow what the network has become.

    optimiser : deterministic, with a field `iterations` (the total);  nodes : per axis, of the first grid
    journal   : folder for the evaluations of each round; an interrupted run replays them to the same bits
    After 15, 35, 70 and 100 % of the iterations the box is found anew from the paths of the data, and the objective is
    computed on a finer and a wider grid; where it changes by more than 3 % (or 5e-4) training goes on with 1.4 times
    as many nodes per axis, at the end for up to two more rounds.
    """
    edges = np.unique(np.round(np.array(_ROUNDS) * optimiser.iterations).astype(int))
    lengths = [int(n) for n in np.diff(np.append(0, edges)) if n > 0]
    extra = [max(1, optimiser.iterations // 4)] * _MORE_ROUNDS
    rounds, results = [], []
    satisfied = True
    while lengths or (not satisfied and extra):
        length = lengths.pop(0) if lengths else extra.pop(0)
        grid = Grid.covering(setting.network.layered(theta), setting.data.points, nodes)
        objective = GridObjective(setting, grid, view)
        result = train(objective, theta, replace(optimiser, iterations=length),
                       None if journal is None else Path(journal) / f"round_{len(rounds) + 1}.journal", progress)
        results.append(result)
        theta = result.x
        record, satisfied = _examine(setting, theta, view, nodes, result)
        rounds.append(record)
        if result.interrupted:
            break
        if not satisfied:
            finer = int(round((nodes - 1) * _FINER)) + 1
            satisfied = finer**grid.dim > _MOST_NODES
            nodes = nodes if satisfied else finer
    return _join(theta, grid, rounds, results)


def _examine(setting, theta, view, nodes, result):
    """One look at the trained network on a fresh box: what the bar is, and whether it is small enough."""
    look = estimate_on_grid(setting, theta, view, nodes, tolerance=np.inf)
    satisfied = look.error_bar <= max(_BAR * abs(look.value), _FLOOR)
    return {"iterations": int(result.nit), "nodes": int(nodes), "objective": look.value, "error_bar": look.error_bar,
            "refined": not satisfied}, bool(satisfied)


def _join(theta, grid, rounds, results):
    offsets = np.cumsum([0, *(r.nit for r in results[:-1])])
    seconds = np.cumsum([0.0, *(r.seconds for r in results[:-1])])
    history = {"iteration": np.concatenate([r.history["iteration"] + o for r, o in zip(results, offsets)]),
               "value": np.concatenate([r.history["value"] for r in results]),
               "seconds": np.concatenate([r.history["seconds"] + s for r, s in zip(results, seconds)])}
    return GridTraining(theta, grid, history, tuple(rounds), int(sum(r.nit for r in results)),
                        int(sum(r.nfev for r in results)), float(sum(r.seconds for r in results)), results[-1].message)
