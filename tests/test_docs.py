"""The page on testing one's own implementation is followed word for word."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "test-your-own.md"
STEP = re.compile(r"(?:<!-- file: (\S+) -->\n)?^```(\w+)\n(.*?)^```$", flags=re.M | re.S)


def followed(folder: Path) -> list[tuple[str, subprocess.CompletedProcess[str]]]:
    """Every file of the page written, and every command but the first run, in order."""
    done = []
    for name, language, text in STEP.findall(PAGE.read_text("utf-8")):
        if name:
            (folder / name).write_text(text, "utf-8")
        elif language == "sh" and "pip install" not in text:
            tool, *rest = text.strip().removeprefix(".venv/bin/").split()
            command = [sys.executable, "-m", tool, *rest]
            done.append((text.strip(), run(command, folder)))
    return done


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    return followed(tmp_path_factory.mktemp("own"))


def test_the_first_function_fails_as_the_page_shows(steps):
    command, done = steps[0]
    assert command == ".venv/bin/pytest test_my_losses.py"
    assert done.returncode == 1
    steps_of_text = (step for step in STEP.findall(PAGE.read_text("utf-8")) if step[1] == "text")
    ((_, _, shown),) = steps_of_text
    said = [line.removeprefix("E").strip() for line in done.stdout.splitlines()]
    assert all(line.strip() in said for line in shown.splitlines())


def test_the_mended_one_passes_and_says_what_it_lacks(steps):
    _, done = steps[1]
    assert done.returncode == 0, done.stdout
    assert re.search(r"\d+ passed, \d+ skipped", done.stdout)


def test_the_command_line_agrees(steps):
    _, done = steps[2]
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mine: conforming. 1 functions" in done.stdout
