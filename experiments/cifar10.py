"""CIFAR-10 from the user's own copy of its binary files (Krizhevsky 2009), as points for the experiments; nothing is downloaded.

    datasets.load("path/to/cifar-10-batches-bin")                    cats against dogs in two principal components: for the binary programs
    cifar10.load(folder, components=16, classes=cifar10.NAMES)        all ten classes, labels 0 … 9; `datasets.ten_classes(folder)` has
                                                                      them for `--images FOLDER`

data_batch_1.bin … data_batch_5.bin are to train on, test_batch.bin to test: 10 000 records each, of a label byte 0 … 9 and 3072 bytes of
pixels (32 × 32 red, then green, then blue).  Files are read once, in pieces; what is checked is what is used.
"""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

from dataset import AffineMap, DataError, Dataset, Sample, principal_directions

__all__ = ["FOLDER", "NAMES", "PUBLISHED", "Images", "load", "read"]

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")      # batches.meta.txt, in the order of labels
FOLDER = "cifar-10-batches-bin"      # what the published archive unpacks to
# SHA-1 of the archive's files, as Apache MXNet checks them (python/mxnet/gluon/data/vision/datasets.py, class CIFAR10); the archive itself,
# cifar-10-binary.tar.gz, has the MD5 c32a1d4ab5d03f1284b67883e8d87530 by its authors' page
PUBLISHED = {"data_batch_1.bin": "aadd24acce27caa71bf4b10992e9e7b2d74c2540", "data_batch_2.bin": "c0ba65cce70568cd57b4e03e9ac8d2a5367c1795",
             "data_batch_3.bin": "1dd00a74ab1d17a6e7d73e185b69dbf31242f295", "data_batch_4.bin": "aab85764eb3584312d3c7f65fd2fd016e36a258e",
             "data_batch_5.bin": "26e2849e66a845b7f1e4614ae70f4889ae604628", "test_batch.bin": "67eb016db431130d61cd03c7ad570b013799c88c"}

_TEST = "test_batch.bin"
_PIXELS, _RECORDS = 3072, 10_000
_PIECE = 1024                        # records at a time; as 1024 · 128² = 2²⁴, sums of products of centred pixels are exact in single precision
_DIGESTS = {32: "md5", 40: "sha1", 64: "sha256"}        # by the number of hexadecimal digits


@dataclass(frozen=True, eq=False)
class Images:
    """What was read of one folder.

    train, test : pixels (n, 3072) uint8 of the chosen classes;  train_labels, test_labels : (n,) places in `classes`
    files : {name: SHA-256};  checked : {name: the digest that was asked for and met}
    """

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray
    classes: tuple
    files: dict
    checked: dict

    def __repr__(self):
        return (f"Images({len(self.train)} to train on and {len(self.test)} to test, of {', '.join(self.classes)}; "
                f"{len(self.checked)} of {len(self.files)} files checked by their digests)")


def load(folder, seed=0, components=2, classes=("cat", "dog"), size=None, records=_RECORDS, checksum=PUBLISHED):
    """Return the Dataset of some classes, in principal components of unit variance of the standardised pixels, fitted on what is trained on.

    folder     : cifar-10-batches-bin, or the folder that holds it
    classes    : two or more of NAMES; two have labels −1 and +1, more have 0 … K − 1, in this order
    size       : images to train on, chosen by the seed in equal shares of the classes; None takes all, and needs no seed
    records, checksum : of `read`.  Dataset.files says what was read.
    Raises DataError.  Cost: two classes 4 s and 0.5 GB, all ten 11 s and 0.8 GB, most of it for the products of 3072² pairs of pixels.
    """
    if int(components) != components or not 1 <= components <= _PIXELS:
        raise DataError(f"components={components} is not a whole number from 1 to {_PIXELS}")
    images = read(folder, classes, records, checksum)
    chosen = _chosen(images.train_labels, size, seed)
    train, labels = images.train[chosen], images.train_labels[chosen]
    scale = _fit(train, int(components))
    names = images.classes

    def sample(pixels, at):
        points = np.concatenate([scale(pixels[k:k + _PIECE]) for k in range(0, len(pixels), _PIECE)])
        return Sample(points, 2 * at - 1 if len(names) == 2 else at, np.full(len(at), 1 / len(at)))

    files = {"sha256": images.files, "checked": images.checked}
    return Dataset("cifar10", sample(train, labels), sample(images.test, images.test_labels), scale, names, files)


def _chosen(labels, size, seed):
    """Rows (size,) to train on, in file order; all for None."""
    if size is None or size == len(labels):
        return np.arange(len(labels))
    count = len(np.unique(labels))
    if int(size) != size or not count <= size <= len(labels) - count:
        raise DataError(f"size={size} images to train on of {count} classes; give a whole number from {count} to {len(labels) - count}, or None for all")
    return np.sort(train_test_split(np.arange(len(labels)), train_size=int(size), stratify=labels, random_state=seed)[0])


def _fit(pixels, components):
    """The AffineMap of standardised pixels (n, 3072) to principal components, by exact integer sums: free of the threads of BLAS."""
    count = len(pixels)
    products, sums = np.zeros((_PIXELS, _PIXELS)), np.zeros(_PIXELS)
    for k in range(0, count, _PIECE):
        centred = pixels[k:k + _PIECE].astype(np.float32) - 128
        products += centred.T @ centred
        sums += centred.sum(axis=0, dtype=np.float64)
    scaled = count * products - np.outer(sums, sums)                       # n² covariance, whole numbers below 2⁵³ as n² 128² is
    deviation = np.sqrt(np.diag(scaled)) / count
    used = deviation > 0
    if not used.any():
        raise DataError("every pixel is the same in all images to train on; these are no pictures")
    within = scaled[np.ix_(used, used)] / count**2 / np.outer(deviation[used], deviation[used])
    directions = principal_directions(within, components) / deviation[used]
    matrix = np.zeros((len(directions), _PIXELS))
    matrix[:, used] = directions
    return AffineMap(128 + sums / count, matrix)


# ---- files ---------------------------------------------------------------------------------------------------------

def read(folder, classes=NAMES, records=_RECORDS, checksum=PUBLISHED):
    """Return the `Images` of some classes from the six files of a folder.

    records  : in each file; another number than 10 000 is for files of the same form that are not the published ones
    checksum : {file name: MD5, SHA-1 or SHA-256 in hexadecimal digits}; those of the published files unless given; None checks sizes and labels alone
    Raises   DataError, in one line, for an absent folder, files that are missing, links, not plain, of another size or another digest, labels
             above 9.  Links are refused since what they name may lie outside the folder that was named (that may be a link itself).
    """
    classes, wanted = _wanted(classes)
    pins = _pins(checksum)
    if int(records) != records or records < 1:
        raise DataError(f"records={records} is not a whole number ≥ 1")
    folder = _located(Path(folder))
    parts, labels, files = {True: [], False: []}, {True: [], False: []}, {}
    for name in PUBLISHED:
        pixels, at, digests = _read_file(folder / name, int(records), wanted)
        if pins.get(name) not in (None, *digests.values()):
            raise DataError(f"{folder / name} has the digest {digests[_DIGESTS[len(pins[name])]]}, not {pins[name]}: it is not the file that was meant; "
                            "unpack the archive anew, or give checksum= your own digests")
        parts[name == _TEST].append(pixels)
        labels[name == _TEST].append(at)
        files[name] = digests["sha256"]
    train, test = (np.concatenate(parts[key]) for key in (False, True))
    at_train, at_test = (np.concatenate(labels[key]) for key in (False, True))
    for place, name in enumerate(classes):
        if not (at_train == place).any() or not (at_test == place).any():
            raise DataError(f"{folder} has no {name} to train on or to test; choose other classes")
    return Images(train, at_train, test, at_test, classes, files, pins)


def _wanted(classes):
    """The classes as a tuple, and (256,) their places by label byte, −1 for those that are not asked for."""
    classes = (classes,) if isinstance(classes, str) else tuple(classes)
    if len(classes) < 2 or len(set(classes)) != len(classes) or set(classes) - set(NAMES):
        raise DataError(f"classes={classes}: give two or more different ones of {', '.join(NAMES)}")
    places = np.full(256, -1)
    places[[NAMES.index(name) for name in classes]] = np.arange(len(classes))
    return classes, places


def _pins(checksum):
    """{file name: digest in small letters}, or DataError."""
    pins = {name: str(digest).lower() for name, digest in (checksum or {}).items()}
    for name, digest in pins.items():
        if name not in PUBLISHED:
            raise DataError(f"checksum names {name!r}, which is none of {', '.join(PUBLISHED)}")
        if len(digest) not in _DIGESTS or set(digest) - set("0123456789abcdef"):
            raise DataError(f"checksum[{name!r}]={digest[:70]!r} is no MD5, SHA-1 or SHA-256: 32, 40 or 64 hexadecimal digits")
    return pins


def _located(folder):
    """The folder of the files: the one named, or cifar-10-batches-bin in it."""
    if not os.path.isdir(folder):
        raise DataError(f"{str(folder)[:200]!r} is not a folder; give the one that cifar-10-binary.tar.gz of www.cs.toronto.edu/~kriz/cifar.html "
                        f"was unpacked in, or {FOLDER} itself")
    inside = folder / FOLDER
    if not os.path.lexists(inside):
        return folder
    if inside.is_symlink() or not inside.is_dir():
        raise DataError(f"{inside} is a link or no folder; name the folder that holds the files itself")
    return inside


def _read_file(path, records, places):
    """Pixels (n, 3072) and places (n,) of the wanted records, and {kind: digest} of the whole file, from one pass over it."""
    hashes = {kind: hashlib.new(kind, usedforsecurity=False) for kind in _DIGESTS.values()}
    pixels, found = [], []
    with _opened(path, records) as file:
        for first in range(0, records, _PIECE):
            piece = np.empty((min(_PIECE, records - first), 1 + _PIXELS), np.uint8)
            if file.readinto(piece) != piece.nbytes:
                raise DataError(f"{path} ends within its records {first} to {first + len(piece) - 1}, though it was long enough when it was opened")
            for digest in hashes.values():
                digest.update(piece)
            wrong = piece[:, 0] > 9
            if wrong.any():
                record = int(np.argmax(wrong))
                raise DataError(f"{path}, record {first + record}: the label is {piece[record, 0]}, not 0 … 9; the file is damaged, or of another set")
            at = places[piece[:, 0]]
            pixels.append(piece[at >= 0, 1:])
            found.append(at[at >= 0])
    return np.concatenate(pixels), np.concatenate(found), {kind: digest.hexdigest() for kind, digest in hashes.items()}


def _opened(path, records):
    """The file, open to read: a plain one of the right size, that is no link.  Asked of what was opened, so that nothing can change between."""
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        raise DataError(f"{path} is missing; the set has {', '.join(PUBLISHED)}") from None
    except OSError as error:
        reason = "it is a link; copy the file itself into the folder" if os.path.islink(path) else error.strerror
        raise DataError(f"{path} cannot be read: {reason}") from None
    about, expected = os.fstat(number), records * (1 + _PIXELS)
    if stat.S_ISREG(about.st_mode) and about.st_size == expected:
        return os.fdopen(number, "rb")
    os.close(number)
    if not stat.S_ISREG(about.st_mode):
        raise DataError(f"{path} is not a plain file")
    raise DataError(f"{path} has {about.st_size} bytes; {records} records of {1 + _PIXELS} are {expected}: it was cut short, or is not of the binary version")
