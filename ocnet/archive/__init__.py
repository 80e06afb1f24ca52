"""Objects on disk: a tree of ocnet's frozen dataclasses and plain values in one .npz file, whole or absent, back to the last bit.

Format 1    a zip archive of stored (never compressed) .npy members, which `numpy.load` reads too: first "ocnet", a JSON text as bytes,
            then the arrays that the text refers to, named after their places.  The archive's comment is "ocnet sha256 " and the SHA-256
            of every byte before those 64 digits, so no byte of a file can change unseen.  Format 0, which had no checksum, is refused.
Trust       nothing in a file is executed.  There is no pickle; a class is found by its name in `known`, never imported by a name from a
            file, and made by its own constructor, which checks its arguments.  A checksum shows damage, not who wrote the file.
Memory      nothing is compressed and every size is held against the bytes that are there before memory is asked for, so that loading takes
            about the size of the file, which is at most `most_bytes` (some 20 times the size for a file of nothing but empty members).
"""

from .atomic import replacing, told_with, write_bytes
from .container import MOST_BYTES, ArchiveError
from .known import known, plain
from .lock import InUse, alone
from .saved import Saved, load, save

__all__ = ["MOST_BYTES", "ArchiveError", "InUse", "Saved", "alone", "known", "load", "plain", "replacing", "save", "told_with", "write_bytes"]
