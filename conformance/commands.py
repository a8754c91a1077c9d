"""The commands of ``lossapi``: list, show, choose, plot, check, spec, and those of reports."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import click

from lossapi import backend as backends

from . import finding, report_commands
from .finding import unknown
from .result import DTYPES, KINDS, Settings

if TYPE_CHECKING:
    from .report.reading import Reading
    from .run_report import Part, Report

_ONE_OF_KINDS = f"Only this check, one of {', '.join(KINDS)}."
_ONE_OF_DTYPES = f"Only this dtype, one of {', '.join(DTYPES)}."


class Group(click.Group):
    """A group that helps with a mistyped command."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named first."""
        if args and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(unknown("command", args[0], self.list_commands(ctx)))
        return super().resolve_command(ctx, args)


def _known(kind: str, came: Sequence[str], accepted: Sequence[str]) -> list[str]:
    """The names without repetition; a usage error for one that is not known."""
    for name in came:
        if name not in accepted:
            raise click.UsageError(unknown(kind, name, accepted))
    return list(dict.fromkeys(came))


def _losses(came: Sequence[str]) -> list[str]:
    """These functions, or all that have a specification."""
    from .oracle.specfile import spec_names

    return _known("loss", came, spec_names()) or spec_names()


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lossapi", message="lossapi %(version)s")
def cli() -> None:
    """The loss functions of machine learning, on any array library."""


@cli.command("list")
@click.option("--family", help="Only the functions of this family.")
def list_(family: str | None) -> None:
    """List the functions by family, each with one sentence."""
    from .oracle.specfile import load_spec, spec_names

    specs = [load_spec(name) for name in spec_names()]
    rows = [(spec.family, spec.name, spec.data["summary"]) for spec in specs]
    families = sorted({of for of, _, _ in rows})
    for shown in _known("family", [family] if family else families, families):
        click.echo(shown)
        for of, name, summary in sorted(rows):
            if of == shown:
                click.echo(f"  {name:<30} {summary}")


@cli.command()
@click.argument("loss")
def show(loss: str) -> None:
    """Print the reference page of LOSS."""
    from .oracle.specfile import load_spec
    from .reference.pages import render

    (name,) = _losses([loss])
    click.echo(render(load_spec(name)), nl=False)


@cli.command()
@click.argument("problem", required=False)
@click.option("--imbalance", metavar="ANSWER", help="How rare the rarest class is.")
@click.option("--noise", metavar="ANSWER", help="Whether labels are wrong, or how targets scatter.")
@click.option("--outliers", metavar="ANSWER", help="Whether some targets lie far off.")
def choose(
    problem: str | None, imbalance: str | None, noise: str | None, outliers: str | None
) -> None:
    """Recommend losses for PROBLEM, the best first; without one, list problems and answers."""
    from .report import choice

    if problem is None:
        if any((imbalance, noise, outliers)):
            raise click.UsageError(
                "the answers need a problem; give one of those that `lossapi choose` lists"
            )
        click.echo(choice.overview())
        return
    given = {"imbalance": imbalance, "noise": noise, "outliers": outliers}
    click.echo(choice.answer(problem, given))


@cli.command()
@click.argument("loss")
@click.option(
    "--param",
    "given",
    multiple=True,
    metavar="NAME=V,V…",
    help="Values of a parameter, or of another input; a curve for each.",
)
@click.option(
    "--input", "wrt", metavar="NAME", help="The input along which; the first if not given."
)
@click.option(
    "--range", "ends", type=(float, float), metavar="FROM TO", help="From where to where."
)
@click.option(
    "--show",
    "faces",
    multiple=True,
    metavar="FACE",
    help="values, gradient or curvature; the first two if not given.",
)
@click.option("-o", "--output", metavar="FILE", required=True, help="The picture, as .png, .svg ….")
def plot(
    loss: str,
    given: tuple[str, ...],
    wrt: str | None,
    ends: tuple[float, float] | None,
    faces: tuple[str, ...],
    output: str,
) -> None:
    """Draw the curve of LOSS along an input, with its gradient and its kinks."""
    from .report import picture

    (name,) = _losses([loss])
    shown = _known("face", faces, picture.FACES) or list(picture.FACES[:2])
    try:
        picture.write(name, picture.values(name, given), wrt, ends, shown, Path(output))
    except OSError as problem:
        raise click.UsageError(
            f"{output} cannot be written: {problem.strerror or problem}; give another file"
        ) from None
    click.echo(f"wrote {output}")


def _resumed(context: click.Context, _: click.Parameter, name: str | None) -> Reading | None:
    """The run to carry on, whose options are those of this run."""
    from .report import reading
    from .resuming import defaults

    if name is None:
        return None
    found = reading.read(Path(name))
    context.default_map = defaults(found.report)
    return found


@cli.command()
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
    from .oracle.specfile import load_spec
    from .parallel import judge_apart
    from .report import junit, terminal
    from .runner import Scope, gather, judge, load_checks

    if validate:
        _validate(harnesses)
    # Hypothesis keeps files; they do not belong into whatever folder this is run in.
    kept = Path(tempfile.gettempdir()) / "lossapi-hypothesis"
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(kept))
    kinds = _known("check", checks, KINDS) or list(KINDS)
    wanted = _known("dtype", dtypes, DTYPES)
    names = _losses(losses)
    specs = [load_spec(name) for name in names]
    sources = _sources(subjects, implementations, harnesses)
    judged, skipped = _subjects(
        sources or (list(resumed.report.sources.values()) if resumed else [])
    )
    given: dict[str, Any] = {"examples": examples, "seed": seed, "hunt": hunt, "thorough": thorough}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    scope = Scope(list(judged.values()), names, load_checks(kinds), wanted, list(judged))
    report = scope.report(settings, skipped)
    # Opened before the run: a file that cannot be written is told at once, not after minutes.
    with ExitStack() as opened:
        junit_out = opened.enter_context(_Output(junit_file))
        report, keep = _kept(opened, report, json_file, resumed)
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
            junit.write(report, junit_out.buffer)
    terminal.write(report)
    if report.exit_code == 2:
        raise click.ClickException(f"nothing was judged of {', '.join(report.idle)}")
    raise SystemExit(report.exit_code)


def _kept(
    opened: ExitStack, report: Report, json_file: str | None, resumed: Reading | None
) -> tuple[Report, Callable[[Part], None]]:
    """The report to go on with, and what keeps its parts in a file, if there is one."""
    from . import resuming
    from .report import jsonlines

    if resumed is not None:
        if json_file:
            raise click.UsageError("--resume writes into the file it is given; leave --json out")
        resuming.demand_same(resumed, report)
        report, stream = resuming.reopen(resumed)
        opened.enter_context(stream)
        opened.callback(_tell_what_is_kept, report, str(resumed.path))
        return report, opened.enter_context(jsonlines.continuing(report, stream))
    out = opened.enter_context(_Output(json_file))
    if out is None or json_file is None:
        return report, lambda part: None
    opened.callback(_tell_what_is_kept, report, json_file)
    return report, opened.enter_context(jsonlines.recording(report, out))


def _tell_what_is_kept(report: Report, file: str) -> None:
    if report.partial:
        click.echo(
            f"{file} holds {report.extent}; carry on with: lossapi check --resume {file}", err=True
        )


class _Output:
    """A text file to write, or nothing."""

    def __init__(self, name: str | None) -> None:
        self._name = name
        self._file: TextIO | None = None

    def __enter__(self) -> TextIO | None:
        if self._name:
            try:
                self._file = Path(self._name).open("w", encoding="utf-8")
            except OSError as problem:
                raise click.UsageError(
                    f"{self._name} cannot be written: {problem.strerror}; give another file"
                ) from None
        return self._file

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def _sources(
    libraries: Sequence[str], implementations: Sequence[str], harnesses: Sequence[str]
) -> list[str]:
    """What names the subjects that are asked for."""
    return [
        *libraries,
        *(finding.IMPLEMENTATION + name for name in implementations),
        *(finding.HARNESS + command for command in harnesses),
    ]


def _subjects(named: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The subjects by what names them, and why others are not judged; a named one must be there."""
    found: dict[str, Any] = {}
    skipped = {}
    for source in dict.fromkeys(named or ("numpy", *backends.names())):
        try:
            found[source] = finding.find(source)
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


def _validate(harnesses: Sequence[str]) -> NoReturn:
    """Tell how harnesses keep to the protocol; exit code 0 where all do, 1 where one does not."""
    from .protocol import validate

    if not harnesses:
        raise click.UsageError("--validate needs --harness COMMAND")
    wrong = 0
    for command in harnesses:
        click.echo(command)
        for exchange in validate.validate(command):
            wrong += exchange.verdict == "wrong"
            for line in exchange.lines:
                click.echo(f"  {line}")
    click.echo(f"{wrong} messages are wrong" if wrong else "keeps to the protocol")
    raise SystemExit(1 if wrong else 0)


@cli.group(cls=Group)
def spec() -> None:
    """Build and verify what is generated from the specification."""


@spec.command()
@click.argument("losses", metavar="[NAME]...", nargs=-1)
def build(losses: tuple[str, ...]) -> None:
    """Write golden values, reference pages and stubs."""
    from .oracle import golden
    from .reference import pages, selection, stubs

    for name in _losses(losses):
        for path in (*golden.build([name]), *pages.build([name])):
            click.echo(f"wrote {_shown(path)}")
    for path in (selection.build(), stubs.build()):
        click.echo(f"wrote {_shown(path)}")


@spec.command()
@click.argument("losses", metavar="[NAME]...", nargs=-1)
def verify(losses: tuple[str, ...]) -> None:
    """Check definitions numerically, and that everything generated is up to date."""
    from .oracle import golden
    from .reference import pages, selection, stubs

    names = _losses(losses)
    count = 0
    for name in names:
        problems = [*golden.verify([name]), *pages.verify([name])]
        for problem in problems:
            click.echo(problem)
        count += len(problems)
        if not problems:
            click.echo(f"{name}: verified")
    for problem in (*stubs.verify(), *pages.leftovers(), *selection.verify()):
        click.echo(problem)
        count += 1
    if count:
        click.echo(f"{count} problems")
    raise SystemExit(1 if count else 0)


@spec.command()
@click.option("-o", "--output", metavar="FILE", default="lossapi-spec.json", show_default=True)
def bundle(output: str) -> None:
    """Write all specifications and golden values as one JSON file."""
    from .reference import bundle as bundles

    bundles.write(Path(output))
    click.echo(f"wrote {output}")


def _shown(path: Path) -> str:
    """A path from here, where it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


cli.add_command(report_commands.report)
cli.add_command(report_commands.compare)
