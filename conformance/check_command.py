"""The command ``lossapi check``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from . import finding
from .arguments import losses_named, names_known
from .result import DTYPES, KINDS, Settings

if TYPE_CHECKING:
    from .report.reading import Reading

_ONE_OF_KINDS = f"Only this check, one of {', '.join(KINDS)}."
_ONE_OF_DTYPES = f"Only this dtype, one of {', '.join(DTYPES)}."

_LONGEST = 86_400
"""The most seconds that one answer may take: a day."""


def _resumed(context: click.Context, _: click.Parameter, name: str | None) -> Reading | None:
    """The run to carry on, whose options are those of this run."""
    from .keeping import defaults
    from .report import reading

    if name is None:
        return None
    found = reading.read(Path(name))
    context.default_map = defaults(found.report)
    return found


def _seconds(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    """A time to wait, which is neither endless nor no number."""
    if value is not None and not 0 < value <= _LONGEST:
        raise click.BadParameter(f"got {value:g}; accepted are more than 0, up to {_LONGEST}")
    return value


@click.command()
@click.argument("subjects", metavar="[SUBJECT]...", nargs=-1)
@click.option(
    "--impl",
    "implementations",
    multiple=True,
    metavar="NAME",
    help="Judge this implementation: a published one, or package.module:name.",
)
@click.option(
    "--harness",
    "harnesses",
    multiple=True,
    metavar="COMMAND",
    help="Judge this program, which speaks the protocol (docs/harness.md).",
)
@click.option(
    "--validate", is_flag=True, help="Only say whether the harness keeps to the protocol."
)
@click.option(
    "--timeout",
    type=float,
    metavar="SECONDS",
    callback=_seconds,
    help="How long an implementation or a harness has for one answer; 60 by default.",
)
@click.option("--loss", "losses", multiple=True, metavar="NAME", help="Only this function.")
@click.option("--check", "checks", multiple=True, metavar="KIND", help=_ONE_OF_KINDS)
@click.option("--dtype", "dtypes", multiple=True, metavar="D", help=_ONE_OF_DTYPES)
@click.option("--json", "json_file", metavar="FILE", help="Write every result as JSON lines.")
@click.option("--junit", "junit_file", metavar="FILE", help="Write every result as JUnit XML.")
@click.option(
    "--resume",
    "resumed",
    metavar="FILE",
    callback=_resumed,
    is_eager=True,
    help="Carry on a run that was broken off, in the file that --json wrote.",
)
@click.option(
    "--hunt",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help=("Draw N further inputs a function, looking for a larger error than is stated."),
)
@click.option(
    "--thorough", is_flag=True, help="Ask libraries that compile for everything; this takes long."
)
@click.option("--seed", type=click.IntRange(0), metavar="S", help="Where random draws start.")
@click.option("--examples", type=click.IntRange(1), metavar="N", help="Inputs drawn a property.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    help="Processes to run in; by default one for each core.",
)
def check(
    subjects: tuple[str, ...],
    implementations: tuple[str, ...],
    harnesses: tuple[str, ...],
    validate: bool,
    timeout: float | None,
    losses: tuple[str, ...],
    checks: tuple[str, ...],
    dtypes: tuple[str, ...],
    json_file: str | None,
    junit_file: str | None,
    resumed: Reading | None,
    hunt: int,
    thorough: bool,
    seed: int | None,
    examples: int | None,
    jobs: int | None,
) -> None:
    """Judge array libraries, and other people's implementations, by the specification.

    SUBJECT is numpy, torch, jax, cupy, or any module that follows the Array API standard; without
    one, NumPy and every adapter whose library is installed. Exit code 0 is conforming, 1 is not,
    2 is a run that could not be carried out.
    """
    from . import keeping
    from .oracle.specfile import load_spec
    from .parallel import judge_apart
    from .report import junit, terminal
    from .runner import Scope, gather, judge, load_checks

    if validate:
        _validate(harnesses, timeout)
    # Hypothesis keeps files; they do not belong into whatever folder this is run in.
    kept = Path(tempfile.gettempdir()) / "lossapi-hypothesis"
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(kept))
    kinds = names_known("check", checks, KINDS) or list(KINDS)
    wanted = names_known("dtype", dtypes, DTYPES)
    names = losses_named(losses)
    specs = [load_spec(name) for name in names]
    sources = _sources(subjects, implementations, harnesses)
    named = sources or (list(resumed.report.sources.values()) if resumed else [])
    if timeout and not any(name.startswith(finding.APART) for name in named):
        raise click.UsageError("--timeout needs --impl or --harness: others are not waited for")
    judged, skipped = _subjects(named, timeout)
    given: dict[str, Any] = {"examples": examples, "seed": seed, "hunt": hunt, "thorough": thorough}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    scope = Scope(list(judged.values()), names, load_checks(kinds), wanted, list(judged), timeout)
    report = scope.report(settings, skipped)
    # Opened before the run: a file that cannot be written is told at once, not after minutes.
    with ExitStack() as opened:
        junit_out = opened.enter_context(keeping.output(junit_file))
        report, keep = keeping.kept(opened, report, json_file, resumed)
        progress = opened.enter_context(terminal.progress())
        workers = min(jobs or os.cpu_count() or 1, len(names))
        done = frozenset(report.finished)
        if workers > 1:
            parts = judge_apart(scope, settings, progress, workers, done)
        else:
            parts = judge(scope, specs, settings, progress, done)
        with closing(parts):
            gather(report, scope, parts, keep=keep)
        if junit_out is not None:
            junit.write(report, junit_out)
    terminal.write(report)
    if report.exit_code == 2:
        raise click.ClickException(f"nothing was judged of {', '.join(report.idle)}")
    raise SystemExit(report.exit_code)


def _sources(
    libraries: Sequence[str], implementations: Sequence[str], harnesses: Sequence[str]
) -> list[str]:
    """What names the subjects that are asked for."""
    return [
        *libraries,
        *(finding.IMPLEMENTATION + name for name in implementations),
        *(finding.HARNESS + command for command in harnesses),
    ]


def _subjects(named: Sequence[str], timeout: float | None) -> tuple[dict[str, Any], dict[str, str]]:
    """The subjects by what names them, and why others are not judged; a named one must be there."""
    found: dict[str, Any] = {}
    skipped = {}
    for source in dict.fromkeys(named or finding.libraries()):
        try:
            found[source] = finding.find(source, timeout)
        except finding.NotFoundError as reason:
            if named:
                raise click.UsageError(str(reason)) from None
            skipped[source] = str(reason)
            continue
        close = getattr(found[source], "close", None)
        if close is not None:
            click.get_current_context().call_on_close(close)
    names = [subject.name for subject in found.values()]
    for twice in {name for name in names if names.count(name) > 1}:
        raise click.UsageError(f"two subjects are called {twice}; give them names of their own")
    return found, skipped


def _validate(harnesses: Sequence[str], timeout: float | None) -> NoReturn:
    """Tell how harnesses keep to the protocol; exit code 0 where all do, 1 where one does not."""
    from .protocol import validate
    from .protocol.client import TIMEOUT

    if not harnesses:
        raise click.UsageError("--validate needs --harness COMMAND")
    wrong = 0
    for command in harnesses:
        click.echo(command)
        for exchange in validate.validate(command, timeout or TIMEOUT):
            wrong += exchange.verdict == "wrong"
            for line in exchange.lines:
                click.echo(f"  {line}")
    click.echo(f"{wrong} messages are wrong" if wrong else "keeps to the protocol")
    raise SystemExit(1 if wrong else 0)
