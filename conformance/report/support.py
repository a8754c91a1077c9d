"""The table of what works where: functions and libraries, each cell made by running it."""

from __future__ import annotations

import multiprocessing
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import date

from .. import finding
from ..checks import transforms
from ..checks.cases import Case, golden_cases, grouped
from ..checks.derivatives import explicit
from ..checks.expected import VALUE, quantities
from ..checks.inquiry import Inquiry
from ..oracle.specfile import Spec, load_spec
from ..result import Result, Settings
from ..subject import DERIVED, Subject

GENERIC = ("array_api_strict", "dask", "mlx", "ndonnx")
"""Libraries that stand in the table beside those that have an adapter and compute."""
_POINTS = 2
"""How many points each function is asked at."""


def sources() -> list[str]:
    """What stands in the table if nobody says."""
    return [*finding.libraries(), *(name for name in GENERIC if name not in finding.libraries())]


@dataclass(frozen=True)
class Column:
    """A library: its version and what is asked of it, or why it is missing."""

    source: str
    name: str = ""
    version: str = ""
    faces: tuple[str, ...] = ()
    missing: str = ""


@dataclass
class Table:
    """What was found: for each function and library the reason why a face is not right."""

    columns: list[Column]
    cells: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    """By function and source: each face, and why it is wrong or absent; empty text for right."""


def run(
    losses: Sequence[str],
    asked: Sequence[str],
    jobs: int,
    progress: Callable[[int, int, str], None] = lambda done, total, loss: None,
) -> Table:
    """Ask every library for every function, in processes that the functions are dealt to."""
    table = Table([_column(source) for source in asked])
    found = [column.source for column in table.columns if not column.missing]
    progress(0, len(losses), "")
    if jobs == 1:
        for done, loss in enumerate(losses, start=1):
            table.cells |= _row(loss, found)
            progress(done, len(losses), loss)
        return table
    context = multiprocessing.get_context("spawn")  # a fork would leave threads behind
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        tasks = {pool.submit(_row, loss, found): loss for loss in losses}
        for done, task in enumerate(as_completed(tasks), start=1):
            table.cells |= task.result()
            progress(done, len(losses), tasks[task])
    return table


_subjects: dict[str, Subject] = {}


def _subject(source: str) -> Subject:
    if source not in _subjects:
        _subjects[source] = finding.find(source)
    return _subjects[source]


def _column(source: str) -> Column:
    try:
        subject = _subject(source)
    except finding.NotFoundError as reason:
        return Column(source, missing=str(reason))
    faces = ("value", "gradient", *_transforms(subject))
    return Column(source, subject.name, subject.version, faces)


def _transforms(subject: Subject) -> list[str]:
    """The first transform of each kind."""
    first = {kind: name for name, kind in reversed(list(subject.traits.transforms.items()))}
    return [name for name, kind in subject.traits.transforms.items() if first[kind] == name]


def _row(loss: str, asked: Iterable[str]) -> dict[tuple[str, str], dict[str, str]]:
    """One function on all libraries."""
    spec = load_spec(loss)
    return {(loss, source): faces(_subject(source), spec) for source in asked}


def faces(subject: Subject, spec: Spec) -> dict[str, str]:
    """Each face of a function, and why it is not right; empty text where it is."""
    if not subject.supports(spec.name):
        only = f"for {', '.join(spec.libraries)} only" if spec.libraries else "absent"
        return {"value": only}
    dtype = "float32" if "float32" in subject.traits.dtypes else subject.traits.widest
    inquiry = Inquiry(subject, spec, "support", dtype, Settings(seed=0, thorough=True))
    cases = _typical(spec, dtype)
    asked = {"value": _values(inquiry, cases)}
    if spec.differentiable:
        asked["gradient"] = explicit(inquiry, [cases], quantities(spec, "gradient"))
    for name in _transforms(subject):
        if spec.differentiable or subject.traits.transforms[name] not in DERIVED:
            asked[name] = transforms.under(inquiry, name, cases)
    judged = {face: list(results) for face, results in asked.items()}
    return {face: _verdict(results) for face, results in judged.items() if results}


def _typical(spec: Spec, dtype: str) -> list[Case]:
    """A few points of one shape and the default parameters, where nothing extreme happens."""
    cases = golden_cases(spec, dtype)
    typical = [case for case in cases if "typical" in case.flags] or cases
    groups = grouped(typical)
    plain = [group for group in groups if not group[0].parameters] or groups
    return max(plain, key=len)[:_POINTS]


def _values(inquiry: Inquiry, cases: list[Case]) -> Iterator[Result]:
    request = inquiry.request(cases)
    answer = inquiry.ask(request)
    if answer.response is None:
        yield inquiry.unanswered("value", answer, request)
    else:
        yield from inquiry.judged_batch(cases, VALUE, answer.arrays[0], request)


def _verdict(results: Iterable[Result]) -> str:
    """Why the results are not right, by the first that is not; nothing where all are."""
    wrong = (result for result in results if result.outcome != "pass")
    return next((" ".join(result.message.split()) for result in wrong), "")


# --- Markdown


def markdown(table: Table, losses: Sequence[str]) -> str:
    """The table with its footnotes."""
    present = [column for column in table.columns if not column.missing]
    notes: dict[str, int] = {}
    rows = []
    families: dict[str, list[str]] = {}
    for loss in losses:
        families.setdefault(load_spec(loss).family, []).append(loss)
    for family in sorted(families):
        rows.append(f"| **{family}** |" + " |" * len(present))
        for loss in families[family]:
            cells = [_cell(table.cells[loss, column.source], notes) for column in present]
            rows.append(f"| `{loss}` | {' | '.join(cells)} |")
    heads = [f"{column.name} {column.version}" for column in present]
    return "\n".join(
        [
            *_opening(present),
            "",
            f"| function | {' | '.join(heads)} |",
            f"| --- |{' --- |' * len(present)}",
            *rows,
            "",
            *(f"{number}. {reason}" for reason, number in notes.items()),
            *([""] if notes else []),
            *(
                f"Not run: `{c.source}`: {c.missing.rstrip('.')}."
                for c in table.columns
                if c.missing
            ),
            "",
        ]
    )


def _opening(columns: Sequence[Column]) -> list[str]:
    asked = [f"- {c.name} {c.version}: {', '.join(c.faces)}" for c in columns]
    return [
        "# What works where",
        "",
        "Made by `lossapi support`, which runs every function on every library at one or two",
        "typical points of its specification and judges what comes, as `lossapi check` does at all",
        "of them. **yes** says that everything asked of the library came and was right: the value,",
        "the gradient by each input, and the value or derivative under one transform of each kind",
        "that the library has. Otherwise the cell names what is missing, and a note says why.",
        "",
        f"{date.today().isoformat()}, {platform.system()} on {platform.machine()}, Python "
        f"{platform.python_version()}, float32. Asked for:",
        "",
        *asked,
    ]


def _cell(found: Mapping[str, str], notes: dict[str, int]) -> str:
    """What stands in a cell: yes, what is missing, or no."""
    wrong = {face: reason for face, reason in found.items() if reason}
    if not wrong:
        return "yes"
    numbers = {notes.setdefault(_note(reason), len(notes) + 1) for reason in wrong.values()}
    marks = ", ".join(f"[{number}]" for number in sorted(numbers))
    if "value" in wrong:
        return f"no {marks}"
    if all(face in wrong for face in found if face != "value"):
        return f"value only {marks}"
    return f"not {', '.join(wrong)} {marks}"


def _note(reason: str) -> str:
    return reason if len(reason) <= 200 else f"{reason[:199]}…"
