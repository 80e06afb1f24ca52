"""The journal: whatever a kill leaves is continued with the same bits, whatever else happened to it is refused."""

import numpy as np
import pytest

from ocnet.training import CheckpointError
from ocnet.training.journal import Journal
from tests.training.problems import Valley

THETAS = np.random.default_rng(3).normal(size=(5, 4))


def evaluations(path, thetas=THETAS, fingerprint="a network"):
    """The bits of J and ∇J at `thetas` through a journal, and how many had to be computed."""
    valley, journal = Valley(), Journal(path, fingerprint)
    pairs = [journal.evaluate(valley, theta) for theta in thetas]
    return [(value, gradient.tobytes()) for value, gradient in pairs], valley.count[0]


@pytest.fixture
def written(tmp_path):
    """A journal of all of THETAS: its path, its bytes, its answers."""
    path = tmp_path / "run.journal"
    answers, _ = evaluations(path)
    return path, path.read_bytes(), answers


def record_length(path, data):
    """Bytes of one record: what the last evaluation added."""
    shorter = path.with_name("shorter")
    evaluations(shorter, THETAS[:-1])
    return len(data) - shorter.stat().st_size


def test_answers_are_those_of_the_objective_and_are_replayed_without_it(written):
    path, data, answers = written
    valley = Valley()
    assert answers == [(v, g.tobytes()) for v, g in map(valley.value_and_gradient, THETAS)]
    assert evaluations(path) == (answers, 0) and path.read_bytes() == data


def test_cut_at_any_byte_of_the_last_two_records_it_resumes_with_the_same_bits(written):
    path, data, answers = written
    length = record_length(path, data)
    for cut in range(len(data) - 2 * length, len(data)):
        path.write_bytes(data[:cut])
        resumed, computed = evaluations(path)
        # of the records cut into, none is believed; whole ones are not computed again
        assert resumed == answers and computed == -(-(len(data) - cut) // length)
        assert evaluations(path) == (answers, 0)                     # and what was rewritten is whole


def test_cut_inside_its_header_it_is_refused_and_left_alone(written):
    path, data, _ = written
    header = len(data) - len(THETAS) * record_length(path, data)
    for cut in range(header):
        path.write_bytes(data[:cut])
        with pytest.raises(CheckpointError, match="journal"):
            evaluations(path)
        assert path.read_bytes() == data[:cut]


def test_no_flipped_bit_changes_an_answer(written):
    path, data, answers = written
    last = len(data) - record_length(path, data)
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1:])
        if at < last:
            with pytest.raises(CheckpointError):
                evaluations(path)
        else:                                            # not to be told from one that a kill tore: computed again
            assert evaluations(path) == (answers, 1)


def test_a_lost_or_exchanged_record_is_refused(written):
    path, data, _ = written
    length = record_length(path, data)
    records = [data[i:i + length] for i in range(len(data) - 5 * length, len(data), length)]
    header = data[:len(data) - 5 * length]
    for order in ([0, 2, 3, 4], [1, 0, 2, 3, 4], [0, 1, 1, 2, 3]):
        path.write_bytes(header + b"".join(records[i] for i in order))
        with pytest.raises(CheckpointError, match="damaged"):
            evaluations(path)


def test_of_the_last_two_records_only_one_can_be_torn(written):
    path, data, _ = written
    length = record_length(path, data)
    broken = bytearray(data[:-length // 2])              # the last one is cut, …
    broken[len(data) - 2 * length + 20] ^= 1             # … and the one before altered: no kill does that
    path.write_bytes(broken)
    with pytest.raises(CheckpointError, match="record 4 of 4 is damaged"):
        evaluations(path)


def test_another_theta_is_refused_even_in_its_last_bit_and_nothing_is_written(written):
    path, data, _ = written
    other = THETAS.copy()
    other[2, 1] = np.nextafter(other[2, 1], 9)
    with pytest.raises(CheckpointError, match="evaluation 3 was made at another theta"):
        evaluations(path, other)
    assert path.read_bytes() == data
    with pytest.raises(CheckpointError, match="4 parameters, not of 3"):
        evaluations(path, THETAS[:, :3])


def test_another_fingerprint_and_another_version_are_refused_in_one_line(written, monkeypatch):
    path, data, _ = written
    with pytest.raises(CheckpointError, match="another network, data or settings") as refusal:
        evaluations(path, fingerprint="another")
    assert "\n" not in str(refusal.value) and str(path) in str(refusal.value)
    monkeypatch.setattr("ocnet.training.journal.VERSION", 2)
    with pytest.raises(CheckpointError, match="another version"):
        evaluations(path)
    assert path.read_bytes() == data


@pytest.mark.parametrize("content", [b"", b"\n", b"theta,J\n1,2\n", bytes(500)])
def test_a_file_that_is_no_journal_is_refused_and_not_overwritten(content, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="not an ocnet journal"):
        evaluations(path)
    assert path.read_bytes() == content
    with pytest.raises(CheckpointError, match="cannot be read"):
        evaluations(tmp_path)                            # a folder


def test_nothing_is_written_before_the_first_evaluation_and_nothing_at_all_without_a_path(tmp_path):
    Journal(tmp_path / "run.journal", "a network")
    evaluations(None)
    assert list(tmp_path.iterdir()) == []


def test_the_clock_goes_on_from_the_stored_seconds(tmp_path):
    path = tmp_path / "run.journal"
    first = Journal(path)
    first.evaluate(Valley(), THETAS[0])
    first._origin -= 1000                                # as if the first evaluation had been followed by 1000 s of work
    first.evaluate(Valley(), THETAS[1])
    second = Journal(path)
    assert second.seconds == 0
    for theta in THETAS[:3]:
        second.evaluate(Valley(), theta)
    assert 1000 < first.seconds < second.seconds < first.seconds + 60        # a third evaluation takes less than a minute


def test_an_answer_is_the_callers_own_memory(written):
    path, _, answers = written
    journal = Journal(path, "a network")
    _, gradient = journal.evaluate(Valley(), THETAS[0])
    gradient[:] = 0
    assert evaluations(path)[0] == answers
