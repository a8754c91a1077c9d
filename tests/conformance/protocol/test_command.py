"""``lossapi check --harness``: verdicts, exit codes, and no process left behind."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lossapi import cli

from .conftest import command, gone

pytestmark = pytest.mark.skipif(os.name != "posix", reason="harnesses run on Linux and macOS")
QUICK = ("--loss", "huber_loss", "--check", "value")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(mode: str, *arguments: str) -> tuple[int, str, str]:
        code = cli.run(["check", "--harness", shlex.join(command(mode)), *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_wrong_harness_does_not_conform_and_is_called_by_its_name(check: Run) -> None:
    code, out, _ = check("well", *QUICK)
    assert code == 1
    assert "FAIL hostile huber_loss value" in out
    assert "  again printf" in out
    assert "hostile 1: NOT conforming" in out


def test_a_crash_is_an_error_in_the_report(check: Run) -> None:
    code, out, _ = check("crash", *QUICK)
    assert code == 1
    assert "ERROR hostile huber_loss value" in out
    assert "was ended by signal 11 (SIGSEGV)" in out


def test_a_harness_that_cannot_be_asked_ends_the_command(check: Run) -> None:
    code, out, err = check("exit-at-once", *QUICK)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert "it last said: missing library. `lossapi check --harness" in line


def test_of_two_harnesses_of_one_name_neither_is_judged(check: Run) -> None:
    code, _, err = check("well", "--harness", shlex.join(command("crash")), *QUICK)
    assert code == 2
    assert "two subjects are called hostile" in err


@pytest.mark.parametrize("more", [(), ("--loss", "log_cosh", "--jobs", "2")])
def test_an_answer_is_waited_for_as_long_as_is_said(check: Run, more: tuple[str, ...]) -> None:
    code, out, _ = check("never", *QUICK, *more, "--timeout", "0.25")
    assert code == 1
    for loss in ("huber_loss", *more[1:2]):
        assert f"ERROR hostile {loss} value" in out
    assert "the harness gave no answer within 0.25 s" in out


def test_validate_waits_as_long_as_is_said(check: Run) -> None:
    code, out, _ = check("never", "--validate", "--timeout", "0.25")
    assert code == 1
    assert "the harness gave no answer within 0.25 s" in out


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_a_time_that_is_none_is_told(check: Run, seconds: str) -> None:
    code, _, err = check("well", *QUICK, "--timeout", seconds)
    assert code == 2
    assert f"got {seconds}; accepted are more than 0, up to 86400" in err


def test_a_timeout_needs_somebody_to_wait_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check", "numpy", *QUICK, "--timeout", "5"]) == 2
    assert "--timeout needs --impl or --harness" in capsys.readouterr().err


def test_validate_tells_and_judges_nothing(check: Run) -> None:
    code, out, _ = check("garbage", "--validate")
    assert code == 1
    assert "wrong        huber_loss in float64: the line is not JSON" in out
    assert "    sent      {" in out
    assert out.splitlines()[-1].endswith("messages are wrong")


def test_validate_needs_a_harness(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check", "--validate"]) == 2
    assert "--validate needs --harness COMMAND" in capsys.readouterr().err


def test_ctrl_c_ends_the_harnesses_of_all_processes(tmp_path: Path) -> None:
    numbers = tmp_path / "numbers"
    line = shlex.join([*command("never-telling"), str(numbers)])
    losses = ("--loss", "huber_loss", "--loss", "log_cosh", "--check", "value")
    with subprocess.Popen(
        [sys.executable, "-m", "lossapi", "check", "--harness", line, *losses, "--jobs", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        deadline = time.monotonic() + 30
        asked = []
        while len(asked) < 2 and time.monotonic() < deadline:
            asked = numbers.read_text().split() if numbers.exists() else []
            time.sleep(0.05)
        assert len(asked) == 2
        started.send_signal(signal.SIGINT)
        _, err = started.communicate(timeout=30)
    assert started.returncode == 130, err
    assert all(gone(int(number)) for number in asked)
