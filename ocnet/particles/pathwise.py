"""The pathwise gradient: the derivative of a sampled functional with the noise frozen, by one reverse sweep."""

import numpy as np

from ocnet.kernels.threads import run_all
from ocnet.process import checked_points

from .propagate import checked_paths, chunks_of_points

__all__ = ["sampled_value_and_gradient"]


def sampled_value_and_gradient(process, x0, paths, terminal, seed=0):
    """Return (total, gradient in the layers' parameters (layers, p), gradient in the terminal's own (r,)).

    process  : LayeredProcess with `step_vjp(n, x, xi, cotangent) -> (x_cotangent, parameter gradient)`
    x0       : (n, d) start points, `paths` draws each
    terminal : (ends (points, paths, d), rows) -> (contribution, cotangent of the ends, extra gradient (r,)), for the
               slice `rows` of the start points; called from several threads
    The sum over chunks of start points is taken in their order.  Stored: the states of one chunk; noise is drawn again.
    """
    x0, paths = checked_points(x0, process.dim, "x0"), checked_paths(paths)
    chunks = chunks_of_points(len(x0), paths)
    parts = [None] * len(chunks)

    def task(k):
        parts[k] = _chunk(process, x0[chunks[k]], paths, terminal, seed, chunks[k])

    run_all([lambda k=k: task(k) for k in range(len(chunks))])
    total, depth, rest = parts[0]
    for more, more_depth, more_rest in parts[1:]:
        total += more
        depth += more_depth
        rest = rest + more_rest
    return total, depth, rest


def _chunk(process, x0, paths, terminal, seed, rows):
    first, count = rows.start * paths, len(x0) * paths
    states = [np.repeat(x0.T, paths, axis=1)]
    for n in range(process.layers):
        states.append(process.step(n, states[n], process.law.draw(seed, first, count, n)))
    ends = np.ascontiguousarray(states[-1].T).reshape(-1, paths, process.dim)
    total, back, rest = terminal(ends, rows)
    cotangent = np.ascontiguousarray(back.reshape(count, process.dim).T)
    gradient = [None] * process.layers
    for n in reversed(range(process.layers)):
        xi = process.law.draw(seed, first, count, n)
        cotangent, gradient[n] = process.step_vjp(n, states[n], xi, cotangent)
    return total, np.stack(gradient), rest
