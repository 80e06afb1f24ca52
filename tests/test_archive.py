"""Saving and loading: everything comes back to the last bit, nothing else is taken, and what cannot be saved says so."""

import json
import os
import signal
import tempfile
import threading
from dataclasses import dataclass, is_dataclass
from pathlib import Path

import numpy as np
import pytest

import ocnet
from ocnet import ArchiveError, Density, Diffusion, ResidualNetwork, TrainedNetwork, ValueFunction, propagate
from ocnet.boundary import Dirichlet
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian
from ocnet.particles import Estimate
from ocnet.training import GridTraining, TrainingResult

from .saved_examples import KNOWN, example, problem, same, solved, theta, trained

FUNCTIONS = {"Diffusion", "LayeredProcess", "KolmogorovProblem", "Transition"}          # hold functions: saved are what they compute


@pytest.mark.parametrize("name", KNOWN)
def test_everything_that_can_be_saved_comes_back_to_the_last_bit(tmp_path, name):
    given = example(name)
    assert type(given) is KNOWN[name]
    ocnet.save(tmp_path / "it.npz", given)
    back = ocnet.load(tmp_path / "it.npz")
    assert same(given, back) and repr(back) == repr(given) and os.listdir(tmp_path) == ["it.npz"]


def test_every_public_class_can_be_saved_but_those_that_hold_functions():
    classes = {name: getattr(ocnet, name) for name in ocnet.__all__ if isinstance(getattr(ocnet, name), type)}
    frozen = {name for name, cls in classes.items() if is_dataclass(cls)}
    assert frozen - {cls.__name__ for cls in KNOWN.values()} <= FUNCTIONS


def test_saving_and_loading_are_deterministic_and_files_are_plain_npz(tmp_path):
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    solved().save(first)
    ocnet.save(second, ocnet.load(first))
    assert first.read_bytes() == second.read_bytes()
    with np.load(first, allow_pickle=False) as arrays:
        assert arrays["values"].tobytes() == solved().values.tobytes() and arrays["grid.axes.0"].tobytes() == solved().grid.axes[0].tobytes()
        assert json.loads(arrays["ocnet"].tobytes())["format"] == 1


def test_a_saved_network_computes_the_same_bits(tmp_path):
    for name in ("networks.ResidualNetwork", "networks.TrainedNetwork"):
        given = example(name)
        network = given if name.endswith("ResidualNetwork") else given.network
        numbers = network.initialise(3)
        TrainedNetwork(network, numbers).save(tmp_path / "it.npz")
        back = TrainedNetwork.load(tmp_path / "it.npz")
        assert back == TrainedNetwork(network, numbers) and hash(back) == hash(TrainedNetwork(network, numbers))
        assert back.network == network and back.theta.tobytes() == numbers.tobytes() and not back.theta.flags.writeable
        assert back != TrainedNetwork(network, np.nextafter(numbers, 9)) and back.layered().layers == network.layers
        ends = [propagate(process, np.full((2, network.dim), 0.5), 8).ends for process in (back.layered(), network.layered(numbers))]
        assert ends[0].tobytes() == ends[1].tobytes()
        assert back.score(np.full((5, network.dim), 0.5)).tobytes() == network.score(np.full((network.dim, 5), 0.5), numbers).tobytes()


def test_saved_values_and_intervals_are_the_same_bits(tmp_path):
    points = np.linspace(-1.5, 1.5, 7)[:, None]
    solved().save(tmp_path / "it.npz")
    back = ValueFunction.load(tmp_path / "it.npz")
    assert back(points, 0.1).tobytes() == solved()(points, 0.1).tobytes() and back.gradient(points).tobytes() == solved().gradient(points).tobytes()
    given = example("particles.Estimate")
    given.save(tmp_path / "it.npz")
    assert same(Estimate.load(tmp_path / "it.npz").interval(0.9), given.interval(0.9)) and not Estimate.load(tmp_path / "it.npz").value.flags.writeable


def test_a_theta_of_another_network_is_refused():
    with pytest.raises(ValueError, match="theta has shape"):
        TrainedNetwork(example("networks.ResidualNetwork"), theta())


BITS = np.array([0x7FF8000000000123, 0xFFF0000000000000, 0x8000000000000000, 1], dtype="<u8").view("<f8")      # a NaN with a payload, −∞, −0, tiny
ARRAYS = [BITS, BITS.astype(">f8"), np.arange(24).reshape(2, 3, 4)[:, ::2, ::-1], np.asfortranarray(np.ones((3, 4), dtype=np.float32)),
          np.array(3.5), np.empty((0, 3)), np.array([True, False]), np.array(["é", "abc"]), np.array([1 + 2j]), np.array([b"ab"]), np.int8([-1])]
PLAIN = [None, True, 2**200, -7, 1 / 3, *BITS.tolist(), "é\n\0", b"\0\xff", [], (), {}, [1, (2.0, {"a": None, 3: (), (1, 2): "x"})],
         np.float64(1 / 3), np.float32(0.1), np.int64(-5), np.bool_(True), np.str_("é"), np.complex128(1j), float("nan")]


@pytest.mark.parametrize("given", [*ARRAYS, *PLAIN], ids=repr)
def test_arrays_and_plain_values_keep_type_and_bits(tmp_path, given):
    ocnet.save(tmp_path / "it.npz", {"it": given})
    assert same(ocnet.load(tmp_path / "it.npz"), {"it": given})


def test_names_of_any_kind_are_kept_apart_and_an_array_met_twice_is_kept_once(tmp_path):
    a, path = np.arange(1000.0), tmp_path / "it.npz"
    given = {"../../x": a, "/etc/x": a + 1, "ocnet": a + 2, "a.b": a + 3, "a": {"b": a + 4}, "é/é": a, "": a, "x" * 100_000: a + 5, "y" * 100_000: a + 6}
    ocnet.save(path, given)
    back = ocnet.load(path)
    assert same(back, given) and back["é/é"] is back["../../x"] and 7 * a.nbytes < path.stat().st_size - 200_000 < 8 * a.nbytes
    assert all(set(name) <= set("._") or name.replace(".", "").replace("_", "").isalnum() for name in np.load(path).files)


def random_tree(rng, depth=0):
    """Containers of up to three things, arrays and numbers, at most four deep."""
    kind = rng.integers(3 if depth < 4 else 1)
    inner = [random_tree(rng, depth + 1) for _ in range(rng.integers(4))] if kind else []
    if kind == 0:
        return (float(rng.normal()), int(rng.integers(-9, 9)), rng.normal(size=tuple(rng.integers(0, 4, size=rng.integers(4)))), "text")[rng.integers(4)]
    return {str(k): value for k, value in enumerate(inner)} if kind == 1 else tuple(inner)


def test_random_trees_come_back(tmp_path):
    rng = np.random.default_rng(0)
    for _ in range(100):
        given = random_tree(rng)
        ocnet.save(tmp_path / "it.npz", given)
        assert same(ocnet.load(tmp_path / "it.npz"), given)


@dataclass(frozen=True)
class Loud(Gaussian):
    """A noise model of a user's own."""


def test_a_class_of_ones_own_is_saved_and_loaded_where_it_is_given(tmp_path):
    given, path = ResidualNetwork(Perceptron(2), Loud(0.2), 3), tmp_path / "it.npz"
    with pytest.raises(TypeError, match=r"what is at noise is a Loud, which cannot be saved.*also=\[Loud\]"):
        given.save(path)
    ocnet.save(path, given, also=[Loud])
    with pytest.raises(ArchiveError, match="holds a Loud, which this ocnet does not know.*also="):
        ocnet.load(path)
    assert ocnet.load(path, also=[Loud]) == given
    given.save(path, also=[Loud])
    assert ResidualNetwork.load(path, also=[Loud]) == given


def test_classes_that_names_cannot_tell_apart_are_refused(tmp_path):
    twin = dataclass(frozen=True)(type("Loud", (), {}))
    for also, told in (([Loud, twin], "two classes of one name"), ([int], "is no dataclass"), ([Loud(0.2)], "is no dataclass")):
        for call in (lambda also=also: ocnet.save(tmp_path / "it.npz", 1, also=also), lambda also=also: ocnet.load(tmp_path / "it.npz", also=also)):
            with pytest.raises(ValueError, match=told):
                call()


def cycle():
    loop = []
    loop.append(loop)
    return loop


UNSAVABLE = [(lambda: Diffusion(lambda t, x: x, [[1.0]], 1), "Diffusion, which holds functions.*TrainedNetwork"),
             (problem, "KolmogorovProblem, which holds functions"), (lambda: trained().x.sum, "is code"), (lambda: len, "is code"),
             (lambda: ResidualNetwork, "is code"), (lambda: Dirichlet(lambda t, x: x[:, 0]), "what is at value, .*is code"),
             (lambda: TrainedNetwork(example("networks.TrainedNetwork").network, theta()).layered(), "holds functions"), (cycle, "hold itself"),
             (lambda: {1, 2}, "is a set"), (lambda: [np.array([{}])], "what is at 0 is an array of dtype object"),
             (lambda: np.zeros(2, dtype="f8,i4"), "dtype"), (lambda: np.array("2020", dtype="M8[Y]"), "dtype"), (lambda: ["x" * 2**24], "header holds")]


@pytest.mark.parametrize(("make", "told"), UNSAVABLE)
def test_what_cannot_be_saved_says_where_it_is_and_leaves_no_file(tmp_path, make, told):
    with pytest.raises(TypeError, match=told) as caught:
        ocnet.save(tmp_path / "it.npz", make())
    assert not list(tmp_path.iterdir()) and "\n" not in str(caught.value)


def test_methods_load_their_own_kind_and_subclasses_only(tmp_path):
    path = tmp_path / "it.npz"
    example("training.GridTraining").save(path)
    assert type(TrainingResult.load(path)) is GridTraining
    with pytest.raises(ArchiveError, match="it.npz cannot be loaded: it holds a GridTraining, not a Density; use ocnet.load"):
        Density.load(path)
    trained().save(path)
    with pytest.raises(ArchiveError, match="holds a TrainingResult, not a GridTraining"):
        GridTraining.load(path)
    ocnet.save(path, [1, 2])
    with pytest.raises(ArchiveError, match="holds something else"):
        Density.load(path)


# what happens to the file that was there -------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path):
    """A file that holds 1."""
    ocnet.save(tmp_path / "it.npz", 1)
    return tmp_path / "it.npz"


def in_a_child(work):
    """The exit status of a forked process that runs `work`: 0, or 9 where it was killed."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")
@pytest.mark.parametrize("when", ["fsync", "replace"])
def test_a_kill_while_writing_or_before_the_rename_leaves_the_old_file(path, when):
    def killed():
        setattr(os, when, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        ocnet.save(path, 2)

    assert in_a_child(killed) == -signal.SIGKILL
    assert ocnet.load(path) == 1
    ocnet.save(path, 3)                                                    # a draft that was left behind is in nobody's way
    assert ocnet.load(path) == 3


def test_a_full_disk_leaves_the_old_file_and_no_other(path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))          # Python ignores the signal, so that writing fails half way
    try:
        with pytest.raises(OSError):
            ocnet.save(path, np.zeros(10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert ocnet.load(path) == 1 and os.listdir(path.parent) == ["it.npz"]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_an_interrupt_leaves_the_old_file_and_no_other(path, monkeypatch, failing):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, failing, interrupted)
    with pytest.raises(KeyboardInterrupt):
        ocnet.save(path, 2)
    assert ocnet.load(path) == 1 and os.listdir(path.parent) == ["it.npz"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="gives up its rights in a forked process")
def test_a_folder_that_cannot_be_written_raises_and_keeps_the_file():
    """In a folder that others may look into; the super-user, who may write everywhere, first becomes somebody else."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ocnet.save(folder / "it.npz", 1)
        (folder / "told").touch()
        (folder / "told").chmod(0o666)
        folder.chmod(0o555)

        def without_rights():
            if os.geteuid() == 0:
                os.setuid(65534)
            try:
                ocnet.save(folder / "it.npz", 2)
            except PermissionError as error:
                (folder / "told").write_text(str(error))

        assert in_a_child(without_rights) == 0
        folder.chmod(0o755)
        assert "it.npz" in (folder / "told").read_text()
        assert ocnet.load(folder / "it.npz") == 1 and sorted(os.listdir(folder)) == ["it.npz", "told"]


def test_a_missing_folder_and_a_missing_file_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="none"):
        ocnet.save(tmp_path / "none" / "it.npz", 1)
    with pytest.raises(FileNotFoundError, match="none.npz"):
        ocnet.load(tmp_path / "none.npz")


def test_writers_of_one_path_do_not_mix(path):
    things = [np.full(2000, k) for k in range(8)]
    writers = [threading.Thread(target=lambda thing=thing: [ocnet.save(path, thing) for _ in range(5)]) for thing in things]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    back = ocnet.load(path)
    assert any(same(back, thing) for thing in things) and os.listdir(path.parent) == ["it.npz"]


def test_networks_whose_problem_is_saved_train_on(tmp_path):
    """A Setting comes back whole: the same objective, to the last bit."""
    given = example("training.objectives.ParticleObjective")
    ocnet.save(tmp_path / "it.npz", {"objective": given, "theta": theta()})
    back = ocnet.load(tmp_path / "it.npz")
    assert back["objective"].value(back["theta"]) == given.value(theta()) and back["objective"].fingerprint() == given.fingerprint()
