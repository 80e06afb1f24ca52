"""One example of every drawing function, on data that show what it can do: {name: callable of its keywords}, and of every film."""

import numpy as np

from ocnet import plotting

__all__ = ["FILMS", "PANELS", "PICTURES", "drawn_names"]


def _frozen(array):
    array.flags.writeable = False
    return array


_RANDOM = np.random.default_rng(5)
X, Y = _frozen(np.linspace(-2, 2, 41)), _frozen(np.linspace(-1, 1, 31))
PLANE = _frozen(np.sin(2 * X)[:, None] - 1.2 * Y)
POINTS = _frozen(_RANDOM.uniform([-2, -1], [2, 1], (60, 2)))
LABELS = _frozen(np.where(np.sin(2 * POINTS[:, 0]) > 1.2 * POINTS[:, 1], 1, -1))
TIMES = _frozen(np.linspace(0, 1, 11))
PATHS = _frozen(np.concatenate([np.zeros((1, 200)), np.cumsum(0.3 * _RANDOM.normal(size=(10, 200)), axis=0)]))
CLOUDS = _frozen(POINTS * (1 + TIMES[:, None, None]))
LINE = _frozen(np.linspace(-3, 3, 121))
SPREAD = 0.5 + TIMES[:, None]
DENSITY = _frozen(np.exp(-0.5 * (LINE / SPREAD) ** 2) / np.sqrt(2 * np.pi) / SPREAD)
VALUES, BARS = _frozen(_RANDOM.uniform(size=40)), _frozen(np.full(40, 0.03))
SEEN = _frozen(VALUES + 0.02 * _RANDOM.normal(size=40))
Z = _frozen(_RANDOM.normal(size=200))
LAYERS = _frozen(np.array([8.0, 16, 32, 64, 128]))
ERRORS = _frozen(0.8 / LAYERS * np.array([1.03, 0.98, 1.01, 0.99, 1.02]))
ARRAYS = {"W1": _frozen(_RANDOM.normal(size=(10, 16, 2))), "b1": _frozen(_RANDOM.normal(size=(10, 16))), "b2": _frozen(_RANDOM.normal(size=(10, 2)))}
HISTORIES = {"grid": {"iteration": np.arange(20), "value": 1 / (1 + np.arange(20.0)), "seconds": np.linspace(0, 3, 20)},
             "particles": {"iteration": np.arange(40), "value": 2 / (1 + np.arange(40.0)), "seconds": np.linspace(0, 5, 40)}}
CUBE = _frozen(np.sin(X)[:, None, None] * Y[:, None] + np.linspace(0, 1, 9))

PICTURES = {
    "agreement": lambda **k: plotting.agreement(VALUES, SEEN, BARS, BARS, np.abs(SEEN - VALUES) < 0.035, **k),
    "boundary": lambda **k: plotting.boundary(X, Y, PLANE, low=PLANE - 0.2, high=PLANE + 0.2, band="± error bar", label="boundary", **k),
    "budget": lambda **k: plotting.budget({"space": 1e-4, "box": 0.0, "sampling": 3e-5}, **k),
    "calibration": lambda **k: plotting.calibration(Z, **k),
    "contours": lambda **k: plotting.contours(X, Y, PLANE, bar="value u", **k),
    "convergence": lambda **k: plotting.convergence(LAYERS, ERRORS, bars=0.02 * ERRORS, expected=-1, floor=1e-3, **k),
    "curve": lambda **k: plotting.curve(LINE, np.tanh(LINE), labels=("$x$", "value u"), **k),
    "density_in_time": lambda **k: plotting.density_in_time(TIMES, LINE, DENSITY, **k),
    "field": lambda **k: plotting.field(X, Y, PLANE, bar="value u", **k),
    "intervals": lambda **k: plotting.intervals(["chain", "particles", "grid"], [0.1, 0.11, 0.3], [0.01, 0.02, 0.01], **k),
    "landscape": lambda **k: plotting.landscape((X, Y), X[:, None] ** 2 + Y**2, label="slice", **k),
    "ledger": lambda **k: plotting.ledger(np.linspace(0, 1, 6), {"first": np.array([1.0, 2, -1, 0.5, 2]), "second": np.array([0.5, -0.3, 0.2, 1, 1])}, **k),
    "on_grid": lambda **k: plotting.on_grid((X, Y), PLANE, meaning="value u", **k),
    "paths": lambda **k: plotting.paths(TIMES, PATHS, **k),
    "scatter": lambda **k: plotting.scatter(POINTS, LABELS, **k),
    "threshold": lambda **k: plotting.threshold(LINE, np.tanh(LINE - 0.5), low=np.tanh(LINE - 0.5) - 0.2, high=np.tanh(LINE - 0.5) + 0.2, **k),
    "training": lambda **k: plotting.training(HISTORIES, **k),
    "weights": lambda **k: plotting.weights(TIMES[:-1], ARRAYS["W1"], name="W1", **k),
    "z_scores": lambda **k: plotting.z_scores(Z, **k),
}
PANELS = {
    "control": (3, lambda **k: plotting.control(TIMES[:-1], ARRAYS, **k)),
    "layers": (3, lambda **k: plotting.layers(TIMES, CLOUDS, LABELS, densities=[(X, Y, np.exp(-X[:, None] ** 2 - Y**2))] * 11, shown=3, **k)),
    "sections": (3, lambda **k: plotting.sections((X, Y, np.linspace(0, 1, 9)), CUBE, **k)),
}
FILMS = {
    "animate": lambda: plotting.animate(lambda k, panels: plotting.curve(LINE, DENSITY[k], ax=panels[0]), 3),
    "animate_field": lambda: plotting.animate_field(TIMES[:3], (X, Y), np.stack([PLANE, 2 * PLANE, 3 * PLANE]), densities=np.stack([PLANE**2] * 3)),
    "animate_paths": lambda: plotting.animate_paths(TIMES, PATHS[..., None]),
}
_NO_PICTURES = {"drawing", "figure", "fitted_slope", "legend_above", "png", "shown_layers", "Animation", "Slope"}


def drawn_names():
    """Names of all public functions that draw."""
    return {name for name in plotting.__all__ if callable(getattr(plotting, name))} - _NO_PICTURES
