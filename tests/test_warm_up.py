"""After a warm-up, what users do first compiles nothing, in that process or another; the bar is where it should be."""

import json
import os
import subprocess
import sys

import pytest

import ocnet

# every kernel with the types that this process has met it with, loaded from the cache or compiled
MET = """
import json, pkgutil
from ocnet import kernels

def met():
    modules = [getattr(kernels, found.name) for found in pkgutil.iter_modules(kernels.__path__)]
    return sorted({f"{module.__name__}.{name}{signature}" for module in modules for name, function in vars(module).items()
                   for signature in getattr(function, "signatures", ())})
"""
WARM_UP = MET + """
import ocnet
print(json.dumps({"told": [repr(ocnet.warm_up(progress=False)), repr(ocnet.warm_up())], "met": met()}))
"""
FIRST_LOOKS = MET + """
import warnings
import numpy as np
from ocnet.kernels import notice
heard = []
with notice.watching(heard.append), warnings.catch_warnings():
    warnings.simplefilter("ignore")                  # sizes are tiny
    from ocnet import *
    import ocnet
    from ocnet.boundary import Dirichlet, Reflecting
    from ocnet.networks.architectures import HeunNet, LMResNet
    from ocnet.networks.blocks import Perceptron
    from ocnet.networks.noise import Gaussian, HiddenDropout, OutputDropout, StochasticDepth
    from ocnet.particles.sampling import Antithetic, Sobol
    from ocnet.particles.schemes import Platen
    from ocnet.training.criteria import ExpectedLoss
    from ocnet.training.losses import CrossEntropy, Logistic
    from ocnet.training.objectives import ParticleObjective
    from ocnet.training.optimisers import LBFGS, Adam
    from ocnet.training.regularisers import DepthSmoothness, Tikhonov

    # any Itô diffusion
    process = Diffusion(drift=lambda t, x: -1.2 * x, factor=[[0.6]], dim=1)
    problem = KolmogorovProblem(process, terminal=lambda x: np.tanh(x[:, 0]), horizon=1.0)
    value = solve_backward(problem, Grid.uniform(-4, 4, 41), steps=20)
    value([[0.5]])
    solve_backward(problem, tolerance=1e-2, at=[[0.5]])
    solve_forward(process, [[0.5]], Grid.uniform(-4, 4, 41), 1.0, steps=20)
    kinetic = Diffusion(lambda t, x: np.stack([x[:, 1], -x[:, 1]], axis=1), [[0.0], [1.0]], dim=2)
    exit = KolmogorovProblem(kinetic, lambda x: (x[:, 0] >= 1) * 1.0, 2.0, boundary=[(Reflecting(), Dirichlet(1.0)), Reflecting()])
    solve_backward(exit, Grid.uniform([-4, -4], [1, 4], [31, 31]), steps=10)
    estimate(problem, [[0.5]], paths=1024, scheme=Platen(), sampling=Sobol())
    estimate(problem, [[0.5]], paths=1024, control=solve_backward(problem, Grid.uniform(-4, 4, 41), keep=101), sampling=Antithetic())
    estimate_multilevel(problem, [[0.5]], tolerance=3e-2)

    # networks: train by both views, certify
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 2)), np.arange(60) % 2
    quiet = lambda iteration, value: None
    for noise in (Gaussian(0.2), OutputDropout(0.8), HiddenDropout(0.8), StochasticDepth(0.8)):
        network = ResidualNetwork(Perceptron(6), noise, layers=5)
        setting = Setting(network, LabelledPoints(x, 2 * y - 1), ExpectedLoss(Logistic()), (Tikhonov(1e-3), DepthSmoothness(1e-3)))
        theta = network.initialise(seed=0)
        result = train_on_grid(setting, theta, LBFGS(iterations=2), nodes=31, progress=quiet)
        train(ParticleObjective(setting, 4, batch=16), theta, Adam(iterations=3), progress=quiet)
        train(ParticleObjective(setting, 4, precision="single"), theta, Adam(iterations=3), progress=quiet)
        compare(network, result.x, setting.data, nodes=31, paths=16)
    for architecture in (LMResNet(), HeunNet()):
        deep = ResidualNetwork(Perceptron(8), Gaussian(0.1), layers=6, architecture=architecture)
        ParticleObjective(Setting(deep, setting.data, setting.criterion), 2).value_and_gradient(deep.initialise(0))
    wide = ResidualNetwork(Perceptron(16), Gaussian(0.1), layers=3, dim=9)
    of_wide = Setting(wide, LabelledPoints(rng.normal(size=(60, 9)), 2 * y - 1), ExpectedLoss(Logistic()))
    train(ParticleObjective(of_wide, 2), wide.initialise(0), Adam(iterations=3), progress=quiet)
    StochasticResNetClassifier(max_iter=3, random_state=0).fit(x, y).predict_proba(x)
    StochasticResNetClassifier(max_iter=3, random_state=0).fit(rng.normal(size=(60, 6)), np.arange(60) % 3).predict(rng.normal(size=(5, 6)))
print(json.dumps({"compiled": sorted(set(heard)), "met": met()}))
"""


def ran(script, **more):
    """What a process of its own prints, and its stderr, with the cache that all tests share."""
    done = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True, env={**os.environ, **more})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


@pytest.fixture(scope="module")
def warm():
    """What a warm-up in another process prints; threads as they are, two at least, so that parallel loops are met."""
    return ran(WARM_UP, OCNET_NUM_THREADS="2", OCNET_QUIET="0")


def test_after_a_warm_up_first_looks_compile_nothing(warm):
    """Nor need what it meets have been in the cache before: all of it is met by the warm-up too, so that an empty cache would have it by then.

    With two threads too, whose parallel loops are other kernels.  (That `watching` hears what is compiled: tests/kernels/test_notice.py.)
    """
    for count in ("1", "2"):
        looks, _ = ran(FIRST_LOOKS, OCNET_NUM_THREADS=count)
        assert looks["compiled"] == [] and len(looks["met"]) > 30
        assert set(looks["met"]) <= set(warm[0]["met"])


def test_a_warm_up_says_what_it_did_and_a_second_one_has_nothing_to_compile(warm):
    """Neither writes to stderr: the line of a first compilation waits, and the bar is silent off a terminal."""
    found, err = warm
    first, second = found["told"]
    assert first.startswith("WarmUp(") and second.startswith("WarmUp(0 kernels compiled by ") and err == ""


def test_the_result_is_plain_numbers_and_the_name_is_public():
    assert ocnet.warm_up.__module__ == "ocnet.compilation"
    from ocnet.compilation import WarmUp
    found = WarmUp(3, 5, 1.25)
    assert found.to_dict() == {"compiled": 3, "cases": 5, "seconds": 1.25} and repr(found) == "WarmUp(3 kernels compiled by 5 cases in 1.2 s)"
