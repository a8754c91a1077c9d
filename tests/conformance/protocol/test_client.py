"""Whatever a harness does is an answer or a clear error, in time, and no process is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lossapi.conformance import Request, Unsupported
from lossapi.conformance.protocol import patience, process
from lossapi.conformance.protocol.client import HarnessSubject
from lossapi.conformance.protocol.process import HarnessError, HarnessTimeoutError

Make = Callable[..., HarnessSubject]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="harnesses run on Linux and macOS")


def asked(*numbers: float, loss: str = "huber_loss") -> Request:
    inputs = {"prediction": np.array(numbers or (1.0,)), "target": np.zeros(len(numbers) or 1)}
    return Request(loss, inputs, "float64", options={"reduction": "none"})


def test_a_harness_answers_as_often_as_it_is_asked(harness: Make) -> None:
    subject = harness("well")
    assert (subject.name, subject.version) == ("hostile", "1")
    for count in (1, 3, 2):
        assert subject.run(asked(*range(1, 1 + count))).arrays[0].tolist() == [0.25] * count
    subject.close()
    assert subject.run(asked()).arrays[0].tolist() == [0.25]


WRONG = [
    ("crash", "was ended by signal 11 (SIGSEGV) before it answered; it last said: about to fall"),
    ("exit", "ended with exit status 1 before it answered; it last said: no more"),
    ("die-mid-line", "ended with exit status 3 in the middle of a line before it answered"),
    ("close", "closed its output before it answered"),
    ("garbage", "does not keep to the protocol: the line is not JSON"),
    ("binary", "does not keep to the protocol: the line is not UTF-8"),
    ("huge-number", "results[0].data[0]: a number beyond float64"),
    ("too-few", 'results: got "0 arrays"; accepted is 1'),
    ("wrong-id", "id: got 2; accepted is 1"),
]


@pytest.mark.parametrize(("mode", "told"), WRONG, ids=[mode for mode, _ in WRONG])
def test_what_goes_wrong_is_told(
    mode: str, told: str, harness: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mode == "close":
        monkeypatch.setattr(process, "GRACE", 0.3)
    subject = harness(mode)
    for _ in range(2):  # it is started again, and says the same
        with pytest.raises(HarnessError) as raised:
            subject.run(asked())
        assert told in str(raised.value).replace("id: got 3; accepted is 2", told)


@pytest.mark.parametrize("mode", ["never", "with-a-child", "flood-errors-for-ever"])
def test_no_answer_ends_with_the_time_for_it(mode: str, harness: Make) -> None:
    subject = harness(mode, timeout=0.5)
    started = time.monotonic()
    with pytest.raises(HarnessTimeoutError, match=r"gave no answer within 0\.5 s"):
        subject.run(asked())
    assert time.monotonic() - started < 30  # it would stay for 600


def test_a_line_without_an_end_is_cut_off(harness: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LONGEST_LINE", 2**20)
    with pytest.raises(HarnessError, match="wrote a line of more than 1 MiB"):
        harness("flood").run(asked())


def test_what_is_said_on_standard_error_is_read_and_its_end_kept(harness: Make) -> None:
    assert harness("flood-errors").run(asked()).arrays[0].tolist() == [0.25]


def test_a_second_answer_is_found_with_the_next_question(harness: Make) -> None:
    subject = harness("too-many")
    assert subject.run(asked()).arrays[0].tolist() == [0.25]
    with pytest.raises(HarnessError, match="id: got 1; accepted is 2"):
        subject.run(asked())
    assert subject.run(asked()).arrays[0].tolist() == [0.25]


def test_another_hello_after_a_crash_is_told(harness: Make) -> None:
    subject = harness("other-hello")
    with pytest.raises(HarnessError, match="exit status 1"):
        subject.run(asked())
    with pytest.raises(HarnessError, match="said another hello"):
        subject.run(asked())


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("exit-at-once", "ended with exit status 1 before it answered; it last said: missing"),
        ("silent", "gave no answer within 1 s"),
        ("wrong-hello", "hello: the key protocol is missing"),
    ],
)
def test_a_harness_that_says_no_hello_is_no_subject(mode: str, told: str, harness: Make) -> None:
    with pytest.raises(HarnessError) as raised:
        harness(mode, start=1.0)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("/no/such/program --fast", "'/no/such/program' cannot be started: No such file"),
        (str(Path(__file__).parent), "cannot be started: Permission denied"),
        ("", "the command of the harness is empty"),
        ("node 'h.js", "cannot be taken apart: No closing quotation"),
        ("a\0b", "cannot be started"),
    ],
)
def test_a_command_that_starts_nothing_is_told(command: str, told: str) -> None:
    with pytest.raises(HarnessError) as raised:
        HarnessSubject(command)
    assert told in str(raised.value)


def test_an_error_is_an_answer_in_one_harmless_line(harness: Make) -> None:
    with pytest.raises(ValueError, match=r"no  \[31m more"):
        harness("refuse").run(asked())


def test_a_crash_takes_only_its_own_example(harness: Make) -> None:
    response = harness("crash-at-seven").run(asked(1.0, 7.0, 2.0))
    assert response.arrays[0].tolist()[::2] == [0.25, 0.25]
    assert np.isnan(response.arrays[0][1])
    assert response.refused[1].crash
    assert "exit status 9" in response.refused[1].message


def test_a_crash_of_a_batch_alone_is_not_lost(harness: Make) -> None:
    with pytest.raises(HarnessError, match="exit status 9"):
        harness("crash-in-batches").run(asked(1.0, 2.0))


def test_a_function_that_only_crashes_is_given_up_and_then_the_harness(
    harness: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "FAILURES", 3)
    subject = harness("exit")
    for loss in ("huber_loss", "log_cosh", "squared_error"):
        for _ in range(patience.FAILURES):
            with pytest.raises(HarnessError, match="exit status 1"):
                subject.run(asked(loss=loss))
        with pytest.raises(HarnessError, match="not asked, as"):
            subject.run(asked(loss=loss))
    with pytest.raises(HarnessError, match="the harness was given up after 3 functions"):
        subject.run(asked(loss="hinge_loss"))


def test_few_timeouts_are_enough_to_give_a_function_up(harness: Make) -> None:
    subject = harness("slow-at-log-cosh", timeout=0.2)
    subject.run(asked())
    for _ in range(patience.TIMEOUTS):
        with pytest.raises(HarnessTimeoutError):
            subject.run(asked(loss="log_cosh"))
    with pytest.raises(HarnessError, match="not asked, as log_cosh was given up after 3 timeouts"):
        subject.run(asked(loss="log_cosh"))
    assert subject.run(asked()).arrays[0].tolist() == [0.25]


def test_who_has_never_answered_is_given_up_soon(harness: Make) -> None:
    subject = harness("never", timeout=0.2)
    for _ in range(patience.TIMEOUTS):
        with pytest.raises(HarnessTimeoutError):
            subject.run(asked())
    with pytest.raises(HarnessError, match="given up, which has never answered, the last time"):
        subject.run(asked(loss="log_cosh"))


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "brier_score"},
        {"dtype": "float32"},
        {"transform": "jit"},
        {"strict": True},
        {"options": {"reduction": "mean"}},
        {"options": {"reduction": "none", "weights": np.ones(1)}},
        {"want": "sum_and_weight", "options": {}},
    ],
)
def test_what_is_not_claimed_is_not_asked_for(changes: dict[str, object], harness: Make) -> None:
    subject = harness("never")  # which would answer nothing
    with pytest.raises(Unsupported, match="hostile has no"):
        subject.run(Request(**{**vars(asked()), **changes}))


def test_the_line_that_reproduces_a_request_runs_in_a_shell(harness: Make) -> None:
    line = harness("well").reproduce(asked(2.0))
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
    assert '"data": [0.25]' in done.stdout


# --- nothing is left behind


def test_close_waits_for_nobody(harness: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE", 0.3)
    subject = harness("deaf-to-bye")
    subject.run(asked())
    started = time.monotonic()
    subject.close()
    assert time.monotonic() - started < 30  # it would stay for 600


PROGRAM = """
import sys, time
import numpy as np
from lossapi.conformance.protocol.client import HarnessSubject
from lossapi.conformance import Request

subject = HarnessSubject(sys.argv[1:], timeout=60)
print(subject._session._child._process.pid, flush=True)
one = np.ones(1)
subject.run(Request("huber_loss", {"prediction": one, "target": one}, "float64",
                    options={"reduction": "none"}))
"""


def test_an_interrupt_takes_the_harness_along() -> None:
    from .conftest import command, gone

    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *command("never")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    harness = int(program.stdout.readline())
    time.sleep(0.2)
    program.send_signal(signal.SIGINT)
    _, said = program.communicate(timeout=10)
    assert "KeyboardInterrupt" in said
    assert gone(harness)
