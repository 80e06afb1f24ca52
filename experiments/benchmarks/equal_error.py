"""Tasks at equal error: each system takes the cheapest nodes, steps and scheme that reach it; then they race."""

import math
from functools import lru_cache

from ocnet.kolmogorov import schemes, solve_backward

from .peers import Unavailable, load
from .problems import EPSILON, HALF_WIDTH, LAYERS, Heston, box, p1, terminal, weights
from .protocol import Contender, quickest, with_peers
from .setting import LAYER_TIME, drift_at, drifts, start
from .solves import jax_elimination, ocnet_solve

__all__ = ["heston", "p1_error", "py_pde", "scipy"]

_RATE = EPSILON**2
_TARGET, _QUICK_TARGET = 1e-4, 3e-3
_SIZES, _QUICK_SIZES = tuple(range(113, 354, 16)), (33, 49, 65)
_LARGER_THETA = 0.5 + 3**0.5 / 6     # of Hundsdorfer and Verwer's scheme; QuantLib's default
_LU_STEPS = 4                        # a layer for Crank–Nicolson: a solve costs little beside its factorisation
_SHARES = 0.5, 0.25                  # nodes along v per node along S that Heston's solve tries


def smallest(sizes, reaches):
    """The smallest of the increasing sizes that `reaches`, by bisection; None if the largest does not."""
    if not reaches(sizes[-1]):
        return None
    low, high = 0, len(sizes) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(sizes[middle]) else (middle + 1, high)
    return sizes[high]


def smallest_for_good(sizes, reaches):
    """The smallest size from which on all reach the target, tried from the largest down: an error that crosses 0 deceives."""
    found = None
    for size in reversed(sizes):
        if not reaches(size):
            break
        found = size
    return found


def _cheapest(system, variants, setting, search=smallest, sizes=None):
    """The quickest Contender that reaches the target: variants are callables (size) -> Contender."""
    target = _QUICK_TARGET if setting.quick else _TARGET
    sizes = sizes or (_QUICK_SIZES if setting.quick else _SIZES)
    reaching = []
    for variant in variants:
        def reaches(size, variant=variant):
            contender = variant(size)
            return contender.error(contender.run()) <= target

        size = search(sizes, reaches)
        if size is not None:
            reaching.append(variant(size))
    if not reaching:
        raise Unavailable(f"{system} does not reach the error {target:g} with any nodes and steps tried")
    return quickest({contender: contender.run for contender in reaching})


def _named(scheme):
    return f"{type(scheme).__name__}(θ = {scheme.theta:.3g})"


@lru_cache(maxsize=1)
def _own(setting):
    """ocnet's cheapest solve of P1."""
    problem = p1()

    def variant(scheme, steps):
        return lambda nodes: Contender(
            "ocnet", ocnet_solve(problem, nodes, steps, scheme), lambda u: setting.reference_p1.error(box(nodes).axes, u),
            note=f"{_named(scheme)}, {nodes}², {steps} a layer")

    kinds = (schemes.Douglas(), schemes.HundsdorferVerwer(), schemes.HundsdorferVerwer(theta=_LARGER_THETA),
             schemes.ModifiedCraigSneyd())
    return _cheapest("ocnet", [variant(scheme, steps) for scheme in kinds for steps in (1, 2, 3, 4)], setting)


def _quantlib(setting):
    peer = load("quantlib_grid")
    operators = lru_cache(maxsize=4)(lambda n: peer.LayeredOperators(box(n).axes[0], drifts(n), _RATE, LAYER_TIME))

    def variant(name, scheme, steps):
        return lambda nodes: Contender(
            "QuantLib", operators(nodes).solver(start(nodes), steps, scheme),
            lambda u: setting.reference_p1.error(box(nodes).axes, operators(nodes).field(u)),
            note=f"{name}, {nodes}², {steps} a layer; operators prebuilt, not charged", threads=1)

    variants = [variant("Douglas", peer.DOUGLAS, steps) for steps in (3, 4)]
    variants += [variant("Hundsdorfer", peer.HUNDSDORFER, steps) for steps in (1, 2)]
    return _cheapest("QuantLib", variants, setting)


def _jax(setting):
    peer, elimination = load("jax_grid"), jax_elimination(setting.size(257, 33))

    def variant(steps):
        return lambda nodes: Contender(
            "JAX", peer.douglas(weights(), start(nodes), box(nodes).axes[0], _RATE, LAYER_TIME, steps, elimination),
            lambda u: setting.reference_p1.error(box(nodes).axes, u),
            note=f"Douglas, {nodes}², {steps} a layer, {elimination}")

    return _cheapest("JAX", [variant(steps) for steps in (2, 3, 4)], setting)


def p1_error(task, setting):
    """P1 to an error of 1e-4, each at its cheapest nodes, steps and scheme."""
    peers = [("QuantLib", lambda: _quantlib(setting)), ("JAX", lambda: _jax(setting))]
    return with_peers(task, _own(setting), peers, None, setting.repetitions)


def py_pde(task, setting):
    """P1 to the same error by py-pde's explicit steps."""
    def peer():
        pde = load("py_pde_grid")

        def variant(solver, factor):
            def build(nodes):
                cells = nodes - 1
                steps = math.ceil(factor * pde.stable_steps(cells, 2 * HALF_WIDTH, _RATE, LAYER_TIME))

                def run():
                    return pde.solve(cells, HALF_WIDTH, lambda layer, x: drift_at(layer, x.T).T, terminal, _RATE, LAYERS,
                                     LAYER_TIME, steps, solver)

                return Contender("py-pde", run, lambda result: setting.reference_p1.error(*result),
                                 note=f"{solver}, {cells}², {steps} a layer", threads=1)
            return build

        variants = [variant("runge-kutta", factor) for factor in (0.75, 1)] + [variant("euler", factor) for factor in (2, 4)]
        return _cheapest("py-pde", variants, setting)

    return with_peers(task, _own(setting), [("py-pde", peer)], None, setting.repetitions)


def scipy(task, setting):
    """P1 to the same error by Crank–Nicolson and a sparse LU factorisation a layer, on ocnet's nodes or a few more."""
    own = _own(setting)
    nodes = own.run().shape[0]

    def peer():
        module = load("scipy_grid")

        def build(n):
            grid, u0 = box(n), start(n)

            def run():
                return module.crank_nicolson(grid.axes[0], lambda layer: drift_at(layer, grid.nodes), u0, _RATE, LAYERS,
                                             LAYER_TIME, _LU_STEPS)

            return Contender("SciPy", run, lambda u: setting.reference_p1.error(grid.axes, u),
                             note=f"Crank–Nicolson, splu, {n}², {_LU_STEPS} a layer", threads=1)

        target = _QUICK_TARGET if setting.quick else _TARGET
        for contender in map(build, (nodes, nodes + 16, nodes + 32)):
            if contender.error(contender.run()) <= target:
                return contender
        raise Unavailable(f"Crank–Nicolson does not reach the error {target:g} on {nodes + 32}²")

    return with_peers(task, own, [("SciPy", peer)], None, setting.repetitions)


def heston(task, setting):
    """Heston's call, case 1, to a relative error of 1e-4 at the spot; each at its cheapest nodes and steps."""
    case = Heston()
    exact = case.exact()
    sizes = (24, 32, 48) if setting.quick else tuple(range(64, 321, 16))

    def error(price):
        return abs(price - exact) / exact

    def own(share, nodes_a_step):
        def build(nodes):
            steps, across = max(5, round(nodes / nodes_a_step)), max(8, round(share * nodes))

            def run():
                grid = case.grid(nodes, across)
                value = solve_backward(case.problem(), grid, steps, schemes.HundsdorferVerwer())
                return case.price(grid, grid.reshape(value.values[0, 0]))

            return Contender("ocnet", run, error, note=f"HundsdorferVerwer, {nodes} × {across}, {steps} steps")
        return build

    def quantlib():
        peer = load("quantlib_grid")

        def variant(name, scheme, nodes_a_step):
            def build(nodes):
                steps = max(5, round(nodes / nodes_a_step))
                return Contender("QuantLib", peer.heston_engine(case, steps, nodes, scheme), error,
                                 note=f"FdHestonVanillaEngine, {name}, {nodes} × {nodes // 2}, {steps} steps", threads=1)
            return build

        return _cheapest("QuantLib", [variant(name, scheme, per_step) for name, scheme in
                                      (("Hundsdorfer", peer.HUNDSDORFER), ("modified Craig–Sneyd", peer.CRAIG_SNEYD))
                                      for per_step in (2, 4, 8)], setting, smallest_for_good, sizes)

    variants = [own(share, per_step) for share in _SHARES for per_step in (4, 8, 12)]
    return with_peers(task, _cheapest("ocnet", variants, setting, smallest_for_good, sizes), [("QuantLib", quantlib)], None,
                      setting.repetitions)
