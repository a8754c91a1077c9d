"""What readers get: one table for each library, number of threads and mode; JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from .compare import ALONE, LOOP, MODES, OURS, Row
from .goals import described, outcomes
from .peers import PEERS
from .runs import Failure, Job, label
from .timing import Budget

TITLES = {"value": "value", "value_and_grad": "value with gradient"}
FINDINGS = "../docs/findings.md"
LEGEND = (
    "*ours* is the median time of a call of lossapi. A peer's number is its time over ours: above "
    "1 we are faster; *best* is that of the fastest peer, *one thread* that of our own call on one "
    "thread. *memory* is what a call holds at its worst beyond its results, ours and the least of "
    "the peers', in MiB. *ours/C* and *ours/copy* are our time over that of the loss fused into "
    "one C loop on one thread, and over a copy of the first input. – : the peer has no such loss "
    "or no gradient. CPU time is that of this process alone, user and system, so that other work "
    "on the machine counts little."
)


class Table(NamedTuple):
    """Text to be laid out."""

    title: str
    header: list[str]
    lines: list[list[str]]


def tables(rows: list[Row]) -> Iterator[Table]:
    """The tables of a run."""
    for library, threads in dict.fromkeys((row.library, row.threads) for row in rows):
        for mode in MODES:
            shown = [r for r in rows if (r.library, r.threads, r.mode) == (library, threads, mode)]
            peers = PEERS[library]
            header = ["loss", "size", "dtype", "ours", "best", *peers]
            alone = any(ALONE in row.floor for row in shown)
            header += [*([ALONE] if alone else []), "ours/C", "ours/copy", "memory"]
            count = "1 thread" if threads == 1 else f"{threads} threads"
            count += ", CPU time" if any(row.clock == "cpu" for row in shown) else ""
            lines = [_line(row, peers, alone) for row in shown]
            yield Table(f"{library}, {count}: {TITLES[mode]}", header, lines)


def _line(row: Row, peers: tuple[str, ...], alone: bool) -> list[str]:
    ours = row.seconds[OURS]
    one = [_times(row.floor[ALONE] / ours) if ALONE in row.floor else "–"] if alone else []
    return [
        row.loss,
        label(row.loss, row.shape),
        row.dtype,
        _time(ours),
        _times(min(row.ratios.values())) if row.ratios else "–",
        *(_peer(row, name) for name in peers),
        *one,
        *(_times(ours / row.floor[name]) if name in row.floor else "–" for name in (LOOP, "copy")),
        _memory(row),
    ]


def _peer(row: Row, name: str) -> str:
    if name in row.ratios:
        return _times(row.ratios[name])
    reason = row.absent.get(name, "").partition(":")[0]
    return reason if reason in ("missing", "differs") else "–"


def _times(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}"


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{_times(seconds / size)} {unit}"
    return f"{_times(seconds / 1e-6)} µs"


def _memory(row: Row) -> str:
    if OURS not in row.memory:
        return ""
    peers = [size for name, size in row.memory.items() if name != OURS]
    least = f"{min(peers) / 2**20:.0f}" if peers else "–"
    return f"{row.memory[OURS] / 2**20:.0f} / {least}"


def remarks(rows: list[Row], failures: list[Failure]) -> list[str]:
    """What is not in the tables and must be known: who is missing, who differs, what broke."""
    found = {
        f"{name} is {reason}"
        for row in rows
        for name, reason in row.absent.items()
        if reason.startswith("missing")
    }
    found |= {
        f"{name} {reason} ({row.loss}, {row.dtype}, {label(row.loss, row.shape)}, {row.mode})"
        for row in rows
        for name, reason in row.absent.items()
        if reason.startswith("differs")
    }
    found |= {
        f"{f.job.library} {f.job.loss} {f.job.dtype} {label(f.job.loss, f.job.shape)} broke off: "
        f"{f.problem}"
        for f in failures
    }
    return sorted(found)


def as_json(machine: dict[str, Any], rows: list[Row], failures: list[Failure]) -> dict[str, Any]:
    """The whole run as data."""
    broken = [{**f.job._asdict(), "problem": f.problem} for f in failures]
    return {"machine": machine, "rows": [row._asdict() for row in rows], "failures": broken}


def from_json(
    run: dict[str, Any],
) -> tuple[dict[str, Any], list[Row], list[Failure]]:
    """The opposite of that."""
    rows = [Row(**{**row, "shape": tuple(row["shape"])}) for row in run["rows"]]
    failures = []
    for broken in run["failures"]:
        job = {name: broken[name] for name in Job._fields}
        job |= {"shape": tuple(job["shape"]), "budget": Budget(*job["budget"])}
        failures.append(Failure(Job(**job), broken["problem"]))
    return run["machine"], rows, failures


def _laid(lines: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _goals(rows: list[Row]) -> str:
    """What is aimed at, how often a run reaches it, and where it does not."""
    lines = [["what", "goal", "reached", "missed", "why"], ["---"] * 5]
    for goal, reached, missed in outcomes(rows):
        worst = sorted(missed, key=lambda miss: miss[1])
        cells = "; ".join(described(row, value) for row, value in worst)
        why = f"[{goal.why}]({FINDINGS}#{_slug(goal.why)})" if missed and goal.why else ""
        lines.append([goal.text, goal.bound, f"{reached} of {reached + len(missed)}", cells, why])
    return f"## Goals\n\n{_laid(lines)}" if len(lines) > 2 else ""


def _slug(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _commands(command: str) -> str:
    """What to call: one run, or several that are put together."""
    parts = command.split("\n")
    if len(parts) == 1:
        return f"{command} --markdown benchmarks/RESULTS.md"
    lines = [f"{part} --json run{number}.json" for number, part in enumerate(parts, 1)]
    together = " ".join(f"--from run{number}.json" for number in range(1, len(parts) + 1))
    return "\n".join([*lines, f"python -m benchmarks {together} --markdown benchmarks/RESULTS.md"])


def runs_of(machine: dict[str, Any]) -> list[Sequence[str]]:
    """The date and the commit of each run that was put together."""
    return machine.get("runs") or [(machine["date"], machine["commit"])]


def _when(machine: dict[str, Any]) -> str:
    made = runs_of(machine)
    if len({commit for _, commit in made}) == 1:
        return f"{made[0][0]}, commit {made[0][1]}"
    return ", ".join(f"run {k} {date}, commit {commit}" for k, (date, commit) in enumerate(made, 1))


def as_markdown(machine: dict[str, Any], rows: list[Row], failures: list[Failure]) -> str:
    """The whole run as a page."""
    versions = ", ".join(f"{name} {v or 'missing'}" for name, v in machine["versions"].items())
    parts = [
        "# Benchmark results",
        f"Written by the program, not by hand. To reproduce: `pip install -e '.[bench]'`, then\n\n"
        f"```sh\n{_commands(machine['command'])}\n```",
        f"{_when(machine)}, {machine['processor']}, "
        f"{machine['cores']} cores, {machine['system']}, Python {machine['python']}, "
        f"{versions}. Load average at the start {machine['load_before']}, at the end "
        f"{machine['load_after']}. C loop: {machine['compiler'] or 'no compiler'}, "
        f"`{machine['compiler_flags']}`.",
        machine["note"],
        LEGEND,
        "".join(f"- {remark}\n" for remark in remarks(rows, failures)),
        _goals(rows),
    ]
    for table in tables(rows):
        lines = [table.header, ["---"] * 3 + ["---:"] * (len(table.header) - 3), *table.lines]
        parts.append(f"## {table.title}\n\n{_laid(lines)}")
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"
