"""The main job: every array library that we claim, held to every specification."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import warnings
from functools import cache

import pytest

from lossapi.conformance import BackendSubject
from lossapi.conformance.oracle.specfile import load_spec
from lossapi.conformance.result import Settings
from lossapi.conformance.runner import load_checks, run
from lossapi.losses import registry

LIBRARIES = ("numpy", "torch", "jax", "array_api_strict")
INSTALLED = [name for name in LIBRARIES if importlib.util.find_spec(name)]


@cache
def subject(name: str) -> BackendSubject:
    return BackendSubject(name)


@pytest.mark.parametrize("loss", sorted(registry))
def test_a_function_conforms_on_every_library(loss: str) -> None:
    judged = [name for name in INSTALLED if name in (registry[loss].libraries or INSTALLED)]
    # A fixed seed, so that a run can be repeated; hunting with others is for people.
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        report = run(
            [subject(name) for name in judged],
            [load_spec(loss)],
            load_checks(),
            settings=Settings(seed=1),
        )
    wrong = [f"{r.subject} {r.check} {r.case} {r.dtype}: {r.message}" for r in report.bad]
    assert report.conforming, "\n".join([*wrong[:40], *report.stale, *report.idle])
    due = registry[loss].libraries or LIBRARIES
    missing = [name for name in LIBRARIES if name in due and name not in INSTALLED]
    if missing:
        pytest.skip(
            f"passed on {', '.join(judged)}; not judged on {', '.join(missing)}: not installed"
        )


def test_cupy_conforms_where_there_is_a_gpu() -> None:
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    try:
        cupy.zeros(1)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        pytest.skip(f"CuPy is installed but makes no array here, so it is not judged: {reason}")
    done = subprocess.run(
        [sys.executable, "-m", "lossapi", "check", "cupy", "--seed", "1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
