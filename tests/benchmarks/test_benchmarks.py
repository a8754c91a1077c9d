"""The benchmarks compare what they say they compare. How fast anything is, no test asserts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks import compare, peers
from benchmarks.cases import CASES, inputs
from benchmarks.floor import PARAMETERS, compiler
from benchmarks.peers import PEERS
from benchmarks.timing import Budget

ROOT = Path(__file__).parents[2]
ONCE = Budget(0.0, 1)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def small(loss: str) -> tuple[int, ...]:
    axes = len(CASES[loss].shapes[0])
    return (7, 5, 3)[:axes] if axes > 1 else (35,)


def compared(loss: str, library: str = "numpy") -> list[compare.Row]:
    return compare.compare(library, loss, "float64", small(loss), 1, ONCE)


@pytest.mark.parametrize("loss", CASES)
def test_every_peer_on_numpy_computes_the_same_loss_and_gradients(loss: str) -> None:
    for row in compared(loss):
        assert row.seconds[compare.OURS] > 0
        assert not [why for why in row.absent.values() if why.startswith("differs")]
        assert set(row.seconds) | set(row.absent) >= {compare.OURS, *PEERS["numpy"]}


@pytest.mark.parametrize("loss", ["gaussian_nll", "linear_cross_entropy"])
@pytest.mark.parametrize("library", ["torch", "jax"])
def test_peers_on_other_libraries_are_differentiated_and_agree(library: str, loss: str) -> None:
    pytest.importorskip(library, reason=f"{library} is not installed")
    value, gradient = compared(loss, library)
    assert value.mode == "value"
    assert gradient.mode == "value_and_grad"
    for row in (value, gradient):
        assert not [why for why in row.absent.values() if why.startswith("differs")]
        assert row.ratios


def test_a_peer_that_computes_something_else_is_named_and_not_timed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong = SimpleNamespace(squared_error=lambda p, t: iter([np.mean(np.abs(p - t)), p - t]))
    monkeypatch.setattr(compare, "load", lambda _: wrong)
    for row in compared("squared_error"):
        assert row.absent["scipy"].startswith("differs: ")
        assert "scipy" not in row.seconds


def test_a_missing_peer_is_reported_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(peers._MODULES, "scipy", "no_such_module")
    for row in compared("huber_loss"):
        assert row.absent["scipy"].startswith("missing: ")
        assert "scipy" not in row.ratios


def test_a_file_that_holds_no_run_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text("{}")
    done = run("--from", str(other))
    assert done.returncode == 2
    assert "does not hold a run" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_size_at_which_nothing_is_measured_is_refused() -> None:
    done = run("--loss", "huber_loss", "--size", "65536x10")
    assert done.returncode == 2
    assert "nothing of this is measured at the size 65536x10" in done.stderr


def test_every_loop_of_the_floor_belongs_to_a_loss_that_is_measured() -> None:
    for loss, parameter in PARAMETERS.items():
        assert parameter is None or parameter in CASES[loss].parameters


def test_the_loops_leave_the_arithmetic_of_everybody_else_alone() -> None:
    for row in compared("huber_loss"):
        assert compiler() is None or "C loop" in row.floor
    assert np.float64(5e-324) * np.float64(0.9) > 0


def test_inputs_are_the_same_whenever_the_same_are_asked_for() -> None:
    def drawn() -> tuple[Any, ...]:
        return inputs("gaussian_nll", (9,), "float32")

    for first, second in zip(drawn(), drawn(), strict=True):
        assert first.dtype == np.float32
        assert np.array_equal(first, second)


def test_a_run_writes_its_table_as_data_and_as_a_page(tmp_path: Path) -> None:
    data, page = tmp_path / "run.json", tmp_path / "run.md"
    asked = ("--quick", "--library", "numpy", "--loss", "squared_error", "--size", "1")
    done = run(*asked, "--seconds", "0", "--json", str(data), "--markdown", str(page))
    assert done.returncode == 0, done.stderr
    assert "squared_error" in done.stdout
    written = json.loads(data.read_text())
    assert [row["mode"] for row in written["rows"]] == ["value", "value_and_grad"]
    assert written["machine"]["versions"]["numpy"] == np.__version__
    assert "| squared_error | 1 | float32 |" in page.read_text()
    again = tmp_path / "again.md"
    assert run("--from", str(data), "--markdown", str(again)).returncode == 0
    assert again.read_text() == page.read_text()


def test_several_runs_of_one_machine_are_shown_as_one(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.json" for name in ("first", "second", "third")]
    losses = ("squared_error", "huber_loss")
    for loss, path in zip(losses, paths, strict=False):
        asked = ("--quick", "--library", "numpy", "--loss", loss, "--size", "1")
        assert run(*asked, "--seconds", "0", "--json", str(path)).returncode == 0
    page = tmp_path / "page.md"
    both = [word for path in paths[:2] for word in ("--from", str(path))]
    assert run(*both, "--markdown", str(page)).returncode == 0
    assert "--loss huber_loss --size 1 --seconds 0.0 --json run2.json" in page.read_text()
    for loss in losses:
        assert f"| {loss} | 1 | float32 |" in page.read_text()
    other = json.loads(paths[1].read_text())
    assert page.read_text().count(f"commit {other['machine']['commit']}") == 1
    other["machine"]["commit"] = "0000000"
    paths[2].write_text(json.dumps(other))
    assert run(*both, "--from", str(paths[2]), "--markdown", str(page)).returncode == 0
    date, first = other["machine"]["date"], json.loads(paths[0].read_text())["machine"]
    assert f"run 1 {first['date']}, commit {first['commit']}, run 2 " in page.read_text()
    assert f"run 3 {date}, commit 0000000, {other['machine']['processor']}" in page.read_text()
    other["machine"]["processor"] = "Abacus"
    paths[2].write_text(json.dumps(other))
    done = run(*both, "--from", str(paths[2]))
    assert done.returncode == 2
    assert "third.json is of another run than" in done.stderr
    assert "processor Abacus, not" in done.stderr


@pytest.mark.parametrize(
    ("option", "came", "said"),
    [
        ("--loss", "huber", "there is no loss 'huber'; accepted are"),
        ("--library", "nump", "Did you mean numpy?"),
        ("--size", "7", "there is no size '7'"),
        ("--dtype", "float16", "there is no dtype 'float16'"),
        ("--threads", "3", "accepted are 1, all."),
    ],
)
def test_an_unknown_name_is_one_line_and_exit_code_2(option: str, came: str, said: str) -> None:
    done = run(option, came)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
