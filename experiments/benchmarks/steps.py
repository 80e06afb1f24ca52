"""The bounded semi-Lagrangian step against a plain nine-point bicubic loop, a node-step each."""

import numpy as np

from ocnet.expectation import expectation
from ocnet.process import Transition

from .peers import bicubic_loop
from .problems import EPSILON, box
from .protocol import Contender, compare
from .setting import LAYER_TIME, drift_at, start

__all__ = ["semi_lagrangian_step"]


def semi_lagrangian_step(task, setting, nodes):
    """One step of length dt = 1/20 along P1's drift with its noise; the feet of the characteristics are given to both.

    ocnet: Gaussian smoothing on the nodes and one limited spline a node (bounded, mass-conserving); the loop: neither.
    Timed on P1's terminal data; error: how far values leave [0, 1] when the data are a step from 0 to 1.
    """
    grid = box(nodes)
    feet = grid.nodes + LAYER_TIME * drift_at(0, grid.nodes)
    smooth = start(nodes)
    sharp = np.where(smooth > 0.5, 1.0, 0.0)
    deviation = EPSILON * np.sqrt(LAYER_TIME)
    transition, out = Transition(feet[None], np.ones(1), np.full(2, deviation)), np.empty(grid.size)

    def bounded(u):
        return expectation(grid, transition, u.reshape(1, -1))[0]

    def plain(u):
        return bicubic_loop.step(u, feet, deviation, grid, out)

    def overshoot(values):
        return max(float(values.max()) - 1, -float(values.min()), 0.0)

    own = Contender("ocnet", lambda: bounded(smooth), lambda _: overshoot(bounded(sharp)), grid.size / 1e6,
                    "smoothing and limited spline; feet given", compiles=True)
    loop = Contender("nine-point loop", lambda: plain(smooth), lambda _: overshoot(plain(sharp)), grid.size / 1e6,
                     "Numba, 3 × 3 Gauss–Hermite nodes, Catmull–Rom; feet given", 1, True)
    return compare(task, [own, loop], "M node-steps/s", setting.repetitions)
