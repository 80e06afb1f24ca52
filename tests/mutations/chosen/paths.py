"""Faults in laws, particles, their schemes, ways of sampling and the errors they state."""

from ..mutant import Mutant

__all__ = ["MUTANTS"]


def _in(file, name, old, new, kind, breaks):
    return Mutant(f"{file.rpartition('/')[2]}: {name}", f"ocnet/{file}.py", old, new, kind, breaks)


MUTANTS = (
    _in("laws/bernoulli", "skewness", "return (1 - 2 * self.keep) / np.sqrt(self.keep * (1 - self.keep))", "return (1 - self.keep) / np.sqrt(self.keep * (1 - self.keep))", "factor", "E ξ³ of a mask, hence the weak order foretold"),
    _in("laws/bernoulli", "a dropped unit", "return q, np.sqrt((1 - q) / q), -np.sqrt(q / (1 - q))", "return q, np.sqrt((1 - q) / q), -np.sqrt((1 - q) / q)", "factor", "masks of mean other than 0"),
    _in("laws/uniform", "the rule's scale", "return tensor(np.sqrt(3) * nodes, weights / 2, self.channels)", "return tensor(np.sqrt(3) * nodes, weights, self.channels)", "weight", "quadrature weights sum to 2"),
    _in("laws/dirichlet_shares", "breaks of the stick", "powers = 1 / np.arange(self.branches - 1, 0, -1.0)", "powers = 1 / np.arange(1.0, self.branches)", "index", "shares are not uniform on the simplex"),
    _in("laws/joint", "seeds of later members", "_JOINING, k) if k else seed", "_JOINING, 1) if k else seed", "index", "the third law of a joint one repeats the second's draws"),
    _in("particles/schemes/euler_maruyama", "the root of the step", "out += G[:, j] * (sqrt(dt) * xi[j])", "out += G[:, j] * (dt * xi[j])", "factor", "noise vanishes as steps are refined"),
    _in("particles/schemes/milstein", "Itô's correction", "(0.5 * root * (xi[j] * xi[k] - (j == k)))", "(0.5 * root * (xi[j] * xi[k]))", "operator", "Stratonovich's equation, not Itô's"),
    _in("particles/schemes/platen", "the mean of both ends", "noise += 0.25 * (plus + minus) * dB[j]", "noise += 0.5 * (plus + minus) * dB[j]", "factor", "weak order 0 with noise that depends on the state"),
    _in("particles/schemes/stepping", "steps of an interval", "int(np.ceil(steps * (b - a) / horizon - 1e-9)) + 1", "int(np.ceil(steps * (b - a) / horizon - 1e-9))", "off by one", "one step too few between breaks"),
    _in("particles/moments", "the spread between two parts", "apart**2 * (self.count * other.count / count)", "apart**2 * (self.count * other.count / count**2)", "factor", "standard errors of many batches are too small"),
    _in("particles/moments", "one degree of freedom", "return self.squares / (self.count - 1)", "return self.squares / self.count", "off by one", "a biased variance"),
    _in("particles/coupling", "the coarse increment", "coarse.step(a, c, sqrt(0.5) * (first + second))", "coarse.step(a, c, 0.5 * (first + second))", "factor", "coarse paths have half of their variance: a biased multilevel sum"),
    _in("particles/coupling", "the exchanged pair", "swapped.step(a, b, second).step(b, c, first)", "swapped.step(a, b, first).step(b, c, second)", "index", "no antithetic twin: the levels' variances fall too slowly"),
    _in("particles/multilevel", "the bias foretold", "np.abs(found[-2].mean) / 2)", "np.abs(found[-2].mean) / 4)", "factor", "the bias of a multilevel estimate is foretold too small"),
    _in("particles/functional", "the discount of a source", "exprel(-dt * c)", "exprel(dt * c)", "sign", "a source under a potential is not discounted within a step"),
    _in("particles/functional", "the discount", "self.discount = self.discount * np.exp(-dt * c)", "self.discount = self.discount * np.exp(dt * c)", "sign", "a potential makes paths multiply"),
    _in("particles/sampling/coordinates", "the bridge's variance", "np.sqrt(before * after * (t[r] - t[l]))", "np.sqrt(before * after * (t[r] - t[m]))", "index", "quasi-random paths have too little noise"),
    _in("particles/sampling/sobol", "the middle of a cell", "+ 0.5**(_BITS + 1)", "+ 0.5**_BITS", "factor", "points at the end of their cells of 2⁻³⁰: the last one may be 1"),
    _in("particles/control_variate", "the martingale's increment", 'return np.einsum("qdn,dn->qn", gradient, after - mean)', 'return np.einsum("qdn,dn->qn", gradient, after - x)', "operator", "increments with a mean: a biased estimate"),
    _in("particles/diffusion_steps", "a joint increment", "for k in fine) / np.sqrt(self._joined)", "for k in fine) / self._joined", "factor", "coarse steps of a fine path have too little noise"),
    _in("particles/reconstructed", "the error's estimate", "eta = 0.5 * self.steps * _ratio(", "eta = 0.05 * self.steps * _ratio(", "factor", "a bad reconstruction is not warned of"),
    _in("particles/partition", "a point's first path", "return self.rows.start * self.paths + self.lo", "return self.rows.start + self.lo", "index", "start points share paths"),
    _in("particles/pathwise", "the number of a piece's first path", "k, first, cotangent = lo // piece, begin + lo, np.ascontiguousarray(back[lo:hi].T)",
        "k, first, cotangent = lo // piece, lo, np.ascontiguousarray(back[lo:hi].T)", "index", "reverse sweeps with the noise of other paths"),
    _in("laws/law", "mirrored draws", "return self.from_uniforms(1 - u if mirrored else u)", "return self.from_uniforms(u)", "operator", "antithetic paths are copies"),
    _in("laws/normal", "mirrored normals", "return -xi if mirrored else xi", "return xi if mirrored else -xi", "sign", "what is drawn first is the mirror image"),
    _in("laws/rademacher", "a fair sign", "return np.where(u < 0.5, 1.0, -1.0)", "return np.where(u < 0.51, 1.0, -1.0)", "constant", "a mean of 0.02"),
    _in("particles/sampling/antithetic", "how many samples", "return paths // 2", "return paths", "factor", "intervals of pairs as if all paths were independent"),
    _in("particles/gradient_estimate", "paths of a batch", "derived_seed(seed, _BATCH, k)", "derived_seed(seed, _BATCH, 0)", "index", "all batches have the same paths: no spread, no error"),
)
