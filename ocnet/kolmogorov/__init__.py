"""The backward Kolmogorov equation on a grid, its transpose, and its gradient in the coefficients.

    u_t + L u − c u + g = 0 on [0, T),  u(T, ·) = terminal,      L = f·∇ + ½ a:∇∇,  a = G Gᵀ  (the variance rate)

for dX = f dt + G dB in the sense of Itô; then u(0, x) = E[terminal(X_T) | X_0 = x] where c = g = 0.  Time runs down
from T to 0: a step takes u at t + dt to u at t.  Written on the nodes, L is a matrix A whose rows sum to 0, split as
A = A_0 (mixed derivatives) + A_1 + … + A_d (one axis each); schemes see it through three verbs (`Operator`).

Discretise, then optimise: there is no second discretisation.  If a step is u ↦ B u, masses p on the nodes go forward by
p ↦ Bᵀ p (Fokker–Planck, mass kept to rounding, ⟨p, u⟩ the same at all times), and the gradient of ⟨p, u(0)⟩ in the
coefficients of a step is that of ⟨p, B u⟩.  A density is masses over cell volumes.

Coefficients are constant over a step, taken at its middle; every break of the process is a step boundary.  Fields are
(q, size): q problems side by side, nodes in C order of the axes.  The potential is part of A (an equal share of each A_i), the
source is added to A u.  A side of the box is a row of A: mirrored at the node (reflecting), zero with the value put there by
the stepping loop (held: Dirichlet, absorbing), or one-sided with u_nn = 0 (outflow).

Central differences are of order 2 and for smooth problems; where cell Péclet numbers |f| h/a exceed 1 they can overshoot.  There
drift = "hybrid" adds the least variance that leaves no rate negative; the bounded schemes are SemiLagrangian and Monotone, and
scheme = "auto" (see `automatic`) chooses by what the drift does on the grid.  With a tolerance, box, nodes and steps are found
by comparing solves (`adaptive`).
"""

from .coefficients import Coefficients
from .march import CoefficientGradient, March
from .operator import Operator
from .solver import gradient, solve_backward, solve_forward

__all__ = ["Coefficients", "CoefficientGradient", "March", "Operator", "gradient", "solve_backward", "solve_forward"]
