"""Tasks at given nodes and steps: P1 by Douglas, P2 by modified Craig–Sneyd, the gradient of P1."""

from time import process_time

import numpy as np

from ocnet.kolmogorov import gradient, schemes, solve_backward

from .peers import load
from .problems import EPSILON, LAYERS, Heston, box, network, p1, p2, weights
from .protocol import Contender, Row, quickest, race, with_peers
from .setting import LAYER_TIME, drifts, start

__all__ = ["douglas", "full_tensor", "gradient_of_p1", "jax_elimination", "ocnet_solve"]

_RATE = EPSILON**2
_TRIAL = 2                           # steps a layer of the trial: a program that no task below compiles
_UNIT = "M node-steps/s"


def ocnet_solve(problem, nodes, steps, scheme):
    """A callable () -> u(0, ·) (nodes, nodes), `steps` a layer."""
    grid = box(nodes)
    return lambda: solve_backward(problem, grid, LAYERS * steps, scheme).values[0, 0].reshape(nodes, nodes)


def jax_elimination(nodes):
    """The name of JAX's quicker elimination on this machine, tried once each after compiling."""
    jax = load("jax_grid")
    return quickest({name: jax.douglas(weights(), start(nodes), box(nodes).axes[0], _RATE, LAYER_TIME, _TRIAL, name)
                     for name in jax.ELIMINATIONS})


def douglas(task, setting, nodes, steps):
    """P1 by Douglas, `steps` a layer, on nodes²."""
    reference, axes = setting.reference_p1, box(nodes).axes
    work = nodes**2 * LAYERS * steps / 1e6

    def quantlib():
        peer = load("quantlib_grid")
        before = process_time()
        operators = peer.LayeredOperators(axes[0], drifts(nodes), _RATE, LAYER_TIME)
        built = process_time() - before
        return Contender("QuantLib", operators.solver(start(nodes), steps, peer.DOUGLAS),
                         lambda u: reference.error(axes, operators.field(u)), work,
                         f"Douglas, custom operator; operators prebuilt ({built:.2g} s in Python), not charged", 1)

    def jax():
        peer, elimination = load("jax_grid"), jax_elimination(nodes)
        run = peer.douglas(weights(), start(nodes), axes[0], _RATE, LAYER_TIME, steps, elimination)
        return Contender("JAX", run, lambda u: reference.error(axes, u), work,
                         f"Douglas, jitted whole, {elimination} elimination, coefficients charged", compiles=True)

    run = ocnet_solve(p1(), nodes, steps, schemes.Douglas())
    own = Contender("ocnet", run, lambda u: reference.error(axes, u), work,
                    f"Douglas, {nodes}², {steps} a layer, coefficients charged", compiles=True)
    return with_peers(task, own, [("QuantLib", quantlib), ("JAX", jax)], _UNIT, setting.repetitions)


def full_tensor(task, setting, nodes, steps):
    """P2 by modified Craig–Sneyd; the peer solves Heston's equation by the same scheme on as many nodes and steps."""
    reference, axes = setting.reference_p2, box(nodes).axes
    work = nodes**2 * LAYERS * steps / 1e6

    def quantlib():
        peer = load("quantlib_grid")
        return Contender("QuantLib", peer.heston_operator(Heston(), nodes, LAYERS * steps), None, work,
                         "FdmHestonOp, modified Craig–Sneyd, same nodes and steps; built before, not charged", 1)

    run = ocnet_solve(p2(), nodes, steps, schemes.ModifiedCraigSneyd())
    own = Contender("ocnet", run, lambda u: reference.error(axes, u), work,
                    f"ModifiedCraigSneyd, {nodes}², {steps} a layer, coefficients charged", compiles=True)
    return with_peers(task, own, [("QuantLib", quantlib)], _UNIT, setting.repetitions)


def _own_gradient(nodes, functional):
    """A callable () -> gradient (P,) of ⟨functional, u(0, ·)⟩ in all of θ."""
    net, _ = network()
    grid, problem = box(nodes), p1()

    def run():
        total = net.control.zeros()
        depth = net.control.depth(total)

        def collect(k, t, drift_cotangent, *_):
            depth[problem.process.layer_at(t)] += problem.process.coefficients_vjp_on_grid(t, grid, drift_cotangent)

        gradient(problem, grid, functional.ravel(), LAYERS, schemes.Douglas(), collect, variance=False)
        return total

    return run


def _mismatch(net, own, peers):
    """Largest difference of the gradients in (W1, b1, W2), in units of the largest entry."""
    scale = max(float(np.abs(part).max()) for part in peers)
    return max(float(np.abs(getattr(net.control.layer(own, n), name) - part[n]).max())
               for name, part in zip(("W1", "b1", "W2"), peers) for n in range(LAYERS)) / scale


def gradient_of_p1(task, setting, nodes):
    """The gradient of the mean of u(0, ·) over the nodes in all weights, one Douglas step a layer.

    Error: the largest difference between JAX's gradient and ocnet's; both differentiate the same discrete solution.
    """
    functional, net = np.full((nodes, nodes), 1 / nodes**2), network()[0]
    run, work, axis = _own_gradient(nodes, functional), nodes**2 * LAYERS / 1e6, box(nodes).axes[0]
    own = Contender("ocnet", run, None, work, "value and gradient; b2 included, which JAX's network lacks", compiles=True)

    def jax():
        peer, elimination = load("jax_grid"), jax_elimination(nodes)
        call = peer.functional_and_gradient(weights(), start(nodes), axis, functional, _RATE, LAYER_TIME, 1, elimination)
        return Contender("JAX", call, lambda result: _mismatch(net, run(), result[1]), work,
                         f"jax.value_and_grad, {elimination} elimination; error: distance from ocnet's", compiles=True)

    rows = with_peers(task, own, [("JAX", jax)], _UNIT, setting.repetitions)
    gradients, values = race([own, Contender("ocnet", ocnet_solve(p1(), nodes, 1, schemes.Douglas()))], setting.repetitions)
    return [*rows, Row(f"{task} over value", "ocnet", rows[0].threads, values.median, gradients.median / values.median,
                       "gradient s / value s", ratio=1.0, note="seconds: of the value alone", best=min(values.seconds),
                       runs=len(values.seconds), clock=rows[0].clock)]
