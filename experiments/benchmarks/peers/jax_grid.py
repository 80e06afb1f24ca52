"""JAX: the same Douglas step, float64, jitted whole, coefficients included; and its gradient by jax.grad.

Lines are solved by LAPACK (jax.lax.linalg.tridiagonal_solve) or by a scanned Thomas elimination over lines side by side.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["ELIMINATIONS", "douglas", "functional_and_gradient"]

jax.config.update("jax_enable_x64", True)


def _lapack(lower, diagonal, upper, right):
    """Solve lines along axis 0."""
    turned = [a.T for a in (lower, diagonal, upper)]
    return jax.lax.linalg.tridiagonal_solve(*turned, right.T[..., None])[..., 0].T


def _thomas(lower, diagonal, upper, right):
    """Solve lines along axis 0, all side by side."""
    def down(before, row):
        l, d, r, y = row
        pivot = 1 / (d - l * before[0])
        now = r * pivot, (y - l * before[1]) * pivot
        return now, now

    def up(after, row):
        x = row[1] - row[0] * after
        return x, x

    zero = jnp.zeros_like(right[0])
    _, eliminated = jax.lax.scan(down, (zero, zero), (lower, diagonal, upper, right))
    return jax.lax.scan(up, zero, eliminated, reverse=True)[1]


ELIMINATIONS = {"lapack": _lapack, "scan": _thomas}


def _rates(drift, rate, h):
    """(lower, upper) rates along axis 0 with mirror sides."""
    half = 0.5 * rate / h**2
    lower, upper = half - drift / (2 * h), half + drift / (2 * h)
    return lower.at[0].set(0.0).at[-1].set(2 * half), upper.at[-1].set(0.0).at[0].set(2 * half)


def _apply(lower, upper, u):
    """A u along axis 0."""
    before, after = jnp.concatenate([u[:1], u[:-1]]), jnp.concatenate([u[1:], u[-1:]])
    return lower * (before - u) + upper * (after - u)


def _layer(u, theta, axis, rate, dt, steps, eliminate):
    """`steps` Douglas steps (θ = ½) with one layer's coefficients."""
    w1, b1, w2 = theta
    n, h, s = axis.size, axis[1] - axis[0], 0.5 * dt
    x = jnp.stack([jnp.repeat(axis, n), jnp.tile(axis, n)])
    drift = (w2 @ jnp.tanh(w1 @ x + b1[:, None])).reshape(2, n, n)
    bands = _rates(drift[0], rate, h), _rates(drift[1].T, rate, h)

    def step(u, _):
        along = _apply(*bands[0], u), _apply(*bands[1], u.T).T
        y = u + dt * (along[0] + along[1])
        for k, (lower, upper) in enumerate(bands):
            right = y - s * along[k]
            turned = right if k == 0 else right.T
            y = eliminate(-s * lower, 1 + s * (lower + upper), -s * upper, turned)
            y = y if k == 0 else y.T
        return y, None

    return jax.lax.scan(step, u, None, length=steps)[0]


@partial(jax.jit, static_argnames=("rate", "layer_time", "steps", "eliminate"))
def _solve(theta, u, axis, rate, layer_time, steps, eliminate):
    def body(u, layer):
        return _layer(u, layer, axis, rate, layer_time / steps, steps, eliminate), None

    return jax.lax.scan(body, u, theta, reverse=True)[0]


@partial(jax.jit, static_argnames=("rate", "layer_time", "steps", "eliminate"))
def _gradient(theta, u, axis, weights, rate, layer_time, steps, eliminate):
    return jax.value_and_grad(lambda th: jnp.vdot(weights, _solve(th, u, axis, rate, layer_time, steps, eliminate)))(theta)


def _arguments(weights, terminal, axis):
    return tuple(jnp.asarray(w) for w in weights), jnp.asarray(terminal), jnp.asarray(axis)


def douglas(weights, terminal, axis, rate, layer_time, steps, elimination):
    """A callable () -> u(0, ·) (n, n) from weights (W1, b1, W2) of all layers and terminal values (n, n)."""
    given = _arguments(weights, terminal, axis)
    return lambda: np.asarray(_solve(*given, rate, layer_time, steps, ELIMINATIONS[elimination]))


def functional_and_gradient(weights, terminal, axis, functional, rate, layer_time, steps, elimination):
    """A callable () -> (⟨functional, u(0, ·)⟩, gradient in (W1, b1, W2)), functional (n, n)."""
    given = _arguments(weights, terminal, axis)

    def run():
        value, gradient = _gradient(*given, jnp.asarray(functional), rate, layer_time, steps, ELIMINATIONS[elimination])
        return float(value), [np.asarray(g) for g in gradient]

    return run
