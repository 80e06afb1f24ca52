"""Labelled data for the binary experiments: toys with known geometry, two real sets, any CSV file.

    load("moons", seed=0)    load("path/to/table.csv", seed=0)    load("path/to/cifar-10-batches-bin")    -> Dataset

Every set has one or two features, so the grid view can see it too.  Whatever is fitted (means, deviations, principal
directions) is fitted on the training part alone.  The same name and seed give the same bits.
"""

import csv
import io
import os
from functools import lru_cache
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, make_circles, make_moons
from sklearn.model_selection import train_test_split

import cifar10
from dataset import AffineMap, DataError, Dataset, Sample, principal_directions

__all__ = ["NAMES", "AffineMap", "DataError", "Dataset", "Sample", "load", "principal_directions", "ten_classes", "ten_digits"]

_SIZE = 1000                         # points of a 2-D toy, both parts together, unless said otherwise
_HALF_WIDTH = 1.25                   # of a 2-D toy before its noise, which then reaches about 1.5
_TRAIN_SHARE = 0.7
_FEWEST = 10                         # rows of each class: 7 to train on, 3 to test
_WIDEST, _MOST_BYTES = 5000, 1 << 26   # features and bytes of a table: products of all pairs are 200 MB, and cells as Python's texts some 2 GB
_LARGEST = 1e150                     # squares of larger numbers overflow
_IMAGES = ("data_batch_1.bin", "cifar-10-batches-bin")     # by which a folder of CIFAR-10 is known


def load(name_or_path, seed=0, size=_SIZE):
    """Return the Dataset of one of NAMES, or of a CSV file.

    moons, circles, spirals : `size` points, both parts together, centred and scaled by one fixed factor, so that the curves they are
                    scattered around fill [−1.25, 1.25] in their longer direction
    interval      : the 1-D toy R2 of MATH 1.7: N(∓0.5, 0.4²).  Trained on both densities as quadrature (802 weighted
                    points, so its floor is exact), tested on 2000 draws
    breast-cancer, digits (3 against 8) : standardised, projected to two principal components of unit variance
    a CSV file    : columns of numbers, then the label (two values, the smaller becomes −1), with or without a header
                    line; comma, semicolon or tab.  One or two features are standardised, more are projected like the above
    a folder with CIFAR-10's binary files : cats against dogs in two principal components; see cifar10.py, also for more classes and components
    size          : even, of a 2-D toy alone
    seed          : from 0 to 2³² − 1, of the toys' draws and of the stratified 70/30 split
    Raises          DataError
    """
    if int(seed) != seed or not 0 <= seed < 2**32:
        raise DataError(f"seed={seed} is not a whole number from 0 to 2³² − 1")
    if int(size) != size or size % 2 or size < 2 * _FEWEST or (size != _SIZE and name_or_path not in _TOYS):
        raise DataError(f"size={size}: give an even number from {2 * _FEWEST} on, of {', '.join(_TOYS)} only")
    if name_or_path in _TOYS:
        return _TOYS[name_or_path](int(seed), int(size))
    if name_or_path in _MAKERS:
        return _MAKERS[name_or_path](int(seed))
    path = Path(name_or_path)
    if os.path.isdir(path) and any(os.path.lexists(path / name) for name in _IMAGES):
        return cifar10.load(path, seed)
    raw, labels, classes = _read_table(path)
    return _fitted(path.stem, raw, labels, classes, seed)


# ---- toys ----------------------------------------------------------------------------------------------------------

def _generator(seed):
    """The draws of a toy, in a stream apart from the one that splits it, as scikit-learn takes them."""
    return np.random.RandomState(np.random.MT19937(np.random.SeedSequence([seed, 0])))


def _toy(name, raw, labels, centre, half_width, seed):
    scale = AffineMap(np.array(centre), np.eye(2) * (_HALF_WIDTH / half_width))
    train, test = _split(labels, seed)
    points = scale(raw)
    return Dataset(name, _equal(points[train], labels[train]), _equal(points[test], labels[test]), scale)


def _moons(seed, size):
    raw, y = make_moons(size, noise=0.1, random_state=_generator(seed))
    return _toy("moons", raw, 2 * y - 1, (0.5, 0.25), 1.5, seed)           # half circles around (0, 0) and (1, ½)


def _circles(seed, size):
    raw, y = make_circles(size, noise=0.1, factor=0.5, random_state=_generator(seed))
    return _toy("circles", raw, 2 * y - 1, (0.0, 0.0), 1.0, seed)


_TURNS, _INNER, _SPIRAL_NOISE = 1.25, 0.15, 0.06     # arms are (1 − inner)/(2 turns) = 0.34 apart, 5.7 deviations


def spiral_arm(s):
    """The arm of label +1 at s in [0, 1], (n, 2): 1.25 turns, radius from 0.15 to 1; the other is its negative."""
    angle, radius = 2 * np.pi * _TURNS * s, _INNER + (1 - _INNER) * s
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _spirals(seed, size):
    rng = _generator(seed)
    labels = np.repeat([-1, 1], size // 2)
    arms = labels[:, None] * spiral_arm(np.sqrt(rng.uniform(size=size)))  # √: about even along the arm
    return _toy("spirals", arms + _SPIRAL_NOISE * rng.normal(size=arms.shape), labels, (0.0, 0.0), 1.0, seed)


_MEAN, _DEVIATION = 0.5, 0.4         # of R2, MATH 1.7


def _interval(seed, nodes=401, draws=2000):
    reach = _MEAN + 6 * _DEVIATION
    x = np.linspace(-reach, reach, nodes)                                  # shared by both labels, symmetric
    density = np.exp(-0.5 * ((x + _MEAN) / _DEVIATION) ** 2)
    lower = 0.5 * density / density.sum()                                  # the other class is its mirror image
    train = Sample(np.concatenate([x, x])[:, None], np.repeat([-1, 1], nodes), np.concatenate([lower, lower[::-1]]))
    labels = np.repeat([-1, 1], draws // 2)
    points = _MEAN * labels + _DEVIATION * _generator(seed).normal(size=draws)
    return Dataset("interval", train, _equal(points[:, None], labels), AffineMap(np.zeros(1), np.eye(1)))


# ---- real sets -----------------------------------------------------------------------------------------------------

def _breast_cancer(seed):
    raw, y = load_breast_cancer(return_X_y=True)
    return _fitted("breast-cancer", raw, 2 * y - 1, ("malignant", "benign"), seed, components=2)


def _digits(seed):
    raw, y = load_digits(return_X_y=True)
    chosen = (y == 3) | (y == 8)
    return _fitted("digits", raw[chosen], np.where(y[chosen] == 3, -1, 1), ("3", "8"), seed, components=2)


def ten_digits(seed=0, components=16):
    """Return the Dataset of all ten digits, labels 0 … 9, standardised and projected to so many principal components of unit variance."""
    raw, y = load_digits(return_X_y=True)
    return _fitted("ten digits", raw, y, tuple(str(k) for k in range(10)), int(seed), int(components))


def ten_classes(folder, seed=0):
    """Return a Dataset of ten classes in 16 principal components: scikit-learn's digits, or, from a folder, all of CIFAR-10.

    seed : of the digits' split; CIFAR-10 has the published one, whatever the seed
    """
    return ten_digits(seed) if folder is None else _all_images(str(folder))


@lru_cache(maxsize=1)
def _all_images(folder):
    return cifar10.load(folder, components=16, classes=cifar10.NAMES)


def _fitted(name, raw, labels, classes, seed, components=2):
    """Split, fit the map on the training part, apply it to both."""
    train, test = _split(labels, seed)
    scale = _fit(raw[train], components, name)
    return Dataset(name, _equal(scale(raw[train]), labels[train]), _equal(scale(raw[test]), labels[test]), scale, classes)


def _fit(raw, components, name):
    """Return the AffineMap that standardises, and projects where there are more features than `components`."""
    offset = raw.mean(axis=0)
    deviation = raw.std(axis=0)
    # rounding leaves a constant column with a deviation of about 1e-16 of its size
    used = deviation > 1e-12 * np.abs(raw).max(axis=0)
    if not used.any():
        raise DataError(f"{name}: every feature is constant on the training part; give a feature that varies")
    matrix = np.diag(np.where(used, 1 / np.where(used, deviation, 1), 0))[used]
    if len(matrix) > components:
        matrix = _principal(AffineMap(offset, matrix)(raw), components) @ matrix
    return AffineMap(offset, matrix)


def _principal(z, components):
    """The `principal_directions` of centred z (n, f)."""
    return principal_directions(np.einsum("ni,nj->ij", z, z) / len(z), components)


def _split(labels, seed):
    """Return the rows of the training and test parts: 70 and 30 % of each class, chosen by the seed, in file order."""
    train, test = train_test_split(np.arange(len(labels)), train_size=_TRAIN_SHARE, stratify=labels, random_state=seed)
    return np.sort(train), np.sort(test)


def _equal(points, labels):
    return Sample(np.ascontiguousarray(points), labels.astype(np.int64), np.full(len(labels), 1 / len(labels)))


# ---- CSV -----------------------------------------------------------------------------------------------------------

def _read_table(path):
    """Return raw (n, features), labels (n,) of −1 and +1, and the two raw labels."""
    rows = _rows(path)
    width = len(rows[0][1])
    for line, cells in rows:
        if len(cells) != width:
            raise DataError(f"{path}, line {line}: {len(cells)} columns, but {width} in line {rows[0][0]}; "
                            "give every row the same number")
    if width < 2:
        raise DataError(f"{path} has one column; it needs at least one feature and, last, the label")
    if width > _WIDEST + 1:
        raise DataError(f"{path} has {width - 1} features; at most {_WIDEST} are taken, as products of all pairs are held: choose some")
    if not any(_is_number(cell) for cell in rows[0][1][:-1]):
        rows = rows[1:]                                                    # a header
    if not rows:
        raise DataError(f"{path} has a header line but no rows below it")
    raw = np.array([[_number(path, line, j, cell) for j, cell in enumerate(cells[:-1])] for line, cells in rows])
    labels, classes = _classes(path, rows)
    return raw, labels, classes


def _rows(path):
    """Return [(line number, stripped cells)], blank lines left out."""
    try:
        text = _text(path)
    except UnicodeDecodeError as error:
        line = error.object[:error.start].count(b"\n") + 1
        raise DataError(f"{path}, line {line}: byte {error.object[error.start]:#04x} is not UTF-8; "
                        "save the table as UTF-8 text") from None
    except FileNotFoundError:
        raise DataError(f"data={str(path)!r} is neither a file nor one of {', '.join(NAMES)}") from None
    except DataError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{str(path)[:200]!r} cannot be read ({reason}); "
                        f"give a CSV file, or one of {', '.join(NAMES)}") from None
    first = next(filter(str.strip, text.splitlines()), "")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=next((c for c in ",;\t" if c in first), ","), strict=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}; this is not a CSV table") from None
    if not rows:
        raise DataError(f"{path} has no rows; give one row per point, the label last")
    return rows


def _text(path):
    """What a plain file of bounded size says; DataError for a pipe, which would be waited for, a device, which may never end, and a large file."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise DataError(f"{path} is a pipe or a device; give a CSV file")
    if path.is_file() and path.stat().st_size > _MOST_BYTES:
        raise DataError(f"{path} has more than {_MOST_BYTES >> 20} MiB, and some thirty times its size would be held; give fewer rows or columns")
    data = path.read_bytes()
    if b"\0" in data:
        line = data[:data.index(b"\0")].count(b"\n") + 1
        raise DataError(f"{path}, line {line}: a byte is 0, so this is not UTF-8 text; save the table as UTF-8 text")
    return data.decode("utf-8-sig")


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _shown(cell):
    return repr(cell if len(cell) <= 30 else cell[:27] + "...")


def _number(path, line, column, cell):
    where = f"{path}, line {line}, column {column + 1}"
    if not cell:
        raise DataError(f"{where} is empty; fill it or leave the row out")
    if not _is_number(cell):
        raise DataError(f"{where}: {_shown(cell)} is not a number; features are numbers, only the last column may be text")
    value = float(cell)
    if not abs(value) <= _LARGEST:
        raise DataError(f"{where}: {_shown(cell)} is not finite or larger than {_LARGEST:g}; leave the row out or rescale")
    return value


def _classes(path, rows):
    """Return labels (n,) of −1 and +1 and the two raw labels, sorted as numbers where all are numbers, else as text."""
    cells = [cells[-1] for _, cells in rows]
    if "" in cells:
        line = rows[cells.index("")][0]
        raise DataError(f"{path}, line {line}: the label (last column) is empty; fill it or leave the row out")
    keys = [float(cell) for cell in cells] if all(map(_is_number, cells)) else cells
    for (line, _), key in zip(rows, keys):
        if key != key:
            raise DataError(f"{path}, line {line}: the label (last column) is NaN; fill it or leave the row out")
    distinct = sorted(set(keys))
    if len(distinct) != 2:
        found = f"one class ({_shown(cells[0])})" if len(distinct) == 1 else f"{len(distinct)} classes"
        raise DataError(f"{path} has {found} in its last column; two are needed")
    labels = np.array([-1 if key == distinct[0] else 1 for key in keys])
    classes = tuple(cells[keys.index(key)] for key in distinct)
    for name, label in zip(classes, (-1, 1)):
        count = int((labels == label).sum())
        if count < _FEWEST:
            raise DataError(f"{path} has {count} rows of class {_shown(name)}; at least {_FEWEST} are needed "
                            "to train and to test")
    return labels, classes


_TOYS = {"moons": _moons, "circles": _circles, "spirals": _spirals}
_MAKERS = {"breast-cancer": _breast_cancer, "digits": _digits, **_TOYS, "interval": _interval}
NAMES = tuple(_MAKERS)
