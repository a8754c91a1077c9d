"""What comes of a label that names no class."""

from __future__ import annotations

import numpy as np
import pytest

from lossapi.conformance import FunctionSubject
from lossapi.conformance.oracle.specfile import load_spec
from lossapi.conformance.result import Settings
from lossapi.conformance.runner import load_checks, run
from lossapi.conformance.subject import Refusal, Request, Response

LOSS = "nll"


class Refusing(FunctionSubject):
    """Gives NaN for such a label, and says why."""

    def __init__(self, crash: bool) -> None:
        super().__init__("refusing", {LOSS: _loss})
        self._crash = crash

    def run(self, request: Request) -> Response:
        found = super().run(request)
        labels = request.inputs["labels"]
        wrong = np.flatnonzero((labels < 0) | (labels > 2))
        found.arrays[0][wrong] = np.nan
        return Response(
            found.arrays, found.dtypes, {int(i): Refusal("told", self._crash) for i in wrong}
        )


def _loss(log_probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    places = np.clip(labels, 0, 2)[:, None]
    return -np.take_along_axis(log_probabilities, places, axis=-1)[:, 0]


@pytest.mark.parametrize(("crash", "outcome"), [(False, "pass"), (True, "error")])
def test_an_error_is_right_and_a_crash_never(crash: bool, outcome: str) -> None:
    subject = Refusing(crash)
    checks = load_checks(["errors"])
    report = run([subject], [load_spec(LOSS)], checks, ["float64"], Settings(seed=0))
    found = {r.case: r.outcome for r in report.results if r.case.startswith("labels=")}
    assert found["labels=-1/value"] == outcome
