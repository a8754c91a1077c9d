"""A library's own losses, judged in this process."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import pytest

from lossapi.conformance.finding import implementation
from lossapi.conformance.oracle.specfile import load_spec
from lossapi.conformance.result import Result, Settings
from lossapi.conformance.runner import load_checks, run

Judge = Callable[..., dict[str, Result]]


@pytest.fixture
def judge() -> Judge:
    """The results of one check of a function, by their cases; without what is expected of them."""

    def results(name: str, loss: str, check: str, dtype: str = "float64") -> dict[str, Result]:
        module = {"mlx.nn.losses": "mlx"}.get(name, name.replace("-", "_"))
        if find_spec(module) is None:
            pytest.skip(f"{name} is not installed: pip install 'lossapi[judge]'")
        subject = implementation(name)
        settings = Settings(examples=1, seed=0)
        report = run(
            [subject], [load_spec(loss)], load_checks([check]), [dtype], settings, known={name: ()}
        )
        return {result.case: result for result in report.results}

    return results
