"""Whether a reader can read a figure: what overlaps, what is cut off, what is too small, what lies under a legend, which axis has no label.

    from tests.plotting.legible import assert_legible
    assert_legible(figure)                       # or: assert faults(figure) == []

Measured on the boxes of the renderer after a full drawing, layout included, not on pixels.
"""

import re
from itertools import combinations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.patches import Rectangle
from matplotlib.text import Text

__all__ = ["SHOWN_WIDTH", "assert_legible", "faults", "overlaps", "unlabelled"]

SHOWN_WIDTH = 830 / 96               # inches: a README column of 830 CSS pixels, of which 96 make an inch
SMALLEST = 6.0                       # points as shown; smaller print is not read
_TOUCH = 1.0                         # pixels by which boxes may share an edge: a renderer's box has half a pixel of slack on each side
_HIDDEN = 0.02                       # share of an artist's points (or of a legend's area under bars) that a legend may hide


def assert_legible(figure, hidden=_HIDDEN):
    """Raise AssertionError with every fault of the figure, one a line."""
    found = faults(figure, hidden)
    assert not found, "\n" + "\n".join(found)


def faults(figure, hidden=_HIDDEN):
    """Return what a reader would complain about, as sentences; empty for a figure that is in order."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    texts = _texts(figure, renderer)
    return [*overlaps(texts), *_cut_off(figure, texts), *_on_other_axes(figure, texts), *_too_small(figure, texts),
            *_under_legends(figure, renderer, hidden), *unlabelled(figure)]


def _texts(figure, renderer):
    """[(Text, box in pixels)] of all writing that is drawn."""
    silent = {id(label) for ax in figure.axes for axis in _axes_of(ax) for label in _undrawn_labels(ax, axis)}
    found = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip() and id(t) not in silent and _shown(t)]
    boxes = [(t, t.get_window_extent(renderer)) for t in found]
    return [(t, box) for t, box in boxes if box.width > 0 and box.height > 0]


def _axes_of(ax):
    return [ax.xaxis, ax.yaxis] + ([ax.zaxis] if hasattr(ax, "zaxis") else [])


def _undrawn_labels(ax, axis):
    """Tick labels that matplotlib holds but does not draw: of ticks outside the view, on hidden axes, and spare ones."""
    place = axis.get_transform().transform                             # on logarithmic axes, where 10⁻¹⁵ is not next to 10⁻¹⁴
    lo, hi = sorted(place(np.array(axis.get_view_interval())))
    slack = 1e-9 * (hi - lo)
    for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
        seen = lo - slack <= place(np.array([tick.get_loc()]))[0] <= hi + slack and axis.get_visible() and ax.axison and ax.get_visible()
        for label in (tick.label1, tick.label2):
            if not (seen and label.get_visible()):
                yield label
    if not (axis.get_visible() and ax.axison and ax.get_visible()):
        yield from (axis.label, axis.offsetText)


def _shown(text):
    return text.axes is None or text.axes.get_visible()


def overlaps(texts):
    """Sentences for pairs of texts whose boxes share more than an edge; texts : [(Text, box)]."""
    return [f"{_named(a)} overlaps {_named(b)}" for (a, box), (b, other) in combinations(texts, 2) if _common(box, other)]


def _common(box, other):
    width = min(box.x1, other.x1) - max(box.x0, other.x0)
    height = min(box.y1, other.y1) - max(box.y0, other.y0)
    return width > _TOUCH and height > _TOUCH


def _named(text):
    return repr(text.get_text().replace("\n", " / "))


def _cut_off(figure, texts):
    page = figure.bbox
    return [f"{_named(t)} leaves the figure" for t, box in texts
            if box.x0 < page.x0 - _TOUCH or box.y0 < page.y0 - _TOUCH or box.x1 > page.x1 + _TOUCH or box.y1 > page.y1 + _TOUCH]


def _on_other_axes(figure, texts):
    """Writing of one panel that reaches into another one (insets lie in their parents on purpose)."""
    for t, box in texts:
        for ax in figure.axes:
            own = t.axes is not None and (t.axes is ax or t.axes in ax.child_axes or ax in t.axes.child_axes or _twins(t.axes, ax))
            if not own and ax.get_visible() and _common(box, ax.get_window_extent()):
                yield f"{_named(t)} reaches into the panel {ax.get_title()!r}"


def _twins(a, b):
    return np.allclose(a.get_position().bounds, b.get_position().bounds)


def _too_small(figure, texts):
    scale = min(1.0, SHOWN_WIDTH / figure.get_figwidth())
    return [f"{_named(t)} is {t.get_fontsize() * scale:.1f} pt when the figure is shown {SHOWN_WIDTH:.2f} in wide" for t, _ in texts
            if t.get_fontsize() * scale < SMALLEST - 1e-9]


def _under_legends(figure, renderer, hidden):
    """Data of the legend's own panel that the legend covers."""
    for ax in figure.axes:
        legend = ax.get_legend()
        if legend is None or not legend.get_visible():
            continue
        box = legend.get_window_extent(renderer)
        for artist, points in _marks(ax):
            inside = points[_within(points, ax.get_window_extent())]
            share = _within(inside, box).mean() if len(inside) else 0.0
            if share > hidden:
                yield f"the legend of {ax.get_title()!r} hides {100 * share:.0f} % of {artist.get_label() or type(artist).__name__!r}"
        covered = sum(_common_area(box, bar.get_window_extent(renderer)) for bar in ax.patches if isinstance(bar, Rectangle))
        if covered > hidden * box.width * box.height:
            yield f"the legend of {ax.get_title()!r} lies on bars"


def _within(points, box):
    return (points[:, 0] > box.x0) & (points[:, 0] < box.x1) & (points[:, 1] > box.y0) & (points[:, 1] < box.y1)


def _common_area(box, other):
    return max(0.0, min(box.x1, other.x1) - max(box.x0, other.x0)) * max(0.0, min(box.y1, other.y1) - max(box.y0, other.y0))


def _marks(ax):
    """(artist, its points in pixels) of lines, bars of errors and clouds of points; lines are walked in small steps."""
    for line in ax.lines:
        if line.get_visible() and len(line.get_xydata()):
            points = line.get_transform().transform(np.ma.filled(line.get_xydata().astype(float), np.nan))
            joined = line.get_linestyle() not in ("None", "", " ")
            yield line, _walked(points) if joined else points[np.isfinite(points).all(axis=1)]
    for collection in ax.collections:
        if not collection.get_visible():
            continue
        if isinstance(collection, PathCollection):
            yield collection, collection.get_offset_transform().transform(np.asarray(collection.get_offsets(), float).reshape(-1, 2))
        elif isinstance(collection, LineCollection):
            segments = [_walked(collection.get_transform().transform(s)) for s in collection.get_segments() if len(s)]
            if segments:
                yield collection, np.concatenate(segments)
        elif isinstance(collection, PolyCollection):                      # bands, by their edges
            edges = [_walked(collection.get_transform().transform(path.vertices)) for path in collection.get_paths() if len(path.vertices)]
            if edges:
                yield collection, np.concatenate(edges)


def _walked(points, step=4.0):
    """Points along the polygon through points (n, 2), at most `step` pixels apart."""
    parts = [points[:1]]
    for a, b in zip(points[:-1], points[1:]):
        if np.isfinite(a).all() and np.isfinite(b).all():
            count = int(np.clip(np.ceil(np.hypot(*(b - a)) / step), 1, 2000))
            parts.append(a + (b - a) * (np.arange(1, count + 1) / count)[:, None])
    found = np.concatenate(parts)
    return found[np.isfinite(found).all(axis=1)]


def unlabelled(figure):
    """Sentences for axes that show numbers but do not say of what: colour bars included; a panel may rely on the label of its row or column."""
    for ax in figure.axes:
        if not (ax.get_visible() and ax.axison):
            continue
        for axis, name in zip(_axes_of(ax), "xyz"):
            if _numbered(axis) and not axis.get_label_text().strip() and not _labelled_by_a_neighbour(figure, ax, name):
                yield f"the {name} axis of {ax.get_title() or 'a panel without title'!r} has numbers but no label"


def _numbered(axis):
    """Whether the axis shows numbers; names of rows or columns say by themselves what they are."""
    lo, hi = sorted(axis.get_view_interval())
    shown = [label for t in axis.get_major_ticks() for label in (t.label1, t.label2) if label.get_visible() and lo <= t.get_loc() <= hi]
    return axis.get_visible() and any(any(c.isdigit() for c in label.get_text()) and not any(c.isalpha() for c in _plain(label)) for label in shown)


def _plain(label):
    """The text of a tick without the commands of its formula."""
    return re.sub(r"\\[a-z]+", "", label.get_text())


def _labelled_by_a_neighbour(figure, ax, name):
    """Whether a panel further left in the row (y) or below in the column (x) shares the axis's limits and has the label."""
    spec, grid = ax.get_subplotspec(), ax.get_gridspec()
    if spec is None or hasattr(ax, "_colorbar"):
        return False
    for other in figure.axes:
        place = other.get_subplotspec()
        if other is ax or place is None or other.get_gridspec() is not grid:
            continue
        same = place.rowspan == spec.rowspan if name == "y" else place.colspan == spec.colspan
        limits = (ax.get_ylim() == other.get_ylim()) if name == "y" else (ax.get_xlim() == other.get_xlim())
        label = other.get_ylabel() if name == "y" else other.get_xlabel()
        if same and limits and label.strip():
            return True
    return False
