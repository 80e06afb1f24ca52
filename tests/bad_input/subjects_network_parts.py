"""Blocks, noise models, readouts and architectures: their constructors with every option."""

import numpy as np

from ocnet.networks import architectures, blocks, noise, readouts
from ocnet.networks.blocks import Perceptron

from .verdict import Subject


def made(kind, check=None, known_as=None, **arguments):
    """The subject of a class and its options."""
    return Subject(kind.__name__, kind, arguments, known_as=known_as, check=check)


def _finite_steps(model, arguments):
    """A model that is accepted has a finite standard deviation of its factor."""
    size = model.unit_size
    assert size is None or (size >= 0 and size * 0 == 0), f"{model!r} has a factor of size {size}"


_MASKS = {"keep": 0.7, "scaling": "natural"}

SUBJECTS = [
    made(blocks.Perceptron, width=3), made(blocks.Sine, width=3), made(blocks.Aggregated, each=2, cardinality=3),
    made(blocks.Branches, block=Perceptron(2), count=3),
    made(noise.Gaussian, _finite_steps, level=0.3, scaling="diffusive"), made(noise.RademacherNoise, _finite_steps, level=0.3, scaling="diffusive"),
    made(noise.CentredBernoulli, keep=0.7, level=0.3, scaling="diffusive"), made(noise.MultiplicativeGaussian, level=0.3, scaling="natural"),
    made(noise.BlockGaussian, level=0.3, scaling="natural"), made(noise.StateGaussian, level=0.3, scaling="diffusive"),
    made(noise.OutputDropout, _finite_steps, rescaled=True, **_MASKS), made(noise.CentredDropout, _finite_steps, **_MASKS),
    made(noise.HiddenDropout, _finite_steps, **_MASKS), made(noise.DropConnect, _finite_steps, **_MASKS), made(noise.InputDropout, **_MASKS),
    made(noise.StochasticDepth, _finite_steps, survival=0.7, rescaled=False, schedule="linear", scaling="natural"),
    made(noise.ShakeShake, backward="same", scaling="natural"), made(noise.DirichletShake, copies=3, scaling="natural"),
    made(noise.StrongDropout, level=0.8, scaling="natural"), made(noise.Noiseless, scaling="natural"),
    made(readouts.LinearClasses, classes=3), made(readouts.Tanh, slope=2.0),
    made(architectures.PolyNet, form="picard", weights="own"), made(architectures.WayNet, ways=3),
    made(architectures.FractalNet, columns=3, join="branch", weights="shared"), made(architectures.LMResNet, least=-0.1, most=0.5),
    made(architectures.KineticLM, gamma=-1.0, damping="fixed", dt=0.25),
    made(architectures.ModifiedEquation, rate=1.0, bend=np.array([-0.5, 0.5]), shift=0.25),
]
