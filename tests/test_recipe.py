"""CONTRIBUTING's recipe for a loss, followed in a copy, needs the files that it names alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

KERNEL = '''

@loss("(),()->()", target="{-1, 1}")
def perceptron_loss(xp, logits, target):
    """How far the score lies on the wrong side."""
    margin = target * logits
    return xp.where(margin < 0, -margin, p.zero(xp, margin))


@perceptron_loss.gradient("logits")
def _(xp, logits, target):
    margin = target * logits
    return xp.where(margin < 0, -target, p.zero(xp, margin))
'''

SPEC = r"""
name: perceptron_loss
title: Perceptron loss
family: binary
since: "0.1.0"
summary: How far the score lies on the wrong side.
references:
  - authors: F. Rosenblatt
    title: "The perceptron: a probabilistic model for information storage and organization"
    year: "1958"
    doi: 10.1037/h0042519
signature: "(),()->()"
inputs:
  logits:
    shape: "()"
    domain: "[-inf, inf]"
    dtype: floating
    differentiable: true
    meaning: The score.
  target:
    shape: "()"
    domain: "{-1, 1}"
    dtype: target
    differentiable: false
    meaning: The side on which the score should lie.
output:
  shape: "()"
  range: "[0, inf]"
formula:
  latex: '\max(0, -y z)'
  definition: |
    max(0, -target * logits)
gradient:
  logits:
    latex: '-y\,[\,y z < 0\,]'
    definition: |
      -target if target * logits < 0 else 0
kinks:
  - at: logits == 0
    order: "1"
    interval: {logits: ["min(0, -target)", "max(0, -target)"]}
    chosen: {logits: "0"}
    note: The slope jumps where the score changes sides.
outside: A target other than -1 and 1 gives NaN.
properties:
  smoothness: C0
  convex_in: [logits]
  lipschitz: {logits: "1"}
  minimum: {at: target * logits >= 0, value: "0"}
accuracy:
  value: {ulp: "0"}
  gradient: {logits: {ulp: "0"}}
hazards: [kink, infinite_input, nan_input, outside_domain]
equivalents:
  - library: optax
    call: optax.perceptron_loss(logits, target)
    relation: same
use_when:
  - Only the side of the score matters.
notes:
  - It is zero for a score of zero.
points:
"""

POINTS = {
    "right": ("0.5", "1", "typical"),
    "wrong": ("-1.5", "1", "typical"),
    "wrong-negative": ("2", "-1", "typical"),
    "right-negative": ("-8", "-1", "typical"),
    "undecided": ("0", "1", "kink"),
    "undecided-negative": ("0", "-1", "kink"),
    "infinite-right": ("Infinity", "1", "infinite_input"),
    "infinite-wrong": ("-Infinity", "1", "infinite_input"),
    "infinite-wrong-negative": ("Infinity", "-1", "infinite_input"),
    "nan": ("NaN", "1", "nan_input"),
    "half-target": ("1", "0.5", "outside_domain"),
    "zero-target": ("1", "0", "outside_domain"),
}


def points() -> str:
    return "".join(
        f"  - id: {name}\n"
        f"    flags: [{flag}]\n"
        f"    note: A score of {logits} for a target of {target}.\n"
        f'    inputs: {{logits: "{logits}", target: "{target}"}}\n'
        for name, (logits, target, flag) in POINTS.items()
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package as it is installed, in a place of its own."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "lossapi", tmp_path / "lossapi", ignore=ignore)
    for folder in ("backends", "conformance", "spec"):
        shutil.copytree(ROOT / folder, tmp_path / "lossapi" / folder, ignore=ignore)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def lossapi(copy: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "lossapi", *arguments],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_loss_is_a_spec_file_and_a_kernel_and_what_the_build_makes_of_them(copy: Path) -> None:
    before = contents(copy)
    (copy / "lossapi/spec/losses/binary/perceptron_loss.yaml").write_text(
        SPEC.lstrip() + points(), encoding="utf-8"
    )
    kernels = copy / "lossapi/losses/margin.py"
    kernels.write_text(kernels.read_text("utf-8") + KERNEL, encoding="utf-8")

    lossapi(copy, "spec", "build", "perceptron_loss")
    lossapi(copy, "spec", "verify", "perceptron_loss")
    lossapi(copy, "check", "numpy", "--loss", "perceptron_loss")
    assert "perceptron_loss" in lossapi(copy, "list")
    assert "(logits, target, *, reduction=" in lossapi(copy, "show", "perceptron_loss")

    after = contents(copy)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {
        "lossapi/spec/losses/binary/perceptron_loss.yaml",
        "lossapi/losses/margin.py",
        "lossapi/spec/golden/binary/perceptron_loss.yaml",
        "lossapi/spec/reference/perceptron_loss.md",
        "lossapi/__init__.pyi",
    }
