"""The code is typed throughout, and users see every parameter of every loss."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PROGRAM = """
import numpy as np
import lossapi
from typing import assert_type, Any

x = np.ones(3)
lossapi.huber_loss(x, x, delta=2.0, reduction="none", weights=x, where=x > 0)
value, gradient = lossapi.huber_loss.value_and_grad(x, x, delta=2.0, wrt=("prediction", "target"))
lossapi.softmax(x, axis=0, temperature=2.0)
lossapi.sparse_softmax_cross_entropy(x, x, ignore_index=-100, class_weights=x)
lossapi.one_hot([0, 2], num_classes=3, axis=0, dtype=np.float32)
assert_type(lossapi.recommend("regression", noise="varying")[0].loss, str)
clipped, norm = lossapi.training.clip_by_global_norm({"w": x}, max_norm=1.0, nonfinite="zero")
assert_type(clipped, dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]])
lossapi.diagnostics.loss_curve(lossapi.huber_loss, delta=2.0).plot()
"""

MISTAKES = [
    ("lossapi.huber_loss(x, x, dela=2.0)", 'Unexpected keyword argument "dela"'),
    ("lossapi.huber_loss(x)", 'Missing positional argument "target"'),
    ('lossapi.huber_loss(x, x, reduction="avg")', "reduction"),
    ("lossapi.softmax(x, weights=x)", 'Unexpected keyword argument "weights"'),
    ("lossapi.one_hot(x)", 'Missing named argument "num_classes"'),
    ("lossapi.no_such_loss(x)", "no_such_loss"),
    ("lossapi.recommend()", 'Missing positional argument "problem"'),
    ("lossapi.training.clip_by_global_norm(x)", 'Missing positional argument "max_norm"'),
]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it is installed: the folders beside lossapi inside it."""
    site = tmp_path_factory.mktemp("site")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "lossapi", site / "lossapi", ignore=ignore)
    for folder in ("backends", "conformance", "spec"):
        shutil.copytree(ROOT / folder, site / "lossapi" / folder, ignore=ignore)
    for folder in ("benchmarks", "examples"):
        shutil.copytree(ROOT / folder, site / folder, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", site)
    return site


def mypy(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(site / ".cache"), *arguments],
        cwd=site,
        capture_output=True,
        text=True,
        check=False,
    )


def test_everything_passes_the_strict_type_checker(installed: Path) -> None:
    done = mypy(installed, "-p", "lossapi", "-p", "benchmarks", "-p", "examples")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_correct_program_passes_and_each_mistake_is_named(installed: Path) -> None:
    program = installed / "program.py"
    program.write_text(PROGRAM + "".join(f"{line}\n" for line, _ in MISTAKES))
    done = mypy(installed, "program.py")
    first = len(PROGRAM.splitlines()) + 1
    found = [line for line in done.stdout.splitlines() if line.startswith("program.py:")]
    errors = [line for line in found if " error: " in line]
    assert [int(line.split(":")[1]) for line in errors] == [
        first + i for i in range(len(MISTAKES))
    ], done.stdout
    for (_, message), line in zip(MISTAKES, errors, strict=True):
        assert message in line
