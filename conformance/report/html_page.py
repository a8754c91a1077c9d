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
from collections.abc import Hashable, Iterable, Mapping, Sequence
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
_TEXTS = (
    "check",
    "case",
    "dtype",
    "outcome",
    "message",
    "note",
    "expected",
    "got",
    "reason",
    "kind",
    "issue",
)
"""What is told of a failing point, a text each."""
_BETWEEN = "; "
"""What stands between the statements of a line that repeats a point."""


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
    """Everything that the page's program shows.

    What repeats itself, nearly every text of a failure, is named by its place in a table.
    """
    tables = {name: _Table() for name in (*_TEXTS, "flags", "groups", "unjudged", "statement")}
    tables |= {"check": _Table(KINDS), "outcome": _Table(SYMBOLS)}
    cells = []
    for at, row in enumerate(functions):
        for place, column in enumerate(shown):
            results = column.results.get(row.loss, [])
            if results:
                groups = tables["groups"].place(_groups(results, tables))
                wrong = [_point(r, tables) for r in results if r.outcome in _IN_FULL]
                cells.append([at, place, groups, wrong, _unjudged(results, tables)])
    return {
        "outcomes": [{"name": name, "symbol": sign} for name, sign in SYMBOLS.items()],
        "subjects": [_subject(column) for column in shown],
        "skipped": skipped(shown),
        "losses": [row._asdict() for row in functions],
        "flags": flags(),
        "texts": _TEXTS,
        "between": _BETWEEN,
        "tables": {name: table.entries for name, table in tables.items()},
        "cells": cells,
    }


class _Table:
    """Values that are named by their places."""

    def __init__(self, entries: Iterable[Hashable] = ()) -> None:
        self._places = {entry: place for place, entry in enumerate(entries)}

    def place(self, entry: Hashable) -> int:
        """Where the entry stands, from now on."""
        return self._places.setdefault(entry, len(self._places))

    @property
    def entries(self) -> list[Hashable]:
        """All entries in order."""
        return list(self._places)


Tables = Mapping[str, _Table]


def _groups(results: Sequence[Result], tables: Tables) -> tuple[Hashable, ...]:
    """The results that differ in nothing that the page can be asked for: number and worst error."""
    groups: dict[Hashable, list[Result]] = {}
    for result in results:
        key = tuple(
            tables[name].place(getattr(result, name))
            for name in ("check", "dtype", "flags", "outcome")
        )
        groups.setdefault(key, []).append(result)
    return tuple((key, *_size(group)) for key, group in groups.items())


def _size(group: Sequence[Result]) -> tuple[int, float | str | None]:
    worst = cell(group).worst
    return len(group), _number(worst.ulp) if worst else None


def _point(result: Result, tables: Tables) -> list[Any]:
    """Everything about a result that is not right: its texts, its flags, its error, its line."""
    texts = [tables[name].place(getattr(result, name)) for name in _TEXTS]
    # The lines of one function share imports and inputs.
    line = [tables["statement"].place(part) for part in result.reproduce.split(_BETWEEN)]
    return [*texts, tables["flags"].place(result.flags), _number(result.ulp), line]


def _unjudged(results: Sequence[Result], tables: Tables) -> list[Any]:
    """Each reason why results prove nothing, with the checks and how many of each."""
    found: dict[tuple[int, int], Counter[int]] = {}
    for result in results:
        if result.outcome in UNJUDGED:
            reason = (
                tables["outcome"].place(result.outcome),
                tables["unjudged"].place(told(result)),
            )
            found.setdefault(reason, Counter())[tables["check"].place(result.check)] += 1
    return [[*reason, list(checks.items())] for reason, checks in found.items()]


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
