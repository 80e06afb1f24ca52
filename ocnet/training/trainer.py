"""`train`: an objective, a start, an optimiser."""

import sys
import threading
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
from tqdm import tqdm

from ocnet.archive import alone
from ocnet.blas import one_thread
from ocnet.inputs import as_array
from ocnet.typing import ArrayLike, Callback, FilePath, Objective, Optimiser, Progress

from .objectives.grid import GridObjective
from .result import TrainingResult
from .second_opinion import warn_of_box

__all__ = ["TrainingResult", "minimised", "train"]


class _Bar(tqdm):
    """A bar with a lock of this process alone: that of tqdm is shared by all that are forked, and one that was killed within it would stop the others."""


_Bar.set_lock(threading.RLock())


@contextmanager
def _reporter(progress, iterations):
    """Yield report(iteration, value): the caller's own, or a bar on stderr that is silent where that is no terminal."""
    if callable(progress):
        yield progress
        return
    with _Bar(total=iterations, desc=progress, disable=None, file=sys.stderr, leave=False) as bar:
        def report(iteration, value):
            bar.set_postfix_str(f"J={value:.5g}", refresh=False)
            bar.update(iteration - bar.n)
        yield report


def checked_optimiser(optimiser: Any) -> Any:
    """Return an optimiser as it is; ValueError for a class, a name, or anything else without `minimise`."""
    if isinstance(optimiser, type) or not hasattr(optimiser, "minimise"):
        is_class = isinstance(optimiser, type) and hasattr(optimiser, "minimise")
        told, such = (f"{optimiser.__name__} is a class", f"{optimiser.__name__}()") if is_class else (f"{optimiser!r} is no optimiser", "LBFGS()")
        raise ValueError(f"optimiser={told}; give an object of ocnet.training.optimisers, such as {such}")
    return optimiser


def checked_callback(callback: Any) -> Any:
    """Return a callback as it is; TypeError for anything that cannot be called, but None."""
    if callback is not None and not callable(callback):
        raise TypeError(f"callback={callback!r} cannot be called; give a function of the state, or None")
    return callback


def only_writer(journal: FilePath | None) -> Any:
    """A block in which no other run writes to the journal, a file or a folder of journals; InUse if one does."""
    return nullcontext() if journal is None else alone(journal, "choose another journal")


def checked_objective(objective: Any, *needs: str) -> Any:
    """Return an objective as it is; ValueError for a class, and for anything without all of `needs`; where none are named, without `value` and
    `value_and_gradient`."""
    lacking = [need for need in needs if not hasattr(objective, need)]
    if isinstance(objective, type) or lacking or not (hasattr(objective, "value") or hasattr(objective, "value_and_gradient")):
        told = f"{objective.__name__} is a class, not an" if isinstance(objective, type) else f"{type(objective).__name__}(…) is no"
        lacks = f" (it has no `{lacking[0]}`)" if lacking and hasattr(objective, "value") else ""
        raise ValueError(f"objective={told} objective{lacks}; give ParticleObjective(setting, paths=8) or GridObjective(setting, grid)")
    return objective


def train(objective: Objective, theta: ArrayLike, optimiser: Optimiser, journal: FilePath | None = None, progress: Progress | None = None,
          callback: Callback | None = None) -> TrainingResult:
    """Minimise the objective from θ and return the best point met.

    objective : `value_and_gradient(theta)`, `value(theta)`, `draw(iteration)`; with a journal also `fingerprint()`
    theta     : (P,) finite start, not changed
    optimiser : a member of `ocnet.training.optimisers`
    journal   : path where the optimiser writes what it needs to go on; if the file exists, the run is continued,
                with the bits of an uninterrupted one.  One run at a time may write there.  None writes nothing
    progress  : None or a label for a bar on stderr (silent off a terminal), or a callable (iteration, value)
    callback  : callable (state), called after every iteration with the whole `optimisers.state.State`, its arrays read-only; a true
                value stops the run, which can be resumed.  Iterations replayed from a journal are shown again
    Returns     TrainingResult.  Ctrl-C returns the best point so far, and says so in `message` (KeyboardInterrupt if no point has been
                judged yet).
    Raises      CheckpointError if the file at `journal` is damaged or of another run (it is left as it is);
                ocnet.archive.InUse, an OSError, if another run is writing there; OSError if the disk is full: a run after that goes on;
                ValueError if θ or J(θ) is not finite, or the objective or the optimiser is none.
    Warns       (RuntimeWarning) where the paths at the best point leave the fixed box of a GridObjective and tell another J (`second_opinion`).
    BLAS is held to one thread meanwhile: its sums depend on the number of threads, and so would every bit after.
    """
    result = minimised(objective, theta, optimiser, journal, progress, callback)
    try:
        if isinstance(objective, GridObjective) and not result.interrupted:
            warn_of_box(objective, result.x)
        return result  # noqa: RET504, TRY300 — an interrupt may come between the two
    except KeyboardInterrupt:
        return replace(result, interrupted=True)
    except (ArithmeticError, ValueError, MemoryError):                 # no opinion, where the paths cannot be followed: that costs nobody a training
        return result


def minimised(objective: Objective, theta: ArrayLike, optimiser: Optimiser, journal: FilePath | None = None, progress: Progress | None = None,
              callback: Callback | None = None) -> TrainingResult:
    """`train` without a doubt about the box, for those who have their own."""
    checked_objective(objective)
    checked_optimiser(optimiser)
    checked_callback(callback)
    theta = np.array(as_array(theta, "theta", (None,)), order="C")
    result = None
    try:
        with only_writer(journal), one_thread(), _reporter(progress, optimiser.iterations) as report:
            result = optimiser.minimise(objective, theta, journal, report, callback)
        return result  # noqa: RET504 — an interrupt may come between the two
    except KeyboardInterrupt:
        if result is None:
            raise
        return replace(result, interrupted=True)
