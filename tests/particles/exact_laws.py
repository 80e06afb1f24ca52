"""Laws of steps without sampling noise: moments of linear equations, and expectations on a periodic line (MATH.md R5)."""

import numpy as np
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from ocnet.process import Diffusion

A = np.array([[-0.6, 0.9], [-0.4, 0.3]])
B = np.array([[[0.3, 0.5], [0.0, -0.2]], [[0.1, 0.0], [0.6, 0.4]]])      # B₀B₁ − B₁B₀ is not 0: general noise
X0, T = np.array([1.0, -0.5]), 1.0


def linear(wave=0.0):
    """dX = (1 + wave·sin 3t) A X dt + Σ_j (1 + wave·cos 2t) B_j X dB_j."""
    return Diffusion(lambda t, x: (1 + wave * np.sin(3 * t)) * x @ A.T,
                     lambda t, x: (1 + wave * np.cos(2 * t)) * np.einsum("jik,nk->nij", B, x), 2)


def second_moments(wave=0.0):
    """E X Xᵀ (4,) at T: dM/dt = (1 + …) (A ⊗ 1 + 1 ⊗ A) M + (1 + …)² Σ B_j ⊗ B_j M."""
    drift, noise = np.kron(A, np.eye(2)) + np.kron(np.eye(2), A), sum(np.kron(b, b) for b in B)
    start = np.kron(X0, X0)
    if not wave:
        return expm(T * (drift + noise)) @ start
    return solve_ivp(lambda t, m: (1 + wave * np.sin(3 * t)) * drift @ m + (1 + wave * np.cos(2 * t)) ** 2 * noise @ m,
                     (0, T), start, rtol=1e-12, atol=1e-13, method="DOP853").y[:, -1]


def second_moments_of_steps(process, change=lambda xi: xi):
    """The same of a process whose steps are linear in x: the map of second moments is the mean of S(ξ) ⊗ S(ξ), by quadrature.

    ξ enters with degree 3 at most (ΔB_j (ΔB_j² − dt) would), its square with 6: four Gauss–Hermite nodes are exact to 7.
    change : what to do to ξ (channels, nodes) first, for schemes that must fail
    """
    moments = np.kron(X0, X0)
    for n in range(process.layers):
        nodes, weights = process.law_at(n).quadrature(4)
        xi = np.repeat(change(nodes.T), 2, axis=1)
        maps = process.step(n, np.tile(np.eye(2), len(nodes)), xi).reshape(2, len(nodes), 2)      # column j of S(ξ_k) at [:, k, j]
        moments = np.einsum("k,ikj,lkm->iljm", weights, maps, maps).reshape(4, 4) @ moments
    return moments


POINTS = 64
LINE = 2 * np.pi * np.arange(POINTS) / POINTS
WAVES = np.fft.fftfreq(POINTS, 1 / POINTS)
PHI = np.exp(np.sin(LINE) + 0.5 * np.cos(LINE))


def on_the_circle(factor):
    """dX = (0.7 sin X + 0.4 cos 2X + 0.3) dt + factor(X) dB; a constant factor is passed as such."""
    drift = lambda t, x: 0.7 * np.sin(x) + 0.4 * np.cos(2 * x) + 0.3
    return Diffusion(drift, (lambda t, x: factor(x)[:, :, None]) if callable(factor) else [[factor]], 1)


def _waves_at(x):
    """Trigonometric interpolation from the points to x: (x.size, POINTS), the highest wave as a cosine."""
    basis = np.exp(1j * np.outer(x, WAVES))
    basis[:, POINTS // 2] = np.cos(x * POINTS / 2)
    return (basis @ np.fft.fft(np.eye(POINTS)) / POINTS).real


def expectation_on_the_circle(diffusion):
    """E φ(X_T) from every point, by the generator on Fourier series and a matrix exponential."""
    x, waves = LINE[None], WAVES * (np.abs(WAVES) < POINTS / 2)
    transform = np.fft.fft(np.eye(POINTS))
    first, second = (np.fft.ifft(np.diag((1j * waves) ** k) @ transform, axis=0).real for k in (1, 2))
    f, a = diffusion.drift_rows(0.0, x)[0], diffusion.variance_rows(0.0, x)[0, 0]
    return expm(T * (f[:, None] * first + 0.5 * a[:, None] * second)) @ PHI


def expectation_of_steps_on_the_circle(process):
    """The same of equal steps, by Gauss–Hermite quadrature of 20 nodes and trigonometric interpolation."""
    nodes, weights = process.law_at(0).quadrature(20)
    feet = [process.step(0, LINE[None], np.repeat(xi[:, None], POINTS, axis=1))[0] for xi in nodes]
    one = np.einsum("k,kij->ij", weights, _waves_at(np.concatenate(feet)).reshape(-1, POINTS, POINTS))
    return np.linalg.matrix_power(one, process.layers) @ PHI


def observed_orders(errors):
    """log₂ of the ratios of errors at steps that double in number."""
    errors = np.asarray(errors)
    return np.log2(errors[:-1] / errors[1:])
