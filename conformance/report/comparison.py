"""Where two subjects disagree: case by case, what became of each and what came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from ..result import UNJUDGED, Result
from .matrix import SYMBOLS, Column
from .reading import ReportError
from .summary import spelled, told

Case = tuple[str, str, str, str]
"""Function, check, case and dtype."""


class Comparison(NamedTuple):
    """Two subjects, judged by the same cases."""

    first: Column
    second: Column
    both: int
    """The cases that were judged for both."""
    one: int
    """Those that were judged for only one of them."""
    differ: Sequence[tuple[Result, Result]]


def compare(first: Column, second: Column) -> Comparison:
    """Hold two subjects against each other; `ReportError` where they have no case in common."""
    ours, theirs = _cases(first), _cases(second)
    both = [case for case in ours if case in theirs]
    if not both:
        raise ReportError(
            f"{first.title} and {second.title} have no judged case in common; "
            f"judge both by the same functions and checks"
        )
    pairs = [(ours[case], theirs[case]) for case in both]
    one = len(ours.keys() ^ theirs.keys())
    return Comparison(first, second, len(both), one, [pair for pair in pairs if _differ(*pair)])


def lines(found: Comparison) -> Iterator[str]:
    """The comparison for people."""
    names = (found.first.title, found.second.title)
    width = max(len(name) for name in (*names, "due"))
    for column in (found.first, found.second):
        if column.partial:
            yield f"{column.title} is from a partial report, {column.partial}"
    for place, pairs in groupby(found.differ, key=lambda pair: (pair[0].loss, pair[0].check)):
        yield " ".join(place)
        for pair in pairs:
            case = " ".join(filter(None, (pair[0].case, pair[0].dtype)))
            yield f"  {case}"
            due = next((result.expected for result in pair if result.expected), "")
            for name, result in zip(names, pair, strict=True):
                yield f"    {name:<{width}}  {_outcome(result)}"
            if due:
                yield f"    {'due':<{width}}  {due}"
    yield (
        f"{' and '.join(names)} disagree in {len(found.differ)} of {found.both} cases; "
        f"{found.one} more were judged for one of them only"
    )


def _cases(column: Column) -> Mapping[Case, Result]:
    return {
        (result.loss, result.check, result.case, result.dtype): result
        for results in column.results.values()
        for result in results
        if result.outcome not in UNJUDGED
    }


def _differ(ours: Result, theirs: Result) -> bool:
    """Whether one is right and the other is not, or both are wrong in different ways."""
    passes = [result.outcome in ("pass", "unexpected pass") for result in (ours, theirs)]
    return passes[0] != passes[1] or (not all(passes) and ours.got != theirs.got)


def _outcome(result: Result) -> str:
    came = f"came {result.got}" if result.got else ""
    error = f"{spelled(result.ulp)} ULP" if result.ulp is not None else ""
    shown = f"{SYMBOLS[result.outcome]} {result.outcome}"
    return ", ".join(filter(None, (shown, came, error, " ".join(told(result).split()))))
