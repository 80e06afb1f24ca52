"""The CIFAR-10 loader, on small files of the same form: what is read, what it becomes, and an answer to every bad folder."""

import hashlib
import os
import sys
import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import cifar10
import datasets
from cifar10 import FOLDER, NAMES, PUBLISHED, load, read
from datasets import DataError

RECORDS = 40                         # of each small file


def content(records=RECORDS, seed=0):
    """{name: (records, 3073) bytes}: labels in turn, pictures that are smooth, differ by class, and have a constant pixel."""
    rng = np.random.default_rng(seed)
    waves = np.cos(np.outer(np.arange(12), np.linspace(0, np.pi, 3072)))
    made = {}
    for name in PUBLISHED:
        labels = rng.permutation(np.arange(records) % 10)
        strengths = rng.normal(size=(records, 12)) * 40 / np.arange(1, 13) + 6 * labels[:, None] * (np.arange(12) < 2)
        pixels = np.clip(128 + strengths @ waves + 3 * rng.normal(size=(records, 3072)), 0, 255).astype(np.uint8)
        pixels[:, 7] = 200
        made[name] = np.concatenate([labels[:, None].astype(np.uint8), pixels], axis=1)
    return made


def written(folder, made):
    folder.mkdir(exist_ok=True)
    for name, records in made.items():
        (folder / name).write_bytes(records.tobytes())
    return folder


@pytest.fixture
def folder(tmp_path):
    return written(tmp_path / FOLDER, content())


small = partial(read, records=RECORDS, checksum=None)
small_load = partial(load, records=RECORDS, checksum=None)


def pixels_of(made, name, label):
    records = made[name]
    return records[records[:, 0] == label, 1:]


# ---- what is read --------------------------------------------------------------------------------------------------

def test_every_byte_is_where_the_format_says(folder):
    made, images = content(), small(folder)
    train = np.concatenate([made[name] for name in PUBLISHED if name != "test_batch.bin"])
    assert (images.train == train[:, 1:]).all() and (images.train_labels == train[:, 0]).all()
    assert (images.test == made["test_batch.bin"][:, 1:]).all() and (images.test_labels == made["test_batch.bin"][:, 0]).all()
    assert images.classes == NAMES and images.train.dtype == np.uint8 and "\n" not in repr(images)
    assert images.files == {name: hashlib.sha256(made[name].tobytes()).hexdigest() for name in PUBLISHED} and images.checked == {}


def test_pieces_do_not_matter(folder, monkeypatch):
    whole = small(folder)
    monkeypatch.setattr(cifar10, "_PIECE", 7)                                 # the last of 40 records is a piece of five
    pieces = small(folder)
    assert (whole.train == pieces.train).all() and (whole.train_labels == pieces.train_labels).all() and whole.files == pieces.files


def test_classes_are_picked_in_the_order_asked_for(folder):
    made, images = content(), small(folder, classes=("truck", "cat"))
    assert (images.test[images.test_labels == 0] == pixels_of(made, "test_batch.bin", 9)).all()
    assert (images.test[images.test_labels == 1] == pixels_of(made, "test_batch.bin", 3)).all()
    assert len(images.train) == 2 * 5 * RECORDS // 10 and set(images.train_labels) == {0, 1}


def test_the_folder_that_holds_the_folder_will_do_and_so_will_a_link_to_it(folder, tmp_path):
    (tmp_path / "named").symlink_to(folder)
    assert small(tmp_path).files == small(folder).files == small(tmp_path / "named").files == small(str(folder)).files


def test_one_file_at_a_time_is_held(tmp_path):
    """Six files of 3.1 MB, of which two classes are a fifth: what is held is that, twice where it is joined, and a piece of 1024 records."""
    folder = written(tmp_path / FOLDER, content(1000))
    tracemalloc.start()
    read(folder, ("cat", "dog"), records=1000, checksum=None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < (2 * 6000 / 5 + 2 * 1024) * 3073 + 1e6


# ---- digests -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256"])
def test_a_pinned_digest_of_any_kind_is_checked(folder, kind):
    pins = {name: getattr(hashlib, kind)(records.tobytes()).hexdigest().upper() for name, records in content().items()}
    assert small(folder, checksum=pins).checked == {name: digest.lower() for name, digest in pins.items()}
    one = {"data_batch_4.bin": pins["data_batch_3.bin"]}
    with pytest.raises(DataError, match=r"data_batch_4.bin has the digest .* not "):
        small(folder, checksum=one)
    assert small(folder, checksum={"test_batch.bin": pins["test_batch.bin"]}).checked.keys() == {"test_batch.bin"}


def test_one_changed_pixel_is_noticed(folder):
    pins = small(folder).files
    made = content()
    made["data_batch_2.bin"][17, 1000] ^= 1
    written(folder, made)
    small(folder)                                                             # no shape tells it
    with pytest.raises(DataError, match="data_batch_2.bin has the digest"):
        small(folder, checksum=pins)


def test_the_published_digests_are_asked_for_by_default(folder):
    assert set(PUBLISHED) == {*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"}
    assert all(len(digest) == 40 and int(digest, 16) for digest in PUBLISHED.values()) and len(set(PUBLISHED.values())) == 6
    with pytest.raises(DataError, match=f"not {PUBLISHED['data_batch_1.bin']}"):
        read(folder, records=RECORDS)
    with pytest.raises(DataError, match="10000 records of 3073 are 30730000"):
        read(folder)


@pytest.mark.parametrize("checksum, message", [({"other.bin": "0" * 40}, "none of data_batch_1"), ({"test_batch.bin": "0" * 39}, "no MD5"),
                                               ({"test_batch.bin": "g" * 40}, "no MD5"), ({"../test_batch.bin": "0" * 40}, "none of data_batch_1")])
def test_a_pin_without_meaning_is_refused(folder, checksum, message):
    with pytest.raises(DataError, match=message):
        small(folder, checksum=checksum)


# ---- bad folders ---------------------------------------------------------------------------------------------------

def refusal(*given, **options):
    with pytest.raises(DataError) as caught:
        small(*given, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_absent_folder_a_file_in_its_place_and_an_empty_one_are_refused(tmp_path, folder):
    assert "is not a folder" in refusal(tmp_path / "absent") and "is not a folder" in refusal(folder / "test_batch.bin")
    (tmp_path / "empty").mkdir()
    assert "data_batch_1.bin is missing" in refusal(tmp_path / "empty")
    assert "is not a folder" in refusal("a\0b") and "is not a folder" in refusal("x" * 5000)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    assert f"{name} is missing" in refusal(folder)


@pytest.mark.parametrize("size", [0, 1, RECORDS * 3073 - 1, RECORDS * 3073 + 1, RECORDS * 3072])
def test_a_file_of_another_size_is_refused(folder, size):
    (folder / "data_batch_3.bin").write_bytes(bytes(size))
    assert f"data_batch_3.bin has {size} bytes; 40 records of 3073 are {40 * 3073}" in refusal(folder)


def test_a_label_above_nine_is_named_with_its_record(folder):
    made = content()
    made["data_batch_5.bin"][31, 0] = 10
    written(folder, made)
    assert "data_batch_5.bin, record 31: the label is 10, not 0 … 9" in refusal(folder)
    assert "record 31" in refusal(folder, classes=("cat", "dog"))             # though it is none of those


def test_links_folders_and_pipes_in_place_of_files_are_refused(folder, tmp_path):
    outside = tmp_path / "outside.bin"
    (folder / "test_batch.bin").rename(outside)
    (folder / "test_batch.bin").symlink_to(outside)
    assert "test_batch.bin cannot be read: it is a link" in refusal(folder)
    (folder / "test_batch.bin").unlink()
    (folder / "test_batch.bin").symlink_to(folder / "data_batch_1.bin")       # inside, and still one set of pictures for two
    assert "it is a link" in refusal(folder)
    (folder / "test_batch.bin").unlink()
    (folder / "test_batch.bin").mkdir()
    assert "is not a plain file" in refusal(folder)
    (folder / "test_batch.bin").rmdir()
    os.mkfifo(folder / "test_batch.bin")                                      # opening one waits for a writer, unless told not to
    assert "is not a plain file" in refusal(folder)


def test_a_link_in_place_of_the_inner_folder_is_refused(folder, tmp_path):
    outer = tmp_path / "outer"
    outer.mkdir()
    (outer / FOLDER).symlink_to(folder)
    assert "is a link or no folder" in refusal(outer)
    (outer / FOLDER).unlink()
    (outer / FOLDER).write_text("")
    assert "is a link or no folder" in refusal(outer)


def test_a_file_that_is_cut_while_it_is_read_is_told(folder, monkeypatch):
    opened = cifar10._opened

    def cut(path, records):
        file = opened(path, records)
        os.truncate(path, 5000)
        return file

    monkeypatch.setattr(cifar10, "_opened", cut)
    assert "data_batch_1.bin ends within its records 0 to 39" in refusal(folder)


@pytest.mark.parametrize("options, message", [
    ({"classes": ("cat",)}, "two or more different ones"), ({"classes": "cat"}, "two or more"), ({"classes": ("cat", "cat")}, "two or more"),
    ({"classes": ("cat", "wolf")}, "airplane, automobile"), ({"records": 0}, "records=0")])
def test_options_without_meaning_are_refused(folder, options, message):
    assert message in refusal(folder, **options)


def test_a_class_without_pictures_is_refused(folder):
    made = content()
    made["test_batch.bin"][made["test_batch.bin"][:, 0] == 5, 0] = 3
    written(folder, made)
    assert "has no dog" in refusal(folder, classes=("cat", "dog"))


# ---- what it becomes -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("classes, components", [(("cat", "dog"), 2), (NAMES, 5)])
def test_points_are_those_of_a_pipeline_fitted_on_the_training_part_only(folder, classes, components):
    images, dataset = small(folder, classes), small_load(folder, components=components, classes=classes)
    scaler = StandardScaler().fit(images.train)
    pca = PCA(components, whiten=True, svd_solver="full").fit(scaler.transform(images.train))
    count = len(images.train)
    for part, pixels in ((dataset.train, images.train), (dataset.test, images.test)):
        other = pca.transform(scaler.transform(pixels)) * np.sqrt(count / (count - 1))       # its variances: n − 1
        sign = np.sign((other * part.points).sum(axis=0))
        # eigenvectors err by ulp × 3072 pixels / relative gap of variances (above 0.05): 2e-11, on entries below 10
        assert np.abs(other * sign - part.points).max() < 2e-10
        assert part.weights.sum() == pytest.approx(1, abs=1e-12) and part.points.flags.c_contiguous
    # n⁻¹ Σ zᵀ z of n points is the unit matrix: the same error, and that of the sum
    assert np.abs(dataset.train.points.T @ dataset.train.points / count - np.eye(components)).max() < 1e-10
    assert dataset.scale.unused == [7] and dataset.dim == components and dataset.classes == classes


def test_two_classes_are_minus_and_plus_one_and_more_are_numbered(folder):
    made, two, three = content(), small_load(folder, classes=("dog", "cat")), small_load(folder, classes=("dog", "cat", "ship"))
    labels = made["test_batch.bin"][:, 0]
    assert two.test.labels.tolist() == [-1 if label == 5 else 1 for label in labels if label in (3, 5)]
    assert three.test.labels.tolist() == [(5, 3, 8).index(label) for label in labels if label in (3, 5, 8)]
    assert two.name == "cifar10" and two.files == {"sha256": small(folder).files, "checked": {}}


def test_the_bits_do_not_depend_on_the_threads_of_blas_nor_on_the_pieces(folder, monkeypatch):
    def bits():
        dataset = small_load(folder)
        return dataset.train.points.tobytes() + dataset.test.points.tobytes()

    with threadpool_limits(limits=1, user_api="blas"):
        one = bits()
    with threadpool_limits(limits=2, user_api="blas"):
        assert bits() == one
    matrix = small_load(folder).scale.matrix
    monkeypatch.setattr(cifar10, "_PIECE", 7)
    assert (small_load(folder).scale.matrix == matrix).all()                  # sums of whole numbers are exact however they are cut


def test_whole_number_sums_are_exact_at_the_largest_pixels():
    """1024 pixels of 0 (−128 when centred) are the largest sum of products, 2²⁴: one more would round in single precision."""
    pixels = np.random.default_rng(0).integers(0, 2, (2051, 3072)).astype(np.uint8) * 255
    pixels[:, :3] = 0
    pixels[0, :3] = 1
    scale = cifar10._fit(pixels, 1)
    exact = pixels.astype(np.int64)
    assert (scale.offset == 128 + (exact - 128).sum(axis=0) / 2051).all()
    z = (exact - exact.mean(axis=0)) @ scale.matrix[0]
    assert abs(z.mean()) < 1e-10 and z.std() == pytest.approx(1, abs=1e-9)
    assert cifar10._PIECE * 128**2 <= 2**24


def test_a_share_is_chosen_by_the_seed_evenly_and_alone_fitted_on(folder):
    first, again, other = (small_load(folder, seed, size=20) for seed in (1, 1, 2))
    assert (first.train.points == again.train.points).all() and not np.array_equal(first.train.points, other.train.points)
    assert [(first.train.labels == label).sum() for label in (-1, 1)] == [10, 10]
    assert first.train.points.std(axis=0) == pytest.approx([1, 1], abs=1e-10) and len(first.test) == 8
    assert len(small_load(folder, size=40).train) == len(small_load(folder).train) == 40


@pytest.mark.parametrize("options, message", [({"size": 1}, "size=1"), ({"size": 39}, "size=39"), ({"size": 2.5}, "size=2.5"),
                                              ({"components": 0}, "components=0"), ({"components": 3073}, "components=3073")])
def test_shares_and_components_without_meaning_are_refused(folder, options, message):
    with pytest.raises(DataError, match=message):
        small_load(folder, **options)


def test_pictures_that_are_all_the_same_are_refused(folder):
    made = content()
    for records in made.values():
        records[:, 1:] = 9
    with pytest.raises(DataError, match="every pixel is the same"):
        small_load(written(folder, made))


# ---- the experiments -----------------------------------------------------------------------------------------------

def test_the_name_of_a_folder_leads_here(folder, tmp_path, monkeypatch):
    for name in (folder, tmp_path, str(folder)):
        with pytest.raises(DataError, match="10000 records of 3073"):         # the published size, unless told otherwise
            datasets.load(name, 0)
    monkeypatch.setattr(cifar10, "load", small_load)
    dataset = datasets.load(str(folder), 3)
    assert dataset.dim == 2 and set(dataset.train.labels) == {-1, 1}
    (folder / "data_batch_1.bin").unlink()
    with pytest.raises(DataError, match="cannot be read"):                    # no CIFAR-10, and no table
        datasets.load(folder, 0)


def test_the_main_program_trains_on_it_and_says_which_files(folder, tmp_path, monkeypatch):
    import binary_classification
    monkeypatch.setattr(cifar10, "load", small_load)
    summary = binary_classification.main(["--data", str(folder), "--layers", "2", "--width", "2", "--views", "particles", "--iterations", "2",
                                          "--nodes", "21", "--paths", "2000", "--no-figures", "--out", str(tmp_path / "run")])
    assert summary["data"] == {"name": "cifar10", "train": 40, "test": 8, "files": {"sha256": small(folder).files, "checked": {}}}
    assert 0 <= summary["views"]["particles"]["accuracy_test"] <= 1


def test_the_experiments_on_ten_classes_take_the_folder(folder, monkeypatch):
    monkeypatch.setattr(cifar10, "load", small_load)
    datasets._all_images.cache_clear()
    data = datasets.ten_classes(folder, seed=3)
    assert data.dim == 16 and data.classes == tuple(NAMES) and set(data.train.labels) == set(range(10))
    assert datasets.ten_classes(folder, seed=4) is data                                     # the published split
    datasets._all_images.cache_clear()
    assert datasets.ten_classes(None, seed=3).name == "ten digits"
