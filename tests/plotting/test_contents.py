"""What is drawn is what was given: lines, meshes, points, bands and bars hold the data, slopes are those of the data, films the frames."""

import gc
import sys
import tracemalloc
import weakref

import numpy as np
import pytest
from matplotlib import colors
from matplotlib.animation import FFMpegWriter
from matplotlib.collections import PathCollection, PolyCollection, QuadMesh
from matplotlib.figure import Figure
from matplotlib.path import Path
from PIL import Image
from scipy import integrate, stats

from ocnet import plotting
from ocnet.plotting.gif import GifWriter
from tests.chance import random, rng

from . import examples
from .examples import DENSITY, ERRORS, LABELS, LAYERS, LINE, PATHS, PICTURES, PLANE, POINTS, TIMES, X, Y, Z


def _only(ax, kind):
    (found,) = (c for c in ax.collections if isinstance(c, kind))
    return found


def test_a_field_holds_its_values_and_says_of_what_its_colours_are():
    ax = PICTURES["field"]()
    assert np.array_equal(_only(ax, QuadMesh).get_array(), PLANE.T)
    assert ax.figure.axes[1].get_ylabel() == "value u"


def test_a_curve_and_a_histogram_hold_their_numbers():
    (line,) = PICTURES["curve"]().lines
    assert np.array_equal(line.get_xydata(), np.stack([LINE, np.tanh(LINE)], axis=1))
    ax = PICTURES["z_scores"]()
    assert sum(bar.get_height() * bar.get_width() for bar in ax.patches) == pytest.approx(1, abs=1e-12)      # 27 products and sums
    assert {bar.get_y() for bar in ax.patches} == {0}
    (normal,) = ax.lines
    assert normal.get_ydata().max() == pytest.approx(1 / np.sqrt(2 * np.pi), rel=1e-3)     # 200 nodes, h = 0.045: h²/8 beside the peak


def test_points_are_drawn_by_their_label():
    ax = PICTURES["scatter"]()
    by_label = {c.get_label(): np.asarray(c.get_offsets()) for c in ax.collections if isinstance(c, PathCollection)}
    assert np.array_equal(by_label["label −1"], POINTS[LABELS < 0]) and np.array_equal(by_label["label +1"], POINTS[LABELS > 0])


def test_the_boundary_is_the_zero_contour_and_its_band_holds_exactly_where_zero_lies_between_the_bounds():
    """score = sin 2x − 1.2 y: the contour is y = sin(2x)/1.2 and the band ± 0.2/1.2 about it.

    Contours are linear between nodes: hx²/8 · max |(sin 2x)''| / 1.2 = 0.1²/8 · 4/1.2 = 4.2e-3; 1.5 times that for the corners of cells.
    """
    ax = PICTURES["boundary"]()
    line, band = None, None
    for c in ax.collections:
        if len(c.get_paths()) == 1 and c.get_fill():
            band = c.get_paths()[0].vertices
        elif len(c.get_paths()) == 1:
            line = c.get_paths()[0].vertices
    allowed = 1.5 * 0.1**2 / 8 * 4 / 1.2
    assert np.abs(line[:, 1] - np.sin(2 * line[:, 0]) / 1.2).max() < allowed
    inside = np.abs(band[:, 1]) < 1 - 1e-9                                     # the rest runs along the edge of the picture
    inside &= np.abs(band[:, 0]) < 2 - 1e-9
    away = (band[:, 1] - np.sin(2 * band[:, 0]) / 1.2)[inside]
    assert (away > 0).sum() > 25 and (away < 0).sum() > 25                      # both of its sides
    assert np.abs(np.abs(away) - 0.2 / 1.2).max() < allowed
    held = Path(band)
    assert held.contains_points([(0.5, np.sin(1.0) / 1.2)]).all() and not held.contains_points([(0.5, 0.2), (0.5, 0.99)]).any()


def test_a_threshold_stands_at_the_zero_of_the_score():
    ax = plotting.threshold([0.0, 1.0, 2.0], [-1.0, 3.0, 5.0])
    assert [line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 2] == [0.25]


def test_bands_of_paths_are_the_quantiles_of_the_sample():
    ax = PICTURES["paths"]()
    outer, inner = (c for c in ax.collections if isinstance(c, PolyCollection))
    for band, (low, high) in ((outer, (0.05, 0.95)), (inner, (0.25, 0.75))):
        corners = band.get_paths()[0].vertices
        for t, a, b in zip(TIMES, *np.quantile(PATHS, (low, high), axis=1)):
            seen = corners[corners[:, 0] == t, 1]
            assert seen.min() == a and seen.max() == b
    (median,) = (line for line in ax.lines if line.get_label() == "median")
    assert np.array_equal(median.get_ydata(), np.quantile(PATHS, 0.5, axis=1))


def test_quantiles_of_a_density_are_those_of_its_law():
    """N(0, s²): quantiles z_q s.  With p' = −(z/s) p, the trapezoidal mass is off by h²/12 p' and its linear inverse by h²/8 p'/p at most.

    Together (1/12 + 1/8) h² |z|/s: 1.71e-3 for h = 0.05, s = 0.5, z = 1.645, and 5e-5 for four digits of z.
    """
    ax = PICTURES["density_in_time"]()
    assert np.array_equal(_only(ax, QuadMesh).get_array(), DENSITY.T)
    early = [line.get_ydata()[0] for line in ax.lines]
    assert np.abs(np.array(early) - 0.5 * np.array([-1.6449, -0.6745, 0, 0.6745, 1.6449])).max() < 1.77e-3


def test_sections_cut_through_the_point_asked_for():
    axes = (X, Y, np.linspace(0, 1, 9))
    panels = plotting.sections(axes, examples.CUBE, at=(0.52, -0.4, 0.3))
    i, j, k = (int(np.abs(a - c).argmin()) for a, c in zip(axes, (0.52, -0.4, 0.3)))
    for ax, cut in zip(panels, (examples.CUBE[:, :, k], examples.CUBE[:, j], examples.CUBE[i])):
        mesh = _only(ax, QuadMesh)
        assert np.array_equal(mesh.get_array(), cut.T)
        assert mesh.get_clim() == (examples.CUBE.min(), examples.CUBE.max())      # one scale for all three


def test_few_weights_are_lines_and_many_are_bands():
    ax = plotting.weights(TIMES[:-1], examples.ARRAYS["b2"], name="b2")
    assert [line.get_label() for line in ax.lines] == ["b2[0]", "b2[1]"]
    assert np.array_equal(ax.lines[1].get_ydata(), examples.ARRAYS["b2"][:, 1])
    many = plotting.weights(TIMES[:-1], examples.ARRAYS["b1"])
    assert np.array_equal(many.lines[0].get_ydata(), np.median(examples.ARRAYS["b1"], axis=1))
    assert len(many.collections) == 2


def test_histories_are_drawn_against_what_was_asked():
    ax = plotting.training(examples.HISTORIES, against="seconds")
    for line, history in zip(ax.lines, examples.HISTORIES.values()):
        assert np.array_equal(line.get_xdata(), history["seconds"]) and np.array_equal(line.get_ydata(), history["value"])


def test_a_power_law_has_its_slope_drawn_stated_and_fitted():
    x = np.array([1.0, 2, 4, 8])
    ax = plotting.convergence(x, 3 * x**-2.0, expected=-2)
    measured, reference = ax.lines
    assert measured.get_label() == "measured: slope −2.00, 95 % −2.00 to −2.00"
    assert reference.get_label() == "slope −2"
    drawn = np.diff(np.log(reference.get_ydata())) / np.diff(np.log(x))
    assert np.abs(drawn + 2).max() < 1e-12                                     # 10 roundings of logarithms of size 3, over log 2


def test_points_at_the_floor_stay_out_of_the_slope():
    errors = np.array([1.0, 0.25, 0.0625, 1e-12, 2e-12])
    ax = plotting.convergence([1, 2, 4, 8, 16], errors, floor=1e-11)
    assert "slope −2.00" in ax.lines[0].get_label()


@random(comparisons=2)
def test_the_interval_of_a_slope_covers_as_often_as_it_says(chance):
    """2000 sets of five noisy points, with known bars and without; finds 3 and 4½ %.

    Birge's ratio only widens, so that too many are covered where bars are known, 99.9 %.  Too narrow an interval, such as the normal quantile 1.96 in place of
    Student's 3.18 with 3 degrees of freedom, covers at most 95 % of sets whose ratio is below 1, and about 92 % of all.
    """
    draws = rng(11)
    x = LAYERS
    covered = plain = 0
    for _ in range(2000):
        y = 1 / x * (1 + 0.02 * draws.normal(size=5))                         # to first order: the bias of log is 2e-4, a hundredth of a bar
        slope = plotting.fitted_slope(x, y, 0.02 / x)
        covered += slope.low <= -1 <= slope.high
        free = plotting.fitted_slope(x, y)
        plain += free.low <= -1 <= free.high
    # covered where |z| < t √max(1, χ²/3), z and χ² of 3 degrees independent
    known = integrate.quad(lambda q: stats.chi2.pdf(q, 3) * (2 * stats.norm.cdf(stats.t.ppf(0.975, 3) * np.sqrt(max(1, q / 3))) - 1), 0, 200)[0]
    chance.frequency(covered, 2000, known, detects=0.03)
    chance.frequency(plain, 2000, 0.95, detects=0.045)


def test_a_slope_of_unequal_bars_is_that_of_numpys_weighted_fit():
    """The same normal equations by another road (QR): rounding of numbers of size 10 times a condition of some 100, 1e-12."""
    y, bars = ERRORS, ERRORS * np.array([0.1, 0.01, 0.05, 0.02, 0.2])
    (slope, _), covariance = np.polyfit(np.log(LAYERS), np.log(y), 1, w=y / bars, cov="unscaled")
    found = plotting.fitted_slope(LAYERS, y, bars)
    assert found.value == pytest.approx(slope, abs=1e-12)
    residual = (np.log(y) - np.polyval(np.polyfit(np.log(LAYERS), np.log(y), 1, w=y / bars), np.log(LAYERS))) * y / bars
    assert found.error == pytest.approx(np.sqrt(covariance[0, 0] * max(1.0, residual @ residual / 3)), rel=1e-9)
    free, scaled = np.polyfit(np.log(LAYERS), np.log(y), 1, cov=True)
    unweighted = plotting.fitted_slope(LAYERS, y)
    assert (unweighted.value, unweighted.error) == pytest.approx((free[0], np.sqrt(scaled[0, 0])), rel=1e-9)


def test_a_slope_needs_three_positive_points_and_positive_bars():
    for x, y, bars in (([1, 2], [1, 2], None), ([1, 2, 3], [1, 0, 2], None), ([1, 2, 3], [1, 2, 3], [1, 0, 1])):
        with np.errstate(divide="ignore"), pytest.raises(ValueError, match="give three or more|are not all positive"):
            plotting.fitted_slope(x, y, bars)
    assert plotting.fitted_slope(LAYERS, ERRORS).to_dict()["points"] == 5 and "s.e." in repr(plotting.fitted_slope(LAYERS, ERRORS))


def test_calibration_orders_the_scores_over_a_band_that_holds_normal_draws():
    ax = PICTURES["calibration"]()
    points = ax.lines[1]
    assert np.array_equal(points.get_ydata(), np.sort(Z))


def test_a_budget_of_nothing_has_an_axis_still():
    ax = plotting.budget({"space": 0.0, "box": 0.0})
    assert ax.get_xlim()[0] > 0 and [t.get_text() for t in ax.get_yticklabels()] == ["space", "box"]


# films

def test_a_gif_holds_every_frame_and_has_the_same_bytes_twice(tmp_path):
    film = examples.FILMS["animate_field"]()
    path = film.save(tmp_path / "a.gif", dpi=50)
    first = path.read_bytes()
    assert film.save(tmp_path / "b.gif", dpi=50).read_bytes() == first
    with Image.open(path) as seen:
        assert (seen.n_frames, seen.info["duration"], seen.info["loop"]) == (3, 200, 0)
        frames = []
        for k in range(3):
            seen.seek(k)
            frames.append(np.asarray(seen.convert("RGB")).astype(int))
    assert all(np.abs(a - b).max() > 100 for a, b in zip(frames, frames[1:]))            # they do move
    film.show(1)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    canvas = FigureCanvasAgg(film.made)
    film.made.set_dpi(50)
    canvas.draw()
    drawn = np.asarray(canvas.buffer_rgba())[..., :3].astype(int)
    # a palette of 256 colours for viridis, greys and print: were they spread over the whole cube, neighbours would be 256/256^(1/3) = 40 apart; they are not
    assert drawn.shape == frames[1].shape and np.abs(drawn - frames[1]).mean() < 5


def test_a_gif_is_written_frame_by_frame_and_keeps_none(tmp_path):
    """Frames of 250 × 170 pixels: 60 of them more would be 10 MB as drawn, or 2.6 MB as palettes of one byte a pixel, if they were kept."""
    def peak(frames):
        gc.collect()
        tracemalloc.start()
        with GifWriter(fps=5).saving(Figure(figsize=(5, 3.4)), str(tmp_path / "film.gif"), 50) as writer:
            for k in range(frames):
                writer.grab_frame()
                if k % 10 == 9:
                    gc.collect()                                               # Pillow's collectors of bytes refer to themselves
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top
    peak(1)                                                                    # what is loaded on first use
    assert peak(70) - peak(10) < 1.3e6                                         # half of what palettes would take


def test_saving_a_film_lets_go_of_the_axes_of_frames_past(tmp_path):
    seen = []
    gc.disable()                                                               # what Python would collect by itself, sooner or later, is left to the film
    try:
        plotting.animate(lambda k, panels: seen.append(weakref.ref(panels[0])), 20).save(tmp_path / "film.gif", dpi=20)
        alive = sum(axes() is not None for axes in seen)
    finally:
        gc.enable()
    assert len(seen) == 21 and alive <= 5                                      # of 16 frames collected and four since, with the one shown


def test_a_film_that_cannot_be_written_leaves_nothing_and_says_what_to_do(tmp_path, monkeypatch):
    film = examples.FILMS["animate"]()
    with pytest.raises(ValueError, match=r"end it in \.gif"):
        film.save(tmp_path / "film.avi")
    monkeypatch.setattr(FFMpegWriter, "isAvailable", classmethod(lambda cls: False))
    with pytest.raises(FileNotFoundError, match="needs the program ffmpeg, which is not found; install it, or set .* or save film.gif instead"):
        film.save(tmp_path / "film.mp4")

    def spoiled(k, panels):
        if k == 2:
            raise ZeroDivisionError
    (tmp_path / "old.gif").write_bytes(b"old")
    with pytest.raises(ZeroDivisionError):
        plotting.animate(spoiled, 3).save(tmp_path / "old.gif")
    assert [p.name for p in tmp_path.iterdir()] == ["old.gif"] and (tmp_path / "old.gif").read_bytes() == b"old"


def test_an_mp4_is_handed_to_ffmpeg_frame_by_frame(tmp_path, monkeypatch):
    """A stand-in for ffmpeg, which counts the bytes of raw frames that it is piped: 3 frames of 4 bytes a pixel."""
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!{sys.executable}\nimport sys\nif '-version' in sys.argv: sys.exit()\n"
                       "open(sys.argv[-1], 'w').write(str(len(sys.stdin.buffer.read())))\n")
    program.chmod(0o755)
    import matplotlib
    with matplotlib.rc_context({"animation.ffmpeg_path": str(program)}):
        path = examples.FILMS["animate"]().save(tmp_path / "film.mp4", dpi=50)
    assert int(path.read_text()) == 3 * 4 * 250 * 170


def test_a_film_is_an_animation_of_matplotlib_where_one_is_wanted():
    film = examples.FILMS["animate"]()
    shown = film.to_matplotlib()
    assert "data:image/png" in shown.to_jshtml(fps=5, embed_frames=True)
    assert "3 frames" in repr(film)


# the style

def test_the_style_file_is_the_style_and_its_colours_are_the_palette():
    from matplotlib import style
    with style.context("ocnet.plotting.house"):
        import matplotlib
        for name, value in plotting.STYLE.items():
            assert matplotlib.rcParams[name] == value
        cycle = [colors.to_hex(c).upper() for c in matplotlib.rcParams["axes.prop_cycle"].by_key()["color"]]
    assert cycle == list(plotting.COLOURS)
    assert len(plotting.COLOURS) == len(set(plotting.COLOURS)) == len(set(plotting.MARKERS)) == len(set(plotting.DASHES))
