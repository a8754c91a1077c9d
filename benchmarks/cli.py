"""The command line: ``python -m benchmarks``."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from lossapi.conformance.finding import unknown

from . import machine, report, runs
from .cases import CASES, ROWS_BY_CLASSES
from .compare import Row
from .libraries import LIBRARIES
from .timing import FULL, QUICK, Budget

PLAIN = ("numpy", "torch", "jax")
"""What is run unless asked otherwise: torch.compile takes minutes to compile."""
DTYPES = ("float32", "float64")
QUICK_SIZES = ("100000", "x".join(map(str, ROWS_BY_CLASSES[0])))


def _known(kind: str, came: Sequence[str], accepted: Sequence[str]) -> list[str]:
    for name in came:
        if name not in accepted:
            raise click.UsageError(unknown(kind, name, accepted))
    return list(dict.fromkeys(came))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="One size, float32, one thread, few rounds.")
@click.option("--library", multiple=True, help=f"Only this, one of {', '.join(LIBRARIES)}.")
@click.option("--loss", multiple=True, help="Only this loss.")
@click.option("--size", multiple=True, help=f"Only this size, one of {', '.join(runs.labels())}.")
@click.option("--dtype", multiple=True, help=f"Only this dtype, one of {', '.join(DTYPES)}.")
@click.option("--threads", multiple=True, help="On this many threads: 1 or all.")
@click.option("--seconds", type=float, help="How long one comparison may take at least.")
@click.option("--rounds", type=click.IntRange(min=1), help="In how many rounds at least.")
@click.option(
    "--cpu-time",
    is_flag=True,
    help="Count the processor's time, not what passes: for a machine that others use. 1 thread.",
)
@click.option(
    "--from",
    "earlier",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Time nothing: show the run that this JSON file holds, or several as one.",
)
@click.option("--json", "json_", type=click.Path(path_type=Path), help="Write the run as data.")
@click.option("--markdown", type=click.Path(path_type=Path), help="Write the run as a page.")
@click.option("--note", default="", help="A sentence for the page, such as what else was running.")
def cli(
    quick: bool,
    library: tuple[str, ...],
    loss: tuple[str, ...],
    size: tuple[str, ...],
    dtype: tuple[str, ...],
    threads: tuple[str, ...],
    seconds: float | None,
    rounds: int | None,
    cpu_time: bool,
    earlier: tuple[Path, ...],
    json_: Path | None,
    markdown: Path | None,
    note: str,
) -> None:
    """Time every loss beside what users have today; options that name something repeat."""
    usual = QUICK if quick else FULL
    budget = Budget(
        usual.seconds if seconds is None else seconds,
        usual.rounds if rounds is None else rounds,
        "cpu" if cpu_time else "wall",
    )
    # The time of several processors added up says nothing of how long anything takes.
    counts = {"1": 1} if cpu_time else {"1": 1, "all": machine.cores()}
    asked = _known("number of threads", threads, tuple(counts))
    sizes = _known("size", size, runs.labels())
    todo = runs.jobs(
        _known("library", library, tuple(LIBRARIES)) or list(PLAIN),
        _known("loss", loss, tuple(CASES)) or list(CASES),
        _known("dtype", dtype, DTYPES) or list(DTYPES[:1] if quick else DTYPES),
        sizes or list(QUICK_SIZES if quick else runs.labels()),
        list(dict.fromkeys(counts[name] for name in asked or (("1",) if quick else counts))),
        budget,
    )
    if not todo:
        raise click.UsageError(f"nothing of this is measured at the size {', '.join(sizes)}")
    if not earlier:
        described = {**machine.describe(), "command": _command(), "note": note}
        described["load_before"] = machine.load()
        rows, failures = _carried_out(todo)
        described["load_after"] = machine.load()
    else:
        described, rows, failures = _together([_read(path) for path in earlier], earlier)
        described["note"] = note or described["note"]
    console = Console()
    for table in report.tables(rows):
        _print(console, table)
    console.print(report.LEGEND.replace("*", ""), highlight=False)
    for remark in report.remarks(rows, failures):
        console.print(remark, style="yellow", highlight=False)
    if json_ is not None:
        json_.write_text(json.dumps(report.as_json(described, rows, failures), indent=1) + "\n")
    if markdown is not None:
        markdown.write_text(report.as_markdown(described, rows, failures))
    if failures or any(why.startswith("differs") for r in rows for why in r.absent.values()):
        sys.exit(1)


def _command() -> str:
    """The command that repeats this run: its options, but for what it writes and where."""
    context = click.get_current_context()
    words = ["python", "-m", "benchmarks"]
    for option in context.command.params:
        value = context.params[option.name or ""]
        if option.name in ("json_", "markdown", "note") or value is None or value is False:
            continue
        for given in value if isinstance(value, tuple) else (value,):
            words += [option.opts[0], *([] if given is True else [str(given)])]
    return shlex.join(words)


def _read(path: Path) -> tuple[dict[str, Any], list[Row], list[runs.Failure]]:
    try:
        return report.from_json(json.loads(path.read_text()))
    except (ValueError, KeyError, TypeError) as problem:
        raise click.UsageError(f"{path} does not hold a run of this program ({problem})") from None


def _together(
    parts: list[tuple[dict[str, Any], list[Row], list[runs.Failure]]], paths: Sequence[Path]
) -> tuple[dict[str, Any], list[Row], list[runs.Failure]]:
    """Several runs as one: of one machine and the same versions; the page names each commit."""
    machines = [machine for machine, _, _ in parts]
    for path, other in zip(paths, machines, strict=True):
        for what in ("processor", "cores", "python", "versions"):
            if other[what] != machines[0][what]:
                raise click.UsageError(
                    f"{path} is of another run than {paths[0]}: {what} {other[what]}, not "
                    f"{machines[0][what]}; give runs of one machine"
                )
    described = {**machines[0], "load_after": machines[-1]["load_after"]}
    described["command"] = "\n".join(dict.fromkeys(m["command"] for m in machines))
    described["runs"] = [made for machine in machines for made in report.runs_of(machine)]
    rows = [row for _, own, _ in parts for row in own]
    return described, rows, [failure for _, _, own in parts for failure in own]


def _carried_out(todo: list[runs.Job]) -> tuple[list[Row], list[runs.Failure]]:
    rows, failures = [], []
    with Console(stderr=True).status("") as status:
        for done in runs.run(todo):
            if isinstance(done, runs.Failure):
                failures.append(done)
            else:
                rows.append(done)
                status.update(f"{len(rows)} of {2 * len(todo)}: {done.library} {done.loss}")
    return rows, failures


def _print(console: Console, table: report.Table) -> None:
    laid = Table(title=table.title, title_justify="left")
    for place, name in enumerate(table.header):
        laid.add_column(name, justify="left" if place < 3 else "right", no_wrap=True)
    for line in table.lines:
        laid.add_row(*line)
    # As wide as it is: numbers that a narrow terminal wraps can be read, cut ones can't.
    natural = Console(width=1000).measure(laid).maximum
    Console(width=max(natural, console.width)).print(laid, soft_wrap=True)


def run(arguments: Sequence[str]) -> int:
    """The exit code: 0, 1 if a contender differs or a comparison broke off, 2 not carried out."""
    try:
        cli.main(list(arguments), prog_name="benchmarks", standalone_mode=False)
    except click.ClickException as problem:
        return _say(" ".join(problem.format_message().split()))
    except (click.exceptions.Exit, SystemExit) as done:
        code: Any = done.exit_code if isinstance(done, click.exceptions.Exit) else done.code
        return int(code or 0)
    except OSError as problem:
        return _say(f"{problem.filename or 'a file'} cannot be written: {problem.strerror}")
    except (KeyboardInterrupt, click.exceptions.Abort):
        return _say("interrupted", 130)
    return 0


def _say(message: str, code: int = 2) -> int:
    print(f"benchmarks: {message}", file=sys.stderr)
    return code
