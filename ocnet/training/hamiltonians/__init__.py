"""Hamiltonians: what a layer sees of J when states and costates are held (Pontryagin; Li, Chen, Tai & E, 2018; MATH 1.4, 4).

    states    forwards    particles: X_{n+1} = Φ_n(X_n, θ_n, ξ_n)                  grid: masses P^{n+1} = B(θ_n)ᵀ P^n
    costates  backwards   particles: p_n = (∂Φ_n/∂x)ᵀ p_{n+1}, p_N = ∂(data term)/∂X_N   grid: values U^n = B(θ_n) U^{n+1}

    H_n(ϑ) = J(θ) + ⟨p_{n+1}, Φ_n(X_n, ϑ, ξ_n) − X_{n+1}⟩ + R(θ, layer n ← ϑ) − R(θ)      or, on a grid, with ⟨P^n, B(ϑ) U^{n+1} − U^n⟩

The constants make H_n(θ_n) = J(θ) for every n; the derivative of H_n at θ_n is that of J in layer n, in every view, to rounding.  The
penalties R are exact in ϑ with all other layers frozen (as in a Jacobi sweep), so each layer has a problem of its own, of p numbers.
The readout is part of the control: number N, the tail, whose H is the data term at held end states, or ⟨P^N, terminal(ϑ)⟩ on a grid.

    hamiltonian = objective.hamiltonian(theta)      .total = J(θ)    .gradient (P,)    .value(n, numbers)    .value_and_gradient(n, numbers)
"""

from .by_particles import ParticleHamiltonian
from .hamiltonian import Hamiltonian
from .on_grid import GridHamiltonian

__all__ = ["GridHamiltonian", "Hamiltonian", "ParticleHamiltonian"]
