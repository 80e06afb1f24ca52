"""Evaluations on disk: a deterministic optimiser fed with its own past walks the same path, bit for bit.

The file is one line of magic, a JSON header line (version, fingerprint, P), the header's digest, then records of one
length: seconds, J, θ (P,), ∇J (P,) as little-endian float64, and a digest chained to that of the record before.
A kill can only leave a record unfinished, and only the last: that one is dropped and computed again.
Anything else that does not fit is damage, and refused.
"""

import hashlib
import json
import os
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from ocnet.archive import told_with
from ocnet.typing import Array, ArrayLike, FilePath, Objective

from .checkpoint import CheckpointError, reading, require_same, write_bytes

__all__ = ["Journal"]

VERSION = 1
_MAGIC = b"ocnet evaluation journal\n"
_DIGEST = 16
_LONGEST_LINE = 1 << 16              # bytes of a header


def _digest(*parts):
    return hashlib.blake2b(b"".join(parts), digest_size=_DIGEST).digest()


class Journal:
    """(θ, J, ∇J) of every evaluation, appended as computed and replayed on the next opening.

    path        : the file; created at the first evaluation.  None keeps nothing and never replays
    fingerprint : text that identifies network, data and settings; another one in the file is refused
    Raises CheckpointError for a file that is foreign or damaged; that file is left as it is.
    """

    def __init__(self, path: FilePath | None, fingerprint: str = "") -> None:
        self.path = None if path is None else Path(path)
        self.fingerprint = fingerprint
        self.seconds = 0.0                   # of training, up to the latest evaluation, whenever it was made
        self._records: list[Any] = []
        self._replayed = 0
        self._size = self._chain = self._whole = self._origin = None
        if self.path is not None and self.path.exists():
            with reading(self.path, "journal") as file:
                self._read(file)

    def __len__(self) -> int:
        return len(self._records)

    @property
    def replaying(self) -> bool:
        """Whether the next evaluation comes from the file."""
        return self._replayed < len(self._records)

    def evaluate(self, objective: Objective, theta: ArrayLike) -> tuple[float, Array]:
        """Return (J, ∇J) at θ: from the file as long as θ is what the file expects, computed and appended after that.

        Raises CheckpointError when θ differs from the stored one in any bit.
        """
        theta = np.array(theta, dtype="<f8")
        if self._size not in (None, theta.size):
            raise CheckpointError(f"{self.path}: a journal of {self._size} parameters, not of {theta.size}; "
                                  "delete it or choose another place")
        return self._replay(theta) if self.replaying else self._compute(objective, theta)

    def _replay(self, theta):
        row = self._records[self._replayed]
        if row[2:2 + self._size].tobytes() != theta.tobytes():
            raise CheckpointError(f"{self.path}: evaluation {self._replayed + 1} was made at another theta; another start, "
                                  "optimiser or library wrote it, so delete it or choose another place")
        self._replayed += 1
        self.seconds = float(row[0])
        return float(row[1]), row[2 + self._size:].copy()

    def _compute(self, objective, theta):
        if self._origin is None:
            self._origin = perf_counter() - self.seconds
        value, gradient = objective.value_and_gradient(theta.copy())
        gradient = np.array(gradient, dtype="<f8")
        if gradient.shape != theta.shape:
            raise ValueError(f"the objective's gradient has shape {gradient.shape}; expected {theta.shape} as theta")
        self.seconds = perf_counter() - self._origin
        if self.path is not None:
            self._append(np.concatenate([[self.seconds, value], theta, gradient]).astype("<f8"))
        return float(value), gradient

    def _append(self, row):
        if self._chain is None:
            self._begin((row.size - 2) // 2)
        payload = row.tobytes()
        chain = _digest(self._chain, payload)
        try:
            with open(self.path, "r+b") as file:
                file.truncate(self._whole)   # drops what a kill left unfinished
                file.seek(self._whole)
                file.write(payload + chain)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise told_with(self.path, error) from error
        self._chain, self._whole = chain, self._whole + len(payload) + _DIGEST

    def _begin(self, size):
        header = {"version": VERSION, "fingerprint": self.fingerprint, "size": size}
        line = json.dumps(header, sort_keys=True).encode("utf-8") + b"\n"
        self._chain, self._size = _digest(_MAGIC, line), size
        start = _MAGIC + line + self._chain
        write_bytes(self.path, start)
        self._whole = len(start)

    def _read(self, file):
        if file.read(len(_MAGIC)) != _MAGIC:
            raise CheckpointError(f"{self.path}: not an ocnet journal, or one whose start is damaged; "
                                  "delete it to start anew")
        line = file.readline(_LONGEST_LINE)
        chain = file.read(_DIGEST)
        if not line.endswith(b"\n") or chain != _digest(_MAGIC, line):
            raise CheckpointError(f"{self.path}: the header of this journal is damaged; delete it to start anew")
        header = self._header(line)
        require_same(self.path, "version", header["version"], VERSION)
        require_same(self.path, "fingerprint", header["fingerprint"], self.fingerprint)
        self._chain, self._whole, self._size = chain, file.tell(), header["size"]
        self._read_records(file, 8 * (2 + 2 * self._size))

    def _header(self, line):
        """The header of a line whose digest is right, which is no proof that ocnet wrote it."""
        try:
            header = json.loads(line)
            if type(header["size"]) is int and header["size"] >= 0 and {"version", "fingerprint"} <= header.keys():
                return header
        except (ValueError, TypeError, KeyError, RecursionError):
            pass
        raise CheckpointError(f"{self.path}: the header of this journal is none that ocnet writes; delete it to start anew")

    def _read_records(self, file, length):
        count, rest = divmod(os.fstat(file.fileno()).st_size - self._whole, length + _DIGEST)
        for k in range(count):
            payload, found = file.read(length), file.read(_DIGEST)
            chain = _digest(self._chain, payload)
            after = self._whole + length + _DIGEST
            if found != chain:
                if k == count - 1 and rest == 0:
                    return                   # the last one, torn: it will be computed again
                raise CheckpointError(f"{self.path}: record {k + 1} of {count} is damaged; delete it to start anew")
            self._records.append(np.frombuffer(payload, dtype="<f8"))
            self._chain, self._whole = chain, after
