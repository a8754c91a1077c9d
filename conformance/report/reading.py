"""Reports read back from JSON lines, whole or not: what is missing or damaged is said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from lossapi.errors import LossError

from ..result import OUTCOMES, Result, Settings
from ..run_report import Origin, Part, Report
from .jsonlines import FORMAT

T = TypeVar("T")
Line = Mapping[str, Any]
_MOST_PROBLEMS = 3
_NUMBERS = {"NaN": float("nan"), "Infinity": float("inf")}
_TEXTS = {field.name for field in fields(Result)} - {"flags", "ulp"}
_NEEDED = ("loss", "check", "outcome", "subject")


class ReportError(LossError, ValueError):
    """A file holds no report, or none of the kind that is needed."""


class Reading(NamedTuple):
    """What a file holds."""

    path: Path
    report: Report
    whole: int
    """The bytes up to which nothing is missing: where the run can be carried on."""


def read(path: Path) -> Reading:
    """The report in a file; `ReportError` where it is none."""
    first, *lines = path.read_bytes().splitlines(keepends=True) or [b""]
    try:
        report = _header(_object(first))
    except ValueError as problem:
        raise ReportError(
            f"{path} is no report ({problem}); accepted is what `lossapi check --json` writes"
        ) from None
    reader = _Reader(report, len(first))
    for number, line in enumerate(lines, start=2):
        reader.take(number, line)
    return Reading(path, *reader.finish())


class _Reader:
    """Takes the lines after the first, and remembers what is wrong with them."""

    def __init__(self, report: Report, start: int) -> None:
        self._report = report
        self._results: list[Result] = []  # of the part that has not ended yet
        self._partial: str | None = None  # what the last line says of it
        self._counts: Line = {}
        self._at = self._whole = start
        self._problems: list[str] = []

    def take(self, number: int, line: bytes) -> None:
        """One more line."""
        self._at += len(line)
        try:
            self._take(_object(line))
        except ValueError as problem:
            cut = not line.endswith(b"\n")
            self._problems.append(f"line {number} {'is cut off' if cut else problem}")

    def finish(self) -> tuple[Report, int]:
        """The report, which knows why it is not whole, and the bytes that are."""
        report, problems = self._report, self._problems
        report.results += self._results
        if self._partial is None:
            problems.append("it has no last line: the run was killed, or is still going on")
        elif self._partial:
            problems.append(self._partial)
        elif not problems and self._counts != report.counts:
            problems.append("its last line counts other results than it has")
        more = len(problems) - _MOST_PROBLEMS
        report.partial = "; ".join(problems[:_MOST_PROBLEMS])
        if more > 0:
            report.partial += f"; and {more} more problems"
        report.arrange()
        return report, self._whole

    def _take(self, line: Line) -> None:
        if self._partial is not None:
            raise ValueError("comes after the end")
        kinds = {"result": self._result, "done": self._done, "end": self._ended}
        kind = str(line.get("type"))
        if kind not in kinds:
            raise ValueError(f"is of type {kind}; accepted are {', '.join(kinds)}")
        kinds[kind](line)

    def _result(self, line: Line) -> None:
        result = _result(line)
        self._place(line)
        self._results.append(result)

    def _done(self, line: Line) -> None:
        subject, loss = self._place(line)
        said, results = _get(line, "results", int), self._results
        self._results = []
        part = Part(subject, loss, results, _texts(line, "stale"))
        seconds = _number(line, "seconds")
        if said != len(results) or any((r.subject, r.loss) != (subject, loss) for r in results):
            self._report.results += results
            raise ValueError(
                f"tells of {said} results of {subject} {loss}; {len(results)} are here"
            )
        self._report.add(part)
        self._report.seconds = seconds
        if not self._problems:
            self._whole = self._at

    def _ended(self, line: Line) -> None:
        self._report.seconds = _number(line, "seconds")
        self._partial = _get(line, "partial", str)
        self._counts = _get(line, "counts", dict)

    def _place(self, line: Line) -> tuple[str, str]:
        subject, loss = _get(line, "subject", str), _get(line, "loss", str)
        if subject not in self._report.subjects or loss not in self._report.losses:
            raise ValueError(f"is of {subject} {loss}, of which the first line says nothing")
        return subject, loss


def _header(line: Line) -> Report:
    """The report that a first line begins."""
    if line.get("type") != "run":
        raise ValueError("its first line does not begin a run")
    if line.get("format") != FORMAT:
        raise ValueError(f"its format is {line.get('format')!r}, this version reads {FORMAT}")
    numbers = {name: _get(line, name, int) for name in ("examples", "seed", "hunt")}
    return Report(
        Settings(**numbers, thorough=_get(line, "thorough", bool)),
        _table(line, "subjects"),
        _table(line, "skipped"),
        sources=_table(line, "sources"),
        losses=_texts(line, "losses"),
        checks=_texts(line, "checks"),
        dtypes=_texts(line, "dtypes"),
        origin=Origin(**{field.name: _get(line, field.name, str) for field in fields(Origin)}),
    )


def _result(line: Line) -> Result:
    texts = {name: line[name] for name in _TEXTS if name in line}
    wrong = [name for name, text in texts.items() if not isinstance(text, str)]
    wrong += [name for name in _NEEDED if name not in texts]
    if wrong or texts["outcome"] not in OUTCOMES:
        raise ValueError(f"has no {' and no '.join(wrong) or 'known outcome'}")
    given: dict[str, Any] = {"case": "", "dtype": "", **texts}
    if "ulp" in line:
        given["ulp"] = _number(line, "ulp")
    if "flags" in line:
        given["flags"] = _texts(line, "flags")
    return Result(**given)


def _object(line: bytes) -> Line:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    if not isinstance(found, dict):
        raise ValueError("is no JSON object")
    return found


def _get(line: Line, name: str, kind: type[T]) -> T:
    value = line.get(name)
    if not isinstance(value, kind):
        raise ValueError(f"has no {name}")
    return value


def _number(line: Line, name: str) -> float:
    value = line.get(name)
    if isinstance(value, str) and value in _NUMBERS:
        return _NUMBERS[value]
    if not isinstance(value, int | float):
        raise ValueError(f"has no {name}")
    return float(value)


def _texts(line: Line, name: str) -> tuple[str, ...]:
    values = _get(line, name, list)
    if not all(isinstance(value, str) for value in values):
        raise ValueError(f"has no {name}")
    return tuple(values)


def _table(line: Line, name: str) -> dict[str, str]:
    table = _get(line, name, dict)
    if not all(isinstance(value, str) for value in table.values()):
        raise ValueError(f"has no {name}")
    return table
