"""A run's results in a file while it goes on, and a run that is carried on in its own file."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import click

from .report import jsonlines
from .report.reading import Reading, ReportError, read
from .run_report import Part, Report


def kept(
    opened: ExitStack, report: Report, file: str | None, resumed: Reading | None
) -> tuple[Report, Callable[[Part], None]]:
    """The report to go on with, and what keeps its parts in a file, if there is one."""
    if resumed is not None:
        if file:
            raise click.UsageError("--resume writes into the file it is given; leave --json out")
        _demand_same(resumed, report)
        file, report = str(resumed.path), _shortened(resumed)
        stream: BinaryIO = resumed.path.open("ab")
        recording = jsonlines.continuing
    elif file is not None:
        stream, recording = _opened(file), jsonlines.recording
    else:
        return report, lambda part: None
    text = opened.enter_context(io.TextIOWrapper(stream, encoding="ascii", newline="\n"))
    opened.callback(_tell_what_is_kept, report, file)
    return report, opened.enter_context(recording(report, text))


def output(file: str | None) -> AbstractContextManager[BinaryIO | None]:
    """A file to write, or nothing."""
    return nullcontext() if file is None else _opened(file)


def _opened(file: str) -> BinaryIO:
    try:
        return Path(file).open("wb")
    except OSError as problem:
        raise click.UsageError(
            f"{file} cannot be written: {problem.strerror}; give another file"
        ) from None


def defaults(begun: Report) -> dict[str, Any]:
    """The options that a run was begun with, by the names of the command's parameters."""
    return {
        "losses": begun.losses,
        "checks": begun.checks,
        "dtypes": begun.dtypes,
        **vars(begun.settings),
    }


def _tell_what_is_kept(report: Report, file: str) -> None:
    if report.partial:
        click.echo(
            f"{file} holds {report.extent}; carry on with: lossapi check --resume {file}", err=True
        )


def _shortened(reading: Reading) -> Report:
    """What is whole in a file, of which nothing else is left."""
    with reading.path.open("r+b") as file:
        file.truncate(reading.whole)
    report = read(reading.path).report
    report.partial = ""
    return report


def _demand_same(reading: Reading, now: Report) -> None:
    """`ReportError` where the run that is to go on is not the one that was begun."""
    begun, here = _identity(reading.report), _identity(now)
    for what, before in begun.items():
        if before != here[what]:
            raise ReportError(
                f"{reading.path} cannot be carried on: it was begun with {what} {before}, and "
                f"this run has {here[what]}; accepted is the same, or a new file by --json"
            )


def _identity(report: Report) -> dict[str, str]:
    """Everything that decides about results, as a message shows it."""
    versions = {name: value for name, value in vars(report.origin).items() if name != "date"}
    subjects = [" ".join(filter(None, item)) for item in report.subjects.items()]
    names = {
        "subjects": subjects,
        "losses": report.losses,
        "checks": report.checks,
        "dtypes": report.dtypes or ["all"],
    }
    shown = {**versions, **vars(report.settings)}
    shown.update({what: ", ".join(sorted(listed)) for what, listed in names.items()})
    return {what: str(value) for what, value in shown.items()}
