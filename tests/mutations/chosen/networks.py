"""Faults in noise models, architectures and the equations that networks are compared with (MATH 1.2, 1.3, 2.1, 2.2)."""

from ..mutant import Mutant

__all__ = ["MUTANTS"]


def _in(file, name, old, new, kind, breaks):
    return Mutant(f"{file.rpartition('/')[2]}: {name}", f"ocnet/networks/{file}.py", old, new, kind, breaks)


MUTANTS = (
    _in("noise/dropout", "the size of a mask", "return np.sqrt((1 - q) / q) if self.rescaled else np.sqrt(q * (1 - q))", "return np.sqrt(q * (1 - q)) if self.rescaled else np.sqrt(q * (1 - q))", "factor", "rescaled dropout has the variance of masks that are not"),
    _in("noise/hidden_dropout", "the wrong G", "return self.unit_size * at.features.last_weights[:, :, None] * at.features.hidden", "return self.unit_size * at.features.last_weights[:, :, None] * at.features.hidden**2", "factor", "directions with a² for a"),
    _in("noise/stochastic_depth", "the schedule's end", "share = n / (layers - 1) if layers > 1 else 1.0", "share = n / layers if layers > 1 else 1.0", "off by one", "the last block survives with more than p_L"),
    _in("noise/shake_shake", "the variance of a share", "return (first - second) / np.sqrt(12) * xi", "return (first - second) / np.sqrt(6) * xi", "factor", "S twice as large"),
    _in("noise/dirichlet_shake", "the root of C", "return (np.eye(k) - 1 / k) / np.sqrt(k * (k + 1))", "return (np.eye(k) - 1 / k) / np.sqrt(k * k)", "factor", "the factor of K-branch shake"),
    _in("noise/drop_connect", "W₂ squared", 'np.einsum("ij,jn->in", features.last_weights**2, features.hidden**2)', 'np.einsum("ij,jn->in", features.last_weights**2, np.abs(features.hidden))', "factor", "DropConnect's variance with |a| for a²"),
    _in("noise/input_dropout", "the weights of masks", "per_mask = masks.weights[:, None, None] * mean_cotangent", "per_mask = masks.weights[:, None, None]**0 / len(masks.weights) * mean_cotangent", "weight", "masks are all alike in the gradient of the mean"),
    _in("noise/input_dropout", "D f̄", "jacobian_product(m[:, None] * direction)", "jacobian_product(direction)", "factor", "the mask is left out of the Jacobian of f̄"),
    _in("noise/noise_model", "the diffusive factor", 'return np.sqrt(dt) if self.scaling == "natural" else 1.0', 'return 1.0 if self.scaling == "natural" else np.sqrt(dt)', "operator", "the two scalings mixed"),
    _in("noise/affine_noise", "the mean's share on the way back", "back = Features(dt * self.mean_share * cotangent)", "back = Features(dt * cotangent)", "factor", "gradients of masks that are not rescaled"),
    _in("modified_equation", "the drift's correction", "return mean - 0.5 * self.network.dt * model.mean_jacobian_product(at, mean)", "return mean + 0.5 * self.network.dt * model.mean_jacobian_product(at, mean)", "sign", "the correction of the second-order modified equation (MATH 1.2)"),
    _in("modified_equation", "the Laplacian's share", "0.5 * model.deviation**2 * at.block.laplacian", "model.deviation**2 * at.block.laplacian", "factor", "½ A : ∇²f in the modified drift of additive noise"),
    _in("limit", "the layer at a time", "int(t / self.network.dt * (1 + 1e-12))", "int(t / self.network.dt + 0.5)", "off by one", "coefficients of the next layer in the second half of each"),
    _in("limit", "the factor's cotangent", "factor_cotangent = model.diffusive_scale(self.network.dt) * factor_cotangent", "factor_cotangent = model.scale(self.network.dt) * factor_cotangent", "factor", "√dt twice on the way back"),
    _in("architecture_limit", "independent noise of one branch", "found[e.which, at, part] = total + weight, square + weight * weight", "found[e.which, at, part] = total + weight, (total + weight) ** 2", "operator", "two evaluations of a branch share their noise"),
    _in("architectures/polynet", "literal for Picard", 'if self.form == "picard" else (x + f + branch(n, f, last),)', 'if self.form == "picard" else (x + f + branch(n, x + f, last),)', "operator", "the literal form is no negative control any more"),
    _in("architectures/lm_resnet", "the memory's sign", "return (1 - own.k) * x + own.k * before + branch(n, x), x", "return (1 + own.k) * x - own.k * before + branch(n, x), x", "sign", "k_n has the other sign"),
    _in("architectures/lm_resnet", "the modified equation's bend", "-(1 - k) / (2 * (1 + k) ** 3)", "-(1 - k) / (2 * (1 + k) ** 2)", "constant", "the second-order equation of LM-ResNet"),
    _in("architectures/lm_resnet", "the start", "k / (1 + k) ** 2)", "k / (1 + k))", "constant", "the shifted start of the smooth solution"),
    _in("architectures/fractalnet", "the join", "return 0.5 * inner + 0.5 * (y if self.join", "return 0.6 * inner + 0.4 * (y if self.join", "weight", "a mean of paths with unequal shares"),
    _in("architectures/heunnet", "the second numbers", "return (x + 0.5 * (f + branch(n + 1, x + f)),)", "return (x + 0.5 * (f + branch(n, x + f)),)", "index", "Heun's second slope with the first layer's numbers"),
    _in("architectures/revnet", "the second half", "return x, y + branch(n, x, 1)", "return x, y + branch(n, state[0], 1)", "operator", "X in place of X⁺: no symplectic Euler, no inverse"),
    _in("architectures/kinetic_lm", "what is kept", "kept = 1 + self.dt * (", "kept = 1 - self.dt * (", "sign", "γ > 0 damps"),
    _in("architecture_steps", "the earlier state", "points[max(n - k, 0)]", "points[max(n - k + 1, 0)]", "index", "reverse sweeps of two-step networks start from the wrong pair"),
    _in("jump_process", "jumps of a layer", "moving = np.flatnonzero(count > k)", "moving = np.flatnonzero(count >= k)", "off by one", "each path jumps once too often"),
    _in("blocks/perceptron", "tanh''", "-2 * a * (1 - a * a) * (layer.W1**2)", "-2 * a * (1 - a) * (layer.W1**2)", "factor", "the Laplacian of a perceptron"),
    _in("neural_ode", "the interpolated numbers", "return f(x, (1 - r) * first + r * second)", "return f(x, r * first + (1 - r) * second)", "weight", "weight-affine interpolation backwards"),
    _in("noise/output_dropout", "the mean of masks that are not rescaled", "return 1.0 if self.rescaled else self.keep", "return 1.0", "factor", "the drift of unrescaled dropout is f, not q f"),
    _in("noise/multiplicative_gaussian", "the reverse sweep's factor", "return Features(self.level * xi * cotangent)", "return Features(self.level * cotangent)", "factor", "the draw is left out on the way back"),
    _in("noise/state_gaussian", "the state", "return self.level * features.state * xi", "return self.level * features.output * xi", "operator", "noise in proportion to the branch, not to the state"),
    _in("noise/additive_noise", "the size", "return self.level * xi", "return self.level**2 * xi", "factor", "variance for standard deviation"),
    _in("noise/strong_dropout", "the jumps' rate", "return 1 / self.level**2", "return 1 / self.level", "factor", "jumps of the limit come at another rate"),
    _in("architectures/program", "a value used twice", "back[variable] = back[variable] + c if variable in back else c", "back[variable] = c", "operator", "cotangents of a variable that is used twice are not added"),
    _in("architectures/program", "slopes of own numbers", "slopes[k] = slopes.get(k, 0.0) + slope", "slopes[k] = slope", "operator", "an own number that weighs two terms has the derivative of one"),
)
