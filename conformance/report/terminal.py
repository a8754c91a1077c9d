"""A run's report for people: a table, then each failure, then the verdict."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from ..result import OUTCOMES, UNJUDGED, Result
from ..run_report import Report
from ..runner import Step
from . import summary
from .summary import Line, spelled, told

_STYLES = {
    "pass": "green",
    "fail": "bold red",
    "error": "bold red",
    "unexpected pass": "bold red",
    "unsupported": "dim",
    "spared": "dim",
    "expected failure": "yellow",
}
_VERDICTS = {"conforming": "bold green", "wrong as expected": "bold yellow"}
_MOST_REASONS = 12


@contextmanager
def progress(stream: TextIO | None = None) -> Iterator[Callable[[Step], None]]:
    """A bar on a terminal; elsewhere a line for each subject and function."""
    stream = stream or sys.stderr
    console = Console(file=stream)
    if not console.is_terminal:
        yield _Plain(stream)
        return
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("")

        def step(now: Step) -> None:
            what = f"{now.subject} {now.loss} {now.check} {now.dtype}"
            bar.update(task, completed=now.done, total=now.total, description=what)

        yield step


class _Plain:
    """Progress for a log: it grows line by line and is never rewritten."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._last = stream, ("", "")

    def __call__(self, now: Step) -> None:
        if now.loss and (now.subject, now.loss) != self._last:
            self._last = (now.subject, now.loss)
            print(f"[{now.done}/{now.total}] {now.subject} {now.loss}", file=self._stream)


def write(report: Report, stream: TextIO | None = None) -> None:
    """The whole report."""
    console = Console(file=stream or sys.stdout, highlight=False)

    def say(text: str | Text = "", style: str = "") -> None:
        console.print(text, style=style, markup=False, soft_wrap=True)

    for text in _table(summary.lines(report.results)):
        say(text)
    for result in report.bad:
        say()
        first, *rest = failure_lines(result)
        say(first, _STYLES[result.outcome])
        for line in rest:
            say(line)
    _remarks(report, say)
    _verdict(report, say)


def failure_lines(result: Result) -> list[str]:
    """Everything that is known of a failure, its name first."""
    parts = (result.outcome.upper(), result.subject, result.loss, result.check, result.case)
    shown = [" ".join(filter(None, (*parts, result.dtype)))]
    fields = {
        "what": result.message,
        "flags": ", ".join(result.flags),
        "note": result.note,
        "came": result.got,
        "due": result.expected,
        "error": f"{spelled(result.ulp)} ULP" if result.ulp is not None else "",
        "known": told(result) if result.reason else "",
        "again": result.reproduce,
    }
    for name, value in fields.items():
        if value:
            shown.append(f"  {name:<6}{' '.join(value.splitlines())}")
    return shown


def _table(lines: list[Line]) -> list[Text]:
    """Aligned columns; nothing is ever cut off, however narrow the terminal."""
    seen = [outcome for outcome in OUTCOMES if any(line.counts[outcome] for line in lines)]
    head = ["subject", "function", "check", "dtypes", *seen, "worst ULP"]
    rows = [
        [line.subject, line.loss, line.check, _short(line.dtypes)]
        + [str(line.counts[outcome] or "·") for outcome in seen]
        + [spelled(line.worst.ulp) if line.worst else ""]
        for line in lines
    ]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def aligned(row: list[str]) -> list[str]:
        named = [cell.ljust(width) for cell, width in zip(row[:4], widths, strict=False)]
        counted = [cell.rjust(width) for cell, width in zip(row[4:], widths[4:], strict=True)]
        return named + counted

    shown = [Text("  ".join(aligned(head)), style="bold")]
    for line, row in zip(lines, rows, strict=True):
        text = Text()
        for i, cell in enumerate(aligned(row)):
            outcome = seen[i - 4] if 4 <= i < 4 + len(seen) else None
            style = _STYLES[outcome] if outcome and line.counts[outcome] else ""
            text.append(("  " if i else "") + cell, style=style)
        shown.append(text)
    return shown


def _short(dtypes: tuple[str, ...]) -> str:
    """``float64 float32`` as ``f64 f32``: the table has one line for all of them."""
    return " ".join(d.replace("bfloat", "bf").replace("float", "f") for d in dtypes)


def _remarks(report: Report, say: Callable[..., None]) -> None:
    for outcome in ("expected failure", *UNJUDGED):
        found = summary.reasons(report.results, outcome)
        if not found:
            continue
        say()
        say(f"{outcome.capitalize()}, not counted as passed:", "bold")
        for subject, message, count in found[:_MOST_REASONS]:
            say(f"  {subject}: {message} ({count} cases)")
        if len(found) > _MOST_REASONS:
            say(f"  and {len(found) - _MOST_REASONS} more reasons; --json has them all")
    if report.stale:
        say()
        say("Expectations that match nothing:", "bold red")
        for line in report.stale:
            say(f"  {line}")


def _verdict(report: Report, say: Callable[..., None]) -> None:
    say()
    for name, version in report.subjects.items():
        results = [result for result in report.results if result.subject == name]
        counts = ", ".join(
            f"{sum(r.outcome == outcome for r in results)} {outcome}"
            for outcome in OUTCOMES
            if any(r.outcome == outcome for r in results)
        )
        functions = len({result.loss for result in results})
        bad = any(r.bad for r in results) or any(s.startswith(f"{name}: ") for s in report.stale)
        verdict = "NOT conforming" if bad else "conforming"
        if not bad and any(r.outcome == "expected failure" for r in results):
            verdict = "wrong as expected"
        if name in report.idle:
            verdict = "NOTHING WAS JUDGED"
        if report.partial:
            verdict = f"PARTIAL, {'NOT conforming' if bad else 'nothing wrong so far'}"
        style = _VERDICTS.get(verdict, "bold red")
        total = f"{functions} functions, {len(results)} cases: {counts or 'none'}"
        say(f"{' '.join(filter(None, (name, version)))}: {verdict}. {total}", style)
    for name, reason in report.skipped.items():
        say(f"{name}: not run: {reason}", "yellow")
    if report.partial:
        say(f"This report is partial, with {report.extent}: {report.partial}", "bold red")
    made = report.origin
    say(f"{report.seconds:.0f} s, seed {report.settings.seed}, begun {made.date}")
    say(f"lossapi {made.lossapi}, Python {made.python}, NumPy {made.numpy}, {made.platform}")
