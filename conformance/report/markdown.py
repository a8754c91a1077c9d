"""Runs as a Markdown page: who was judged, functions by subjects, and what is wrong."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from urllib.parse import quote

from ..result import KINDS, Result
from . import summary
from .matrix import SYMBOLS, Column, Row, cell, rows, skipped
from .summary import printable, spelled

_SEARCHES = ("stability", "properties")
"""The checks that look for failures at extreme and at drawn inputs."""
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
    seen = [row for row in functions if not all(_is_absent(c, row.loss) for c in shown)]
    for row in seen:
        if row.family != family:
            family = row.family
            yield f"| **{_text(family)}** " + "| " * len(shown) + "|"
        yield _row([_code(row.loss), *(_cell(column, row.loss) for column in shown)])
    absent = len(functions) - len(seen)
    if absent:
        yield ""
        yield f"No subject has {absent} more {'function' if absent == 1 else 'functions'}."
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


def _is_absent(column: Column, loss: str) -> bool:
    """Whether a subject was asked for a function, and has nothing of it."""
    found = column.results.get(loss, [])
    return {result.outcome for result in found} == {"unsupported"}


def _cell(column: Column, loss: str) -> str:
    results = column.results.get(loss)
    if not results:
        return ""
    found = cell(results)
    if found.verdict == "unsupported":
        return SYMBOLS[found.verdict]
    error = spelled(found.worst.ulp) if found.worst else ""
    return f"{SYMBOLS[found.verdict]} {found.verdict} {error}".rstrip()


def _wrong(column: Column) -> Iterator[str]:
    """Each check of each function that is not right, and what is expected, by its reason."""
    results = [result for found in column.results.values() for result in found]
    bad = [result for result in results if result.bad]
    expected = [result for result in results if result.outcome == "expected failure"]
    if not (bad or expected or column.stale):
        return
    yield ""
    yield f"## {_text(column.title)}: what is wrong"
    yield ""
    for same in _alike(bad, lambda result: (result.loss, result.check, result.outcome)):
        yield f"- {_failure(same)}"
    told, left = _in_short(expected)
    yield from (f"- {_expected(same)}" for same in told)
    if left:
        more = "more at extreme and drawn inputs of these, with reasons that the HTML page tells"
        sign = SYMBOLS["expected failure"]
        yield f"- {sign} {_count(left)} {more}{_size(left)} *{_where(left)}*"
    yield from (f"- expectation {_text(line)}" for line in column.stale)


def _alike(
    results: Iterable[Result], key: Callable[[Result], Hashable]
) -> Iterable[Sequence[Result]]:
    """The results that have the same key, in the order they came."""
    groups: dict[Hashable, list[Result]] = {}
    for result in results:
        groups.setdefault(key(result), []).append(result)
    return groups.values()


def _in_short(expected: Sequence[Result]) -> tuple[list[Sequence[Result]], list[Result]]:
    """Expected failures by reason, and those of which the same is known from plainer inputs.

    Where a function fails at points of the specification, what searches for failures finds more.
    """
    plain = {result.loss for result in expected if result.check not in _SEARCHES}
    told: list[Sequence[Result]] = []
    left: list[Result] = []
    for same in _alike(expected, lambda result: (result.kind, result.reason, result.issue)):
        if all(result.check in _SEARCHES and result.loss in plain for result in same):
            left += same
        else:
            told.append(same)
    return told, left


def _failure(same: Sequence[Result]) -> str:
    """Failures of one check of a function, with the worst of them."""
    example = summary.worst(same) or same[0]
    place = " ".join(filter(None, (example.case, example.dtype)))
    said = f". {_text(place)}: {_text(example.message)}" if example.message else ""
    start = f"{SYMBOLS[example.outcome]} {_code(example.loss)} {_text(example.check)}"
    return f"{start}: {len(same)} {example.outcome}{_size(same)}{said}"


def _expected(same: Sequence[Result]) -> str:
    """Failures that have one reason: the reason, where that is discussed, and what they are of."""
    first = same[0]
    kind = f"{first.kind}: " if first.kind else ""
    link = ""
    if first.issue.startswith("https://"):
        link = f" ([issue]({quote(first.issue, safe=_IN_ADDRESSES)}))"
    start = f"{SYMBOLS['expected failure']} {_text(kind + first.reason)}{link}"
    return f"{start} *{_count(same)}{_size(same)}: {_where(same)}*"


def _where(same: Sequence[Result]) -> str:
    """The functions and checks that results are of."""
    checks: dict[str, dict[str, None]] = {}
    for result in same:
        checks.setdefault(result.loss, {})[_text(result.check)] = None
    functions: dict[str, list[str]] = {}
    for loss, found in checks.items():
        named = ", ".join(sorted(found, key=lambda check: (*KINDS, check).index(check)))
        functions.setdefault(named, []).append(_code(loss))
    return "; ".join(f"{found} of {', '.join(names)}" for found, names in functions.items())


def _count(same: Sequence[Result]) -> str:
    return "1 case" if len(same) == 1 else f"{len(same)} cases"


def _size(same: Sequence[Result]) -> str:
    worst = summary.worst(same)
    return f", worst {spelled(worst.ulp)} ULP" if worst else ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """The text as it stands, in one line, whatever it holds that Markdown or HTML would read."""
    return _MARKS.sub(r"\\\1", html.escape(" ".join(printable(text).split()), quote=False))


def _code(name: str) -> str:
    """The name of a function, which those of other versions of this project may not be."""
    return f"`{name}`" if name.isidentifier() else _text(name)
