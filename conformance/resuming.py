"""A run that was broken off, carried on in its own file."""

from __future__ import annotations

import io
from typing import Any, TextIO

from .report.reading import Reading, ReportError, read
from .run_report import Report


def defaults(begun: Report) -> dict[str, Any]:
    """The options that the run was begun with, by the names of the command's parameters."""
    asked = {"losses": begun.losses, "checks": begun.checks, "dtypes": begun.dtypes}
    return {**asked, **vars(begun.settings)}


def demand_same(reading: Reading, now: Report) -> None:
    """`ReportError` where the run that is to go on is not the one that was begun."""
    begun, here = _identity(reading.report), _identity(now)
    for what, before in begun.items():
        if before != here[what]:
            raise ReportError(
                f"{reading.path} cannot be carried on: it was begun with {what} {before}, and "
                f"this run has {here[what]}; accepted is the same, or a new file by --json"
            )


def reopen(reading: Reading) -> tuple[Report, TextIO]:
    """What is whole in a file, and the file, to be written on behind that."""
    file = reading.path.open("r+b")
    file.truncate(reading.whole)
    file.seek(reading.whole)
    report = read(reading.path).report
    report.partial = ""
    return report, io.TextIOWrapper(file, encoding="ascii", newline="\n")


def _identity(report: Report) -> dict[str, str]:
    """Everything that decides about results, as a message shows it."""
    versions = {name: value for name, value in vars(report.origin).items() if name != "date"}
    subjects = sorted(" ".join(filter(None, item)) for item in report.subjects.items())
    names = {
        "subjects": subjects,
        "losses": sorted(report.losses),
        "checks": sorted(report.checks),
        "dtypes": sorted(report.dtypes) or ["all"],
    }
    shown = {**versions, **vars(report.settings)}
    shown.update({what: ", ".join(listed) for what, listed in names.items()})
    return {what: str(value) for what, value in shown.items()}
