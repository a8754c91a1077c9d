"""Runs as a Markdown page: who was judged, functions by subjects, and what is wrong."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from ..result import BAD, Outcome, Result
from . import summary
from .matrix import SYMBOLS, Column, Row, cell, rows, skipped
from .summary import printable, spelled

_WRONG: tuple[Outcome, ...] = (*BAD, "expected failure")
_IN_ADDRESSES = "%:/?#@!$&'*+,;="
_MARKS = re.compile(r"([\\`*_{}\[\]|~])")


def render(shown: Sequence[Column]) -> str:
    """The whole page."""
    return "\n".join(_lines(shown, rows(shown))) + "\n"


def _lines(shown: Sequence[Column], functions: Sequence[Row]) -> Iterator[str]:
    yield "# Conformance"
    yield ""
    partial = [column for column in shown if column.partial]
    if partial:
        yield "**This report is partial.** What it does not have was not judged:"
        yield ""
        yield from (f"- {_text(column.title)}: {_text(column.partial)}" for column in partial)
        yield ""
    yield from _subjects(shown)
    yield ""
    yield "## Functions by subjects"
    yield ""
    meanings = ", ".join(f"{sign} {outcome}" for outcome, sign in SYMBOLS.items())
    yield f"{meanings}. The number is the largest error in ULP."
    yield ""
    yield _row(["function", *(_text(column.title) for column in shown)])
    yield "|---" * (len(shown) + 1) + "|"
    family = ""
    for row in functions:
        if row.family != family:
            family = row.family
            yield f"| **{_text(family)}** " + "| " * len(shown) + "|"
        yield _row([_code(row.loss), *(_cell(column, row.loss) for column in shown)])
    for column in shown:
        yield from _wrong(column)


def _subjects(shown: Sequence[Column]) -> Iterator[str]:
    yield _row(["subject", "version", "verdict", "functions right", "cases", "run"])
    yield "|---" * 6 + "|"
    for column in shown:
        right = f"{len(column.right)} of {len(column.judged)}"
        counts = [(outcome, column.counts[outcome]) for outcome in SYMBOLS]
        cases = ", ".join(f"{count} {outcome}" for outcome, count in counts if count)
        runs = "; ".join(
            f"{made.date}, lossapi {made.lossapi}, Python {made.python}, {made.platform}, "
            f"seed {report.settings.seed}"
            for report in column.reports
            for made in [report.origin]
        )
        texts = (column.subject, column.version, column.verdict, right, cases, runs)
        yield _row([_text(text) for text in texts])
    missing = skipped(shown)
    if missing:
        yield ""
        yield from (f"- {_text(name)} was not run: {_text(why)}" for name, why in missing.items())


def _cell(column: Column, loss: str) -> str:
    results = column.results.get(loss)
    if not results:
        return ""
    found = cell(results)
    error = spelled(found.worst.ulp) if found.worst else ""
    return f"{SYMBOLS[found.verdict]} {found.verdict} {error}".rstrip()


def _wrong(column: Column) -> Iterator[str]:
    """Each check of each function that is not right, with its worst failure."""
    results = [result for found in column.results.values() for result in found]
    wrong = [line for line in summary.lines(results) if any(line.counts[o] for o in _WRONG)]
    if not wrong and not column.stale:
        return
    yield ""
    yield f"## {_text(column.title)}: what is wrong"
    yield ""
    for line in wrong:
        failed = [
            r for r in column.results[line.loss] if r.check == line.check and r.outcome in _WRONG
        ]
        for outcome in _WRONG:
            same = [result for result in failed if result.outcome == outcome]
            if same:
                yield f"- {_failure(outcome, same, line.check)}"
    yield from (f"- expectation {_text(line)}" for line in column.stale)


def _failure(outcome: Outcome, same: Sequence[Result], check: str) -> str:
    example = summary.worst(same) or same[0]
    size = f", worst {spelled(example.ulp)} ULP" if example.ulp is not None else ""
    place = " ".join(filter(None, (example.case, example.dtype)))
    said = [f"{_text(place)}: {_text(example.message)}"] if example.message else []
    said += dict.fromkeys(_reason(result) for result in same if result.reason)
    start = f"{SYMBOLS[outcome]} {_code(example.loss)} {_text(check)}: {len(same)} {outcome}{size}"
    return ". ".join([start, *said])


def _reason(result: Result) -> str:
    """Why a failure is expected, and where that is discussed."""
    kind = f"{result.kind}: " if result.kind else ""
    link = ""
    if result.issue.startswith("https://"):
        link = f" ([issue]({quote(result.issue, safe=_IN_ADDRESSES)}))"
    return f"Expected, {_text(kind + result.reason)}{link}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """The text as it stands, in one line, whatever it holds that Markdown or HTML would read."""
    return _MARKS.sub(r"\\\1", html.escape(" ".join(printable(text).split()), quote=False))


def _code(name: str) -> str:
    """The name of a function, which those of other versions of this project may not be."""
    return f"`{name}`" if name.isidentifier() else _text(name)
