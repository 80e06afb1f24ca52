"""Solves and estimates inside other people's parallelism, run as a script with the name of a way; the test reads what it prints.

Every way works on the same tasks.  The script prints the digest of their results, and the most threads of all its processes that were running at
one time, in the middle of the samples (a single sample may meet a thread that is about to sleep).
"""

import hashlib
import os
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

TASKS = int(os.environ.get("OCNET_NESTED_TASKS", "6"))


def task(k):
    """The bits of a solve on a plane, a block on a grid and an estimate, which use every way to threads."""
    from ocnet import estimate, solve_backward, solve_chain

    from .long_runs import box, network, problem, terminal
    net = network(2)
    found = [solve_backward(problem(2), box(2, 201 + 2 * k), 4).values, estimate(problem(2), [[0.1, 0.2]], 30_000, 3, seed=k).value,
             solve_chain(net.layered(net.initialise(k)), terminal, box(2, 101)).values]
    return hashlib.sha256(b"".join(array.tobytes() for array in found)).hexdigest()


def alone():
    return [task(k) for k in range(TASKS)]


def _joblib(backend):
    from joblib import Parallel, delayed
    return Parallel(2, backend=backend)(delayed(task)(k) for k in range(TASKS))


def _pool(start):
    with ProcessPoolExecutor(2, get_context(start)) as pool:
        return list(pool.map(task, range(TASKS)))


def _threads():
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(task, range(TASKS)))


def _fork_after_work():
    """The parent's parallel loops have run, on OpenMP: GNU's ends a child that runs one."""
    task(0)
    return _pool("fork")


def _dask(**options):
    from distributed import Client, LocalCluster
    with LocalCluster(dashboard_address=None, **options) as cluster, Client(cluster) as client:
        return client.gather(client.map(task, range(TASKS)))


def _executor(start):
    """The library's own use of an executor, from two threads at once."""
    from ocnet import estimate

    from .long_runs import problem
    with ProcessPoolExecutor(2, get_context(start)) as pool, ThreadPoolExecutor(2) as callers:
        found = list(callers.map(lambda k: estimate(problem(2), [[0.1, 0.2]], 30_000, 3, seed=k, executor=pool).value, range(2)))
    inside = [estimate(problem(2), [[0.1, 0.2]], 30_000, 3, seed=k).value for k in range(2)]
    if not np.array_equal(found, inside):
        raise AssertionError("other bits with an executor")
    return alone()


def _classifiers(**options):
    """cross_val_score and GridSearchCV over the classifier, which has threads of its own."""
    from sklearn.model_selection import GridSearchCV, cross_val_score

    from ocnet import StochasticResNetClassifier
    from ocnet.kernels import threads
    x = np.random.default_rng(0).normal(size=(120, 3))
    y, model, before = (x[:, 0] > 0).astype(int), StochasticResNetClassifier(max_iter=3, layers=3, width=4, random_state=0, **options), threads.threads()
    scores = cross_val_score(model, x, y, cv=3, n_jobs=2)
    search = GridSearchCV(model, {"width": [3, 4]}, cv=2, n_jobs=2).fit(x, y)
    from joblib import parallel_config
    with parallel_config("threading", n_jobs=2):
        again = cross_val_score(model, x, y, cv=3)
    if not (scores == again).all() or search.best_estimator_.n_features_in_ != 3 or threads.threads() != before:
        raise AssertionError(f"{scores} by processes, {again} by threads; {threads.threads()} threads, {before} before")
    return alone()


WAYS = {
    "alone": alone, "threads": _threads, "joblib loky": lambda: _joblib("loky"), "joblib threading": lambda: _joblib("threading"),
    "joblib multiprocessing": lambda: _joblib("multiprocessing"), "fork": lambda: _pool("fork"), "spawn": lambda: _pool("spawn"),
    "fork after work": _fork_after_work, "dask threads": lambda: _dask(processes=False, n_workers=1, threads_per_worker=2),
    "dask processes": lambda: _dask(n_workers=2, threads_per_worker=1), "dask process of two threads": lambda: _dask(n_workers=1, threads_per_worker=2),
    "executor, spawn": lambda: _executor("spawn"), "scikit-learn": _classifiers, "scikit-learn, n_jobs": lambda: _classifiers(n_jobs=2),
}


def _children(pid):
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found + [each for child in found for each in _children(child)]


def running(pid):
    """How many threads of a process and its children are running or ready to run."""
    count = 0
    for each in [pid, *_children(pid)]:
        for stat in Path(f"/proc/{each}/task").glob("*/stat"):
            try:
                count += stat.read_text().rsplit(")", 1)[1].split()[0] == "R"
            except OSError:
                continue
    return count


def _watch(counts, stop):
    while not stop.is_set():
        counts.append(running(os.getpid()) - 1)              # the one that watches
        time.sleep(0.02)


def nested_run(way, layer="default", timeout=600):
    """(digest, threads running in nine samples of ten, most of them) of a way in a new process; raises where it ends badly or hangs."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-m", "tests.memory.nested", way], text=True, capture_output=True, timeout=timeout,
                          env={**environment, "OCNET_QUIET": "1", "NUMBA_THREADING_LAYER": layer})
    if done.returncode:
        raise AssertionError(f"{way} on {layer} ended with {done.returncode}: {done.stderr[-1500:]}")
    digest, usual, most = done.stdout.split()[-3:]
    return digest, int(usual), int(most)


def main(way):
    warnings.simplefilter("ignore")
    counts, stop = [], threading.Event()
    watcher = threading.Thread(target=_watch, args=(counts, stop), daemon=True)
    watcher.start()
    found = WAYS[way]()
    stop.set()
    watcher.join()
    print(hashlib.sha256("".join(found).encode()).hexdigest(), int(np.percentile(counts, 90)), max(counts))


if __name__ == "__main__":
    from tests.memory import nested  # so that tasks have a module that workers can import
    nested.main(sys.argv[1])
