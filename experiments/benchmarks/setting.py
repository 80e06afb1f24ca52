"""What all tasks share: sizes, repetitions, references, and P1 as the arrays that peers take."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from .problems import LAYERS, Reference, box, network, p1, p2, terminal

__all__ = ["GridSetting", "LAYER_TIME", "Setting", "drift_at", "drifts", "start"]

LAYER_TIME = 1.0 / LAYERS


@dataclass(frozen=True)
class Setting:
    """quick : tiny sizes, for a look and for tests;  reference : size of the references;  repetitions : timed runs in a race"""

    quick: bool
    reference: int
    repetitions: int

    def size(self, full, quick):
        """`full`, or `quick` in a quick run."""
        return quick if self.quick else full


class GridSetting(Setting):
    """reference : nodes of the finer grid of the references, 2^k + 1"""

    @cached_property
    def reference_p1(self):
        return Reference(p1(), self.reference)

    @cached_property
    def reference_p2(self):
        return Reference(p2(), self.reference)


@lru_cache(maxsize=1)
def _diffusion():
    net, theta = network()
    return net.diffusion(theta)


def drift_at(layer, x):
    """f of a layer at x (2, n): (2, n)."""
    return _diffusion().drift_rows((layer + 0.5) * LAYER_TIME, np.ascontiguousarray(x))


def drifts(nodes):
    """f of all layers at the nodes: (layers, 2, nodes²)."""
    x = box(nodes).nodes
    return np.stack([drift_at(layer, x) for layer in range(LAYERS)])


def start(nodes):
    """Terminal values (nodes, nodes)."""
    return terminal(box(nodes).nodes.T).reshape(nodes, nodes)
