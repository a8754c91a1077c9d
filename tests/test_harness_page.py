"""The page on harnesses is followed word for word, and its messages are of the protocol."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from lossapi.conformance import Request, Traits
from lossapi.conformance.protocol import answers, reading, wire
from lossapi.conformance.subject import WANTS

PAGE = (Path(__file__).parents[1] / "docs" / "harness.md").read_text("utf-8")
STEP = re.compile(r"(?:<!-- file: (\S+) -->\n)?^```(\w+)\n(.*?)^```$", flags=re.M | re.S)
MESSAGES = re.findall(r"^([→←]) (.*)$", PAGE, flags=re.M)
Done = subprocess.CompletedProcess[str]


def followed(folder: Path) -> Iterator[Done]:
    """The files of the page are written, and its commands but the first one run, in order."""
    for name, language, text in STEP.findall(PAGE):
        if name:
            (folder / name).write_text(text, "utf-8")
        elif language == "sh" and "pip install" not in text:
            words = shlex.split(text.removeprefix(".venv/bin/"))
            yield run(folder, "-m", *words, *(["--seed", "1"] * ("--loss" in words)))
        elif language == "python":
            yield run(folder, "-c", text)


def run(folder: Path, *arguments: str) -> Done:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> list[Done]:
    if shutil.which("node") is None:
        pytest.skip("Node.js (node) is not installed")
    return list(followed(tmp_path_factory.mktemp("harness")))


def test_the_harness_of_the_page_keeps_to_the_protocol(steps: list[Done]) -> None:
    assert steps[0].returncode == 0, steps[0].stdout
    assert "keeps to the protocol" in steps[0].stdout


def test_it_fails_as_the_page_shows(steps: list[Done]) -> None:
    shown = next(text for _, language, text in STEP.findall(PAGE) if "FAIL" in text)
    assert steps[1].returncode == 1
    assert shown in steps[1].stdout


def test_the_mended_one_conforms(steps: list[Done]) -> None:
    assert steps[2].returncode == 0, steps[2].stdout
    assert "mine 0.1: conforming. 1 functions" in steps[2].stdout


def test_it_is_a_subject_in_python(steps: list[Done]) -> None:
    assert (steps[3].returncode, steps[3].stderr) == (0, "")


def test_every_message_of_the_page_is_of_the_protocol() -> None:
    last: tuple[int, Request] | None = None
    kinds = set()
    for arrow, text in MESSAGES:
        message = reading.parse(text.encode())
        kinds |= {(arrow, key) for key in message}
        if "hello" in message:
            if arrow == "→":
                assert message == wire.hello_asked()
            else:
                assert wire.read_hello(message).losses == ("huber_loss",)
        elif arrow == "→" and "run" in message:
            last = wire.read_request(message["run"])
            assert wire.request_written(last[1], last[0]) == message
        elif arrow == "→":
            assert message == wire.BYE
        elif "error" in message:
            assert last is not None
            with pytest.raises(answers.ERRORS[message["error"]["type"]]):
                answers.read_results(message, *last, "")
        else:
            assert last is not None
            answers.read_results(message, *last, "")
    words = {("→", "hello"), ("→", "run"), ("→", "bye"), ("←", "hello"), ("←", "results")}
    assert kinds >= {*words, ("←", "error"), ("←", "refused")}


def test_the_page_names_every_trait_want_and_key() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.M)
    traits = [field.name for field in fields(Traits)]
    message = wire.request_written(Request("huber_loss", {}, "float64"), 1)["run"]
    assert set(rows) == {*traits, *message, "Unsupported", "ValueError", "TypeError", "IndexError"}
    assert all(f"`{want}`" in PAGE for want in WANTS)
