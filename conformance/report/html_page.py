"""Runs as one HTML file that needs nothing else: a matrix, with every failure behind it.

What a subject says is data for the page's program, which puts it into the page as text only; and
the page's policy lets no program run but this one.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from importlib import resources
from string import Template
from typing import Any

from ..oracle.specfile import flags
from ..result import BAD, KINDS, UNJUDGED, Outcome, Result
from .matrix import SYMBOLS, Column, Row, cell, rows, skipped
from .summary import told

_PARTS = ("data", "table", "detail", "filters", "main")
"""The files of the page's program, in order."""
_IN_FULL: tuple[Outcome, ...] = (*BAD, "expected failure")


def render(shown: Sequence[Column]) -> str:
    """The whole page."""
    functions = rows(shown)
    title = f"Conformance of {', '.join(c.title for c in shown)}" if len(shown) < 4 else ""
    style = "\n" + _file("style.css")
    program = "\n" + "\n".join(_file(f"{part}.js") for part in _PARTS)
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(program)}; "
        f"base-uri 'none'; form-action 'none'"
    )
    return Template(_file("page.html")).substitute(
        title=html.escape(title or f"Conformance of {len(shown)} libraries"),
        policy=html.escape(policy),
        style=style,
        program=program,
        data=_inert(_data(shown, functions)),
    )


def _file(name: str) -> str:
    folder = resources.files("lossapi.conformance") / "report" / "html"
    return (folder / name).read_text("utf-8")


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _inert(data: Any) -> str:
    """JSON that ends no element of the page, whatever it holds."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _data(shown: Sequence[Column], functions: Sequence[Row]) -> dict[str, Any]:
    """Everything that the page's program shows; results are named by their place in tables."""
    checks, dtypes, combinations = _Table(KINDS), _Table(), _Table()
    groups, points, unjudged = [], [], []
    for at, row in enumerate(functions):
        for place, column in enumerate(shown):
            results = column.results.get(row.loss, [])
            for (check, dtype, marks, outcome), group in _grouped(results).items():
                key = [checks.place(check), dtypes.place(dtype), combinations.place(marks)]
                outcomes = list(SYMBOLS)
                worst = cell(group).worst
                ulp = _number(worst.ulp) if worst else None
                groups.append([at, place, *key, outcomes.index(outcome), len(group), ulp])
            points += [[at, place, _point(r)] for r in results if r.outcome in _IN_FULL]
            unjudged += [[at, place, *reason] for reason in _unjudged(results)]
    return {
        "outcomes": [{"name": name, "symbol": sign} for name, sign in SYMBOLS.items()],
        "subjects": [_subject(column) for column in shown],
        "skipped": skipped(shown),
        "losses": [row._asdict() for row in functions],
        "checks": checks.entries,
        "dtypes": dtypes.entries,
        "combinations": combinations.entries,
        "flags": flags(),
        "groups": groups,
        "points": points,
        "unjudged": unjudged,
    }


class _Table:
    """Values that are named by their places."""

    def __init__(self, entries: Sequence[Hashable] = ()) -> None:
        self._places = {entry: place for place, entry in enumerate(entries)}

    def place(self, entry: Hashable) -> int:
        """Where the entry stands, from now on."""
        return self._places.setdefault(entry, len(self._places))

    @property
    def entries(self) -> list[Hashable]:
        """All entries in order."""
        return list(self._places)


Group = tuple[str, str, tuple[str, ...], Outcome]


def _grouped(results: Sequence[Result]) -> dict[Group, list[Result]]:
    """The results that differ in nothing that the page can be asked for."""
    groups: dict[Group, list[Result]] = {}
    for result in results:
        key = (result.check, result.dtype, result.flags, result.outcome)
        groups.setdefault(key, []).append(result)
    return groups


def _unjudged(results: Sequence[Result]) -> Iterator[tuple[str, str, str, int]]:
    found = Counter((r.outcome, r.check, told(r)) for r in results if r.outcome in UNJUDGED)
    for reason, count in found.items():
        yield (*reason, count)


def _point(result: Result) -> dict[str, Any]:
    """Everything about a result that is not right."""
    fields = {**vars(result), "flags": list(result.flags), "ulp": _number(result.ulp)}
    del fields["loss"], fields["subject"]
    return {name: value for name, value in fields.items() if value not in ("", None, [])}


def _number(ulp: float | None) -> float | str | None:
    """An error in ULP, to as many digits as are shown; JSON has no infinity."""
    if ulp is None:
        return None
    return float(f"{ulp:.3g}") if math.isfinite(ulp) else "∞"


def _subject(column: Column) -> dict[str, Any]:
    return {
        "title": column.title,
        "subject": column.subject,
        "version": column.version,
        "verdict": column.verdict,
        "partial": column.partial,
        "right": len(column.right),
        "judged": len(column.judged),
        "counts": {outcome: column.counts[outcome] for outcome in SYMBOLS},
        "stale": column.stale,
        "runs": [{**vars(r.origin), "seed": r.settings.seed} for r in column.reports],
    }
