"""Where an objective stops being finite: the first place on the way from θ and the data to J."""

import numpy as np

from ocnet.grid import Grid

__all__ = ["where_not_finite"]

_SCOUTS = 4096                       # paths sent through the layers to find the place


def where_not_finite(objective, theta):
    """Return a phrase such as "layer 7 of 20 (its states are not finite)", or "" for an objective without a `setting`.

    In order: the parameters; the states of a few thousand paths from the data, layer by layer (on a grid also one step from
    every node); the readout, the loss, the penalties; last the gradient, whose reverse sweep meets layer N first.
    Layers are numbered from 1.  Cost: about one evaluation.  Paths that were not sent may fail elsewhere: "an unknown place".
    """
    setting = getattr(objective, "setting", None)
    if setting is None:
        return ""
    with np.errstate(all="ignore"):
        for look in (_in_parameters, _in_states, _in_terminal, _in_penalties, _in_gradient):
            place = look(objective, setting, theta)
            if place:
                return place
    return "an unknown place"


def _in_parameters(objective, setting, theta):
    control = setting.network.control
    rows = np.flatnonzero(~np.isfinite(control.depth(theta)).all(axis=1))
    if rows.size:
        return f"the parameters of layer {rows[0] + 1} of {control.layers}"
    return "" if np.isfinite(control.rest(theta)).all() else "the parameters of the readout"


def _starts(setting):
    """(d, m): the data points, or as many of them, evenly spread, as there are scouts; all repeated to fill the scouts."""
    points = setting.data.points
    rows = np.linspace(0, len(points) - 1, min(len(points), _SCOUTS)).astype(int)
    return np.repeat(points[rows].T, max(1, _SCOUTS // len(rows)), axis=1)


def _in_states(objective, setting, theta):
    layered = setting.network.layered(theta)
    seed, grid = getattr(objective, "seed", 0), getattr(objective, "grid", None)
    for n, x in enumerate(layered.states(_starts(setting), seed, 0)):
        if not np.isfinite(x).all():
            return _layer(n, layered.layers, "its states are")
    if isinstance(grid, Grid):
        nodes = np.ascontiguousarray(grid.nodes)
        for n in range(layered.layers):
            if not np.isfinite(layered.step(n, nodes, layered.draw(seed, 0, nodes.shape[1], n))).all():
                return _layer(n + 1, layered.layers, "its states from the nodes of the grid are")
    return ""


def _layer(n, layers, what):
    return f"layer {n} of {layers} ({what} not finite)"


def _in_terminal(objective, setting, theta):
    """The readout and the loss at the paths' ends."""
    network = setting.network
    ends = np.ascontiguousarray(network.layered(theta).ends(_starts(setting), getattr(objective, "seed", 0), 0))
    scores = network.score(ends, theta)
    if not np.isfinite(scores).all():
        return "the readout (its scores are not finite)"
    return "" if np.isfinite(setting.criterion.terminal(scores)).all() else "the loss (its values are not finite)"


def _in_penalties(objective, setting, theta):
    total, gradient = setting.penalty(theta)
    return "" if np.isfinite(total) and np.isfinite(gradient).all() else "the penalties"


def _in_gradient(objective, setting, theta):
    control = setting.network.control
    _, gradient = objective.value_and_gradient(theta)
    rows = np.flatnonzero(~np.isfinite(control.depth(gradient)).all(axis=1))
    if not np.isfinite(control.rest(gradient)).all():
        return "the gradient of the readout"
    return f"the gradient of layer {rows[-1] + 1} of {control.layers}" if rows.size else ""
