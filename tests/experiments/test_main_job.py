"""The program the user runs, at a tiny size: summary, resume, threads, wrong input; and its two companions."""

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom
from scipy.stats import t as student

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
sys.path.insert(0, str(EXPERIMENTS))

import binary_classification  # noqa: E402
import validate_monte_carlo  # noqa: E402
import value_functions  # noqa: E402
from command_line import report_errors  # noqa: E402
from tests.chance import random  # noqa: E402

TINY = ["--layers", "3", "--width", "3", "--iterations", "6", "--nodes", "21", "--paths", "20000"]
FLOOR = 0.153362                     # of the interval toy, MATH 1.7


def _same(value):
    """A summary without what may differ between equal runs."""
    if isinstance(value, dict):
        return {k: _same(v) for k, v in value.items() if k not in ("seconds", "seconds_total", "versions")}
    return [_same(v) for v in value] if isinstance(value, list) else value


def _status(program, arguments, monkeypatch, capsys):
    """Exit status and stderr of a program called in process."""
    monkeypatch.setattr(sys, "argv", [program.__file__, *map(str, arguments)])
    try:
        status = report_errors(program.command)
    except SystemExit as end:
        status = end.code
    return status, capsys.readouterr().err


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished tiny run on moons, and its summary."""
    out = tmp_path_factory.mktemp("run") / "moons"
    return out, binary_classification.main(["--data", "moons", *TINY, "--out", str(out)])


def test_summary_holds_what_was_promised_and_the_file_says_the_same(run):
    out, summary = run
    assert json.loads((out / "summary.json").read_text()) == json.loads(json.dumps(summary))
    assert summary["data"] == {"name": "moons", "train": 700, "test": 300}
    assert {"layers", "width", "noise", "level", "parameters"} <= set(summary["network"])
    assert summary["network"]["parameters"] == 3 * (3 * 2 + 3 + 2 * 3 + 2) + 3
    assert {"law", "objective", "objective_error", "accuracy_train", "accuracy_test", "seconds", "iterations", "box",
            "nodes"} <= set(summary["views"]["grid"])
    assert {"objective", "objective_stderr", "accuracy_train", "accuracy_test", "seconds", "iterations",
            "paths"} <= set(summary["views"]["particles"])
    for agreement in summary["agreement"].values():
        assert {"objective_grid", "objective_particles", "standard_error", "grid_error_bar", "within", "points",
                "points_within_fraction", "max_abs_difference"} <= set(agreement)
    assert {"objective_network", "objective_sde", "error_bar"} <= set(summary["modelling_gap"])
    assert {"cosine", "max_abs_z", "components", "within"} <= set(summary["gradients"])
    assert {"seed", "seconds_total", "versions"} <= set(summary)


@random(comparisons=5)
def test_both_views_agree_on_both_networks_within_their_own_bars(run, chance):
    """Finds a tenth of an objective.  4.7e-4 of honest points are beyond their own 3.5 standard errors, so 98 % of 700 are within by all chances;
    the largest of so many components of a gradient has Bonferroni's bar, of Student's law with 11 degrees."""
    _, summary = run
    for agreement in summary["agreement"].values():
        found, error = agreement["objective_particles"], agreement["standard_error"]
        chance.mean(found, agreement["objective_grid"], error, detects=0.1 * found, slack=agreement["grid_error_bar"])
        chance.spends(binom.sf(14, 700, 4.7e-4))
        assert agreement["points_within_fraction"] >= 0.98 and agreement["within"] == (
            abs(agreement["objective_grid"] - found) <= 3 * error + agreement["grid_error_bar"])
        assert agreement["grid_error_bar"] <= max(0.03 * agreement["objective_grid"], 5e-4)
        assert agreement["smallest_value"] >= 0
    of = summary["gradients"]
    chance.spends(chance.level)
    assert of["max_abs_z"] < student.isf(0.5 * chance.level / (of["components"] * len(of["pairs"])), min(r["replicates"] for r in of["routes"]
                                                                                                        if r["replicates"]) - 1)
    assert of["within"] == (of["max_abs_z"] <= of["critical_z"])


def test_figures_are_pictures(run):
    out, _ = run
    for name in ("value_functions", "layers", "training", "agreement"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("noise", ["gaussian", "dropout", "none", "stochastic-depth", "shake-shake"])
@pytest.mark.parametrize("loss, law", [("LE", "chain"), ("EL", "sde")])
@random()
def test_interval_toy_never_falls_below_its_floor(noise, loss, law, tmp_path, chance):
    summary = binary_classification.main(["--data", "interval", *TINY, "--noise", noise, "--loss", loss, "--law", law,
                                          "--no-figures", "--out", str(tmp_path / "x")])
    assert summary["views"]["grid"]["objective"] >= FLOOR
    seen = summary["agreement"]["grid_trained"]
    chance.mean(seen["objective_particles"], seen["objective_grid"], seen["standard_error"], detects=0.1, slack=seen["grid_error_bar"])


def test_a_killed_run_resumes_to_the_same_bits(run, tmp_path):
    _, whole = run
    out = tmp_path / "killed"
    command = [sys.executable, str(EXPERIMENTS / "binary_classification.py"), "--data", "moons", *TINY, "--no-figures",
               "--out", str(out), "--resume"]
    for seconds in (1.5, 2.5):                                          # SIGKILL somewhere in training or judging
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(command, timeout=seconds, capture_output=True)
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert _same(json.loads((out / "summary.json").read_text())) == _same(json.loads(json.dumps(whole)))


def test_a_run_cut_after_any_training_round_resumes_to_the_same_bits(tmp_path):
    arguments = ["--data", "interval", *TINY, "--no-figures", "--out", str(tmp_path / "x")]
    whole = binary_classification.main(arguments)
    journals = sorted((tmp_path / "x" / "grid").glob("round_*.journal"))
    assert len(journals) >= 3
    for journal in journals:
        for name in ("trained_grid.npz", "trained_particles.npz", "summary.json"):
            (tmp_path / "x" / name).unlink()
        journal.write_bytes(journal.read_bytes()[:-5])                  # the last record torn, later rounds kept
        assert _same(binary_classification.main([*arguments, "--resume"])) == _same(whole)


def test_one_and_two_threads_give_the_same_bits(run, tmp_path):
    _, whole = run
    one = binary_classification.main(["--data", "moons", *TINY, "--no-figures", "--threads", "1", "--out", str(tmp_path / "x")])
    assert _same(one) == _same(whole)


@pytest.mark.parametrize("text, word", [
    ("1,2,a\n" * 30, "one"), ("x,y,a\n" * 12 + "1,2,b\n" * 12, "number"), ("1,nan,a\n" * 12 + "1,2,b\n" * 12, "nan"),
    ("a\n" * 12 + "b\n" * 12, "column"), ("", "row"), ("\n\n", "row")])
def test_a_bad_table_is_one_line_and_status_2_and_nothing_is_written(text, word, tmp_path, monkeypatch, capsys):
    table, out = tmp_path / "table.csv", tmp_path / "out"
    table.write_text(text)
    status, error = _status(binary_classification, ["--data", table, "--out", out], monkeypatch, capsys)
    assert status == 2 and error.count("\n") == 1 and "error" in error and "table.csv" in error and word in error.lower()
    assert not out.exists()


@pytest.mark.parametrize("arguments, word", [
    (["--noise", "dropout", "--level", "-0.2"], "keep=-0.2"), (["--noise", "dropout", "--level", "1.5"], "keep=1.5"),
    (["--noise", "dropout", "--level", "nan"], "--level"), (["--level", "-1"], "level=-1"), (["--layers", "0"], "--layers"),
    (["--width", "x"], "--width"), (["--data", "nowhere"], "nowhere"), (["--noise", "salt"], "salt"),
    (["--views", "grid,eyes"], "eyes"), (["--nodes", "3"], "--nodes"), (["--seed", "-1"], "--seed"),
    (["--tikhonov", "inf"], "--tikhonov"), (["--frobnicate"], "--frobnicate")])
def test_a_bad_option_is_one_line_and_status_2_and_nothing_is_written(arguments, word, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    status, error = _status(binary_classification, [*arguments, "--out", out], monkeypatch, capsys)
    assert status == 2 and error.count("\n") == 1 and word in error
    assert not out.exists()


def test_an_output_folder_that_cannot_be_made_is_refused(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("kept")
    status, error = _status(binary_classification, ["--data", "moons", *TINY, "--out", tmp_path / "file"], monkeypatch, capsys)
    assert status == 2 and error.count("\n") == 1 and "--out" in error and (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("name", ["run.json", "trained_grid.npz", "trained_particles.npz"])
def test_truncated_or_foreign_files_are_refused_and_left_alone(name, run, tmp_path, monkeypatch, capsys):
    import shutil
    out = tmp_path / "copy"
    shutil.copytree(run[0], out)
    (out / name).write_bytes((out / name).read_bytes()[:-7])
    damaged = (out / name).read_bytes()
    arguments = ["--data", "moons", *TINY, "--out", out, "--resume"]
    status, error = _status(binary_classification, arguments, monkeypatch, capsys)
    assert status == 2 and error.count("\n") == 1 and name in error and (out / name).read_bytes() == damaged
    status, error = _status(binary_classification, [*arguments, "--layers", "4"], monkeypatch, capsys)
    assert status == 2 and ("layers" in error or name in error)


def test_a_checkpoint_of_another_network_is_refused(run, tmp_path, monkeypatch, capsys):
    import shutil
    out = tmp_path / "other"
    arguments = ["--data", "moons", *TINY, "--views", "grid", "--no-figures", "--out", str(out)]
    binary_classification.main([*arguments, "--seed", "1"])
    shutil.copy(run[0] / "trained_grid.npz", out / "trained_grid.npz")
    status, error = _status(binary_classification, [*arguments, "--seed", "1", "--resume"], monkeypatch, capsys)
    assert status == 2 and error.count("\n") == 1 and "another network" in error


def test_value_functions_draws_every_time_and_conserves_the_mass_of_the_data(run, tmp_path):
    result = value_functions.main([str(run[0]), "--times", "0", "1", "--label", "-1", "--animate", "--out", str(tmp_path)])
    picture, film = (Path(f).read_bytes() for f in result["files"])
    assert picture.startswith(b"\x89PNG") and film.startswith(b"GIF89a")
    assert np.abs(np.array(result["mass"]) - 1).max() < 1e-12           # rows of every step sum to 1: rounding only


@random(comparisons=2)
def test_validation_covers_an_honest_run_and_not_one_with_other_weights(run, tmp_path, monkeypatch, capsys, chance):
    """The program's own verdict is by three standard errors; that it follows from its numbers is checked, and the numbers by the budget."""
    status, _ = _status(validate_monte_carlo, [run[0], "--paths", 40000, "--points", 100, "--out", tmp_path], monkeypatch, capsys)
    told = json.loads((tmp_path / "validation.json").read_text())
    assert status == (0 if told["covered"] else 1) and told["covered"] == all(view["covered"] for view in told["views"].values())
    for view in told["views"].values():
        seen = view["agreement"]
        chance.mean(seen["objective_particles"], seen["objective_grid"], seen["standard_error"], detects=0.1, slack=seen["grid_error_bar"])
        beyond = 3 * seen["standard_error"] + seen["grid_error_bar"]
        assert view["covered"] == (abs(seen["objective_grid"] - seen["objective_particles"]) <= beyond and seen["points_within_fraction"] >= 0.99)
    honest = validate_monte_carlo.compare
    monkeypatch.setattr(validate_monte_carlo, "compare", lambda network, theta, *rest: _crossed(honest, network, theta, rest))
    status, _ = _status(validate_monte_carlo, [run[0], "--paths", 40000, "--out", tmp_path], monkeypatch, capsys)
    assert status == 1


def _crossed(compare, network, theta, rest):
    """The grid of one network against the particles of another: what a validation must not let pass."""
    from dataclasses import replace
    right, wrong = compare(network, theta, *rest), compare(network, 1.1 * theta, *rest)
    return replace(right, agreement=replace(right.agreement, particle_values=wrong.agreement.particle_values,
                                            objective_particles=wrong.agreement.objective_particles))


@pytest.mark.parametrize("program", [value_functions, validate_monte_carlo])
def test_companions_refuse_a_folder_without_a_run(program, tmp_path, monkeypatch, capsys):
    status, error = _status(program, [tmp_path / "none"], monkeypatch, capsys)
    assert status == 2 and error.count("\n") == 1 and "no run here" in error
