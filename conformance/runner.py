"""Subjects, functions, checks and dtypes: every combination once, each verdict kept."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from lossapi.errors import SpecError

from . import expectations
from .expectations import Expectation
from .result import BAD, DTYPES, KINDS, OUTCOMES, UNJUDGED, Outcome, Result, Settings
from .subject import Subject, Unsupported


class Check(Protocol):
    """A kind of check: a module of ``lossapi.conformance.checks``."""

    PER_DTYPE: bool
    """Whether it runs once for each dtype, or once in the widest."""

    def run(self, subject: Subject, spec: Any, dtype: str, settings: Settings) -> Iterator[Result]:
        """One result per case."""


@dataclass(frozen=True)
class Step:
    """What is being looked at now, and how far the run is."""

    done: int
    total: int
    subject: str = ""
    loss: str = ""
    check: str = ""
    dtype: str = ""


@dataclass
class Report:
    """Everything a run found."""

    settings: Settings
    subjects: dict[str, str] = field(default_factory=dict)
    """The version of each subject that was run."""
    skipped: dict[str, str] = field(default_factory=dict)
    """The reason for each subject that could not be run."""
    results: list[Result] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    """Expectations that match nothing."""
    seconds: float = 0.0

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many results have each outcome."""
        found = dict.fromkeys(OUTCOMES, 0)
        for result in self.results:
            found[result.outcome] += 1
        return found

    @property
    def bad(self) -> list[Result]:
        """The results because of which the run does not conform."""
        return [result for result in self.results if result.outcome in BAD]

    @property
    def idle(self) -> list[str]:
        """The subjects of which nothing was judged: they prove nothing, good or bad."""
        judged = {r.subject for r in self.results if r.outcome not in UNJUDGED}
        return [name for name in self.subjects if name not in judged]

    @property
    def conforming(self) -> bool:
        """Whether something was judged of every subject, and all of it is right."""
        return bool(self.subjects) and not (self.bad or self.stale or self.idle)

    @property
    def exit_code(self) -> int:
        """0 conforming, 1 not, 2 where nothing was judged."""
        if self.bad or self.stale:
            return 1
        return 0 if self.conforming else 2


def load_checks(names: Sequence[str] = KINDS) -> dict[str, Check]:
    """The modules of these kinds of check."""
    checks: dict[str, Any] = {
        name: importlib.import_module(f"lossapi.conformance.checks.{name}") for name in names
    }
    return checks


def run(
    subjects: Sequence[Subject],
    losses: Sequence[Any],
    checks: Mapping[str, Check],
    dtypes: Sequence[str] = (),
    settings: Settings | None = None,
    progress: Callable[[Step], None] = lambda step: None,
    known: Mapping[str, Sequence[Expectation]] | None = None,
) -> Report:
    """Judge the subjects by the specifications of `losses`.

    Without `dtypes` a subject is judged in all that it has. `known` replaces the expectations
    files, by subject. A function is judged for all subjects before the next one, since its exact
    values are computed once and kept no longer.
    """
    started = time.monotonic()
    settings = settings or Settings()
    units = [
        (subject, spec, kind, dtype)
        for spec in losses
        for subject in subjects
        for kind, check in checks.items()
        for dtype in _dtypes(subject, check, dtypes)
    ]
    found: list[Result] = []
    for done, (subject, spec, kind, dtype) in enumerate(units):
        progress(Step(done, len(units), subject.name, spec.name, kind, dtype))
        found += _unit(subject, spec, kind, checks[kind], dtype, settings)
    progress(Step(len(units), len(units)))
    scope = Scope(subjects, [spec.name for spec in losses], checks, dtypes)
    return conclude(scope, found, settings, time.monotonic() - started, known)


@dataclass(frozen=True)
class Scope:
    """What a run looks at."""

    subjects: Sequence[Subject]
    losses: Sequence[str]
    checks: Mapping[str, Check]
    dtypes: Sequence[str]

    def includes(self, subject: Subject, entry: Expectation) -> bool:
        """Whether an expectation speaks of something that the run looked at."""
        return (
            entry.loss in self.losses
            and entry.check in self.checks
            and entry.dtype in ("", *_dtypes(subject, self.checks[entry.check], self.dtypes))
        )


def conclude(
    scope: Scope,
    found: Sequence[Result],
    settings: Settings,
    seconds: float,
    known: Mapping[str, Sequence[Expectation]] | None = None,
) -> Report:
    """The report on all results, after what was expected of each subject."""
    report = Report(settings, seconds=seconds)
    for subject in scope.subjects:
        entries = known[subject.name] if known is not None else expectations.load(subject.name)
        own = [result for result in found if result.subject == subject.name]
        judged, stale = expectations.apply(own, [e for e in entries if scope.includes(subject, e)])
        report.subjects[subject.name] = subject.version
        report.results += judged
        report.stale += [f"{subject.name}: {line}" for line in stale]
    return report


def _dtypes(subject: Subject, check: Check, asked: Sequence[str]) -> list[str]:
    """The dtypes to run a check in; those asked for and missing too, to be told so."""
    has = subject.traits.dtypes
    wanted = [dtype for dtype in DTYPES if dtype in (asked or has)]
    if check.PER_DTYPE or not set(wanted) & set(has):
        return wanted
    return next([dtype] for dtype in wanted if dtype in has)


def _unit(
    subject: Subject, spec: Any, kind: str, check: Check, dtype: str, settings: Settings
) -> list[Result]:
    """The results of one check; what it raises is one more result."""
    results: list[Result] = []
    verdict = Result(spec.name, kind, "", dtype, "unsupported", subject=subject.name)
    if not subject.supports(spec.name):
        only = f", which is for {', '.join(spec.libraries)} only" if spec.libraries else ""
        return [replace(verdict, message=f"{subject.name} has no {spec.name}{only}")]
    if dtype not in subject.traits.dtypes:
        return [replace(verdict, message=f"{subject.name} has no {dtype}")]
    try:
        for result in check.run(subject, spec, dtype, settings):
            results.append(replace(result, subject=subject.name))
    except SpecError:
        raise
    except Unsupported as reason:
        results.append(replace(verdict, message=str(reason)))
    except Exception as problem:
        message = f"{type(problem).__name__}: {problem}"
        results.append(replace(verdict, outcome="error", message=message, case="the whole check"))
    return results
