"""Adam is the iteration of its paper."""

import numpy as np
import pytest

from ocnet.training import train
from ocnet.training.optimisers import Adam
from tests.training.problems import START, Valley


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.8)])
def test_steps_are_ratios_of_weighted_means_of_all_gradients(betas, steps=12):
    """m̂ and v̂ as sums over the gradients of all points seen, with weights (1 − β) β^{k−i}/(1 − β^k): Kingma & Ba (2015), eq. (3) and (4), no recurrence.

    Twelve terms, each with a few roundings, over v̂ of the size of the gradient squared: 1e-12 of a step.
    """
    states, valley = [], Valley()
    optimiser = Adam(iterations=steps, rate=0.05, final=1.0, betas=betas, check_every=steps)
    train(valley, START, optimiser, progress=lambda iteration, value: None, callback=states.append)
    path = np.stack([START, *(state.theta for state in states)])
    gradients = np.stack([valley.value_and_gradient(theta)[1] for theta in path[:-1]])
    for k in range(1, steps + 1):
        mean, square = ((np.array([(1 - beta) * beta ** (k - i) for i in range(1, k + 1)]) / (1 - beta**k)) @ gradients[:k] ** power
                        for beta, power in zip(betas, (1, 2)))
        assert np.abs(path[k] - path[k - 1] + 0.05 * mean / (np.sqrt(square) + 1e-8)).max() < 0.05 * 1e-11
