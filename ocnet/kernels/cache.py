"""The compile cache on disk, which may be stale, damaged, full or closed, and never ends a computation for it nor changes a result.

Numba trusts its files: a cut one raises in the user's call, flipped bits of machine code run, a folder that was closed after the import ends the
computation, and two processes that save at once can put one's code under the other's types.  So each file here is a stamp of the sources, a hash
of what follows, and what follows; the code is kept together with the types it is for; and what does not fit is compiled anew.
"""

import hashlib
import pickle
import sys
from functools import cache
from itertools import count
from pathlib import Path

import llvmlite
import numba
import numpy
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.serialize import dumps

from .notice import tell

__all__ = ["KernelCache", "folder_stamp"]

# what changes the code and is in none of Numba's keys, which hold Python's minor version, the processor and its features
_CHOICES = ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "USING_SVML", "BOUNDSCHECK", "ENABLE_AVX", "DEBUGINFO_DEFAULT")
_HASH = 32                                               # bytes of a SHA-256


@cache
def folder_stamp():
    """Return a hash of all kernel sources, by name and content, and of all versions and choices that compiled code depends on."""
    versions = [(of.__name__, of.__version__) for of in (sys.modules["ocnet"], numba, llvmlite, numpy)]
    choices = [(name, getattr(numba.config, name, None)) for name in _CHOICES]
    digest = hashlib.sha256(repr((versions, choices)).encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


class _SealedFiles(IndexDataCacheFile):
    """The index of a kernel, a dict from its keys (types and processor) to names of files, and those files, each a pair of key and code."""

    def _load_index(self):
        """The names by key; none where there is no index, or it is damaged or of other sources."""
        return self._opened(self._index_path) or {}

    def load(self, key):
        """What was saved under the key, or None."""
        name = self._load_index().get(key)
        held = None if name is None else self._opened(self._data_path(name))
        return held[1] if held and held[0] == key else None

    def save(self, key, data):
        """Keep data under the key; the index comes last, so that what it names is there."""
        names = self._load_index()
        name = names.get(key) or next(name for name in map(self._data_name, count(1)) if name not in names.values())
        self._seal(self._data_path(name), (key, data))
        self._save_index({**names, key: name})

    def _save_index(self, overloads):
        self._seal(self._index_path, overloads)

    def _stamp(self):
        return hashlib.sha256(repr((self._source_stamp, folder_stamp())).encode()).digest()

    def _seal(self, path, held):
        held = dumps(held)
        with self._open_for_write(path) as file:
            file.write(self._stamp() + hashlib.sha256(held).digest() + held)

    def _opened(self, path):
        """What a file holds; None where it is missing, of other sources, or, which is told, damaged or unreadable."""
        try:
            content = Path(path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            tell("unread", f"the compiled kernel {path} cannot be read ({error.strerror}) and is compiled anew")
            return None
        stamp, seal, held = content[:_HASH], content[_HASH:2 * _HASH], content[2 * _HASH:]
        if stamp != self._stamp():
            return None
        if seal != hashlib.sha256(held).digest():
            tell("damaged", f"the compiled kernel {path} is damaged and is compiled anew")
            return None
        return pickle.loads(held)


class KernelCache(FunctionCache):
    """Numba's cache of one function, on sealed files.  Raises RuntimeError, as Numba's does, where no folder can be written."""

    def __init__(self, function):
        super().__init__(function)
        plain = self._cache_file
        self._cache_file = _SealedFiles(self.cache_path, self._impl.filename_base, plain._source_stamp)

    def save_overload(self, signature, compiled):
        """Keep a compiled kernel, or tell why this could not be done."""
        try:
            super().save_overload(signature, compiled)
        except OSError as error:
            tell("unwritten", f"compiled kernels cannot be kept in {self.cache_path} ({error.strerror}), so the next run compiles them again")
