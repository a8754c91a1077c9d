"""A run's report for programs: one JSON object a line, complete only with its last line."""

from __future__ import annotations

import json
import math
from typing import Any, TextIO

import lossapi

from ..result import Result
from ..runner import Report


def write(report: Report, stream: TextIO) -> None:
    """A line of ``"type": "run"``, one for each result, and one of ``"type": "end"``."""
    settings = report.settings
    _line(
        stream,
        type="run",
        lossapi=lossapi.__version__,
        subjects=report.subjects,
        skipped=report.skipped,
        examples=settings.examples,
        hunt=settings.hunt,
        seed=settings.seed,
    )
    for result in report.results:
        _line(stream, type="result", **_fields(result))
    _line(
        stream,
        type="end",
        conforming=report.conforming,
        counts=report.counts,
        stale_expectations=report.stale,
        seconds=round(report.seconds, 3),
    )


def _fields(result: Result) -> dict[str, Any]:
    """What a result has to say; numbers that JSON lacks are written as strings."""
    ulp: float | str | None = result.ulp
    if isinstance(ulp, float) and not math.isfinite(ulp):
        ulp = "NaN" if math.isnan(ulp) else "Infinity"
    fields = {**vars(result), "flags": list(result.flags), "ulp": ulp}
    return {name: value for name, value in fields.items() if value not in ("", None, [])}


def _line(stream: TextIO, **fields: Any) -> None:
    stream.write(json.dumps(fields, ensure_ascii=False, allow_nan=False) + "\n")
