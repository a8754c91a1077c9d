"""Harnesses that keep to the protocol, and some that do not."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lossapi.conformance.protocol import process
from lossapi.conformance.protocol.client import HarnessSubject

HOSTILE = Path(__file__).with_name("hostile.py")


def command(mode: str) -> list[str]:
    """What starts a harness of this mode, quickly."""
    return [sys.executable, "-I", "-S", str(HOSTILE), mode]


@pytest.fixture
def harness() -> Iterator[Callable[..., HarnessSubject]]:
    """A harness by its mode; none is left behind."""
    made: list[HarnessSubject] = []

    def make(mode: str, timeout: float = 10.0, start: float = 10.0) -> HarnessSubject:
        made.append(HarnessSubject(command(mode), timeout=timeout, start=start))
        return made[-1]

    yield make
    process.kill_all()
    assert children() == []


def children() -> list[str]:
    """The processes, dead ones included, that this one has started and that are hostile."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, IndexError):
            continue
        if parent == str(os.getpid()) and ("hostile" in line or not line):
            found.append(f"{folder.name} {line}")
    return found


def gone(number: int, seconds: float = 5.0) -> bool:
    """Whether a process ends within some time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False
