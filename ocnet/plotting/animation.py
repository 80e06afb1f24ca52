"""Pictures that move: one figure, drawn anew frame by frame and written as it goes, so that memory does not grow with the frames."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ocnet.inputs import as_array, as_number, as_whole

from . import style
from .fields import curve, field, scatter
from .paths import paths
from .style import COLOURS, MARKERS, along, figure, gapped

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

__all__ = ["Animation", "animate", "animate_field", "animate_paths"]

_LITTER = 16                         # frames whose discarded axes, which refer to themselves, may lie about before they are collected
_EDGE = 0.05                         # of a picture around what is ever drawn in it, as a share


@dataclass(frozen=True, eq=False)
class Animation:
    """Frames 0 … frames − 1 of one figure, drawn when they are wanted.

    made : the figure, which holds the frame drawn last;  show : callable k that draws frame k on it;  pace : frames per second
    """

    made: Figure
    show: Callable[[int], None]
    frames: int
    pace: float = 5.0

    def save(self, path: str | os.PathLike, dpi: float = 90) -> Path:
        """Write the frames to `path`, whole or not at all: .gif by Pillow, .mp4 (or .mkv, .mov) by ffmpeg; returns the path.

        Raises ValueError for another suffix; FileNotFoundError where ffmpeg is wanted and not there.
        Cost   memory of a frame or two, however many there are.  GIFs have the same bytes each time; what ffmpeg writes is its own affair.
        """
        from matplotlib import rc_context
        path = Path(path)
        writer = _writer(path, self.pace)
        partial = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
        try:
            with rc_context(style.STYLE), writer.saving(self.made, str(partial), dpi):
                for k in range(self.frames):
                    self.show(k)
                    writer.grab_frame()
                    if k % _LITTER == _LITTER - 1:
                        gc.collect()
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        return path

    def to_matplotlib(self) -> FuncAnimation:
        """Return a matplotlib FuncAnimation of the same figure, for a notebook's `HTML(….to_jshtml())`; keep it alive while it is shown."""
        from matplotlib.animation import FuncAnimation
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        FigureCanvasAgg(self.made)
        return FuncAnimation(self.made, self._artists, frames=self.frames, interval=1000 / self.pace, cache_frame_data=False)

    def _artists(self, k):
        self.show(k)
        return []

    def __repr__(self) -> str:
        return f"Animation({self.frames} frames, {self.frames / self.pace:.3g} s; save it as .gif or .mp4)"


_BY_FFMPEG = (".mp4", ".mkv", ".mov")


def _writer(path, pace):
    if path.suffix == ".gif":
        from .gif import GifWriter
        return GifWriter(fps=pace)
    if path.suffix not in _BY_FFMPEG:
        raise ValueError(f"path={str(path)!r} is no film; end it in .gif, or in {', '.join(_BY_FFMPEG)} where ffmpeg is installed")
    from matplotlib.animation import FFMpegWriter
    if not FFMpegWriter.isAvailable():
        raise FileNotFoundError(f"path={str(path)!r} needs the program ffmpeg, which is not found; install it, or set matplotlib's "
                           f"rcParams['animation.ffmpeg_path'] to where it is, or save {path.with_suffix('.gif').name} instead")
    # H.264 wants an even number of pixels: what is missing is filled in white
    return FFMpegWriter(fps=pace, codec="h264", extra_args=["-pix_fmt", "yuv420p", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white"])


def animate(draw: Callable[[int, np.ndarray], Any], frames: int, *, columns: int = 1, width: float = 5.0, height: float = 3.4, pace: float = 5.0) -> Animation:
    """Return the `Animation` of a callable that draws frame k on empty axes: draw(k, panels (columns,)).

    width, height : of the figure, in inches;  pace : frames per second
    Raises ValueError for fewer than one frame, or a pace that is not positive.
    """
    frames = as_whole(frames, "frames", remedy="a film has one frame or more")
    pace = as_number(pace, "pace", at_least=1e-6, at_most=1e6, remedy="it is a positive number of frames per second")
    made, _ = figure(1, columns, width, height)

    def show(k):
        from matplotlib import rc_context
        with rc_context(style.STYLE):
            made.clear()
            panels = made.subplots(1, columns, squeeze=False)[0]
            for ax in panels:
                ax.tick_params(labelsize=style.STYLE["font.size"])
            draw(k, panels)
    show(0)
    return Animation(made, show, frames, pace)


def animate_field(times: ArrayLike, axes: Sequence[np.ndarray], values: ArrayLike, *, densities: ArrayLike | None = None, meaning: str = "value",
                  pace: float = 5.0) -> Animation:
    """Return the `Animation` of values over time, beside a density over the same axes where one is given.

    times : (K,);  axes : one or two arrays;  values, densities : (K, *shape), in one scale for all frames each
    """
    moments, axes = along(times, "times"), [along(axis, f"axes[{i}]") for i, axis in enumerate(axes)]
    rows: list[tuple[np.ndarray, str, dict[str, Any]]] = [(_frames(moments, axes, values, "values"), meaning, {})]
    if densities is not None:
        rows.append((_frames(moments, axes, densities, "densities"), "density", {"cmap": "Greys"} if len(axes) == 2 else {"color": "black"}))

    def draw(k, panels):
        for ax, (frames, told, looks) in zip(panels, rows):
            there = frames[np.isfinite(frames)]
            low, high = (there.min(), there.max()) if there.size else (0.0, 1.0)
            if len(axes) == 2:
                field(*axes, frames[k], bar=told, ax=ax, vmin=low, vmax=high, **looks)
            else:
                curve(axes[0], frames[k], labels=("$x$", told), ax=ax, **{"color": COLOURS[0], **looks})
                edge = _EDGE * ((high - low) or 1.0)
                ax.set_ylim(low - edge, high + edge)
            ax.set_title(f"{told}, t = {moments[k]:.2f}")

    return animate(draw, moments.size, columns=len(rows), width=4.0 * len(rows) + 0.6, pace=pace)


def _frames(times, axes, values, name):
    values, shape = gapped(values, name), (len(times), *(len(a) for a in axes))
    if len(axes) not in (1, 2) or values.shape != shape:
        raise ValueError(f"{name} has shape {values.shape}; expected {shape}: a frame for each time, over one or two axes")
    return values


def animate_paths(times: ArrayLike, states: ArrayLike, point_labels: ArrayLike | None = None, *, pace: float = 5.0) -> Animation:
    """Return the `Animation` of paths: on a line the fan as it grows, in the plane the cloud as it moves.

    times : (K,);  states : (K, n, d), d = 1 or 2 (of more, the first two coordinates are drawn);  point_labels : (n,) −1 or 1, or None
    """
    times, states = along(times, "times"), gapped(as_array(states, "states"), "states")
    if states.ndim != 3 or not all(states.shape) or len(states) != times.size:
        raise ValueError(f"states has shape {states.shape}; expected ({times.size}, n, d): a layer for each time")
    lower, upper = states.min(axis=(0, 1)), states.max(axis=(0, 1))
    edge = _EDGE * np.maximum(upper - lower, 1e-12)
    lower, upper = lower - edge, upper + edge
    marks = np.full(states.shape[1], -1) if point_labels is None else as_array(point_labels, "point_labels", (states.shape[1],))

    def fan(k, panels):
        paths(times[:k + 1], states[:k + 1, :, 0], ax=panels[0])
        panels[0].plot(np.full(states.shape[1], times[k]), states[k, :, 0], MARKERS[0], ms=2, color="black", alpha=0.3)
        panels[0].set(xlim=(times[0], times[-1]), ylim=(lower[0], upper[0]), title=f"t = {times[k]:.2f}")

    def cloud(k, panels):
        scatter(states[k, :, :2], marks, ax=panels[0])
        panels[0].set(xlim=(lower[0], upper[0]), ylim=(lower[1], upper[1]), title=f"layer {k}, t = {times[k]:.2f}")

    return animate(fan if states.shape[2] == 1 else cloud, len(states), pace=pace)
