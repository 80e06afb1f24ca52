"""Tasks carried out by the threads inside, or by any `concurrent.futures.Executor`; results in the order of the tasks.

A task is a function that can be pickled and a small argument, so it can travel: to threads, to processes
(`ProcessPoolExecutor`), to a Dask cluster (`client.get_executor()`), to MPI ranks (`mpi4py.futures.MPIPoolExecutor`; not tested
here).  What is computed, and in which order partial results are added, is fixed before anyone is asked to do it.
"""

import pickle
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from ocnet.kernels.threads import run_all, stoppable

from .partition import TASKS

__all__ = ["in_order"]


def in_order(function: Callable[[Any], Any], arguments: Sequence[Any], executor: Executor | None = None, progress: bool = False,
             ahead: int = TASKS) -> Iterator[Any]:
    """Yield function(a) for each of the list `arguments`, in their order.

    executor : a `concurrent.futures.Executor`; None: the threads of `ocnet.set_threads`, and all results at once
    progress : whether to show a bar of the tasks that are done
    ahead    : how many tasks an executor holds at a time, which bounds the results that wait
    Raises   the first task's error;  ValueError where the function cannot be sent to the executor.
    """
    with _bar(len(arguments), progress) as done:
        if executor is None:
            yield from _by_threads(function, arguments, done)
        else:
            yield from _by_executor(function, arguments, executor, done, ahead)


@contextmanager
def _bar(total, progress):
    """A function to call as each task ends, from any thread."""
    if not progress:
        yield lambda: None
        return
    from tqdm import tqdm
    lock = threading.Lock()
    with tqdm(total=total, unit="task") as bar:
        def done():
            with lock:
                bar.update()

        yield done


def _by_threads(function, arguments, done):
    results = [None] * len(arguments)

    def task(k):
        results[k] = function(arguments[k])
        done()

    run_all([lambda k=k: task(k) for k in range(len(arguments))])
    return results


class _Sent:
    """A function that leaves early, at the next chunk, once `stopped` is set where it runs in threads of this process."""

    def __init__(self, function):
        self.function, self.stopped = function, False

    def __call__(self, argument):
        with stoppable(self):
            return self.function(argument)


def _by_executor(function, arguments, executor, done, ahead):
    waiting, sent = deque(), _Sent(function)
    try:
        for argument in arguments:
            if len(waiting) == ahead:
                yield _result(waiting.popleft(), function, executor)
            waiting.append(executor.submit(sent, argument))
            waiting[-1].add_done_callback(lambda future: done())
        while waiting:
            yield _result(waiting.popleft(), function, executor)
    finally:
        sent.stopped = True
        for future in waiting:
            future.cancel()


def _result(future, function, executor):
    try:
        return future.result()
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        if str(error) != _why_not_pickled(function):
            raise
        raise ValueError(f"executor={executor!r} sends tasks to other processes, and this one cannot be pickled: {error}; define "
                         "drift, factor, terminal, potential and source by `def` at the top of a module instead of by lambda or "
                         "inside a function, or use an executor that pickles by value, such as a Dask client's get_executor()") from error


def _why_not_pickled(function):
    try:
        pickle.dumps(function)
    except Exception as error:  # noqa: BLE001 — whatever a user's object raises is the reason
        return str(error)
    return None
