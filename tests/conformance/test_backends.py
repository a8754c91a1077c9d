"""The main job: every array library that we claim, held to every specification."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("backend", ["jax", "torch", "numpy", "array_api_strict"])
def test_a_backend_conforms(backend: str) -> None:
    pytest.importorskip(backend, reason=f"{backend} is not installed")
    # A fixed seed, so that a run can be repeated; hunting with others is for people.
    done = subprocess.run(
        [sys.executable, "-m", "lossapi", "check", backend, "--seed", "1", "--jobs", "1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]


def test_cupy_conforms_where_there_is_a_gpu() -> None:
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    try:
        cupy.zeros(1)
    except Exception as error:
        pytest.skip(f"CuPy is installed but computes nothing here: {type(error).__name__}")
    done = subprocess.run(
        [sys.executable, "-m", "lossapi", "check", "cupy", "--seed", "1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
