"""Particle tasks about limits: normals alone, the share of M1 that they would leave, and what the public face adds."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ocnet.kernels.philox import normals
from ocnet.kernels.threads import over_chunks, threads

from .protocol import Contender, Row, clock_name, compare, pinned, race
from .walk import Walk, sigmoid, walk_problem
from .walks import own_run

__all__ = ["ceiling", "draw_normals", "overhead"]

_CHUNK = 1 << 13                     # of paths or normals, in the second-level cache
_GENERATORS = {"NumPy SFC64": np.random.SFC64, "NumPy PCG64": np.random.PCG64, "NumPy Philox": np.random.Philox}


def _mean_square_off(parts):
    """Distance of the mean square of standard normals from 1, in standard errors √(2/n)."""
    count = sum(part.size for part in parts)
    return abs(sum(float((part**2).sum()) for part in parts) / count - 1) * np.sqrt(count / 2)


def _own_normals(count, chunk):
    """A callable () -> the last chunk, of `count` normals in two channels."""
    def run():
        for first in range(0, count // 2, chunk // 2):
            drawn = normals(1, first, min(chunk // 2, count // 2 - first), 0, 2)
        return drawn

    return run


def _numpy_normals(kind, count, chunk):
    generator, out = np.random.Generator(kind(1)), np.empty(min(chunk, count))

    def run():
        for first in range(0, count, chunk):
            drawn = generator.standard_normal(out=out[: min(chunk, count - first)])
        return drawn

    return run


def draw_normals(task, setting, count):
    """`count` normals on one thread, in chunks that stay in the cache and as one array."""
    rows = []
    with pinned(1):
        for name, chunk in ((task, _CHUNK), (f"{task} whole", count)):
            def contender(system, run, note):
                return Contender(system, run, lambda last: _mean_square_off([last]), count / 1e6, note)

            own = contender("ocnet", _own_normals(count, chunk), f"Philox and Box–Muller, chunks of {chunk}; error: of the mean "
                            "square of the last chunk, in standard errors")
            peers = [contender(system, _numpy_normals(kind, count, chunk), f"standard_normal(out=…), chunks of {chunk}")
                     for system, kind in _GENERATORS.items()]
            rows += compare(name, [own, *peers], "M normals/s", setting.repetitions)
    return rows


def _draws_alone(walk):
    """A callable () that draws the walk's normals by SFC64, a generator and an array in the cache for each thread."""
    workers = threads()
    generators = [np.random.Generator(np.random.SFC64(seed)) for seed in range(workers)]
    total = walk.paths * walk.layers * walk.dim // workers

    def work(generator):
        out = np.empty(_CHUNK)
        for first in range(0, total, _CHUNK):
            generator.standard_normal(out=out[: min(_CHUNK, total - first)])

    def run():
        if workers == 1:
            work(generators[0])
        else:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(work, generators))

    return run


def ceiling(task, setting, paths, dim, width):
    """The time of the walk if all were free but its draws, by NumPy's quickest generator, as a share of ocnet's time."""
    walk = Walk(dim, width, paths)
    own, draws = race([Contender("ocnet", own_run(walk)), Contender("NumPy", _draws_alone(walk))], setting.repetitions)
    return [Row(task, "ocnet", threads(), own.median, draws.median / own.median, "share of the ceiling", ratio=1.0,
                note=f"NumPy's SFC64 draws alone: {draws.median:.3g} s; above 1 the whole walk is quicker than they",
                best=min(own.seconds), runs=len(own.seconds), clock=clock_name())]


def _bare(walk):
    """A callable () -> mean: `ends` of the layered network chunk by chunk, and the terminal function."""
    _, net, theta = walk_problem(walk)

    def run():
        process, sums = net.layered(theta), []

        def piece(lo, hi):
            values = sigmoid(process.ends(np.zeros((walk.dim, hi - lo)), 1, lo).T)
            sums.append((values.sum(), np.square(values).sum()))

        over_chunks(piece, walk.paths, _CHUNK)
        return sum(value for value, _ in sums) / walk.paths

    return run


def overhead(task, setting, paths, dim, width):
    """The share of `ocnet.estimate`'s time that is not in the layers' `ends` and the terminal function."""
    walk = Walk(dim, width, paths)
    face, bare = race([Contender("ocnet", own_run(walk)), Contender("bare", _bare(walk))], setting.repetitions)
    return [Row(task, "ocnet", threads(), face.median, 1 - bare.median / face.median, "share of the face", ratio=1.0,
                note=f"layered(θ).ends over chunks of {_CHUNK} and the terminal function: {bare.median:.3g} s",
                error=abs(face.result[0] - bare.result), best=min(face.seconds), runs=len(face.seconds), clock=clock_name())]
