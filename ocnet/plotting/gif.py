"""A writer of GIF files that holds one frame at a time; loaded with matplotlib, only when a GIF is saved."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.animation import AbstractMovieWriter
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from PIL.GifImagePlugin import getdata

from ocnet.typing import FilePath

__all__ = ["GifWriter"]

_COLOURS = 256                       # of the palette that each frame has of its own
_FOR_EVER = b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"


class GifWriter(AbstractMovieWriter):
    """matplotlib's face of a movie writer; equal figures give equal bytes.

    A file is the header, one (control block, palette, compressed pixels) a frame, and the end: the frames are written as they come, where
    matplotlib's own Pillow writer keeps all of them until the end.
    Source: CompuServe, GIF89a specification (1990), sections 17–27; the looping extension is Netscape's.
    """

    def setup(self, fig: Figure, outfile: FilePath, dpi: float | None = None) -> None:
        super().setup(fig, outfile, dpi)
        self._canvas, self._file = FigureCanvasAgg(fig), Path(outfile).open("wb")      # noqa: SIM115  closed by `finish`
        fig.set_dpi(self.dpi)
        self._file.write(b"GIF89a" + struct.pack("<HHBBB", *self.frame_size, 0x70, 0, 0) + _FOR_EVER)

    def grab_frame(self, **options: Any) -> None:
        """Draw the figure as it is and append it.  Raises TypeError for options: a frame has none."""
        if options:
            raise TypeError(f"options {', '.join(options)} have no place in a frame of a GIF")
        self._canvas.draw()
        pixels = np.asarray(self._canvas.buffer_rgba())[..., :3]
        frame = Image.fromarray(np.ascontiguousarray(pixels)).quantize(_COLOURS)
        for part in getdata(frame, duration=1000 / self.fps, include_color_table=True):
            self._file.write(part)

    def finish(self) -> None:
        self._file.write(b";")
        self._file.close()
