"""The commands that read reports: report and compare."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .finding import unknown

if TYPE_CHECKING:
    from .report.comparison import Comparison
    from .report.matrix import Column


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--html", "page", metavar="PATH", help="Write a page, into a file or a folder.")
@click.option("--markdown", metavar="FILE", help="Write a summary as Markdown.")
@click.option("--badge", metavar="FILE", help="Write a badge: .svg, or .json for shields.io.")
def report(
    files: tuple[str, ...], page: str | None, markdown: str | None, badge: str | None
) -> None:
    """Show reports that `lossapi check --json` wrote, several together.

    Without an option they are printed, one after the other. A report that is not whole is shown
    too, and says so.
    """
    from .report import badge as badges
    from .report import html_page, matrix, terminal
    from .report import markdown as summaries
    from .report.reading import read

    drawing = {".svg": badges.svg, ".json": badges.endpoint}
    if badge and Path(badge).suffix not in drawing:
        raise click.UsageError(
            f"--badge is {badge}; accepted are names that end in {', '.join(drawing)}"
        )
    reports = [read(Path(file)).report for file in dict.fromkeys(files)]
    if not (page or markdown or badge):
        for found in reports:
            terminal.write(found)
        return
    shown = matrix.columns(reports)
    if page:
        _write(_index(page), html_page.render(shown))
    if markdown:
        _write(Path(markdown), summaries.render(shown))
    if badge:
        _write(Path(badge), drawing[Path(badge).suffix](shown))


@click.command()
@click.argument("reports", metavar="FILE... [SUBJECT SUBJECT]", nargs=-1, required=True)
def compare(reports: tuple[str, ...]) -> None:
    """List the cases in which two subjects disagree.

    Give reports and two of their subjects; or two reports, of which the subjects that both have are
    compared, or the only ones that they have. Exit code 0 is agreement, 1 is not.
    """
    from .report import comparison

    disagree = False
    for found in _compared(reports):
        for line in comparison.lines(found):
            click.echo(line)
        disagree = disagree or bool(found.differ)
    raise SystemExit(int(disagree))


def _compared(given: Sequence[str]) -> list[Comparison]:
    from .report.comparison import compare as held
    from .report.matrix import columns
    from .report.reading import read

    files = [name for name in given if Path(name).is_file()]
    names = [name for name in given if name not in files]
    if files and len(names) == 2:
        shown = columns([read(Path(file)).report for file in files])
        return [held(_named(names[0], shown), _named(names[1], shown))]
    if len(files) != 2 or names:
        raise click.UsageError(
            f"got {len(files)} files and {len(names)} other names; accepted are two files, or "
            f"files and two of their subjects"
        )
    first, second = (columns([read(Path(file)).report]) for file in files)
    if len(first) == len(second) == 1:
        pairs = [(first[0], second[0])]
    else:
        pairs = [(a, b) for a in first for b in second if a.subject == b.subject]
    if not pairs:
        subjects = ", ".join(column.title for column in (*first, *second))
        raise click.UsageError(
            f"the reports have no subject in common, and several: {subjects}; name two of them "
            f"behind the files"
        )
    for one, other in pairs:
        if one.title == other.title:
            for column, file in zip((one, other), files, strict=True):
                column.title = f"{column.title} {column.version} in {Path(file).name}"
    return [held(*pair) for pair in pairs]


def _named(name: str, shown: Sequence[Column]) -> Column:
    titles = [column.title for column in shown]
    if name not in titles:
        raise click.UsageError(unknown("subject", name, titles))
    return shown[titles.index(name)]


def _index(place: str) -> Path:
    """The file of a page: in a folder, where that is named."""
    path = Path(place)
    if path.is_dir() or not path.suffix:
        path.mkdir(parents=True, exist_ok=True)
        return path / "index.html"
    return path


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as problem:
        raise click.UsageError(
            f"{path} cannot be written: {problem.strerror}; give another file"
        ) from None
    click.echo(f"wrote {path}")
