"""Diffusions whose expectation has a closed form, a series or a one-dimensional integral: (problem, box, points, exact).

Every entry is a function without arguments that returns a `ClosedForm`; `ALL` lists them.  Boxes hold the process for all that
matters; where a side lies somewhere, it is the problem's own.
"""

from dataclasses import dataclass

import numpy as np
from scipy.integrate import quad
from scipy.linalg import expm
from scipy.special import ndtr

from ocnet.boundary import Absorbing, Dirichlet, Outflow, Reflecting
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion

__all__ = ["ALL", "ClosedForm"]


@dataclass(frozen=True)
class ClosedForm:
    """problem on the box [lower, upper]; exact (n,) at t = 0 at points (n, d)."""

    problem: KolmogorovProblem
    lower: tuple
    upper: tuple
    points: np.ndarray
    exact: np.ndarray


def _line(*x):
    return np.array(x, dtype=float)[:, None]


def _ou(lam=1.2, sigma=0.6):
    return Diffusion(lambda t, x: -lam * x, [[sigma]], 1)


def _ou_law(x, T, lam=1.2, sigma=0.6):
    return x[:, 0] * np.exp(-lam * T), sigma**2 * (1 - np.exp(-2 * lam * T)) / (2 * lam)


def ou_probit(s=0.5, T=1.0):
    x = _line(-1, -0.3, 0.1, 0.5)
    m, v = _ou_law(x, T)
    return ClosedForm(KolmogorovProblem(_ou(), lambda x: ndtr(x[:, 0] / s), T), (-4,), (4,), x, ndtr(m / np.sqrt(s**2 + v)))


def ou_indicator(T=1.0, level=0.137):
    x = _line(-0.8, 0.0, 0.6)
    m, v = _ou_law(x, T)
    return ClosedForm(KolmogorovProblem(_ou(), lambda x: (x[:, 0] > level) * 1.0, T), (-4,), (4,), x, ndtr((m - level) / np.sqrt(v)))


def ou_second_moment(T=1.0):
    x = _line(-0.8, 0.2, 0.9)
    m, v = _ou_law(x, T)
    return ClosedForm(KolmogorovProblem(_ou(), lambda x: x[:, 0] ** 2, T), (-4,), (4,), x, m**2 + v)


def ou_cosine(a=3.0, T=1.0):
    x = _line(-0.8, 0.2, 0.9)
    m, v = _ou_law(x, T)
    return ClosedForm(KolmogorovProblem(_ou(), lambda x: np.cos(a * x[:, 0]), T), (-4,), (4,), x, np.cos(a * m) * np.exp(-a * a * v / 2))


def ou_call(T=1.0, strike=0.1):
    x = _line(-0.5, 0.2, 0.9)
    m, v = _ou_law(x, T)
    d = (m - strike) / np.sqrt(v)
    exact = (m - strike) * ndtr(d) + np.sqrt(v) * np.exp(-d * d / 2) / np.sqrt(2 * np.pi)
    return ClosedForm(KolmogorovProblem(_ou(), lambda x: np.maximum(x[:, 0] - strike, 0), T), (-4,), (4,), x, exact)


def varying_coefficients(T=1.0):
    """dX = a(t) X dt + s(t) dB, a = −1 − sin 3t, s = 0.4 + 0.3 cos 2t."""
    x = _line(-0.7, 0.4, 1.0)
    growth = lambda r: -(T - r) - (np.cos(3 * r) - np.cos(3 * T)) / 3
    variance = quad(lambda r: np.exp(2 * growth(r)) * (0.4 + 0.3 * np.cos(2 * r)) ** 2, 0, T)[0]
    process = Diffusion(lambda t, x: -(1 + np.sin(3 * t)) * x, lambda t, x: np.full((len(x), 1, 1), 0.4 + 0.3 * np.cos(2 * t)), 1)
    exact = np.sin(2 * x[:, 0] * np.exp(growth(0))) * np.exp(-2 * variance)
    return ClosedForm(KolmogorovProblem(process, lambda x: np.sin(2 * x[:, 0]), T), (-4,), (4,), x, exact)


def _gbm(r=0.05, sigma=0.2):
    return Diffusion(lambda t, x: r * x, lambda t, x: sigma * x[:, :, None], 1)


def gbm_mean(r=0.05, T=1.0):
    x = _line(0.5, 1.0, 1.5)
    return ClosedForm(KolmogorovProblem(_gbm(), lambda x: x[:, 0], T, boundary=Outflow()), (0,), (4,), x, x[:, 0] * np.exp(r * T))


def black_scholes(r=0.05, sigma=0.2, T=1.0, strike=100.0):
    x = _line(80, 100, 125)
    d = (np.log(x[:, 0] / strike) + (r + sigma**2 / 2) * T) / (sigma * np.sqrt(T))
    exact = x[:, 0] * ndtr(d) - strike * np.exp(-r * T) * ndtr(d - sigma * np.sqrt(T))
    problem = KolmogorovProblem(_gbm(), lambda x: np.maximum(x[:, 0] - strike, 0), T, potential=r, boundary=[(Absorbing(), Outflow())])
    return ClosedForm(problem, (0,), (300,), x, exact)


def black_scholes_in_log(r=0.05, sigma=0.2, T=1.0):
    """A put, so that the payoff is bounded."""
    x = _line(-0.2, 0.0, 0.2)
    process = Diffusion(lambda t, x: r - sigma**2 / 2 + 0 * x, [[sigma]], 1)
    S = np.exp(x[:, 0])
    d = (x[:, 0] + (r + sigma**2 / 2) * T) / (sigma * np.sqrt(T))
    exact = np.exp(-r * T) * ndtr(-d + sigma * np.sqrt(T)) - S * ndtr(-d)
    return ClosedForm(KolmogorovProblem(process, lambda x: np.maximum(1 - np.exp(x[:, 0]), 0), T, potential=r), (-1.8,), (1.8,), x, exact)


def digital(r=0.05, sigma=0.2, T=1.0, strike=101.3):
    x = _line(80, 100, 125)
    d = (np.log(x[:, 0] / strike) + (r - sigma**2 / 2) * T) / (sigma * np.sqrt(T))
    problem = KolmogorovProblem(_gbm(), lambda x: (x[:, 0] > strike) * 1.0, T, potential=r, boundary=[(Absorbing(), Outflow())])
    return ClosedForm(problem, (0,), (300,), x, np.exp(-r * T) * ndtr(d))


def down_and_out(r=0.05, sigma=0.2, T=1.0, strike=100.0, barrier=90.0):
    """Merton (1973): C(S) − (S/B)^{1−2r/σ²} C(B²/S)."""
    x = _line(95, 100, 120)

    def call(S):
        d = (np.log(S / strike) + (r + sigma**2 / 2) * T) / (sigma * np.sqrt(T))
        return S * ndtr(d) - strike * np.exp(-r * T) * ndtr(d - sigma * np.sqrt(T))

    S = x[:, 0]
    problem = KolmogorovProblem(_gbm(), lambda x: np.maximum(x[:, 0] - strike, 0), T, potential=r, boundary=[(Absorbing(), Outflow())])
    return ClosedForm(problem, (barrier,), (300,), x, call(S) - (S / barrier) ** (1 - 2 * r / sigma**2) * call(barrier**2 / S))


def double_barrier(sigma=0.25, r=0.03, T=0.5, low=80.0, high=120.0):
    """Pays 1 if the barriers are not met: sine series in log S with drift removed."""
    x = _line(90, 100, 112)
    width, mu = np.log(high / low), r - sigma**2 / 2
    a = mu / sigma**2
    y, n = np.log(x[:, 0] / low), np.arange(1, 200)[:, None]
    k = n * np.pi / width
    weight = 2 / width * k * (1 - (-1.0) ** n * np.exp(a * width)) / (a * a + k * k)
    exact = np.exp(-r * T) * (np.exp(-a * y) * (weight * np.sin(k * y) * np.exp(-0.5 * sigma**2 * (k * k + a * a) * T)).sum(axis=0))
    problem = KolmogorovProblem(_gbm(r, sigma), lambda x: np.ones(len(x)), T, potential=r, boundary=Absorbing())
    return ClosedForm(problem, (low,), (high,), x, exact)


def cir_bond(kappa=0.8, theta=0.06, sigma=0.2, T=2.0):
    """E exp(−∫ r dt), dr = κ(θ − r) dt + σ √r dB: Cox, Ingersoll & Ross (1985), eq. (23)."""
    x = _line(0.02, 0.06, 0.15)
    h = np.sqrt(kappa**2 + 2 * sigma**2)
    e = np.expm1(h * T)
    below = 2 * h + (kappa + h) * e
    A = (2 * h * np.exp((kappa + h) * T / 2) / below) ** (2 * kappa * theta / sigma**2)
    process = Diffusion(lambda t, x: kappa * (theta - x), lambda t, x: sigma * np.sqrt(np.maximum(x, 0))[:, :, None], 1)
    problem = KolmogorovProblem(process, lambda x: np.ones(len(x)), T, potential=lambda t, x: x[:, 0], boundary=Outflow())
    return ClosedForm(problem, (0,), (1.0,), x, A * np.exp(-2 * e / below * x[:, 0]))


def cir_laplace(kappa=1.0, theta=0.5, sigma=0.6, T=1.0, u=2.0):
    """E exp(−u X_T) of the square-root process."""
    x = _line(0.2, 0.5, 1.2)
    c = sigma**2 * (1 - np.exp(-kappa * T)) / (2 * kappa)
    exact = (1 + c * u) ** (-2 * kappa * theta / sigma**2) * np.exp(-u * np.exp(-kappa * T) / (1 + c * u) * x[:, 0])
    process = Diffusion(lambda t, x: kappa * (theta - x), lambda t, x: sigma * np.sqrt(np.maximum(x, 0))[:, :, None], 1)
    return ClosedForm(KolmogorovProblem(process, lambda x: np.exp(-u * x[:, 0]), T, boundary=Outflow()), (0,), (5,), x, exact)


def survival(T=0.15):
    x, n = _line(0.1, 0.35, 0.5), np.arange(1, 400, 2)
    exact = (4 / (n * np.pi) * np.sin(n * np.pi * x) * np.exp(-0.5 * (n * np.pi) ** 2 * T)).sum(axis=1)
    problem = KolmogorovProblem(Diffusion(lambda t, x: 0 * x, [[1.0]], 1), lambda x: np.ones(len(x)), T, boundary=Absorbing())
    return ClosedForm(problem, (0,), (1,), x, exact)


def hitting_probability(mu=0.7, sigma=0.5, T=40.0):
    """Brownian motion with drift leaves [0, 1] at 1: scale function."""
    x = _line(0.1, 0.4, 0.8)
    s = 2 * mu / sigma**2
    problem = KolmogorovProblem(Diffusion(lambda t, x: mu + 0 * x, [[sigma]], 1), lambda x: np.zeros(len(x)), T, boundary=[(Absorbing(), Dirichlet(1.0))])
    return ClosedForm(problem, (0,), (1,), x, np.expm1(-s * x[:, 0]) / np.expm1(-s))


def first_passage(T=0.6, sigma=0.9):
    """Brownian motion reaches 0 before T: 2 Φ(−x/(σ√T))."""
    x = _line(0.3, 0.8, 1.5)
    problem = KolmogorovProblem(Diffusion(lambda t, x: 0 * x, [[sigma]], 1), lambda x: np.zeros(len(x)), T, boundary=[(Dirichlet(1.0), Reflecting())])
    return ClosedForm(problem, (0,), (8,), x, 2 * ndtr(-x[:, 0] / (sigma * np.sqrt(T))))


def exit_time(sigma=0.8, T=40.0):
    """Mean exit time of Brownian motion from [0, 1]: x (1 − x)/σ²."""
    x = _line(0.2, 0.5, 0.9)
    problem = KolmogorovProblem(Diffusion(lambda t, x: 0 * x, [[sigma]], 1), lambda x: np.zeros(len(x)), T, source=1.0, boundary=Absorbing())
    return ClosedForm(problem, (0,), (1,), x, x[:, 0] * (1 - x[:, 0]) / sigma**2)


def ou_exit_time(lam=1.0, sigma=1.0, T=60.0):
    """Mean exit time of an Ornstein–Uhlenbeck process from [−1, 1]: 2/σ² ∫_x^1 e^{λy²/σ²} ∫_0^y e^{−λz²/σ²} dz dy."""
    x = _line(-0.6, 0.0, 0.5)
    inner = lambda y: quad(lambda z: np.exp(-lam * z * z / sigma**2), 0, y)[0]
    exact = np.array([2 / sigma**2 * quad(lambda y: np.exp(lam * y * y / sigma**2) * inner(y), abs(p), 1)[0] for p in x[:, 0]])
    problem = KolmogorovProblem(_ou(lam, sigma), lambda x: np.zeros(len(x)), T, source=1.0, boundary=Absorbing())
    return ClosedForm(problem, (-1,), (1,), x, exact)


def reflected(sigma=0.7, T=0.3):
    """Brownian motion between mirrors: x² by its cosine series on [0, 1]."""
    x, n = _line(0.1, 0.4, 0.95), np.arange(1, 60)
    exact = 1 / 3 + (4 * (-1.0) ** n / (n * np.pi) ** 2 * np.cos(n * np.pi * x) * np.exp(-0.5 * (n * np.pi * sigma) ** 2 * T)).sum(axis=1)
    return ClosedForm(KolmogorovProblem(Diffusion(lambda t, x: 0 * x, [[sigma]], 1), lambda x: x[:, 0] ** 2, T), (0,), (1,), x, exact)


def quadratic_potential(w=1.3, T=1.0):
    """E exp(−½ w² ∫ B²) from x: Cameron & Martin (1945), cosh(wT)^{−½} exp(−½ w x² tanh(wT))."""
    x = _line(-0.5, 0.0, 1.0)
    problem = KolmogorovProblem(Diffusion(lambda t, x: 0 * x, [[1.0]], 1), lambda x: np.ones(len(x)), T, potential=lambda t, x: 0.5 * w * w * x[:, 0] ** 2)
    return ClosedForm(problem, (-6,), (6,), x, np.exp(-0.5 * w * x[:, 0] ** 2 * np.tanh(w * T)) / np.sqrt(np.cosh(w * T)))


def pure_transport(a=1.1, w=1.5, b=0.2, T=0.8):
    """No noise, x' = a tanh(w x + b)."""
    x = _line(-0.8, -0.1, 0.5)
    flow = (np.arcsinh(np.sinh(w * x[:, 0] + b) * np.exp(a * w * T)) - b) / w
    process = Diffusion(lambda t, x: a * np.tanh(w * x + b), [[0.0]], 1)
    return ClosedForm(KolmogorovProblem(process, lambda x: np.sin(x[:, 0]), T), (-3,), (3,), x, np.sin(flow))


def moving_dirichlet(T=1.0):
    """u = e^{−t} sin(x + 0.3) with its own values on the sides: u_t + ½ u_xx + 1.5 u = 0."""
    x = _line(0.2, 0.6, 0.9)
    u = lambda t, x: np.exp(-t) * np.sin(x[:, 0] + 0.3)
    problem = KolmogorovProblem(Diffusion(lambda t, x: 0 * x, [[1.0]], 1), lambda x: u(T, x), T, potential=-1.5, boundary=Dirichlet(u))
    return ClosedForm(problem, (0,), (1,), x, u(0, x))


def _linear(M, G, T, points, width, s=0.7, lower=None, upper=None):
    """dX = M X dt + G dB, terminal exp(−|x|²/(2 s²)): Gaussian law with covariance ∫ e^{rM} G Gᵀ e^{rMᵀ} dr."""
    M, G, x = np.array(M, float), np.array(G, float), np.array(points, float)
    d = len(M)
    entry = lambda i, k: quad(lambda r: (expm(r * M) @ G @ G.T @ expm(r * M).T)[i, k], 0, T, epsabs=1e-12)[0]
    V = np.array([[entry(i, k) for k in range(d)] for i in range(d)])
    C = V / s**2 + np.eye(d)
    mean = x @ expm(T * M).T
    exact = np.exp(-0.5 * np.einsum("ni,ij,nj->n", mean, np.linalg.inv(C) / s**2, mean)) / np.sqrt(np.linalg.det(C))
    process = Diffusion(lambda t, x: x @ M.T, G, d)
    problem = KolmogorovProblem(process, lambda x: np.exp(-(x**2).sum(axis=1) / (2 * s**2)), T)
    return ClosedForm(problem, (-width,) * d if lower is None else lower, (width,) * d if upper is None else upper, x, exact)


def correlated_ou():
    return _linear([[-0.6, 0.4], [-0.3, -0.5]], [[0.5, 0.1], [0.3, 0.4]], 1.0, [[0.3, -0.2], [0.8, 0.5], [-0.6, 0.1]], 4.0)


def rotation():
    return _linear([[-0.5, -2.0], [2.0, -0.5]], 0.4 * np.eye(2), 1.0, [[0.6, -0.2], [0, 0], [-0.5, 0.9]], 3.0)


def rotation_with_one_noisy_component():
    return _linear([[0.0, -2.0], [2.0, 0.0]], [[0.5], [0.0]], 1.0, [[0.6, -0.2], [0, 0], [-0.5, 0.7]], 4.0)


def kinetic():
    """Kolmogorov (1934): dX = V dt, dV = σ dB."""
    return _linear([[0.0, 1.0], [0.0, 0.0]], [[0.0], [0.8]], 1.0, [[0.3, -0.2], [0.0, 0.5], [-0.6, 0.1]], 4.5)


def langevin():
    """dX = V dt, dV = −(X + V) dt + σ dB."""
    return _linear([[0.0, 1.0], [-1.0, -1.0]], [[0.0], [0.9]], 1.0, [[0.3, -0.2], [0.0, 0.5], [-0.6, 0.1]], 4.0)


def rank_one():
    """One Brownian motion along (1, 0.6)."""
    return _linear([[-0.3, 0.2], [0.1, -0.4]], [[0.6], [0.36]], 1.0, [[0.3, -0.2], [0.0, 0.5], [-0.6, 0.1]], 4.0)


def rank_one_varying(T=0.7, s=0.5):
    """dX = ½ s² X dt + s X dB with one Brownian motion: X_T = x e^{s B}; terminal exp(−|x|²)."""
    x = np.array([[0.8, -0.5], [0.3, 0.6], [1.0, 0.9]])
    r2 = (x**2).sum(axis=1)
    exact = np.array([quad(lambda z: np.exp(-r * np.exp(2 * s * np.sqrt(T) * z) - z * z / 2) / np.sqrt(2 * np.pi), -9, 9, epsabs=1e-12)[0] for r in r2])
    process = Diffusion(lambda t, x: 0.5 * s * s * x, lambda t, x: s * x[:, :, None], 2)
    return ClosedForm(KolmogorovProblem(process, lambda x: np.exp(-(x**2).sum(axis=1)), T), (-6, -6), (6, 6), x, exact)


def exchange_option(sigma=(0.3, 0.25), rho=0.4, T=1.0):
    """Margrabe (1978): E (X_T − Y_T)⁺ of two correlated geometric Brownian motions without drift."""
    x = np.array([[1.0, 1.0], [1.2, 0.9], [0.8, 1.0]])
    total = np.sqrt((sigma[0] ** 2 + sigma[1] ** 2 - 2 * rho * sigma[0] * sigma[1]) * T)
    d = (np.log(x[:, 0] / x[:, 1]) + total**2 / 2) / total
    exact = x[:, 0] * ndtr(d) - x[:, 1] * ndtr(d - total)
    root = np.array([[sigma[0], 0.0], [rho * sigma[1], np.sqrt(1 - rho**2) * sigma[1]]])
    process = Diffusion(lambda t, x: 0 * x, lambda t, x: x[:, :, None] * root, 2)
    problem = KolmogorovProblem(process, lambda x: np.maximum(x[:, 0] - x[:, 1], 0), T, boundary=Outflow())
    return ClosedForm(problem, (0, 0), (4, 4), x, exact)


def heston(kappa=1.5, eta=0.04, sigma=0.3, rho=-0.9, r=0.025, T=1.0, strike=1.0):
    """A call, In 't Hout & Foulon (2010), case 1, in units of the strike; characteristic function of Heston (1993)."""
    x = np.array([[1.0, 0.04], [1.2, 0.04], [0.9, 0.1]])

    def price(S, v):
        def phi(w):
            b = kappa - rho * sigma * 1j * w
            d = np.sqrt(b * b + sigma**2 * (1j * w + w * w))
            g, e = (b - d) / (b + d), np.exp(-d * T)
            c = kappa * eta / sigma**2 * ((b - d) * T - 2 * np.log((1 - g * e) / (1 - g)))
            return np.exp(1j * w * (np.log(S) + r * T) + c + v * (b - d) / sigma**2 * (1 - e) / (1 - g * e))
        forward = S * np.exp(r * T)
        p1 = 0.5 + quad(lambda w: (np.exp(-1j * w * np.log(strike)) * phi(w - 1j) / (1j * w * forward)).real, 1e-10, 200, limit=400)[0] / np.pi
        p2 = 0.5 + quad(lambda w: (np.exp(-1j * w * np.log(strike)) * phi(w) / (1j * w)).real, 1e-10, 200, limit=400)[0] / np.pi
        return S * p1 - strike * np.exp(-r * T) * p2

    def factor(t, x):
        root = np.sqrt(np.maximum(x[:, 1], 0))
        return np.stack([np.stack([root * x[:, 0], 0 * root], 1), np.stack([rho * sigma * root, np.sqrt(1 - rho**2) * sigma * root], 1)], 1)

    process = Diffusion(lambda t, x: np.stack([r * x[:, 0], kappa * (eta - x[:, 1])], 1), factor, 2)
    problem = KolmogorovProblem(process, lambda x: np.maximum(x[:, 0] - strike, 0), T, potential=r, boundary=[(Absorbing(), Outflow()), (Outflow(), Outflow())])
    return ClosedForm(problem, (0, 0), (4, 1), x, np.array([price(*p) for p in x]))


def transport_in_the_plane():
    """No noise at all: a rotation carries the data."""
    return _linear([[0.0, -1.5], [1.5, 0.0]], np.zeros((2, 1)), 1.0, [[0.6, -0.2], [0.1, 0.1], [-0.5, 0.7]], 3.0)


def ou_in_space():
    return _linear(-0.7 * np.eye(3) + 0.3 * np.array([[0, 1, 0], [-1, 0, 1], [0, -1, 0]]), 0.5 * np.eye(3), 1.0,
                   [[0.3, -0.2, 0.1], [0, 0, 0], [-0.6, 0.4, 0.3]], 3.0)


def correlated_ou_in_space():
    return _linear(-0.6 * np.eye(3), [[0.5, 0, 0], [0.2, 0.45, 0], [-0.1, 0.2, 0.4]], 1.0, [[0.3, -0.2, 0.1], [0, 0, 0], [-0.6, 0.4, 0.3]], 3.0)


_TURN = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)             # about the diagonal (1, 1, 1)
_PLACES = [[0.3, -0.2, 0.1], [0.1, 0.7, -0.5], [-0.6, 0.4, 0.3]]


def transport_in_space():
    """No noise at all: a turn about the diagonal."""
    return _linear(_TURN, np.zeros((3, 1)), 1.0, _PLACES, 3.0)


def turn_with_little_correlated_noise():
    return _linear(_TURN, [[0.1, 0, 0], [0.05, 0.1, 0], [0.02, 0.03, 0.1]], 1.0, _PLACES, 3.5)


def kinetic_chain():
    """dX = V dt, dV = A dt, dA = σ dB: noise reaches the place through two integrals."""
    return _linear([[0.0, 1, 0], [0, 0, 1], [0, 0, 0]], [[0.0], [0], [0.5]], 1.0, _PLACES, 4.5)


def heat_in_space(sigma=0.6, T=0.4):
    """Between mirrors at 0 and π: ∏ cos x_i decays at 3σ²/2."""
    x = np.array([[0.5, 1.0, 2.0], [1.2, 0.4, 0.8], [2.5, 2.8, 0.3]])
    problem = KolmogorovProblem(Diffusion(lambda t, x: 0 * x, sigma * np.eye(3), 3), lambda x: np.cos(x).prod(axis=1), T)
    return ClosedForm(problem, (0,) * 3, (np.pi,) * 3, x, np.cos(x).prod(axis=1) * np.exp(-1.5 * sigma**2 * T))


ALL = [ou_probit, ou_indicator, ou_second_moment, ou_cosine, ou_call, varying_coefficients, gbm_mean, black_scholes, black_scholes_in_log,
       digital, down_and_out, double_barrier, cir_bond, cir_laplace, survival, hitting_probability, first_passage, exit_time, ou_exit_time,
       reflected, quadratic_potential, pure_transport, moving_dirichlet, correlated_ou, rotation, rotation_with_one_noisy_component, kinetic,
       langevin, rank_one, rank_one_varying, exchange_option, heston, transport_in_the_plane, ou_in_space, correlated_ou_in_space, transport_in_space,
       turn_with_little_correlated_noise, kinetic_chain, heat_in_space]
