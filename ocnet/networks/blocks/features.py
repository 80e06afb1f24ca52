"""What a block shows to a noise model."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Features"]


@dataclass
class Features:
    """output (d, n): the branch f at n points.  The same type carries cotangents backwards."""

    output: np.ndarray
