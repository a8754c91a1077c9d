"""A third party's library becomes a backend by an entry point, and the suite judges it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

TOY = Path(__file__).parent / "toy"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(TOY)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_toy_library_of_some_sixty_lines_passes_the_suite(tmp_path: Path) -> None:
    report = tmp_path / "report.jsonl"
    # One function of each kind: elementwise, over classes with labels, with vectors as results.
    losses = {"huber_loss", "sparse_softmax_cross_entropy", "softmax"}
    chosen = [word for loss in sorted(losses) for word in ("--loss", loss)]
    done = run("-m", "lossapi", "check", "toyarray", *chosen, "--json", str(report))
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert losses == {line.get("loss") for line in lines if line.get("outcome") == "pass"}


def test_its_arrays_are_recognised_without_being_named_anywhere() -> None:
    done = run(
        "-c",
        "import toyarray, lossapi;"
        "print(type(lossapi.squared_error(toyarray.asarray([2.0]), 0.0)).__name__)",
    )
    assert done.stdout.strip() == "Array", done.stderr
