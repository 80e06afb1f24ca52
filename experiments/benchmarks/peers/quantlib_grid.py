"""QuantLib: its Douglas, Craig–Sneyd and Hundsdorfer schemes on a custom operator, and on Heston's.

The operator has the very rates of ocnet's (mirror sides included), so both make the same error in space.  Its axis 0 runs
fastest, so fields are passed in transposed order.  Operators are built before the clock starts and not charged.
"""

import numpy as np
import QuantLib as ql

__all__ = ["LayeredOperators", "heston_engine", "heston_operator", "heston_reference"]

DOUGLAS, HUNDSDORFER, CRAIG_SNEYD = (ql.FdmSchemeDesc.Douglas, ql.FdmSchemeDesc.Hundsdorfer,
                                     ql.FdmSchemeDesc.ModifiedCraigSneyd)


def _array(values):
    """A QuantLib Array; the binding fills one only from a Python list."""
    return ql.Array(np.asarray(values, dtype=float).tolist())


def _nothing():
    """No boundary condition beyond the operator's own, and no step condition."""
    return ql.FdmBoundaryConditionSet(), ql.FdmStepConditionComposite(ql.DoubleVector(), ql.FdmStepConditionVector())


class _SplitOperator:
    """A_1 + A_2 of one layer, as the callback object of FdmLinearOpCompositeProxy."""

    def __init__(self, mesher, drift, rate):
        self._axes = [_along(mesher, k, f, rate) for k, f in enumerate(drift)]

    def size(self):
        return len(self._axes)

    def setTime(self, t1, t2):
        """Nothing changes within a layer."""

    def apply(self, u):
        first, second = self._axes
        return first.apply(u) + second.apply(u)

    def apply_mixed(self, u):
        return ql.Array(len(u), 0.0)

    def apply_direction(self, direction, u):
        return self._axes[direction].apply(u)

    def solve_splitting(self, direction, u, s):
        return self._axes[direction].solve_splitting(u, s, 1.0)

    def preconditioner(self, u, s):
        return self.solve_splitting(0, u, s)


def _along(mesher, k, drift, rate):
    """f ∂_k + ½ a ∂_k² with mirror sides.

    At a side QuantLib's ∂ is one-sided and its ∂² is 0: a drift of ± a/h there is ½ a u_xx of the mirrored field.
    """
    x = np.array(mesher.locations(k))
    nodes = np.unique(x)
    h = nodes[1] - nodes[0]
    f = np.where(x == nodes[0], rate / h, np.where(x == nodes[-1], -rate / h, drift))
    return ql.FirstDerivativeOp(k, mesher).mult(_array(f)).add(
        ql.SecondDerivativeOp(k, mesher).mult(ql.Array(len(x), 0.5 * rate)))


class LayeredOperators:
    """The operators of all layers of u_t + f·∇u + ½ a Δu = 0 on a uniform square grid, and the solve by them.

    axis : (n,) nodes of both axes;  drifts : (layers, 2, n²) in C order, axis 1 fastest;  rate : a
    """

    def __init__(self, axis, drifts, rate, layer_time):
        n = axis.size
        mesher = ql.FdmMesherComposite(*[ql.Uniform1dMesher(axis[0], axis[-1], n) for _ in range(2)])
        turned = np.asarray(drifts).reshape(len(drifts), 2, n, n).transpose(0, 1, 3, 2).reshape(len(drifts), 2, -1)
        self._callbacks = [_SplitOperator(mesher, drift, rate) for drift in turned]
        self._operators = [ql.FdmLinearOpCompositeProxy(callback) for callback in self._callbacks]
        self._n, self._layer_time = n, layer_time

    def solver(self, terminal, steps, scheme):
        """A callable () -> QuantLib Array of u(0, ·), `steps` a layer; `scheme` from this module's constants."""
        start, (sides, conditions) = _array(terminal.T.ravel()), _nothing()

        def run():
            u = ql.Array(start)
            for layer in reversed(range(len(self._operators))):
                solver = ql.FdmBackwardSolver(self._operators[layer], sides, conditions, scheme())
                solver.rollback(u, (layer + 1) * self._layer_time, layer * self._layer_time, steps, 0)
            return u

        return run

    def field(self, u):
        """(n, n) in C order from a QuantLib Array."""
        return np.array(u).reshape(self._n, self._n).T


def _heston(case):
    """(model, option) of a Heston case, on a calendar in which the maturity is a whole number of days."""
    today, calendar = ql.Date(1, 1, 2030), ql.Actual365Fixed()
    ql.Settings.instance().evaluationDate = today
    rates = [ql.YieldTermStructureHandle(ql.FlatForward(today, r, calendar)) for r in (case.rd, case.rf)]
    process = ql.HestonProcess(*rates, ql.QuoteHandle(ql.SimpleQuote(case.spot)), case.variance, case.kappa, case.eta,
                               case.sigma, case.rho)
    option = ql.VanillaOption(ql.PlainVanillaPayoff(ql.Option.Call, case.strike),
                              ql.EuropeanExercise(today + round(365 * case.maturity)))
    return ql.HestonModel(process), option, process


def heston_reference(case):
    """The semi-analytic price."""
    model, option, _ = _heston(case)
    option.setPricingEngine(ql.AnalyticHestonEngine(model, 1e-12, 100000))
    return option.NPV()


def heston_engine(case, steps, nodes, scheme):
    """A callable () -> price by FdHestonVanillaEngine on nodes × nodes/2, a new engine each time."""
    model, option, _ = _heston(case)

    def run():
        option.setPricingEngine(ql.FdHestonVanillaEngine(model, steps, nodes, nodes // 2, 0, scheme()))
        return option.NPV()

    return run


def heston_operator(case, nodes, steps):
    """A callable () -> end values: modified Craig–Sneyd with FdmHestonOp on nodes²; the operator is built before."""
    _, _, process = _heston(case)
    mesher = ql.FdmMesherComposite(ql.Uniform1dMesher(np.log(case.spot) - 2, np.log(case.spot) + 2, nodes),
                                   ql.Uniform1dMesher(0.0, 1.0, nodes))
    operator = ql.FdmHestonOp(mesher, process)
    payoff = _array(np.maximum(np.exp(np.array(mesher.locations(0))) - case.strike, 0.0))
    sides, conditions = _nothing()

    def run():
        u = ql.Array(payoff)
        ql.FdmBackwardSolver(operator, sides, conditions, CRAIG_SNEYD()).rollback(u, case.maturity, 0.0, steps, 0)
        return u

    return run
