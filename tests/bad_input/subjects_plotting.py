"""Pictures: what is drawn has finite axes; arrays may have gaps, which stay empty."""

import numpy as np

from ocnet import plotting

from .verdict import Subject

X, Y, T = np.linspace(-2.0, 2.0, 7), np.linspace(-1.0, 1.0, 5), np.array([0.0, 0.25, 0.5, 1.0])
TABLE = np.round(64 * np.sin(X[:, None] + 2 * Y)) / 64
STATES = np.round(64 * np.cos(np.arange(4 * 12 * 2).reshape(4, 12, 2))) / 64
MARKS = np.array([-1, 1] * 6)
ERRORS = np.array([0.5, 0.25, 0.125, 0.0625])
COUNTS = np.array([4.0, 8.0, 16.0, 32.0])
BARS = np.full(4, 0.03125)


def limits(drawn):
    """What every picture has, whatever is in it: finite limits of its axes."""
    panels = np.ravel(np.asarray(drawn, dtype=object))
    return [(*ax.get_xlim(), *ax.get_ylim()) for ax in panels if ax.has_data()]


def picture(function, arguments, name="", gaps=(), known_as=None, **more):
    """The subject of a picture of arrays, which come first and by place."""
    data = [key for key in arguments if key not in more.get("by_name", ())]

    def drawn(**given):
        return limits(function(*(given[key] for key in data), **{key: given[key] for key in given if key not in data}))

    more.pop("by_name", None)
    return Subject(f"plotting.{function.__name__}{name}", drawn, arguments, known_as=known_as, gaps=gaps, **more)


def _film(call):
    def frames(**given):
        film = call(**given)
        return [limits(ax) for k in (0, film.frames - 1) for ax in (film.show(k), film.made.axes)[1]], film.frames, film.pace
    return frames


SUBJECTS = [
    picture(plotting.field, {"x": X, "y": Y, "values": TABLE}, gaps=("values",), known_as={"x": ("values",), "y": ("values",)}),
    picture(plotting.contours, {"x": X, "y": Y, "values": TABLE, "levels": 5}, gaps=("values",), by_name=("levels",),
            known_as={"x": ("values",), "y": ("values",)}, also={"levels": ["two numbers"]}),
    picture(plotting.curve, {"x": X, "y": TABLE}, gaps=("y",), known_as={"x": ("y",)}),
    picture(plotting.on_grid, {"axes": (X, Y), "values": TABLE}, gaps=("values",), known_as={"axes": ("values",)}),
    picture(plotting.sections, {"axes": (X, Y, Y), "values": np.repeat(TABLE[:, :, None], 5, axis=2), "at": np.array([0.0, 0.5, 0.5])}, gaps=("values",),
            by_name=("at",), known_as={"axes": ("values",)}, optional=("at",)),
    picture(plotting.scatter, {"points": STATES[0], "labels": MARKS, "size": 9.0, "alpha": 0.75}, gaps=("points",), by_name=("size", "alpha"), known_as={"points": ("labels",)}),
    picture(plotting.boundary, {"x": X, "y": Y, "score": TABLE, "low": TABLE - 0.25, "high": TABLE + 0.25}, gaps=("score",), by_name=("low", "high"),
            known_as={"x": ("score",), "y": ("score",), "low": ("high",), "high": ("low",)}, optional=("low", "high")),
    picture(plotting.threshold, {"x": X, "score": TABLE[:, 0], "low": TABLE[:, 0] - 0.25, "high": TABLE[:, 0] + 0.25}, gaps=("score",), by_name=("low", "high"),
            known_as={"x": ("score",), "low": ("high",), "high": ("low",)}, optional=("low", "high")),
    picture(plotting.agreement, {"x": X, "y": X, "x_error": np.full(7, 0.25), "y_error": np.full(7, 0.25), "inside": X > 0}, gaps=("x", "y"),
            known_as={"x": ("y",), "y": ("x",)}),
    picture(plotting.z_scores, {"z": X}),
    picture(plotting.calibration, {"z": X, "share": 0.75}, by_name=("share",)),
    picture(lambda a, b, **named: plotting.budget({"space": a, "time": b}, **named), {"a": 0.5, "b": 0.25}, known_as={"a": ("parts",), "b": ("parts",)}),
    picture(lambda values, errors: plotting.intervals(["a", "b", "c", "d"], values, errors), {"values": ERRORS, "errors": BARS}, known_as={"values": ("errors",)}, gaps=("values",)),
    picture(plotting.paths, {"times": T, "states": STATES[..., 0], "quantiles": np.array([0.25, 0.5, 0.75]), "shown": 3}, by_name=("quantiles", "shown"),
            known_as={"times": ("states",)}),
    picture(plotting.density_in_time, {"times": T, "x": X, "density": np.abs(np.resize(TABLE, (4, 7))), "quantiles": np.array([0.25, 0.5, 0.75])},
            by_name=("quantiles",), known_as={"times": ("density",), "x": ("density",)}),
    picture(plotting.layers, {"times": T, "states": STATES, "point_labels": MARKS, "shown": 3, "margin": 0.25}, by_name=("shown", "margin"),
            known_as={"times": ("states",)}, optional=("point_labels",)),
    picture(plotting.weights, {"times": T, "values": STATES[:, 0]}, gaps=("values",), known_as={"times": ("values",)}),
    picture(lambda times, W: plotting.control(times, {"W": W}), {"times": T, "W": STATES[:, 0]}, gaps=("W",),
            known_as={"times": ("values",), "W": ("values",)}),
    picture(lambda axis, values, bars: plotting.landscape([axis], values, bars), {"axis": X, "values": TABLE[:, 0], "bars": np.full(7, 0.125)}, gaps=("values",),
            known_as={"axis": ("axes", "values", "bars"), "values": ("axes", "bars")}, optional=("bars",)),
    picture(lambda across, up, values, bars, levels: plotting.landscape([across, up], values, bars, levels=levels),
            {"across": X, "up": Y, "values": TABLE, "bars": np.full((7, 5), 0.125), "levels": 5}, " (in the plane)", gaps=("values",),
            known_as={"across": ("axes", "values", "bars"), "up": ("axes", "values", "bars"), "values": ("axes", "bars")}, optional=("bars",), also={"levels": ["two numbers"]}),
    picture(lambda times, first, second, bars: plotting.ledger(times, {"drift": first, "noise": second}, bars), {
            "times": np.append(T, 1.5), "first": ERRORS, "second": -BARS, "bars": BARS}, known_as={"times": ("parts",), "first": ("parts",), "second": ("parts",)},
            optional=("bars",)),
    picture(plotting.convergence, {"x": COUNTS, "errors": ERRORS, "bars": BARS, "expected": -1.0, "floor": 0.001}, by_name=("bars", "expected", "floor"),
            known_as={"x": ("errors", "y"), "errors": ("x", "y"), "bars": ("x", "y")}, optional=("bars", "expected", "floor"), gaps=("errors",)),
    picture(lambda iteration, value: plotting.training({"a": {"iteration": iteration, "value": value, "seconds": iteration}}), {"iteration": T, "value": ERRORS},
            gaps=("value",), known_as={"iteration": ("histories",), "value": ("histories",)}),
    Subject("plotting.fitted_slope", plotting.fitted_slope, {"x": COUNTS, "y": ERRORS, "bars": BARS, "level": 0.95}, {"x": ("y",), "bars": ("x", "y")}, optional=("bars",)),
    Subject("plotting.shown_layers", plotting.shown_layers, {"count": 5, "shown": 3}),
    Subject("plotting.animate", _film(lambda frames, columns, width, height, pace: plotting.animate(
            lambda k, panels: panels[0].plot([0, k], [0, 1]), frames, columns=columns, width=width, height=height, pace=pace)),
            {"frames": 2, "columns": 1, "width": 4.0, "height": 3.0, "pace": 5.0}),
    Subject("plotting.animate_field", _film(lambda times, values, densities, pace: plotting.animate_field(times, (X,), values, densities=densities, pace=pace)),
            {"times": T, "values": np.resize(TABLE, (4, 7)), "densities": np.resize(TABLE, (4, 7)), "pace": 5.0}, {"times": ("values",)}, optional=("densities",),
            gaps=("values", "densities")),
    Subject("plotting.animate_paths", _film(plotting.animate_paths), {"times": T, "states": STATES, "point_labels": MARKS, "pace": 5.0}, {"times": ("states",)},
            optional=("point_labels",)),
    Subject("plotting.figure", lambda rows, columns, width, height: plotting.figure(rows, columns, width, height)[1].shape,
            {"rows": 1, "columns": 2, "width": 4.0, "height": 3.0}),
    Subject("plotting.png", lambda dpi: len(plotting.png(plotting.figure(width=2.0, height=1.0)[0], dpi)), {"dpi": 40.0}),
]
for subject, name in zip([s for s in SUBJECTS if s.name.startswith("plotting.<lambda>")],
                         ("budget", "intervals", "control", "landscape", "landscape", "ledger", "training")):
    subject.name = subject.name.replace("<lambda>", name)
