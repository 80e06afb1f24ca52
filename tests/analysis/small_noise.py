"""Independent answers for the regularisation tests: R1 of MATH 5 in closed form and by Chebyshev collocation; all masks of small networks."""

import itertools

import numpy as np
from scipy.linalg import expm

from ocnet.training.objectives import LabelledPoints

MEAN, DEVIATION, REACH = 0.5, 0.4, 3.3       # the classes of R2; beyond the reach a mass of 1e-12


def density(x, label):
    return np.exp(-0.5 * ((x - label * MEAN) / DEVIATION) ** 2) / (np.sqrt(2 * np.pi) * DEVIATION)


def interval(nodes=1321):
    """R2's data as weighted points.  The flow's nearest singularity is 0.025 off the axis: the trapezoid errs by exp(−2π 0.025/h) = 2e-14 at h = 0.005."""
    x = np.linspace(-REACH, REACH, nodes)
    weights = np.concatenate([0.5 * density(x, y) for y in (-1, 1)]) * (x[1] - x[0])
    return LabelledPoints(np.tile(x, 2)[:, None], np.repeat([-1, 1], nodes), weights, 1 - weights.sum())


def drift(x):
    """R1's f."""
    return 1.5 * np.tanh(2 * x + 0.3)


def flow(x, t):
    """Solution of x' = f(x), and its first and second derivative in x: sinh(2 x(t) + 0.3) = e^{3t} sinh(2 x + 0.3) (MATH R7)."""
    z, e = 2 * x + 0.3, np.exp(3 * t)
    s, c = e * np.sinh(z), e * np.cosh(z)
    root = np.sqrt(1 + s * s)
    return (np.arcsinh(s) - 0.3) / 2, c / root, 2 * (s / root - s * c * c / root**3)


def score_to_go(x, t):
    """u_0 = tanh(2 x(T)) from x at time t, and two derivatives in x."""
    end, first, second = flow(x, 1 - t)
    h = np.tanh(2 * end)
    slope, bend = 2 * (1 - h * h), -8 * h * (1 - h * h)
    return h, slope * first, bend * first**2 + slope * second


def r1_constants():
    """J_0, the Gauss–Newton and bending parts of C1, and PEN = ∫ E f² u_x² dt, by Gauss–Legendre quadrature in x and t."""
    x, w = (a * REACH for a in np.polynomial.legendre.leggauss(1500))
    t, dt = (0.5 * a for a in np.polynomial.legendre.leggauss(40))
    found = np.zeros(4)
    for label in (-1, 1):
        mass = 0.5 * w * density(x, label)
        found[0] += mass @ (0.5 * (score_to_go(x, 0)[0] - label) ** 2)
        for time, weight in zip(t + 0.5, dt):
            here = flow(x, time)[0]
            u, u_x, u_xx = score_to_go(here, time)
            found[1:] += weight * np.array([0.5 * mass @ u_x**2, 0.5 * mass @ ((u - label) * u_xx), mass @ (drift(here) * u_x) ** 2])
    return found


def r1_losses(sigma, degree=300, half_width=4.0):
    """J_EL and J_LE of R1 with additive noise sigma: Chebyshev collocation of the backward equation with reflecting sides, and expm."""
    k = np.arange(degree + 1)
    x, c = np.cos(np.pi * k / degree), np.r_[2, np.ones(degree - 1), 2] * (-1.0) ** k
    D = np.outer(c, 1 / c) / (np.subtract.outer(x, x) + np.eye(degree + 1))
    D, x = (D - np.diag(D.sum(axis=1))) / half_width, x * half_width
    A = drift(x)[:, None] * D + 0.5 * sigma**2 * D @ D
    inner, sides = k[1:-1], k[[0, -1]]
    to_sides = -np.linalg.solve(D[np.ix_(sides, sides)], D[np.ix_(sides, inner)])
    h = np.tanh(2 * x)
    values = np.empty((degree + 1, 2))
    values[inner] = expm(A[np.ix_(inner, inner)] + A[np.ix_(inner, sides)] @ to_sides) @ np.stack([h, h * h], axis=1)[inner]
    values[sides] = to_sides @ values[inner]
    points, weights = (a * REACH for a in np.polynomial.legendre.leggauss(1000))
    barycentric = np.where((k == 0) | (k == degree), 0.5, 1.0) * (-1.0) ** k / (points[:, None] - x)
    first, second = (barycentric @ values / barycentric.sum(axis=1)[:, None]).T
    masses = {y: 0.5 * weights * density(points, y) for y in (-1, 1)}
    return (sum(m @ (0.5 * (second - 2 * y * first + 1)) for y, m in masses.items()), sum(m @ (0.5 * (first - y) ** 2) for y, m in masses.items()))


def branches(process):
    """All combinations of the quadrature nodes of the layers' laws: nodes (layers of (branches, channels)), weights of each combination."""
    rules = [process.law_at(n).quadrature(7) for n in range(process.layers)]
    for choice in itertools.product(*(range(len(weights)) for _, weights in rules)):
        yield [rules[n][0][k] for n, k in enumerate(choice)], float(np.prod([rules[n][1][k] for n, k in enumerate(choice)]))


def carried(process, x, noises):
    """The end (d, points) of the path whose layers have the noises (channels,)."""
    for n, xi in enumerate(noises):
        x = process.step(n, x, np.repeat(np.asarray(xi, float)[:, None], x.shape[1], axis=1))
    return x
