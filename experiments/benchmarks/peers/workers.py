"""How the peers of the particle benchmark add up chunks of paths: on one thread, or on Python threads side by side."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import numpy as np

__all__ = ["mean_and_error", "sums_by_workers", "teams"]


def teams(threads):
    """The ways to use the threads, by name: (workers that take chunks, threads inside the library for each)."""
    if threads == 1:
        return {"one thread": (1, 1)}
    return {f"{threads} workers": (threads, 1), f"{threads} threads inside": (1, threads)}


def sums_by_workers(work, chunks, workers):
    """Add what `work(worker, chunks of its share)` returns; the peers' kernels let other threads run.

    Workers take the caller's context along: PyTorch keeps its compiler's settings there.
    """
    if workers == 1:
        return work(0, chunks)
    shares = [len(part) for part in np.array_split(np.arange(chunks), workers)]
    with ThreadPoolExecutor(workers) as pool:
        tasks = [pool.submit(copy_context().run, work, *given) for given in enumerate(shares)]
        return sum(task.result() for task in tasks)


def mean_and_error(sums, paths):
    """(mean, standard error) from (Σ f, Σ f²) of values in [0, 1], whose variance rounding does not reach."""
    mean, square = np.asarray(sums, dtype=np.float64) / paths
    return float(mean), float(np.sqrt((square - mean**2) / (paths - 1)))
