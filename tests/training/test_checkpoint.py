"""Checkpoints: read back bit for bit, or refused; files are whole or absent."""

import os
from pathlib import Path

import numpy as np
import pytest

from ocnet.archive import replacing
from ocnet.training import CheckpointError, checkpoint

ARRAYS = {"theta": np.array([1.5, -0.0, np.nan, np.inf]), "iteration": np.array(7), "history": np.empty((0, 3))}


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "state.npz"
    checkpoint.save(path, ARRAYS, {"fingerprint": "abc", "note": "é"})
    return path


def test_arrays_and_header_come_back_bit_for_bit(saved):
    arrays, header = checkpoint.load(saved, "abc")
    assert set(arrays) == set(ARRAYS) and header["note"] == "é"
    for name, value in ARRAYS.items():
        assert arrays[name].dtype == value.dtype and arrays[name].shape == value.shape
        assert arrays[name].tobytes() == value.tobytes()


def test_it_is_an_npz_that_numpy_reads_without_pickle(saved):
    with np.load(saved, allow_pickle=False) as archive:
        assert archive["theta"].tobytes() == ARRAYS["theta"].tobytes()


def test_every_truncation_is_refused(saved):
    data = saved.read_bytes()
    for cut in range(len(data)):
        saved.write_bytes(data[:cut])
        with pytest.raises(CheckpointError, match="truncated"):
            checkpoint.load(saved)


def test_every_flipped_bit_is_refused(saved):
    data = saved.read_bytes()
    for at in range(len(data)):
        saved.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1:])
        with pytest.raises(CheckpointError, match="truncated|damaged"):
            checkpoint.load(saved)


def test_another_fingerprint_another_version_and_a_missing_file_are_refused_in_one_line(saved, monkeypatch):
    def refusal(*arguments):
        with pytest.raises(CheckpointError) as caught:
            checkpoint.load(*arguments)
        assert "\n" not in str(caught.value) and str(arguments[0]) in str(caught.value)
        return str(caught.value)

    assert "another network" in refusal(saved, "xyz")
    assert "cannot be read" in refusal(saved.with_name("absent"))
    monkeypatch.setattr(checkpoint, "VERSION", 2)
    assert "another version" in refusal(saved, "abc")


def test_what_numpy_alone_wrote_is_not_a_checkpoint(tmp_path):
    np.savez(tmp_path / "other.npz", theta=np.zeros(3))
    with pytest.raises(CheckpointError, match="not an ocnet checkpoint"):
        checkpoint.load(tmp_path / "other.npz")


@pytest.mark.parametrize("arrays", [{"a": np.array([object()])}, {"header": np.zeros(1)}])
def test_objects_and_the_reserved_name_are_refused_before_anything_is_written(arrays, tmp_path):
    with pytest.raises(ValueError, match="cannot be stored"):
        checkpoint.save(tmp_path / "state.npz", arrays, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_write_that_fails_at_any_stage_leaves_the_old_file_and_no_draft(failing, tmp_path, monkeypatch):
    path = tmp_path / "summary.json"
    checkpoint.write_text(path, "old")

    def fail(*arguments):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="full"):
        checkpoint.write_text(path, "new")
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["summary.json"]


def test_the_file_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    path, seen = tmp_path / "summary.json", []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (seen.append("fsync"), fsync(handle)))
    monkeypatch.setattr(os, "replace", lambda a, b: (seen.append((Path(a).read_text(), path.exists())), replace(a, b)))
    checkpoint.write_text(path, "grüße")
    assert seen[:2] == ["fsync", ("grüße", False)] and path.read_bytes() == "grüße".encode()


def test_the_draft_of_a_killed_run_is_overwritten(tmp_path):
    (tmp_path / ".summary.json.tmp").write_text("half a")
    checkpoint.write_text(tmp_path / "summary.json", "whole")
    assert [p.name for p in tmp_path.iterdir()] == ["summary.json"]


def test_the_draft_of_a_writer_at_work_is_left_to_it(tmp_path):
    """Another write of the same path comes between its first and its last byte; whoever ends last is read."""
    with replacing(tmp_path / "summary.json") as file:
        file.write(b"first")
        checkpoint.write_text(tmp_path / "summary.json", "second")
        assert (tmp_path / "summary.json").read_text() == "second"
    assert (tmp_path / "summary.json").read_text() == "first" and os.listdir(tmp_path) == ["summary.json"]
