"""Noise models at equal variance in every layer.

The rule: in each layer, averaged over the training points on their way through the layers without noise,

    tr Cov(increment) = ratio · |dt f|²,

the variance of what the layer adds is the same share of what it adds without noise.  For output dropout, stochastic depth and multiplicative noise the
share is (1 − q)/q or level² whatever the network; for others the level is solved for, layer by layer, at the network as it stands.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from ocnet.kernels.philox import uniforms
from ocnet.networks.blocks import BlockAt
from ocnet.networks.noise import Gaussian, HiddenDropout, InputDropout, MultiplicativeGaussian, OutputDropout, StochasticDepth
from ocnet.networks.noise.noise_model import NoiseModel

__all__ = ["KINDS", "Layerwise", "at_equal_variance", "layer_traces", "quiet_path"]

KINDS = ("output", "hidden", "input", "depth", "gaussian", "multiplicative")
_ENUMERATED = 8                      # components up to which all masks of the input are summed over; above, they are drawn
_DRAWN, _SEED = 16, 20               # masks a point that are drawn then, the same at every call
_KEEPS = np.linspace(0.95, 0.05, 13)             # tried one after the other: the trace rises as less is kept, to a top, and falls again


@dataclass(frozen=True)
class Layerwise(NoiseModel):
    """A noise model of its own for each layer, all of one kind."""

    models: tuple
    scaling: str = "natural"

    @classmethod
    def example(cls):
        return cls((OutputDropout(0.9), OutputDropout(0.5)))

    @property
    def needs(self):
        return self.models[0].needs

    def at(self, n, layers, dt):
        return self.models[n]


def quiet_path(network, theta, points):
    """Yield (n, block at the states (d, points)) of each layer, on the path without noise."""
    x = np.ascontiguousarray(np.asarray(points, dtype=float).T)
    for n in range(network.layers):
        at = BlockAt(network.block, network.control.layer(theta, n), x, ("output", "hidden", "last_weights"))
        yield n, at
        x = x + network.dt * at.features.output


def _size(f):
    """Mean over the points of |f|²."""
    return float((f * f).sum(axis=0).mean())


def layer_traces(network, theta, points):
    """(layers,) tr Cov(increment)/|dt f|², averaged over the points each, of a network's noise on the path without noise."""
    found = []
    for n, at in quiet_path(network, theta, points):
        model = network.noise.at(n, network.layers, network.dt)
        trace = _input_trace(at, model.keep) if isinstance(model, InputDropout) else float(np.trace(model.covariance(at)).mean())
        found.append(model.scale(network.dt) ** 2 * trace / (network.dt**2 * _size(at.features.output)))
    return np.array(found)


def at_equal_variance(kind, ratio, network, theta, points):
    """The noise of a kind, one of KINDS, whose variance is `ratio` of the squared increment in each layer of a network at θ.

    Input dropout is bounded, whatever it keeps: where the ratio is out of reach, a layer takes the largest variance there is (`layer_traces` tells).
    """
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r} is none of {', '.join(KINDS)}")
    if not 0 < ratio < np.inf:
        raise ValueError(f"ratio={ratio} is not a finite number above 0; for no noise use Noiseless()")
    return Layerwise(tuple(_model(kind, ratio, at) for _, at in quiet_path(network, theta, points)))


def _model(kind, ratio, at):
    """The model of one layer."""
    if kind == "output":
        return OutputDropout(1 / (1 + ratio))
    if kind == "depth":
        return StochasticDepth(1 / (1 + ratio))
    if kind == "multiplicative":
        return MultiplicativeGaussian(np.sqrt(ratio))
    wanted = ratio * _size(at.features.output)
    if kind == "gaussian":
        return Gaussian(float(np.sqrt(wanted / len(at.x))), scaling="natural")
    if kind == "hidden":
        a, w = at.features.hidden, at.features.last_weights
        of_one = float((w * w).sum(axis=0) @ (a * a).mean(axis=1))         # Σ_j |w_j|² a_j², the trace where (1 − q)/q = 1
        return HiddenDropout(1 / (1 + wanted / of_one))
    return InputDropout(_input_keep(at, wanted))


def _input_keep(at, wanted):
    """The largest keep probability whose trace is the wanted one; where none of `_KEEPS` reaches it, that of them with the largest trace."""
    above, before = None, 1.0
    traces = []
    for keep in _KEEPS:
        traces.append(_input_trace(at, keep))
        if traces[-1] >= wanted:
            above = keep
            break
        before = keep
    if above is None:
        return float(_KEEPS[int(np.argmax(traces))])
    return float(brentq(lambda q: _input_trace(at, q) - wanted, above, before, xtol=1e-7))


def _input_trace(at, keep):
    """Mean over the points of tr Cov_γ f(x ∗ γ/keep): over all masks, or as the sample variance of drawn ones."""
    d, n = at.x.shape
    if d <= _ENUMERATED:
        return float(np.trace(InputDropout(keep).covariance(at)).mean())
    gamma = uniforms(_SEED, 0, n * _DRAWN, 0, d) < keep
    f = at.moved(np.ascontiguousarray(np.repeat(at.x, _DRAWN, axis=1) * gamma / keep)).features.output
    return float(f.reshape(d, n, _DRAWN).var(axis=2, ddof=1).sum(axis=0).mean())
