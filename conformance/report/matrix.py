"""Several runs side by side: functions by subjects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..oracle.specfile import load_spec, spec_names
from ..result import BAD, UNJUDGED, Outcome, Result
from ..run_report import Report
from .reading import ReportError
from .summary import worst

SYMBOLS: dict[Outcome, str] = {
    "error": "!",
    "fail": "✗",
    "unexpected pass": "?",
    "expected failure": "≠",
    "pass": "✓",
    "unsupported": "–",
    "spared": "·",
}
"""The outcomes, the one that most needs a look first, each with its sign."""


class Row(NamedTuple):
    """A function."""

    loss: str
    family: str
    title: str
    summary: str


class Cell(NamedTuple):
    """What was found of one function of one subject."""

    verdict: Outcome
    counts: Mapping[Outcome, int]
    worst: Result | None
    """The result of largest error in ULP; None where none was measured."""


@dataclass
class Column:
    """One version of a subject, in whatever runs it was judged."""

    subject: str
    version: str
    title: str = ""
    """Its name, with the version where that is needed to tell columns apart."""
    reports: list[Report] = field(default_factory=list)
    results: dict[str, list[Result]] = field(default_factory=dict)
    """What was found, by function."""

    @property
    def stale(self) -> list[str]:
        """Expectations that match nothing."""
        start = f"{self.subject}: "
        found = [line for report in self.reports for line in report.stale]
        return [line.removeprefix(start) for line in found if line.startswith(start)]

    @property
    def partial(self) -> str:
        """Why this is not all that was to be found; empty where it is."""
        told = [f"{self._extent(report)}: {report.partial}" for report in self.reports]
        return "; ".join(t for t, r in zip(told, self.reports, strict=True) if r.partial)

    @property
    def counts(self) -> Counter[Outcome]:
        """How many cases have each outcome."""
        return Counter(result.outcome for found in self.results.values() for result in found)

    @property
    def judged(self) -> list[str]:
        """The functions of which something was judged."""
        return [
            loss
            for loss, found in self.results.items()
            if any(result.outcome not in UNJUDGED for result in found)
        ]

    @property
    def right(self) -> list[str]:
        """The functions of which everything that was judged is right, without exceptions."""
        wrong = {*BAD, "expected failure"}
        return [x for x in self.judged if not any(r.outcome in wrong for r in self.results[x])]

    @property
    def verdict(self) -> str:
        """What is said of the subject as a whole."""
        bad = bool(self.stale) or any(self.counts[outcome] for outcome in BAD)
        if self.partial:
            return "partial, not conforming" if bad else "partial"
        if not self.judged:
            return "not judged"
        if bad:
            return "not conforming"
        return "wrong as expected" if self.counts["expected failure"] else "conforming"

    def _extent(self, report: Report) -> str:
        done = sum(subject == self.subject for subject, _ in report.finished)
        return f"{done} of {len(report.losses)} functions"


def columns(reports: Iterable[Report]) -> list[Column]:
    """The subjects of several runs; `ReportError` where two have judged the same."""
    found: dict[tuple[str, str], Column] = {}
    for report in reports:
        for subject, version in report.subjects.items():
            column = found.setdefault((subject, version), Column(subject, version))
            results: dict[str, list[Result]] = {}
            for result in report.results:
                if result.subject == subject:
                    results.setdefault(result.loss, []).append(result)
            twice = sorted(results.keys() & column.results.keys())
            if twice:
                name = f"{subject} {version}".strip()
                raise ReportError(
                    f"{name} {twice[0]} is in two of the reports; give only one of them"
                )
            column.reports.append(report)
            column.results.update(results)
    names = Counter(subject for subject, _ in found)
    for column in found.values():
        several = names[column.subject] > 1
        column.title = f"{column.subject} {column.version}" if several else column.subject
    return list(found.values())


def rows(shown: Sequence[Column]) -> list[Row]:
    """The functions that were looked at, by family."""
    known = set(spec_names())
    names = {loss for column in shown for report in column.reports for loss in report.losses}
    return sorted((_row(name, name in known) for name in names), key=lambda row: row[1::-1])


def skipped(shown: Sequence[Column]) -> dict[str, str]:
    """Who could not be run, and is in none of the reports, with the reason."""
    found = {name: why for c in shown for r in c.reports for name, why in r.skipped.items()}
    return {name: why for name, why in found.items() if name not in {c.subject for c in shown}}


def cell(results: Sequence[Result]) -> Cell:
    """The results of one function of one subject, of which there are some."""
    counts = Counter(result.outcome for result in results)
    verdict = next(outcome for outcome in SYMBOLS if counts[outcome])
    return Cell(verdict, counts, worst(results))


def _row(name: str, known: bool) -> Row:
    if not known:  # a report of another version of this project
        return Row(name, "not in this version", name, "")
    data = load_spec(name).data
    return Row(name, data["family"], data["title"], data["summary"])
