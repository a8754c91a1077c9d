"""Many results as a few numbers: one line per function and check."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ..result import OUTCOMES, Outcome, Result

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Line:
    """What one check found of one function of one subject."""

    subject: str
    loss: str
    check: str
    dtypes: tuple[str, ...]
    counts: dict[Outcome, int]
    worst: Result | None
    """The result of largest error in ULP; None where none was measured."""

    @property
    def verdict(self) -> Outcome:
        """The outcome that the line stands for: the one that most needs a look."""
        order: tuple[Outcome, ...] = (
            "error",
            "fail",
            "unexpected pass",
            "pass",
            "expected failure",
            "unsupported",
            "spared",
        )
        return next(outcome for outcome in order if self.counts[outcome])


def lines(results: Iterable[Result]) -> list[Line]:
    """One line for each subject, function and check, in the order they came."""
    groups: dict[tuple[str, str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.subject, result.loss, result.check), []).append(result)
    return [
        Line(
            *key,
            tuple(dict.fromkeys(r.dtype for r in group if r.dtype)),
            {outcome: sum(r.outcome == outcome for r in group) for outcome in OUTCOMES},
            worst(group),
        )
        for key, group in groups.items()
    ]


def worst(results: Iterable[Result]) -> Result | None:
    """The result of largest measured error."""
    measured = [(result.ulp, result) for result in results if result.ulp is not None]
    if not measured:
        return None
    return max(measured, key=lambda pair: math.inf if math.isnan(pair[0]) else pair[0])[1]


def reasons(results: Iterable[Result], outcome: Outcome) -> list[tuple[str, str, int]]:
    """Subject, reason and number of the results of an outcome, the commonest first."""
    found = Counter((r.subject, told(r)) for r in results if r.outcome == outcome)
    return [(subject, message, count) for (subject, message), count in found.most_common()]


def told(result: Result) -> str:
    """Why a result is not passed, in one line; of an expected failure the reason for that."""
    if not result.reason:
        return result.message
    kind = f"{result.kind}:" if result.kind else ""
    return " ".join(filter(None, (kind, result.reason, result.issue)))


def printable(text: str) -> str:
    """The text without the characters that XML, or any encoding, cannot hold."""
    return _ILLEGAL.sub("�", text)


def spelled(ulp: float | None) -> str:
    """An error in ULP as a report shows it."""
    if ulp is None:
        return ""
    if not math.isfinite(ulp):
        return "∞"
    return f"{ulp:.2f}".rstrip("0").rstrip(".") if ulp < 1000 else f"{ulp:.3g}"
