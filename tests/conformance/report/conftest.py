"""Two runs for the reports: a right subject, and one that is wrong in every way."""

from __future__ import annotations

import math

import pytest

from lossapi.conformance.result import Result, Settings
from lossapi.conformance.run_report import Part, Report

LOSSES = ("huber_loss", "kl_divergence", "log_cosh", "softplus")
HOSTILE = "</script><img src=x onerror=boom()> | `a` *b* <!-- \ud800 \x00"


def begun(name: str, version: str, seed: int) -> Report:
    return Report(
        Settings(20, seed), {name: version}, {"cupy": "no GPU"}, losses=LOSSES, checks=("value",)
    )


def results(subject: str, loss: str, *rows: tuple[str, str, str, dict[str, object]]) -> Part:
    return Part(
        subject,
        loss,
        [
            Result(loss, check, case, "float32", outcome, subject=subject, **more)  # type: ignore[arg-type]
            for check, case, outcome, more in rows
        ],
    )


@pytest.fixture
def right() -> Report:
    """A subject that conforms."""
    report = begun("numpy", "2.4", 1)
    for loss in LOSSES:
        report.add(
            results(
                "numpy",
                loss,
                ("value", "linear/value", "pass", {"ulp": 0.5, "flags": ("typical",)}),
                ("value", "far/value", "pass", {"ulp": 1.25, "flags": ("kink", "typical")}),
                ("shape", "pairs", "pass", {}),
            )
        )
    return report


@pytest.fixture
def wrong() -> Report:
    """A subject that is wrong, unsupported, or expected to be wrong; and not judged to its end."""
    report = begun("textbook", "1.0", 2)
    failure = {
        "message": "the value is 3.5 ULP off",
        "ulp": 3.5,
        "flags": ("kink", "typical"),
        "note": "A residual of exactly delta.",
        "expected": "1.5",
        "got": "1.25",
        "reproduce": "import numpy as np; huber_loss(np.asarray(2.5), 1.0)",
    }
    known = {"message": "inf", "ulp": math.inf, "reason": "It overflows.", "got": "inf"}
    bug = {**known, "kind": "bug", "issue": "https://example.org/issues/1?a_b=(1)"}
    trap = {**known, "kind": "convention", "issue": "javascript:boom()"}
    report.add(
        results(
            "textbook",
            "huber_loss",
            ("value", "linear/value", "pass", {"ulp": 0.5, "flags": ("typical",)}),
            ("value", "far/value", "fail", failure),
            ("gradient", "far/value", "unsupported", {"message": "has no gradient"}),
            ("gradient", "linear/value", "unsupported", {"message": "has no gradient"}),
        )
    )
    report.add(
        results(
            "textbook",
            "kl_divergence",
            ("value", "", "error", {"message": HOSTILE, "note": HOSTILE, "reproduce": HOSTILE}),
        )
    )
    report.add(
        results(
            "textbook",
            "log_cosh",
            ("value", "far/value", "expected failure", bug),
            ("stability", "grid", "expected failure", trap),
        )
    )
    report.partial = "interrupted"
    return report
