"""Faults in what solves equations on a grid: schemes, splittings, sides of the box, splines and the chain."""

from ..mutant import Mutant

__all__ = ["MUTANTS"]


def _in(file, name, old, new, kind, breaks):
    return Mutant(f"{file.rpartition('/')[2]}: {name}", f"ocnet/{file}.py", old, new, kind, breaks)


MUTANTS = (
    _in("kolmogorov/schemes/douglas", "θ of the implicit part", "theta: float = 0.5", "theta: float = 0.55", "constant", "order 1 in time"),
    _in("kolmogorov/schemes/craig_sneyd", "the corrected mixed part", "z = start + 0.5 * dt * A.mixed(y - u)", "z = start + dt * A.mixed(y - u)", "factor", "order 1 with mixed derivatives"),
    _in("kolmogorov/schemes/hundsdorfer_verwer", "the second sweep's base", "z = A.stage(i, z, y, self.theta * dt)", "z = A.stage(i, z, u, self.theta * dt)", "operator",
        "the second sweep corrects from the wrong state"),
    _in("kolmogorov/schemes/hundsdorfer_verwer", "the fused mixed part", "gamma=0.5 * dt, mu=0.5 * dt, add=(u, w))", "gamma=0.5 * dt, mu=dt, add=(u, w))", "factor",
        "the fused step differs from its formula where there are mixed derivatives"),
    _in("kolmogorov/schemes/tr_bdf2", "γ", "_GAMMA = 2 - 2**0.5", "_GAMMA = 0.58", "constant", "still order 2, but the two halves share no matrix and it is not the published scheme"),
    _in("kolmogorov/schemes/tr_bdf2", "the second stage's weight", "weight = 1 / (_GAMMA * (2 - _GAMMA))", "weight = 1 / (2 * _GAMMA)", "weight", "order 1 in time"),
    _in("kolmogorov/schemes/crank_nicolson", "the explicit half", "return A.stage(0, u + dt * A.rate(u), u, self.theta * dt)", "return A.stage(0, u + dt * A.rate(u), u, 0.5 * dt)", "factor",
        "θ has no effect: implicit Euler is Crank–Nicolson"),
    _in("kolmogorov/schemes/linear", "the damped start", "u = u + 0.5 * dt * (A.rate(u) - A.apply(u) + A.mixed(u))", "u = u + 0.5 * dt * (A.rate(u) - A.apply(u))", "operator",
        "damped steps leave mixed derivatives out"),
    _in("kolmogorov/schemes/modified_craig_sneyd", "A_0 in the second correction", "(0.5 - self.theta) * dt * A.apply(y - u)", "(0.5 + self.theta) * dt * A.apply(y - u)", "sign", "the second correction of the modified scheme"),
    _in("kolmogorov/schemes/monotone", "half of each", "return 0.5 * u + 0.5 * (stage + dt * A.rate(stage))", "return 0.4 * u + 0.6 * (stage + dt * A.rate(stage))", "weight", "order 1 in time"),
    _in("kolmogorov/schemes/semi_lagrangian", "the cubature of many channels", "nodes = np.sqrt(channels) * np.eye(channels)", "nodes = np.eye(channels)", "factor", "five and more channels: variance 1/m of what it is"),
    _in("kolmogorov/schemes/noise_maps", "the sign of a correlation", "np.array([1.0, np.sign(rate[0, 1])])", "np.array([1.0, -np.sign(rate[0, 1])])", "sign", "correlated noise has the other correlation"),
    _in("kolmogorov/flow", "the third slope of Runge–Kutta", "x + h / 6 * (k1 + 2 * k2 + 2 * k3 + process.drift_rows(t, x4))", "x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k1)", "operator", "characteristics of order 1"),
    _in("kolmogorov/flow", "the way back of Runge–Kutta", "back2, g2 = process.coefficients_vjp(t, x2, h / 3 * cotangent + 0.5 * h * back3)",
        "back2, g2 = process.coefficients_vjp(t, x2, h / 3 * cotangent + h * back3)", "factor", "the gradient of the flow in θ"),
    _in("kolmogorov/operator", "the symmetric share of a mixed cotangent", "variance_bar[p, k] = variance_bar[k, p] = 0.5 * bar.ravel()", "variance_bar[p, k] = variance_bar[k, p] = bar.ravel()", "factor",
        "cotangents of off-diagonal variance rates are doubled"),
    _in("kolmogorov/operator", "the mixed part's place", "self._add(gradient, p, u, 0, 0, True, 1.0)", "self._add(gradient, p, u, 0, self.axes, True, 1.0)", "operator", "∂⟨p, A_0 u⟩ holds all of A"),
    _in("kolmogorov/monotone_operator", "the exit rate", "total += np.abs(self.weights).sum(axis=(0, 1))", "total += self.weights.sum(axis=(0, 1))", "sign", "substeps too long with negative correlation: bounds are broken"),
    _in("kolmogorov/coefficients", "a drift cut at an Outflow side", "most = np.sqrt(2 * variance_rate[axis, axis, nodes] / horizon)", "most = np.sqrt(variance_rate[axis, axis, nodes] / horizon)", "factor", "outward drifts are cut too much"),
    _in("kolmogorov/coefficients", "the middle of a step", "t, process, sides = 0.5 * (t0 + t1), problem.process, problem.boundary", "t, process, sides = t0, problem.process, problem.boundary", "weight",
        "coefficients at the end of a step: order 1 where they vary in time"),
    _in("kolmogorov/terminal", "cells of the averages", "middles = np.concatenate([x[:1], 0.5 * (x[1:] + x[:-1]), x[-1:]])", "middles = np.concatenate([x[:1], x[1:], x[-1:]])", "weight", "jumping data are averaged over the cell ahead"),
    _in("kolmogorov/march", "steps left at the ends", "(self.steps - 1 - k, k), previous)", "(self.steps - k, k), previous)", "off by one", "one damped step too few at the start"),
    _in("kolmogorov/tape", "the states below a checkpoint", "return min(max(steps - comb(slots + sweeps - 1, slots), 1), steps - 1)", "return 1", "constant", "checkpoints are laid out badly: far more steps are run again"),
    _in("kolmogorov/times", "the kept time", "self.indices = sorted({int(np.abs(times - t).argmin()) for t in wanted})", "self.indices = sorted({int(np.searchsorted(times, t)) for t in wanted})", "index",
        "kept times are moved up, not to the nearest step"),
    _in("kolmogorov/solver", "masses of a point", "t = (x - axis[i]) / (axis[i + 1] - axis[i])", "t = (axis[i + 1] - x) / (axis[i + 1] - axis[i])", "weight", "point masses go to the far corner"),
    _in("boundary", "whose side a corner is", "np.moveaxis(owner, axis, 0)[-end] = 2 * axis + end", "np.moveaxis(owner, axis, 0)[-end] = 2 * axis", "boundary row", "the upper side has the lower one's value"),
    _in("chain", "layers in time", ".values(rows))[::-1]", ".values(rows))", "index", "u at layer n is u at layer N − n"),
    _in("spline", "the smallest filter", "return np.array([1 - r, 0.5 * r])", "return np.array([1 - 0.5 * r, 0.5 * r])", "weight", "the filter of little noise adds mass"),
    _in("spline", "the five-point filter", "w1, w2 = (4 * r - 3 * r * r) / 6, (3 * r * r - r) / 24", "w1, w2 = (4 * r - 3 * r * r) / 6, (3 * r * r + r) / 24", "weight", "variance of a smoothing below one spacing"),
    _in("spline", "masses on the sides", "line[[0, -1]] = 0.5", "line[0] = 0.5", "boundary row", "the transposed smoothing at the upper sides"),
    _in("tensor_spline", "the last weight of a raised spline", "out[r + 1] += share * (degree if x is None else x - left)", "out[r + 1] += share * (degree if x is None else x - right)", "sign",
        "splines on uneven grids"),
    _in("tensor_spline", "four kept times", "four = np.arange(4) + min(max(k - 1, 0), times.size - 4)", "four = np.arange(4) + min(max(k, 0), times.size - 4)", "index", "interpolation in time from later times"),
    _in("moving_grid", "two layers at once", "lower[:-1], upper[:-1] = np.minimum(lower[:-1], lower[1:]), np.maximum(upper[:-1], upper[1:])",
        "lower[:-1], upper[:-1] = np.maximum(lower[:-1], lower[1:]), np.maximum(upper[:-1], upper[1:])", "sign", "boxes too small for steps within a layer"),
    _in("kolmogorov/schemes/explicit", "the third and fourth term", "for k in (2, 3, 4):", "for k in (2, 3):", "off by one", "the explicit reference is of order 3"),
    _in("kolmogorov/automatic", "what counts as convective", "return float(np.mean(((f * h > a) & matters).any(axis=0)))", "return float(np.mean(((f * h > 2 * a) & matters).any(axis=0)))", "factor", "drift-dominated problems get an unbounded scheme"),
    _in("kolmogorov/recomputed", "the kept time to start from", "start = min(j for j in (*self.kept, *self._recent) if j > k)", "start = max(j for j in (*self.kept, *self._recent) if j > k)", "operator", "values are made again from the terminal time"),
)
