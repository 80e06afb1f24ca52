"""Where an objective stops being finite: the first place on the way from θ and the data to J."""

from typing import Any

import numpy as np

from ocnet.typing import Array

from .finite import BeyondNumbers

__all__ = ["UNKNOWN", "where_not_finite"]

UNKNOWN = "an unknown place"
_SCOUTS = 4096                       # paths sent through the layers to find the place


def where_not_finite(objective: Any, theta: Array) -> str:
    """Return a phrase such as "layer 7 of 20 (its states are not finite)", or "" for an objective without a `setting`.

    In order: the parameters; the states of a few thousand paths from the data, layer by layer (on a grid also one step from
    every node); the readout, the loss, the penalties; last the gradient, whose reverse sweep meets layer N first.
    Layers are numbered from 1.  Cost: about one evaluation.  Paths that were not sent may fail elsewhere: `UNKNOWN`.
    """
    if not hasattr(objective, "setting"):
        return ""
    if np.shape(theta) != (objective.setting.network.control.size,):
        return UNKNOWN
    with np.errstate(all="ignore"):
        for look in (_in_parameters, _in_states, _in_terminal, _in_penalties, _in_gradient):
            place = look(objective, theta)
            if place:
                return place
    return UNKNOWN


def _in_parameters(objective, theta):
    control = objective.setting.network.control
    rows = np.flatnonzero(~np.isfinite(control.depth(theta)).all(axis=1))
    if rows.size:
        return f"the parameters of layer {rows[0] + 1} of {control.layers}"
    return "" if np.isfinite(control.rest(theta)).all() else "the parameters of the readout"


def _paths(objective, theta):
    """The process that the objective follows, and starts (d, m): the data points, evenly thinned or repeated to the number of scouts."""
    network, points = objective.setting.network, objective.setting.data.points
    view = getattr(objective, "view", None)
    rows = np.linspace(0, len(points) - 1, min(len(points), _SCOUTS)).astype(int)
    return (network.layered(theta) if view is None else view.paths(network, theta)), np.repeat(points[rows].T, _SCOUTS // len(rows), axis=1)


def _in_states(objective, theta):
    layers, seed, n = objective.setting.network.layers, getattr(objective, "seed", 0), 0
    try:
        process, starts = _paths(objective, theta)
        for n, x in enumerate(process.states(starts, seed, 0)):
            if not np.isfinite(x).all():
                return _layer(n, process, layers, "its states are")
        grid = getattr(objective, "grid", None)
        for n in range(0 if grid is None else process.layers):
            nodes = grid.at(n * layers // process.layers).nodes
            if not np.isfinite(process.step(n, nodes, process.draw(seed, 0, nodes.shape[1], n))).all():
                return _layer(n + 1, process, layers, "its states from the nodes of the grid are")
    except (ValueError, FloatingPointError): # coefficients that check themselves
        return _layer(n + 1, process, layers, "its coefficients are")
    return ""


def _layer(step, process, layers, what):
    """The layer that ends with, or contains, a step of the process, of which there may be several a layer."""
    return f"layer {-(-step * layers // process.layers)} of {layers} ({what} not finite)"


def _in_terminal(objective, theta):
    """The readout and the loss at the paths' ends."""
    process, starts = _paths(objective, theta)
    scores = objective.setting.network.score(np.ascontiguousarray(process.ends(starts, getattr(objective, "seed", 0), 0)), theta)
    if not np.isfinite(scores).all():
        return "the readout (its scores are not finite)"
    return "" if np.isfinite(objective.setting.criterion.terminal(scores)).all() else "the loss (its values are not finite)"


def _in_penalties(objective, theta):
    total, gradient = objective.setting.penalty(theta)
    return "" if np.isfinite(total) and np.isfinite(gradient).all() else "the penalties"


def _in_gradient(objective, theta):
    control = objective.setting.network.control
    try:
        _, gradient = objective.value_and_gradient(theta)
    except BeyondNumbers as error:
        gradient = error.gradient
    except (ValueError, FloatingPointError):
        return ""
    if not np.isfinite(control.rest(gradient)).all():
        return "the gradient of the readout"
    rows = np.flatnonzero(~np.isfinite(control.depth(gradient)).all(axis=1))
    return f"the gradient of layer {rows[-1] + 1} of {control.layers}" if rows.size else ""
