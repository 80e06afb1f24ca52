"""torchsde: sdeint by Euler's method with a step a layer, paths in rows as it wants them, a chunk at a time, without gradients.

Its Brownian motions answer for any interval; `Increments` draws each step's afresh, which is all that fixed steps need.
"""

import numpy as np
import torch
import torchsde

from .workers import mean_and_error, sums_by_workers

__all__ = ["MOTIONS", "layered_mean"]


class _Increments(torchsde.BaseBrownian):
    """Independent increments, drawn when asked for."""

    levy_area_approximation = "none"
    device = torch.device("cpu")

    def __init__(self, size, dtype):
        super().__init__()
        self._size, self._dtype = size, dtype

    dtype = property(lambda self: self._dtype)
    shape = property(lambda self: self._size)

    def __call__(self, ta, tb=None, return_U=False, return_A=False):
        return torch.randn(self._size, dtype=self._dtype).mul_(float(tb - ta) ** 0.5)

    def __repr__(self):
        return f"_Increments({tuple(self._size)})"


def _interval(size, dtype):
    return torchsde.BrownianInterval(0.0, 1.0, size=size, dtype=dtype)


MOTIONS = {"increments drawn afresh": _Increments, "BrownianInterval": _interval}


class _Network(torch.nn.Module):
    """f of the layer at t, and the constant diagonal g."""

    noise_type, sde_type = "diagonal", "ito"

    def __init__(self, walk, factor):
        super().__init__()
        w1, b1, w2 = (torch.from_numpy(w) for w in walk.weights)
        self._w1, self._b1, self._w2 = w1.transpose(1, 2), b1, w2.transpose(1, 2)
        self._layers, self._factor = len(w1), factor

    def f(self, t, x):
        n = min(round(float(t) * self._layers), self._layers - 1)
        return torch.addmm(self._b1[n], x, self._w1[n]).tanh_() @ self._w2[n]

    def g(self, t, x):
        return self._factor


def layered_mean(walk, chunk, motion, team):
    """A callable () -> (mean, standard error); every call draws fresh normals.  motion : of MOTIONS;  team : of `teams`"""
    workers, inside = team
    size, ends = (chunk, walk.dim), torch.tensor([0.0, 1.0], dtype=torch.float64)
    sde, x0 = _Network(walk, torch.full(size, walk.epsilon, dtype=torch.float64)), torch.zeros(size, dtype=torch.float64)

    def work(worker, chunks):
        sums = np.zeros(2)
        with torch.no_grad():
            for _ in range(chunks):
                x = torchsde.sdeint(sde, x0, ends, bm=MOTIONS[motion](size, torch.float64), method="euler", dt=walk.dt)[-1]
                values = torch.sigmoid(3 * x[:, 0])
                sums += values.sum().item(), values.square().sum().item()
        return sums

    def run():
        torch.set_num_threads(inside)
        return mean_and_error(sums_by_workers(work, walk.paths // chunk, workers), walk.paths)

    return run
