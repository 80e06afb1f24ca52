"""Every public drawing function keeps one contract: axes by name or new ones, labels on every axis, nothing that overlaps, no pyplot, equal bytes."""

import inspect
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.axes import Axes

from ocnet import plotting

from .examples import FILMS, PANELS, PICTURES, drawn_names
from .legible import assert_legible

ROOT = Path(__file__).resolve().parents[2]


def test_every_drawing_function_has_an_example():
    assert drawn_names() == set(PICTURES) | set(PANELS) | set(FILMS)


def test_every_drawing_function_takes_its_axes_by_name():
    for name in set(PICTURES) | set(PANELS):
        known = inspect.signature(getattr(plotting, name)).parameters
        axes = known["ax" if name in PICTURES else "panels"]
        assert axes.kind is inspect.Parameter.KEYWORD_ONLY and axes.default is None, name


@pytest.mark.parametrize("name", PICTURES)
def test_without_axes_a_legible_figure_of_its_own_is_made(name):
    ax = PICTURES[name]()
    assert isinstance(ax, Axes)
    assert ax.get_xlabel() or name == "never"
    assert_legible(ax.figure)
    if ax.get_legend() is None and ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper left", bbox_to_anchor=(0, -0.15))             # beside the data, as a caller may want it
        assert_legible(ax.figure)


@pytest.mark.parametrize("name", PICTURES)
def test_given_axes_are_drawn_on_and_others_left_alone(name):
    made, panels = plotting.figure(1, 2, 9.0, 3.2)
    given, other = panels[0]
    assert PICTURES[name](ax=given) is given
    assert given.has_data() and not other.has_data() and not other.get_xlabel() and not other.texts
    other.set_visible(False)
    assert_legible(made)


@pytest.mark.parametrize("name", PANELS)
def test_many_panels_are_made_or_taken(name):
    count, draw = PANELS[name]
    made = draw()
    assert made.shape == (count,) and all(isinstance(ax, Axes) for ax in made)
    assert_legible(made[0].figure)
    sheet, panels = plotting.figure(1, count, 9.6, 2.9)
    assert list(draw(panels=panels[0])) == list(panels[0])
    assert_legible(sheet)


@pytest.mark.parametrize("name", FILMS)
def test_every_frame_of_a_film_is_legible_and_no_other(name):
    film = FILMS[name]()
    for k in range(film.frames):
        film.show(k)
        assert_legible(film.made)
    panels = len(film.made.axes)
    film.show(0)
    assert len(film.made.axes) == panels                                    # frames replace each other, colour bars included


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_equal_data_make_equal_files_whatever_the_users_style(name):
    first = plotting.png(PICTURES[name]().figure, dpi=50)
    with rc_context({"font.size": 14, "axes.grid": False, "lines.linewidth": 1.5, "image.cmap": "magma", "axes.spines.top": True,
                     "legend.fontsize": 3, "font.family": "serif"}):
        assert plotting.png(PICTURES[name]().figure, dpi=50) == first


def test_numbers_at_the_ticks_have_the_houses_size_in_a_figure_that_its_user_saves():
    with rc_context({"font.size": 14}):
        ax = plotting.curve([0, 1], [0, 1])
        ax.figure.savefig(io.BytesIO())
        assert {label.get_fontsize() for label in [*ax.get_xticklabels(), *ax.get_yticklabels()]} == {plotting.STYLE["font.size"]}


def test_axes_among_the_data_are_refused_with_the_remedy():
    _, ((ax,),) = plotting.figure(1, 1)
    for wrong in (ax, None):
        with pytest.raises(TypeError, match=r"curve takes its data first and axes by name: curve\(…, ax=ax\)"):
            plotting.curve(wrong, [0, 1], [0, 1])


def test_nothing_imports_pyplot_and_importing_the_package_imports_no_matplotlib():
    code = ("import sys, ocnet.plotting; assert 'matplotlib' not in sys.modules; "
            "from tests.plotting.examples import *; [p() for p in PICTURES.values()]; [p() for _, p in PANELS.values()]; "
            "[film() for film in FILMS.values()]; assert 'matplotlib' in sys.modules; sys.exit('matplotlib.pyplot' in sys.modules)")
    assert subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT).returncode == 0


def test_pyplots_figures_and_current_axes_stay_what_they_are():
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    pyplot.close("all")
    mine = pyplot.figure().add_subplot()
    try:
        for draw in PICTURES.values():
            draw()
        assert pyplot.get_fignums() == [mine.figure.number] and pyplot.gca() is mine and not mine.has_data()
    finally:
        pyplot.close("all")


@pytest.mark.parametrize("draw, said", [
    (lambda: plotting.field([0, 1], [0, 1, 2], np.zeros((3, 2))), r"values has shape \(3, 2\); expected \(2, 3\)"),
    (lambda: plotting.boundary([0, 1], [0, 1], np.eye(2), low=np.eye(2)), "give both low and high"),
    (lambda: plotting.boundary([0, 1], [0, 1], np.eye(2), low=np.eye(2), high=-np.eye(2)), "low is above high at 2 nodes; swap them"),
    (lambda: plotting.paths([0, 1], np.zeros((3, 2))), r"expected \(2, paths\)"),
    (lambda: plotting.paths([0, 1], np.zeros((2, 2)), quantiles=(0.1, 0.5, 0.8)), "symmetric about ½"),
    (lambda: plotting.density_in_time([0, 1], [0, 1, 2], np.zeros((2, 2))), r"expected \(2, 3\)"),
    (lambda: plotting.on_grid(([0, 1],) * 3, np.zeros((2, 2, 2))), "plotting.sections"),
    (lambda: plotting.sections(([0, 1],) * 2, np.zeros((2, 2))), "along three axes"),
    (lambda: plotting.control([0, 1], {"a": [1, 2], "b": [1, 2]}, panels=plotting.figure()[1][0]), "holds 1 axes for 2 arrays, a, b"),
    (lambda: plotting.weights([0, 1], np.zeros((3, 1))), "an array for each layer"),
    (lambda: plotting.budget({"space": -1.0}), r"\['space'\] are not sizes"),
    (lambda: plotting.training({}, against="days"), "choose 'iteration' or 'seconds'"),
    (lambda: plotting.calibration([0.0, 1.0], share=2), "share=2 is out of range; it is a probability"),
    (lambda: plotting.convergence([1, 2], [1, 2, 3]), r"errors \(3,\)"),
    (lambda: plotting.layers([0, 1], np.zeros((2, 3))), r"expected \(2, n, d\)"),
    (lambda: plotting.animate(lambda k, panels: None, 0), "frames=0"),
    (lambda: plotting.animate_field([0, 1], ([0, 1],), np.zeros((1, 2))), r"expected \(2, 2\)")])
def test_wrong_arguments_are_told_by_name_and_with_the_remedy(draw, said):
    with pytest.raises(ValueError, match=said):
        draw()
