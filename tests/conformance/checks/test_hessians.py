from __future__ import annotations

import numpy as np
import pytest

from lossapi.conformance.backend_subject import BackendSubject
from lossapi.conformance.checks import hessians
from lossapi.conformance.checks.cases import Case
from lossapi.conformance.checks.inquiry import Inquiry
from lossapi.conformance.oracle.specfile import load_spec
from lossapi.conformance.result import Result

LOGITS = [[0.5, -1.0, 2.0], [0.0, 0.25, 0.0]]
CERTAIN = [[0.0, 60.0, -1.0]]


def judged(hessian: np.ndarray, logits: list[list[float]] = LOGITS) -> list[Result]:
    spec = load_spec("sparse_softmax_cross_entropy")
    inquiry = Inquiry(BackendSubject("numpy"), spec, "transforms", "float64")
    cases = [Case(f"row-{i}", {"logits": row, "labels": 1}) for i, row in enumerate(logits)]
    request = inquiry.request(cases)
    return list(hessians.judged(inquiry, "hessian", cases, None, "logits", hessian, request))


@pytest.fixture
def right() -> np.ndarray:
    """The curvature of the softmax cross entropy: diag(p) - p p', a block for each example."""
    odds = np.exp(np.asarray(LOGITS))
    p = odds / odds.sum(axis=1, keepdims=True)
    hessian = np.zeros((2, 3, 2, 3))
    for i in range(2):
        hessian[i, :, i, :] = np.diag(p[i]) - np.outer(p[i], p[i])
    return hessian


def test_the_right_hessian_passes(right: np.ndarray) -> None:
    assert [result.outcome for result in judged(right)] == ["pass"] * 3


def test_a_wrong_entry_fails_its_example_only(right: np.ndarray) -> None:
    right[1, 0, 1, 2] *= 1 + 1e-9
    assert [result.outcome for result in judged(right)] == ["pass", "fail", "pass"]


@pytest.mark.parametrize(("factor", "outcome"), [(1.0, "pass"), (1 + 1e-9, "fail"), (0.0, "fail")])
def test_a_hessian_far_below_one_is_judged_by_its_size(factor: float, outcome: str) -> None:
    odds = np.exp(np.asarray(CERTAIN[0]) - 60.0)
    p = odds / odds.sum()
    others = np.asarray([1.0, odds[0] + odds[2], 1.0])
    hessian = (np.diag(p * others) - np.outer(p, p) * (1 - np.eye(3))).reshape(1, 3, 1, 3)
    assert judged(factor * hessian, CERTAIN)[0].outcome == outcome


def test_examples_must_not_touch_each_other(right: np.ndarray) -> None:
    right[0, 1, 1, 1] = 1e-300
    assert [result.outcome for result in judged(right)] == ["pass", "pass", "fail"]


def test_a_nan_between_examples_is_noticed(right: np.ndarray) -> None:
    right[0, 1, 1, 1] = np.nan
    assert judged(right)[-1].outcome == "fail"
