"""Faults in losses, penalties, optimisers and Hamiltonians."""

from ..mutant import Mutant

__all__ = ["MUTANTS"]


def _in(file, name, old, new, kind, breaks):
    return Mutant(f"{file.rpartition('/')[2]}: {name}", f"ocnet/training/{file}.py", old, new, kind, breaks)


MUTANTS = (
    _in("losses/logistic", "the derivative", "return -y * (np.where(m >= 0, e, 1) / (1 + e))", "return -y * (np.where(m >= 0, 1, e) / (1 + e))", "operator", "the chance of the label for that of the other"),
    _in("losses/squared", "one half", "return 0.5 * self.derivative(u, y) ** 2", "return self.derivative(u, y) ** 2", "factor", "value and derivative disagree"),
    _in("losses/cross_entropy", "ties of the largest", "(len(u) - 1 - np.count_nonzero(below, axis=0))", "(len(u) - np.count_nonzero(below, axis=0))", "off by one", "the largest score counts twice"),
    _in("regularisers/tikhonov", "the layers' share", "return self.weight * horizon / len(layers) * layers, self.weight * tail", "return self.weight * layers, self.weight * tail", "factor", "dt is left out of the gradient"),
    _in("regularisers/depth_smoothness", "the ends", "flux[1:-1] = np.diff(layers, axis=0)", "flux[:-2] = np.diff(layers, axis=0)", "boundary row", "the gradient of the smoothness in depth is one layer off"),
    _in("regularisers/l1", "the threshold", "return _shrunk(layers, step * self.weight * horizon / len(layers)), _shrunk(tail, step * self.weight)", "return _shrunk(layers, step * self.weight), _shrunk(tail, step * self.weight)", "factor", "the proximal map shrinks layers by N/T times too much"),
    _in("optimisers/adam", "the bias of the second moment", "np.sqrt(v / (1 - b2**k))", "np.sqrt(v / (1 - b1**k))", "index", "the first steps of Adam are too large"),
    _in("optimisers/averaged_sgd", "the share of a new point", "share = 1.0 / max(1, state.iteration + 1 - self.burn_in)", "share = 1.0 / max(1, state.iteration + 2 - self.burn_in)", "off by one", "the average keeps some of the start"),
    _in("optimisers/momentum", "Nesterov's point", "direction = gradient + self.mu * velocity if self.nesterov else velocity", "direction = velocity if self.nesterov else gradient + self.mu * velocity", "operator", "heavy ball and Nesterov exchanged"),
    _in("optimisers/proximal_gradient", "the extrapolation", "theta + (t - 1) / following * moved", "theta + t / following * moved", "off by one", "extrapolation from the first step on"),
    _in("optimisers/sequential_hamiltonian", "the test of descent", "if total <= hamiltonian.total - max(self.decrease * change, self.share * promised):", "if total <= hamiltonian.total + max(self.decrease * change, self.share * promised):", "sign", "steps that raise J are taken"),
    _in("hamiltonians/by_particles", "the fourth-order difference", "along = (8 * (moved(_STEP) - moved(-_STEP)) - (", "along = (8 * (moved(_STEP) - moved(-_STEP)) + (", "sign", "the mixed term of the defect's gradient"),
    _in("hamiltonians/on_grid", "the state it starts from", "masses, before = self._masses_and_depth[0][n], self._values[n]", "masses, before = self._masses_and_depth[0][n], self._values[n + 1]", "index", "the change of J is taken from the next layer's values"),
    _in("losses/squared_classes", "the label's score", "slope[own] -= 1", "slope[own] += 1", "sign", "scores are drawn away from their label"),
    _in("optimisers/successive_approximations", "the extension's share", "share = self.rho / hamiltonian.share(n)", "share = self.rho", "factor", "the augmentation lacks 1/dt"),
)
