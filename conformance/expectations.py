"""Known failures: each with the reason it is not mended, and checked to be still there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib import resources
from itertools import product
from typing import Any

from lossapi.errors import SpecError

from .declared import Declaration
from .result import KINDS, Result

REASON_KINDS = ("convention", "accuracy", "bug")
"""The kinds of reason: another meaning on purpose, too few right digits, a mistake."""


@dataclass(frozen=True)
class Expectation:
    """One known failure; what is left out matches everything."""

    loss: str
    check: str
    reason: str
    case: str | tuple[str, ...] = ""
    """One case, or a pattern with ``*`` and ``?`` that several match; or some of these."""
    dtype: str = ""
    kind: str = ""
    """One of `REASON_KINDS`."""
    issue: str = ""
    """Where the failure is publicly discussed."""
    sometimes: bool = False
    """Whether it takes certain draws to see the failure: a run without it is as it should be."""

    def matches(self, result: Result) -> bool:
        """Whether a result is what this speaks of."""
        return (
            result.loss == self.loss
            and result.check == self.check
            and any(
                case in ("", result.case) or fnmatchcase(result.case, case) for case in self.cases
            )
            and self.dtype in ("", result.dtype)
        )

    @property
    def cases(self) -> tuple[str, ...]:
        """The cases and patterns, each by itself."""
        return (self.case,) if isinstance(self.case, str) else self.case

    @property
    def what(self) -> str:
        """How messages name it."""
        return " ".join(filter(None, (self.loss, self.check, *self.cases, self.dtype)))


def load(subject: str) -> list[Expectation]:
    """The known failures of a subject by its name; none where there is no file."""
    return [entry for entry in _load(subject) if isinstance(entry, Expectation)]


def declared(subject: str) -> list[Declaration]:
    """The conventions that a subject declares instead of ours."""
    return [entry for entry in _load(subject) if isinstance(entry, Declaration)]


@lru_cache(maxsize=64)
def _load(subject: str) -> list[Expectation | Declaration]:
    folder = resources.files("lossapi.conformance") / "expectations"
    file = folder / f"{subject}.yaml"
    if not file.is_file():
        return []
    return parse(file.read_text("utf-8"), f"conformance/expectations/{subject}.yaml")


def parse(text: str, origin: str) -> list[Expectation | Declaration]:
    """Read an expectations file; ``SpecError`` where it is malformed."""
    from .oracle import yamlfile

    entries = yamlfile.read(text, origin)
    if not isinstance(entries, list):
        raise SpecError(f"{origin}: got a {type(entries).__name__}; accepted is a list of entries")
    return [
        found
        for i, entry in enumerate(entries)
        for found in _entry(entry, f"{origin}: entry {i + 1}")
    ]


def apply(
    results: Iterable[Result], expectations: Iterable[Expectation]
) -> tuple[list[Result], list[str]]:
    """The results with expected failures and unexpected passes named, and what matched nothing."""
    judged = list(results)
    stale = []
    for expectation in expectations:
        places = [i for i, result in enumerate(judged) if expectation.matches(result)]
        failing = [i for i in places if judged[i].outcome in ("fail", "error")]
        passing = [i for i in places if judged[i].outcome == "pass"]
        for i in failing:
            judged[i] = replace(
                judged[i],
                outcome="expected failure",
                reason=expectation.reason,
                kind=expectation.kind,
                issue=expectation.issue,
            )
        if not failing and not expectation.sometimes:
            for i in passing:
                judged[i] = replace(
                    judged[i],
                    outcome="unexpected pass",
                    message=f"expected to fail, since: {expectation.reason}. Remove the entry.",
                )
        spared = any(judged[i].outcome == "spared" for i in places)
        if not failing and not passing and not spared and not expectation.sometimes:
            stale.append(f"{expectation.what}: matches nothing; remove the entry")
    return judged, stale


def _entry(entry: Any, place: str) -> list[Expectation | Declaration]:
    """What an entry says: of several functions and checks, of each the same."""
    if isinstance(entry, dict) and "definition" in entry:
        return [_declaration(entry, place)]
    _demand_keys(entry, place, Expectation, ("loss", "check", "reason"))
    several = {key: _texts(entry, key, place) for key in ("loss", "check", "case") if key in entry}
    for check in several["check"]:
        if check not in KINDS:
            raise SpecError(f"{place}: check: got {check}; accepted are {', '.join(KINDS)}")
    for key, value in entry.items():
        if key not in several and not isinstance(value, bool if key == "sometimes" else str):
            accepted = "true or false" if key == "sometimes" else "a text"
            raise SpecError(f"{place}: {key}: got {value!r}; accepted is {accepted}")
    if entry.get("kind", REASON_KINDS[0]) not in REASON_KINDS:
        raise SpecError(
            f"{place}: kind: got {entry['kind']}; accepted are {', '.join(REASON_KINDS)}"
        )
    _demand_address(entry, place)
    if isinstance(entry.get("case"), list):
        entry = {**entry, "case": tuple(several["case"])}
    return [
        Expectation(**{**entry, "loss": loss, "check": check})
        for loss, check in product(several["loss"], several["check"])
    ]


def _texts(entry: dict[str, Any], key: str, place: str) -> list[str]:
    """One text, or each of a list."""
    texts = entry[key] if isinstance(entry[key], list) else [entry[key]]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise SpecError(
            f"{place}: {key}: got {entry[key]!r}; accepted is a text, or a list of them"
        )
    return texts


def _declaration(entry: dict[str, Any], place: str) -> Declaration:
    _demand_keys(entry, place, Declaration, ("loss", "reason"))
    texts = {**entry, **dict(entry.get("gradient") or {}), "gradient": ""}
    wrong = [key for key, value in texts.items() if not isinstance(value, str)]
    if wrong:
        raise SpecError(f"{place}: {wrong[0]}: got {texts[wrong[0]]!r}; accepted is a text")
    _demand_address(entry, place)
    return Declaration(**entry)


def _demand_keys(entry: Any, place: str, kind: type[Any], needed: tuple[str, ...]) -> None:
    known = [field.name for field in fields(kind)]
    if not isinstance(entry, dict) or not set(entry) <= set(known):
        raise SpecError(f"{place}: got {entry!r}; accepted are the keys {', '.join(known)}")
    missing = [key for key in needed if not entry.get(key)]
    if missing:
        raise SpecError(f"{place}: missing {', '.join(missing)}")


def _demand_address(entry: dict[str, Any], place: str) -> None:
    if not str(entry.get("issue", "https://")).startswith("https://"):
        raise SpecError(f"{place}: issue: got {entry['issue']}; accepted is an https:// address")
