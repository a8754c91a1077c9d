"""What the README shows runs as it stands there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

import lossapi
from lossapi.conformance import check

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.M | re.S)


def test_its_programs_run() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("ndonnx", reason="ndonnx is not installed")
    names: dict[str, object] = {}
    for program in blocks("python"):
        exec(program, names)
    assert names["value"] == pytest.approx(1 / 12)


def test_its_way_to_judge_an_implementation_tells_right_from_wrong() -> None:
    def right(prediction, target, delta=1.0):
        return lossapi.huber_loss(prediction, target, delta=delta, reduction="none")

    def wrong(prediction, target, delta=1.0):
        residual = np.abs(prediction - target)
        return np.where(residual < delta, 0.5 * residual**2, delta * residual)

    check("huber_loss", right)
    with pytest.raises(AssertionError, match="linear"):
        check("huber_loss", wrong)


def test_its_two_commands_are_one_line_each_and_ci_runs_the_second() -> None:
    main, tests = (block.strip() for block in blocks("sh"))
    assert main.endswith("lossapi check numpy")
    extract = "sed -n '/<!-- tests: /,/^```$/p' README.md | sed '1,2d;$d'"
    assert extract in (ROOT / ".ci" / "run").read_text()
    shown = subprocess.run(
        extract, shell=True, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == tests
