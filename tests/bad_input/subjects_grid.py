"""Grids and what lives on them."""

import numpy as np

from ocnet import Grid

from .verdict import Subject

AXIS = np.array([-2.0, -1.0, -0.5, 0.0, 0.5, 1.5, 2.0])

SUBJECTS = [
    Subject("Grid", lambda axis: Grid((axis,)), {"axis": AXIS}, known_as={"axis": ("axes",)}),
    Subject("Grid.uniform", Grid.uniform, {"lower": -2.0, "upper": 2.0, "shape": 9}),
]
