"""`python -m ocnet`: lists and runs the experiments; `info` tells what a report of trouble or of speed should say."""

import ast
import difflib
import os
import platform
import runpy
import shutil
import sys
from contextlib import suppress
from importlib import import_module, metadata
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import ocnet

USAGE = """usage: python -m ocnet                        list the experiments
       python -m ocnet [run] NAME [OPTION …]  run one; --help lists its options
       python -m ocnet info                   versions, threads, cache, limits"""
NEEDED = ("numpy", "scipy", "numba", "llvmlite", "matplotlib", "scikit-learn", "tqdm", "threadpoolctl")
OPTIONAL = ("xarray", "distributed", "mpi4py", "pillow", "QuantLib", "py-pde", "jax", "diffrax", "equinox", "optax", "torch", "torchsde",
            "sphinx", "mypy", "ruff")
FEATURES = ("sse4.2", "avx", "avx2", "fma", "avx512f", "neon", "sve")         # what kernels can gain from
VARIABLES = ("OCNET_NUM_THREADS", "OCNET_QUIET", "NUMBA_NUM_THREADS", "NUMBA_CACHE_DIR", "NUMBA_DISABLE_JIT", "NUMBA_THREADING_LAYER", "OMP_NUM_THREADS",
             "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class UsageError(ValueError):
    """Words of the command line that mean nothing here."""


def folder() -> Path:
    """The folder of the experiments: beside the package in a clone of the repository, not installed with it."""
    return Path(ocnet.__file__).resolve().parents[1] / "experiments"


def experiments() -> dict[str, tuple[Path, str]]:
    """{name: (file, first sentence of its docstring)} of what can be run, benchmarks last; empty without a clone."""
    found = {}
    for path in [*sorted(folder().glob("*.py")), *sorted(folder().glob("benchmarks/*.py"))]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        runs = any(isinstance(node, ast.If) and "__main__" in ast.unparse(node.test) for node in tree.body)
        if runs:
            found[path.relative_to(folder()).with_suffix("").as_posix()] = path, _first_sentence(ast.get_docstring(tree) or "")
    return found


def _first_sentence(text: str) -> str:
    words = " ".join(text.split("\n\n")[0].split())
    return words.split(". ")[0].rstrip(".") + "."


def listing() -> list[str]:
    """Lines of text: how to call this, and the experiments; where they are not here, where they are."""
    found = experiments()
    if not found:
        where = "they are in the repository of ocnet, not in the installed package"
        return [*USAGE.split("\n"), "", f"No experiments here: {where} ({folder().parent}); run this in a clone."]
    width = max(map(len, found))
    return [*USAGE.split("\n"), "", *(f"  {name:{width}s}  {said}" for name, (_, said) in found.items())]


def run(name: str, arguments: list[str]) -> int:
    """Run an experiment in this process, as `python experiments/NAME.py ARGUMENTS` would; return its exit status.

    Raises UsageError for a name that is none, with the nearest one.
    """
    found = experiments()
    plain = name.removesuffix(".py").replace("-", "_")
    if plain not in found:
        near = difflib.get_close_matches(plain, found, 1)
        listed = "`python -m ocnet` lists them" if found else f"there are none in {folder()}; run this in a clone of the repository"
        raise UsageError(f"no experiment {name!r}: {f'did you mean {near[0]}?' if near else listed}")
    path, _ = found[plain]
    before = sys.argv, sys.path[:]
    sys.argv, sys.path[:0] = [str(path), *arguments], [str(path.parent)]
    try:
        runpy.run_path(str(path), run_name="__main__")
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
            return 1
        return ended.code or 0
    finally:
        sys.argv, sys.path[:] = before
    return 0


def information() -> dict[str, Any]:
    """What results and their speed depend on here, by name; `describe` makes lines of it."""
    import numpy as np
    from threadpoolctl import threadpool_info

    import_module("scipy.linalg")                                        # loads its BLAS
    binding: Any = import_module("llvmlite.binding")
    from ocnet.kernels import threads
    features = binding.get_host_cpu_features()
    return {
        "versions": {"ocnet": ocnet.__version__, "python": platform.python_version(), "platform": platform.platform(), **_versions(NEEDED)},
        "processor": {"name": binding.get_host_cpu_name(), "cores": os.cpu_count(), "features": [name for name in FEATURES if features.get(name)]},
        "threads": {"used": threads.threads(), "layer": _threading_layer(),
                    "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ}},
        "blas": [{key: pool[key] for key in ("internal_api", "version", "num_threads", "filepath")}
                 for pool in threadpool_info() if pool["user_api"] == "blas"],
        "cache": cache(),
        "limits": {name: {"epsilon": float(of.eps), "smallest": float(of.tiny), "largest": float(of.max)} for name, of in
                   (("double", np.finfo(np.float64)), ("single", np.finfo(np.float32)))},
        "optional": {**_versions(OPTIONAL), **({"ffmpeg": found} if (found := shutil.which("ffmpeg")) else {})},
    }


def _versions(names: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in names:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _threading_layer() -> str:
    """The layer of Numba that parallel loops would start, the first that loads here in the order that Numba tries them."""
    config: Any = import_module("numba").config
    asked = {"default": config.THREADING_LAYER_PRIORITY, "safe": ["tbb"], "threadsafe": ["tbb"], "forksafe": ["tbb", "workqueue"]}
    pools = {"tbb": "tbbpool", "omp": "omppool", "workqueue": "workqueue"}
    for layer in asked.get(config.THREADING_LAYER, [config.THREADING_LAYER]):
        try:
            import_module(f"numba.np.ufunc.{pools[layer]}")
            return layer
        except (ImportError, KeyError):
            continue
    return "none"


def cache() -> dict[str, Any]:
    """Where compiled kernels are kept, how large that is, and how many of them are compiled for the present sources."""
    from ocnet import kernels
    places, compiled, size, count = set(), 0, 0, 0
    for name in [found.name for found in iter_modules(kernels.__path__)]:
        for function in vars(getattr(kernels, name)).values():
            if getattr(function, "__module__", None) != f"{kernels.__name__}.{name}" or not hasattr(function, "_cache"):
                continue
            file = getattr(function._cache, "_cache_file", None)
            count += 1
            if file is not None:
                places.add(Path(function._cache.cache_path))
                compiled += bool(file._load_index())                    # empty where its stamp is not that of the sources
    for place in places:
        size += sum(path.stat().st_size for path in place.glob("*.nb[ic]"))
    return {"folders": sorted(map(str, places)), "bytes": size, "kernels": count, "compiled": compiled}


def describe(found: dict[str, Any]) -> list[str]:
    """The information as lines of text."""
    held, processor, threads = found["cache"], found["processor"], found["threads"]
    pairs = [("versions", ", ".join(f"{name} {version}" for name, version in found["versions"].items())),
             ("processor", f"{processor['name']}, {processor['cores']} cores, {' '.join(processor['features'])}"),
             ("threads", f"{threads['used']} for kernels, Numba's layer {threads['layer']}"
              + "".join(f", {name}={value}" for name, value in threads["variables"].items())),
             *(("BLAS", f"{blas['internal_api']} {blas['version']}, {blas['num_threads']} threads, {blas['filepath']}") for blas in found["blas"]),
             ("cache", f"{', '.join(held['folders']) or 'no folder is writable: kernels are compiled in every process; name one in NUMBA_CACHE_DIR'}"
                       f", {held['bytes'] / 2**20:.0f} MiB; {held['compiled']} of {held['kernels']} kernels compiled"
                       + ("" if held["compiled"] else ": the first run takes up to a minute longer, or call ocnet.warm_up()")),
             *((f"{name}", f"epsilon {of['epsilon']:.3g}, from {of['smallest']:.3g} to {of['largest']:.3g}") for name, of in found["limits"].items()),
             ("optional", ", ".join(f"{name} {version}" for name, version in found["optional"].items()) or "none")]
    return [f"{name:10s} {text}" for name, text in pairs]


def main(arguments: list[str] | None = None) -> int:
    """Do what the words of the command line say; return the exit status: 2, with one line on stderr, for words without meaning."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if not words or words[0] in ("-h", "--help", "list"):
            sys.stdout.write("\n".join(listing()) + "\n")
            return 0
        if words == ["info"]:
            sys.stdout.write("\n".join(describe(information())) + "\n")
            return 0
        if words[0] == "info":
            raise UsageError(f"info takes no {words[1]!r}")
        if words[0] == "run" and len(words) == 1:
            raise UsageError("run what? `python -m ocnet` lists the experiments")
        name, *rest = words[1:] if words[0] == "run" else words
        return run(name, rest)
    except UsageError as error:
        sys.stderr.write(f"python -m ocnet: error: {error}\n")
        return 2
    except BrokenPipeError:                          # as in `python -m ocnet | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
