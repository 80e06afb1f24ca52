"""The data: known geometry, nothing learned from the test part, and an answer to every bad file."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from tests.chance import SHIFT, random

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import datasets
from datasets import NAMES, DataError, load

every_name = pytest.mark.parametrize("name", NAMES)
TOYS = ("moons", "circles", "spirals")
REAL = ("breast-cancer", "digits")


def raw_data(name):
    """Features and labels of the real sets, by scikit-learn alone."""
    raw, y = load_breast_cancer(return_X_y=True) if name == "breast-cancer" else load_digits(return_X_y=True)
    keep = np.ones(len(y), bool) if name == "breast-cancer" else np.isin(y, (3, 8))
    return raw[keep], np.where(y[keep] == (0 if name == "breast-cancer" else 3), -1, 1)


def content(dataset):
    return [array.tobytes() for part in (dataset.train, dataset.test) for array in (part.points, part.labels, part.weights)]


@every_name
def test_parts_are_finite_labelled_and_their_weights_sum_to_one(name):
    dataset = load(name, 3)
    for part in (dataset.train, dataset.test):
        assert part.points.shape == (len(part), dataset.dim) and part.points.flags.c_contiguous
        assert part.labels.shape == part.weights.shape == (len(part),) and np.isfinite(part.points).all()
        assert set(part.labels) == {-1, 1} and (part.weights >= 0).all()
        assert part.weights.sum() == pytest.approx(1, abs=1e-12)             # 802 terms × ulp
    assert "\n" not in repr(dataset) and name in repr(dataset)


@every_name
def test_the_same_seed_gives_the_same_bits_and_another_seed_other_draws(name):
    assert content(load(name, 1)) == content(load(name, 1))
    assert content(load(name, 1)) != content(load(name, 2))


@pytest.mark.parametrize("name", REAL)
def test_the_bits_do_not_depend_on_the_threads_of_blas(name):
    with threadpool_limits(limits=1, user_api="blas"):
        one = content(load(name, 0))
    with threadpool_limits(limits=2, user_api="blas"):
        assert content(load(name, 0)) == one


@pytest.mark.parametrize("name", TOYS + REAL)
def test_the_split_is_stratified_seventy_to_thirty_and_loses_no_point(name):
    dataset = load(name, 4)
    count = len(dataset.train) + len(dataset.test)
    assert abs(len(dataset.train) - 0.7 * count) <= 1
    for label in (-1, 1):
        in_train, in_test = ((part.labels == label).sum() for part in (dataset.train, dataset.test))
        assert abs(in_train - 0.7 * (in_train + in_test)) <= 1
    points = np.concatenate([dataset.train.points, dataset.test.points])
    distinct = len(np.unique(raw_data(name)[0], axis=0)) if name in REAL else 1000
    assert len(np.unique(points, axis=0)) == distinct and (name in REAL or count == 1000)


@pytest.mark.parametrize("name", TOYS)
@random()
def test_toys_fill_the_square_of_one_and_a_half(name, chance):
    """Curves within 1.25, noise of deviation 0.125 a component at most: 5 seeds of 1400 numbers, each beyond 7 deviations with probability 3e-12."""
    chance.spends(5 * 1400 * 2 * norm.sf(7))
    for seed in range(5):
        points = load(name, seed + 100 * SHIFT).train.points
        assert 1.1 < np.abs(points).max() < 1.25 + 7 * 0.125
        inside = (np.abs(points) < 1.5).all(axis=1)
        assert inside.mean() > 0.97


@pytest.mark.parametrize("name", TOYS)
def test_the_map_of_a_toy_is_one_factor_and_does_not_look_at_the_draws(name):
    first, second = load(name, 0).scale, load(name, 1).scale
    assert (first.matrix == second.matrix).all() and (first.offset == second.offset).all()
    assert (first.matrix == first.matrix[0, 0] * np.eye(2)).all()


@random()
def test_spirals_can_be_told_apart_but_for_one_point_in_a_hundred(chance):
    # Bayes' rule with the true densities: mixtures of the noise over 2000 points of each arm
    s = np.sqrt((np.arange(2000) + 0.5) / 2000)
    arm, noise = datasets.spiral_arm(s), datasets._SPIRAL_NOISE
    dataset = load("spirals", SHIFT)
    points = np.concatenate([dataset.train.points, dataset.test.points]) / dataset.scale.matrix[0, 0]
    labels = np.concatenate([dataset.train.labels, dataset.test.labels])

    def density(centres):
        return np.exp(-((points[:, None] - centres) ** 2).sum(axis=2) / (2 * noise**2)).mean(axis=1)

    right = (np.where(density(arm) > density(-arm), 1, -1) == labels).sum()
    chance.frequency(right, labels.size, 0.99, detects=0.05, slack=0.005)


def test_interval_training_weights_give_the_floor_of_the_toy():
    # J_LE ≥ ½ E[1 − tanh(μ x/s²)²] over the mixture (MATH 1.7), here by adaptive quadrature
    mu, s = 0.5, 0.4

    def integrand(x):
        return 0.5 * (norm.pdf(x, mu, s) + norm.pdf(x, -mu, s)) * 0.5 * (1 - np.tanh(mu * x / s**2) ** 2)

    floor = quad(integrand, -4, 4, epsabs=1e-13, limit=200)[0]
    assert floor == pytest.approx(0.153362, abs=5e-7)            # as stated in MATH 1.7
    train = load("interval", 0).train
    lower, upper = train.weights[:401], train.weights[401:]
    assert (train.points[:401] == train.points[401:]).all()      # both labels at common nodes
    u = (upper - lower) / (upper + lower)                        # the best score at each node, for the squared loss
    least = (lower * (u + 1) ** 2 / 2 + upper * (u - 1) ** 2 / 2).sum()
    # the mass beyond six deviations, 2e-9, is spread over the rest; trapezoidal error e^{−2π·0.5/h} is far below
    assert least == pytest.approx(floor, abs=2e-9)
    assert np.where(u > 0, upper, lower).sum() == pytest.approx(norm.cdf(1.25), abs=2e-3)    # a jump inside one of 401 cells


@random(comparisons=4)
def test_interval_test_points_are_draws_of_the_two_classes(chance):
    """Finds 0.11 in a mean, and a deviation a fifth too large or small."""
    test = load("interval", SHIFT).test
    assert len(test) == 2000
    for label in (-1, 1):
        x = test.points[test.labels == label, 0]
        chance.mean(x.mean(), 0.5 * label, 0.4 / x.size**0.5, detects=0.11)
        chance.variance(x.var(ddof=1), 0.4**2, x.size - 1, detects=1.45)


@pytest.mark.parametrize("name", REAL)
def test_components_are_those_of_a_pipeline_fitted_on_the_training_part_only(name):
    raw, labels = raw_data(name)
    dataset = load(name, 2)
    train, test = datasets._split(labels, 2)
    scaler = StandardScaler().fit(raw[train])
    pca = PCA(2, whiten=True, svd_solver="full").fit(scaler.transform(raw[train]))
    for part, rows in ((dataset.train, train), (dataset.test, test)):
        other = pca.transform(scaler.transform(raw[rows])) * np.sqrt(len(train) / (len(train) - 1))   # its variances: n − 1
        sign = np.sign((other * part.points).sum(axis=0))
        # eigenvectors err by ulp × 60 features / relative gap of variances (about 0.1): 1e-13, on entries below 10
        assert np.abs(other * sign - part.points).max() < 1e-11
    assert dataset.train.points.std(axis=0) == pytest.approx([1, 1], abs=1e-12)
    assert np.abs(dataset.scale(raw[test]) - dataset.test.points).max() == 0


def test_pixels_that_never_change_in_training_are_not_used():
    unused = load("digits", 0).scale.unused
    raw, labels = raw_data("digits")
    train, _ = datasets._split(labels, 0)
    assert unused == np.flatnonzero(np.ptp(raw[train], axis=0) == 0).tolist() and len(unused) > 0


def test_each_direction_has_its_largest_entry_positive():
    z = load_breast_cancer().data
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    for sign in (1, -1):
        directions = datasets._principal(sign * z, 2)
        assert (directions[np.arange(2), np.abs(directions).argmax(axis=1)] > 0).all()


# ---- CSV -----------------------------------------------------------------------------------------------------------

def table(features=2, rows=40, header=False, labels=("a", "b"), separator=",", seed=0):
    """Lines of a good table, classes in turn."""
    numbers = np.random.default_rng(seed).normal(size=(rows, features)) * 10**np.arange(features) + 5
    lines = [separator.join([*(f"{x:.6f}" for x in row), labels[i % 2]]) for i, row in enumerate(numbers)]
    names = [separator.join([*(f"x{j}" for j in range(features)), "class"])] if header else []
    return names + lines


def written(tmp_path, lines, name="table.csv"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("features, dim", [(1, 1), (2, 2), (3, 2), (9, 2)])
def test_one_or_two_features_are_standardised_and_more_are_projected(features, dim, tmp_path):
    dataset = load(written(tmp_path, table(features)), 0)
    assert dataset.dim == dim and dataset.name == "table" and (len(dataset.train), len(dataset.test)) == (28, 12)
    assert dataset.train.points.mean(axis=0) == pytest.approx(np.zeros(dim), abs=1e-12)
    assert np.cov(dataset.train.points.T, bias=True).reshape(dim, dim)[0, 0] == pytest.approx(1, abs=1e-12)
    if features == 2:                                        # used as they are: no rotation
        assert (dataset.scale.matrix == np.diag(np.diag(dataset.scale.matrix))).all()


@pytest.mark.parametrize("change", [
    lambda lines: ["x0,x1,class"] + lines,                                   # a header
    lambda lines: [line.replace(",", ";") for line in lines],
    lambda lines: [line.replace(",", "\t") for line in lines],
    lambda lines: [line.replace(",", " , ") for line in lines],
    lambda lines: ["", *lines[:7], "  ", ",,", *lines[7:], ""],              # blank lines
    lambda lines: [line + "\r" for line in lines],                           # Windows
    lambda lines: ["\ufeff" + lines[0], *lines[1:]],                         # a byte order mark
    lambda lines: [line.replace(",a", ',"a"') for line in lines]],
    ids=["header", "semicolon", "tab", "spaces", "blank", "crlf", "bom", "quotes"])
def test_the_same_table_in_another_dress_gives_the_same_bits(change, tmp_path):
    lines = table()
    plain = content(load(written(tmp_path, lines), 0))
    assert content(load(written(tmp_path, change(lines), "other.csv"), 0)) == plain


@pytest.mark.parametrize("labels, classes", [(("b", "a"), ("a", "b")), (("10", "9"), ("9", "10")), (("1", "0"), ("0", "1")),
                                             (("1.5", "-2"), ("-2", "1.5")), (("10", "x"), ("10", "x"))])
def test_labels_are_sorted_as_numbers_or_as_text_and_the_first_becomes_minus_one(labels, classes, tmp_path):
    dataset = load(written(tmp_path, table(labels=labels)), 0)
    assert dataset.classes == classes and (dataset.train.labels == -1).sum() == 14
    rows = datasets._read_table(tmp_path / "table.csv")[1]
    assert rows[0] == (-1 if labels[0] == classes[0] else 1)


def test_one_number_written_in_two_ways_is_one_label(tmp_path):
    lines = table(labels=("0", "1"))
    other = [line + ".0" if i % 3 == 0 else line for i, line in enumerate(lines)]      # 0.0 beside 0, 1.0 beside 1
    first, second = load(written(tmp_path, lines), 0), load(written(tmp_path, other, "other.csv"), 0)
    assert content(first) == content(second)


def test_copies_of_one_feature_span_one_direction_only(tmp_path):
    lines = [f"{x},{2 * x},{x - 1},{i % 2}" for i, x in enumerate(np.random.default_rng(0).normal(size=40))]
    assert load(written(tmp_path, lines), 0).dim == 1


def test_a_constant_column_is_dropped_as_long_as_another_varies(tmp_path):
    lines = ["0.1," + line for line in table()]              # 0.1: its mean is not exactly 0.1 in floating point
    dataset = load(written(tmp_path, lines), 0)
    assert dataset.scale.unused == [0] and dataset.dim == 2


def put(line, text):
    """Lines of a good table with one of them (from 1) replaced."""
    lines = table()
    lines[line - 1] = text
    return lines


BAD = {
    "no rows": ([""], "has no rows"),
    "only a header": (["x,y,class"], "no rows below"),
    "one column": (["1"] * 30, "has one column"),
    "one class": (table(labels=("a", "a")), r"one class \('a'\)"),
    "three classes": (put(5, "1,2,c"), "3 classes"),
    "text in a feature": (put(3, "1,two,a"), "line 3, column 2: 'two' is not a number"),
    "a long text": (put(3, "1," + "z" * 500 + ",a"), r"zzz\.\.\.' is not a number"),
    "NaN": (put(4, "nan,1,a"), "line 4, column 1: 'nan' is not finite"),
    "infinity": (put(4, "1,-inf,a"), "line 4, column 2: '-inf' is not finite"),
    "too large": (put(4, "1,1e200,a"), "line 4, column 2: '1e200' is not finite or larger"),
    "an empty cell": (put(6, "1,,a"), "line 6, column 2 is empty"),
    "an empty label": (put(6, "1,2,"), "line 6: the label .* is empty"),
    "a NaN label": ([f"{i},{i * i % 7},{'nan' if i == 9 else i % 2}" for i in range(40)], "line 10: the label .* is NaN"),
    "a short row": (put(7, "1,a"), "line 7: 2 columns, but 3 in line 1"),
    "a long row": (put(7, "1,2,3,a"), "line 7: 4 columns, but 3 in line 1"),
    "few of a class": (table(rows=40, labels=("a", "a"))[:35] + ["1,2,b"] * 9, r"9 rows of class 'b'; at least 10"),
    "constant features": ([f"3,0.1,{i % 2}" for i in range(40)], "every feature is constant"),
}


@pytest.mark.parametrize("lines, message", BAD.values(), ids=BAD.keys())
def test_a_bad_table_is_refused_in_one_line_that_says_what_and_where(lines, message, tmp_path):
    path = written(tmp_path, lines)
    with pytest.raises(DataError, match=message) as refusal:
        load(path, 0)
    assert "\n" not in str(refusal.value) and "table" in str(refusal.value) and len(str(refusal.value)) < 400


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes("\n".join(table()[:5]).encode() + b"\n1,2,caf\xe9\n")
    with pytest.raises(DataError, match="line 6: byte 0xe9 is not UTF-8"):
        load(path, 0)


def test_a_binary_file_a_folder_a_missing_file_and_an_unknown_name_are_refused_in_one_line(tmp_path):
    (tmp_path / "zeros.csv").write_bytes(bytes(100))
    for what, message in ((tmp_path / "zeros.csv", "zeros.csv"), (tmp_path, "cannot be read"),
                          (tmp_path / "absent.csv", "neither a file nor one of"), ("moon", "neither a file nor one of"),
                          ("x" * 5000, "cannot be read"), ("a\0b", "cannot be read")):
        with pytest.raises(DataError, match=message) as refusal:
            load(what, 0)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("seed", [-1, 0.5, 2**32])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(DataError, match="seed="):
        load("moons", seed)


@pytest.mark.parametrize("name", ["moons", "circles", "spirals"])
@random(comparisons=4)
def test_a_toy_of_another_size_is_scattered_around_the_same_curves(name, chance):
    """Each class's mean by its points, 350 of them; finds 0.4 where coordinates go from −1.5 to 1.5."""
    few, many = datasets.load(name, 3), datasets.load(name, 3, size=20_000)
    assert (len(many.train), len(many.test)) == (14_000, 6000)
    for label in (-1, 1):
        own, others = (d.train.points[d.train.labels == label] for d in (few, many))
        chance.sample(own.T, others.mean(axis=0), detects=0.4)


@pytest.mark.parametrize("name, size", [("moons", 999), ("moons", 4), ("digits", 2000)])
def test_a_size_without_meaning_is_refused(name, size):
    with pytest.raises(datasets.DataError, match=f"size={size}"):
        datasets.load(name, 0, size)
