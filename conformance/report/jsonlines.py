"""A run's report for programs: one JSON object a line, complete only with its last line.

Results are written as soon as a function is judged, so that a run that is broken off, in whatever
way, leaves a report that can be read and carried on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from ..result import Result
from ..run_report import Part, Report

FORMAT = 1
"""Raised where readers of what was written before could not read it."""


@contextmanager
def recording(report: Report, stream: TextIO) -> Iterator[Callable[[Part], None]]:
    """A new file: its first line, what the function that it gives is called with, its last line."""
    settings = report.settings
    _line(
        stream,
        type="run",
        format=FORMAT,
        **vars(report.origin),
        **vars(settings),
        subjects=report.subjects,
        skipped=report.skipped,
        sources=report.sources,
        losses=report.losses,
        checks=report.checks,
        dtypes=report.dtypes,
    )
    with continuing(report, stream) as keep:
        yield keep


@contextmanager
def continuing(report: Report, stream: TextIO) -> Iterator[Callable[[Part], None]]:
    """The same for a file that has its first lines already."""

    def keep(part: Part) -> None:
        for result in part.results:
            _line(stream, type="result", **_fields(result))
        _line(
            stream,
            type="done",
            subject=part.subject,
            loss=part.loss,
            results=len(part.results),
            stale=list(part.stale),
            seconds=round(report.seconds, 3),
        )
        stream.flush()

    stream.flush()
    try:
        yield keep
    except BaseException as problem:
        told = f"broken off by {type(problem).__name__}: {problem}"
        report.partial = "interrupted" if isinstance(problem, KeyboardInterrupt) else told
        raise
    finally:
        _line(
            stream,
            type="end",
            partial=report.partial,
            conforming=report.conforming,
            counts=report.counts,
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
    # In ASCII: a text that came from a subject may hold what no encoding can write.
    stream.write(json.dumps(fields, allow_nan=False) + "\n")
