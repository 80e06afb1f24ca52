"""The chain: a layered process on a grid, layer by layer, exactly in its law.

    u_N = terminal,   u_n(x) = E[u_{n+1}(X_{n+1}) | X_n = x]

The expectation over ξ_n is a finite sum (masks), a quadrature, or, for additive normal noise, a smoothing of u_{n+1}
on the nodes.  What is left is the interpolation between nodes (limited cubic: no new extrema) and the box.
"""

from ocnet.sweep import Sweep

__all__ = ["chain_sweep"]


def chain_sweep(process, grid, limited=True):
    """Return the `Sweep` of a LayeredProcess over the nodes of a uniform grid.

    process : gives `transition(n, x)`, and for gradients `transition_vjp(n, x, feet_cotangent)`
    Raises ValueError if the dimensions of the two differ.
    """
    if process.dim != grid.dim:
        raise ValueError(f"grid has {grid.dim} axes but the process has dim={process.dim}")
    nodes = grid.nodes
    return Sweep(grid, process.layers, lambda n: [process.transition(n, nodes)],
                 lambda n, feet_cotangent: process.transition_vjp(n, nodes, feet_cotangent), limited)
