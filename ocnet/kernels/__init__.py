"""Numbers in, numbers out: the compiled floor of `ocnet`.

Kernels take whole arrays and a range `lo, hi`, write into `out` arguments and decide nothing.  Points are
(d, n) float64 in C order, so that the inner loop runs over points.  Modules load on first attribute access,
which keeps `import ocnet` free of the compiler.
"""

from importlib import import_module

__all__ = ["compile", "dense", "diagonals", "draws", "elementary", "elementary_rows", "elementary_single", "fused_plane", "fused_plane_transposed", "interpolation", "interpolation_in_space",
           "line_stage", "memory", "notice", "perceptron", "perceptron_on_axes", "perceptron_paths", "philox",
           "philox_single", "prefilter", "rates", "roughness", "smoothing", "stencil", "threads"]


def __getattr__(name):
    if name.startswith("_"):
        raise AttributeError(name)
    try:
        return import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        raise AttributeError(f"ocnet.kernels has no module {name!r}") from error
