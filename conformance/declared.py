"""Conventions that differ from ours on purpose, and are checked as they are declared.

A library that clips, say, says so; an entry of its expectations file then holds the definition of
what it computes instead. What fails by our specification and is right by that definition is an
expected failure; what is wrong by both stays one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from .oracle.specfile import Spec, load_spec
from .result import Result

KIND = "convention"


@dataclass(frozen=True)
class Declaration:
    """What a library computes instead of a function."""

    loss: str
    reason: str
    definition: str
    """In the language of the specification's own."""
    gradient: Mapping[str, str] = field(default_factory=dict)
    """The definitions of the gradients that differ, by input."""
    issue: str = ""


def under(spec: Spec, declaration: Declaration) -> Spec:
    """The specification with the declared definitions, without what was said of the others."""
    return _under(spec.name, declaration.definition, tuple(sorted(declaration.gradient.items())))


def as_declared(
    results: Sequence[Result],
    declarations: Iterable[Declaration],
    spec: Spec,
    judge: Callable[[Spec], Iterable[Result]],
) -> list[Result]:
    """The results of a check, with those expected that are right by a declared definition."""
    found = list(results)
    for declaration in declarations:
        if declaration.loss != spec.name or not any(r.outcome == "fail" for r in found):
            continue
        second = {r.case: r for r in judge(under(spec, declaration))}
        for i, result in enumerate(found):
            other = second.get(result.case)
            if result.outcome == "fail" and other is not None and other.outcome == "pass":
                found[i] = replace(
                    result,
                    outcome="expected failure",
                    reason=declaration.reason,
                    kind=KIND,
                    issue=declaration.issue,
                )
    return found


def unseen(results: Iterable[Result], declarations: Iterable[Declaration], loss: str) -> list[str]:
    """The declarations that no result of a function bears out, as a run tells them."""
    told = {result.reason for result in results if result.kind == KIND}
    return [
        f"{loss}: no result is as declared ({entry.reason}); remove the entry"
        for entry in declarations
        if entry.loss == loss and entry.reason not in told
    ]


@lru_cache(maxsize=64)
def _under(loss: str, definition: str, gradient: tuple[tuple[str, str], ...]) -> Spec:
    spec = load_spec(loss)
    given = dict(gradient)
    slopes = {
        name: {**entry, "definition": given.get(name, entry["definition"])}
        for name, entry in spec.data["gradient"].items()
    }
    formula = {**spec.data["formula"], "definition": definition}
    data = {**spec.data, "formula": formula, "gradient": slopes, "kinks": [], "properties": {}}
    return Spec(data, spec.origin, declared=True)
