"""What an experiment leaves in its folder: NAME.png and NAME.json, each whole or not at all."""

import json
from pathlib import Path

from matplotlib import rc_context

from ocnet import plotting
from ocnet.training.checkpoint import write_bytes, write_text

__all__ = ["keep"]


def keep(folder, name, numbers, draw, dpi=100):
    """Write `numbers` as JSON and the figure that draw() returns, drawn in the house's style, to the folder, which is made if need be."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    with rc_context(plotting.STYLE):
        write_bytes(out / f"{name}.png", plotting.png(draw(), dpi=dpi))
    write_text(out / f"{name}.json", json.dumps(numbers, indent=1) + "\n")
