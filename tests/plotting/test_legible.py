"""The checker of figures finds each fault by itself, and nothing in a figure that is in order."""

import numpy as np
import pytest

from ocnet import plotting

from .legible import SHOWN_WIDTH, faults


def _sound(columns=1, width=8.0):
    made, panels = plotting.figure(1, columns, width, 3.0)
    for k, ax in enumerate(panels[0]):
        ax.plot([0, 1], [0, 1], label="rising")
        ax.set(xlabel="time t", ylabel="value u", title=f"panel {k}")
        ax.legend(loc="upper left")
    return made, panels[0]


def test_a_figure_in_order_has_no_faults():
    made, _ = _sound(2)
    assert faults(made) == []


def _with_overlapping_text(made, axes):
    axes[0].text(0.5, 0.2, "one note")
    axes[0].text(0.52, 0.21, "another")


def _with_text_cut_off(made, axes):
    made.text(0.99, 0.5, "beyond the edge")


def _with_a_title_in_its_neighbour(made, axes):
    axes[0].text(0.9, 0.5, "a long sentence that goes on into the next panel").set_in_layout(False)


def _with_small_print(made, axes):
    axes[0].text(0.6, 0.2, "small", fontsize=5.9)


def _with_a_legend_on_a_line(made, axes):
    axes[0].legend(loc="center")


def _with_a_legend_on_points(made, axes):
    axes[0].scatter(np.linspace(0.05, 0.15, 50), np.full(50, 0.95))


def _with_a_legend_on_bars(made, axes):
    axes[0].bar([0.1], [1.0], width=0.3)


def _without_a_label(made, axes):
    axes[0].set_ylabel("")
    axes[0].set_ylim(0, 2)


@pytest.mark.parametrize("spoil, said", [
    (_with_overlapping_text, "overlaps"), (_with_text_cut_off, "leaves the figure"), (_with_a_title_in_its_neighbour, "reaches into"),
    (_with_small_print, "5.9 pt"), (_with_a_legend_on_a_line, "hides"), (_with_a_legend_on_points, "hides"),
    (_with_a_legend_on_bars, "lies on bars"), (_without_a_label, "no label")])
def test_each_fault_is_found(spoil, said):
    made, axes = _sound(2)
    spoil(made, axes)
    assert any(said in fault for fault in faults(made))


def test_print_is_measured_as_it_is_shown():
    """8 pt on a page as wide as two README columns is shown as 4 pt."""
    made, _ = _sound(1, 2 * SHOWN_WIDTH)
    assert any("4.0 pt" in fault or "4.5 pt" in fault for fault in faults(made))


def test_ticks_that_are_not_drawn_are_no_writing():
    made, axes = _sound()
    axes[0].set_xticks([0.19999, 0.2, 0.5, 0.8])
    axes[0].set_xlim(0.2, 0.8)                                           # the first tick lies outside the view and would overlap the second
    assert faults(made) == []


def test_a_colour_bar_needs_a_label_too():
    made, panels = plotting.figure(1, 1, 4.0, 3.0)
    mesh = panels[0, 0].pcolormesh(np.eye(3))
    panels[0, 0].set(xlabel="$x_1$", ylabel="$x_2$")
    bar = made.colorbar(mesh)
    assert any("no label" in fault for fault in faults(made))
    bar.set_label("value u")
    assert faults(made) == []
