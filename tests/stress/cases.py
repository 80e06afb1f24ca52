"""Cases drawn from seeds: a problem, the points asked about, the truth there and the tolerance asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion

from .truths import Data, beneš, carried, linear_law

__all__ = ["FAMILIES", "Case", "drawn"]

_KINDS = ("probit", "peak", "wave", "step", "kink")
_NOISES = (1.0, 0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4, 1e-6, 1e-8, 0.0)


@dataclass(frozen=True)
class Case:
    """One question with a known answer.  told : the parameters, for the table"""

    problem: KolmogorovProblem
    points: np.ndarray
    exact: np.ndarray
    tolerance: float
    told: str


def _line(drift, sigma, data, T, x, exact, tolerance, told):
    problem = KolmogorovProblem(Diffusion(lambda t, x: drift(x), [[sigma]], 1), lambda x: data(x[:, 0]), T)
    return Case(problem, x[:, None], exact, tolerance * data.size, f"{told}, σ={sigma:g}, {data.kind} c={data.centre:.3g} w={data.width:.3g}, T={T:.3g}")


def _data(rng, narrowest=0.05):
    return Data(rng.choice(_KINDS), rng.uniform(-0.7, 0.7), 10 ** rng.uniform(np.log10(narrowest), 0.3))


def small_noise(rng):
    """Linear drifts, of any sign, at noise 1 … 1e-8 and 0."""
    sigma, rate, T, x = rng.choice(_NOISES), rng.choice([-3.0, -1.0, 0.0, 1.0, 2.0]), rng.uniform(0.2, 1.0), rng.uniform(-1, 1, 3)
    data = _data(rng)
    return _line(lambda y: rate * y, sigma, data, T, x, data.mean(*linear_law(x, rate, 0.0, sigma, T)), 10 ** rng.uniform(-3.3, -2), f"{rate:g} x")


def plane(rng):
    """Two axes: a rotation and contraction, noise of one size on both; data of one direction."""
    sigma, lam, omega, T, x = rng.choice(_NOISES), rng.uniform(-0.5, 1.5), rng.uniform(0, 2), rng.uniform(0.2, 1.0), rng.uniform(-0.8, 0.8, (3, 2))
    data, way = Data(rng.choice(_KINDS[:2]), rng.uniform(-0.5, 0.5), rng.uniform(0.4, 1.5)), np.array([0.6, 0.8])
    matrix = np.array([[-lam, -omega], [omega, -lam]])
    turn = np.exp(-lam * T) * np.array([[np.cos(omega * T), -np.sin(omega * T)], [np.sin(omega * T), np.cos(omega * T)]])
    exact = data.mean(x @ turn.T @ way, linear_law(0.0, -lam, 0.0, sigma, T)[1])
    problem = KolmogorovProblem(Diffusion(lambda t, x: x @ matrix.T, sigma * np.eye(2), 2), lambda x: data(x @ way), T)
    return Case(problem, x, exact, 10 ** rng.uniform(-2.5, -1.5), f"plane λ={lam:.3g} ω={omega:.3g}, σ={sigma:g}, {data.kind} w={data.width:.3g}, T={T:.3g}")


def bent(rng):
    """Drifts that are not linear, at noise so small that their characteristics tell: the error of leaving the noise out is below σ²-terms of 1e-9."""
    name, drift = [("y − y³", lambda y: y - y**3), ("sin 3y", lambda y: np.sin(3 * y)), ("−tanh 50y", lambda y: -np.tanh(50 * y)),
                   ("cos y²", lambda y: np.cos(y * y)), ("1000(y − y³)", lambda y: 1e3 * (y - y**3))][rng.integers(5)]
    sigma, T, x = rng.choice([1e-6, 1e-8, 0.0]), rng.uniform(0.2, 1.0), rng.uniform(-1, 1, 3)
    data = Data(rng.choice(("probit", "peak", "wave")), rng.uniform(-0.7, 0.7), rng.uniform(0.2, 1.5))
    return _line(drift, sigma, data, T, x, data(carried(x, drift, T)), 10 ** rng.uniform(-3, -2), name)


def stiff(rng):
    """Drifts that draw paths together with Lipschitz constants 1e2 … 1e4."""
    rate, sigma, shift, x = -(10 ** rng.uniform(2, 4)), 10 ** rng.uniform(-2, 0), rng.choice([0.0, 1.5]), rng.uniform(-1, 1, 2)
    spread = np.sqrt(linear_law(0.0, rate, 0.0, sigma, 1.0)[1])
    data = Data(rng.choice(("probit", "peak")), shift + rng.uniform(-2, 2) * spread, spread * rng.uniform(2, 20))
    exact = data.mean(*linear_law(x, rate, shift, sigma, 1.0))
    return _line(lambda y: rate * (y - shift), sigma, data, 1.0, x, exact, 10 ** rng.uniform(-3, -2), f"{rate:.3g} (x − {shift:g})")


def expanding(rng):
    """Drifts that drive paths apart by e⁵ … e⁷ in a short time, of Lipschitz constants up to 1e4."""
    rate, sigma = 10 ** rng.uniform(1, 4), 10 ** rng.uniform(-2, -1)
    T = rng.uniform(2, 4) / rate
    x, data = rng.uniform(-1, 1, 2) * np.exp(-rate * T), Data("probit", rng.uniform(-0.5, 0.5), rng.uniform(0.5, 1.5))
    return _line(lambda y: rate * y, sigma * np.sqrt(rate) * np.exp(-rate * T), data, T, x,
                 data.mean(*linear_law(x, rate, 0.0, sigma * np.sqrt(rate) * np.exp(-rate * T), T)), 10 ** rng.uniform(-2.5, -1.5), f"+{rate:.3g} x")


def parting(rng):
    """Beneš' drift b σ² tanh(b x): a steep wall that parts paths."""
    slope, sigma = 10 ** rng.uniform(0, 2), 10 ** rng.uniform(-1, 0)
    T = rng.uniform(0.3, 2) / (slope * sigma) ** 2
    scale = sigma * np.sqrt(T) + slope * sigma**2 * T
    x = rng.uniform(-1, 1, 2) * scale
    data = Data(rng.choice(("probit", "peak", "step", "kink")), rng.uniform(-1, 1) * scale, rng.uniform(0.2, 2) * scale)
    upper, high, low, v = beneš(x, slope, sigma, T)
    size = scale if data.kind == "kink" else 1.0
    return _line(lambda y: slope * sigma**2 * np.tanh(slope * y), sigma, data, T, x, upper * data.mean(high, v) + (1 - upper) * data.mean(low, v),
                 size * 10 ** rng.uniform(-3, -2), f"Beneš b={slope:.3g}")


def steep(rng):
    """Sigmoids of width 1e-6, steps, kinks, peaks of 1e-3 of the box that weigh something, and fast waves."""
    sigma, T, x, which = 10 ** rng.uniform(-1.5, 0), rng.uniform(0.2, 1.0), rng.uniform(-0.5, 0.5, 2), rng.integers(5)
    reach = sigma * np.sqrt(T)
    data = (Data("probit", rng.uniform(-0.5, 0.5), 1e-6), Data("step", rng.uniform(-0.5, 0.5)), Data("kink", rng.uniform(-0.5, 0.5)),
            Data("wave", 0.0, reach * 10 ** rng.uniform(-1, 0)), Data("peak", rng.uniform(-0.5, 0.5), reach * 10 ** rng.uniform(-2.5, -1), 30.0))[which]
    return _line(lambda y: 0 * y, sigma, data, T, x, data.mean(x, sigma**2 * T), 10 ** rng.uniform(-3, -2), "0")


def scaled(rng):
    """The same questions with values of 1e±12, lengths of 1e±6 and times of 1e±6."""
    value, length, time = 10.0 ** rng.choice([-12, 0, 12]), 10.0 ** rng.choice([-6, 0, 6]), 10.0 ** rng.choice([-6, 0, 6])
    rate, sigma, x = rng.choice([-1.0, 0.0, 1.0]), 10 ** rng.uniform(-2, 0), rng.uniform(-1, 1, 2) * length
    data = Data(rng.choice(("probit", "peak")), rng.uniform(-0.5, 0.5) * length, rng.uniform(0.2, 1.5) * length, value)
    noise = sigma * length / np.sqrt(time)
    exact = data.mean(*linear_law(x, rate / time, 0.0, noise, time))
    told = f"values {value:g}, lengths {length:g}, times {time:g}; {rate:g} x"
    return _line(lambda y: rate / time * y, noise, data, time, x, exact, 10 ** rng.uniform(-3, -2), told)


FAMILIES: dict[str, Callable[[Any], Case]] = {f.__name__: f for f in (small_noise, plane, bent, stiff, expanding, parting, steep, scaled)}


def drawn(family: str, number: int) -> Case:
    """Case `number` of a family: the same one at any time."""
    return FAMILIES[family](np.random.default_rng([sum(map(ord, family)), number]))
