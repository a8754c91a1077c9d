"""Subjects, functions, checks and dtypes: every combination once, each verdict kept."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Container, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from lossapi.errors import SpecError

from . import expectations
from .declared import as_declared, unseen
from .expectations import Expectation
from .result import DTYPES, KINDS, Result, Settings
from .run_report import Part, Report
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
    files, by subject.
    """
    scope = Scope(subjects, [spec.name for spec in losses], checks, dtypes)
    report = scope.report(settings or Settings())
    gather(report, scope, judge(scope, losses, report.settings, progress), known)
    return report


@dataclass(frozen=True)
class Scope:
    """What a run looks at."""

    subjects: Sequence[Subject]
    losses: Sequence[str]
    checks: Mapping[str, Check]
    dtypes: Sequence[str] = ()
    sources: Sequence[str] = ()
    """What names each of the subjects, so that other processes can find them too."""
    timeout: float | None = None
    """How many seconds each of them has for an answer, if not as many as usual."""

    def entries(
        self, subject: Subject, known: Mapping[str, Sequence[Expectation]] | None
    ) -> list[Expectation]:
        """What is expected of a subject, as far as the run looks at it."""
        found = expectations.load(subject.name) if known is None else known[subject.name]
        return [entry for entry in found if self._includes(subject, entry)]

    def units(self, subject: Subject) -> list[tuple[str, str]]:
        """The checks of a subject, each with the dtypes it runs in."""
        return [
            (kind, dtype)
            for kind, check in self.checks.items()
            for dtype in _dtypes(subject, check, self.dtypes)
        ]

    def report(self, settings: Settings, skipped: Mapping[str, str] | None = None) -> Report:
        """A report on it, before anything was found."""
        versions = {subject.name: subject.version for subject in self.subjects}
        return Report(
            settings,
            versions,
            dict(skipped or {}),
            sources=dict(zip(versions, self.sources, strict=False)),
            losses=tuple(self.losses),
            checks=tuple(self.checks),
            dtypes=tuple(self.dtypes),
        )

    def _includes(self, subject: Subject, entry: Expectation) -> bool:
        return (
            entry.loss in self.losses
            and entry.check in self.checks
            and entry.dtype in ("", *_dtypes(subject, self.checks[entry.check], self.dtypes))
        )


def judge(
    scope: Scope,
    specs: Sequence[Any],
    settings: Settings,
    progress: Callable[[Step], None] = lambda step: None,
    finished: Container[tuple[str, str]] = (),
) -> Generator[Part, None, None]:
    """What is found of each function of each subject, but for those that are `finished`.

    A function is judged for all subjects before the next one, since its exact values are computed
    once and kept no longer.
    """
    parts = [
        (subject, spec, scope.units(subject))
        for spec in specs
        for subject in scope.subjects
        if (subject.name, spec.name) not in finished
    ]
    total, done = sum(len(units) for _, _, units in parts), 0
    for subject, spec, units in parts:
        found: list[Result] = []
        for kind, dtype in units:
            progress(Step(done, total, subject.name, spec.name, kind, dtype))
            found += _unit(subject, spec, kind, scope.checks[kind], dtype, settings)
            done += 1
        yield Part(subject.name, spec.name, found)
    progress(Step(total, total))


def gather(
    report: Report,
    scope: Scope,
    parts: Iterable[Part],
    known: Mapping[str, Sequence[Expectation]] | None = None,
    keep: Callable[[Part], None] = lambda part: None,
) -> None:
    """Take the parts into a report as they come, after what was expected of each.

    `keep` gets each at once, so that a run that is broken off has not been for nothing.
    """
    started = time.monotonic() - report.seconds
    expected = {subject.name: scope.entries(subject, known) for subject in scope.subjects}
    for part in parts:
        entries = [entry for entry in expected[part.subject] if entry.loss == part.loss]
        judged, stale = expectations.apply(part.results, entries)
        if "value" in scope.checks:
            stale += unseen(judged, expectations.declared(part.subject), part.loss)
        told = replace(part, results=judged, stale=stale)
        report.seconds = time.monotonic() - started
        report.add(told)
        keep(told)
    report.seconds = time.monotonic() - started
    report.arrange()


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
        results = as_declared(
            results,
            expectations.declared(subject.name),
            spec,
            lambda other: check.run(subject, other, dtype, settings),
        )
    except SpecError:
        raise
    except Unsupported as reason:
        results.append(replace(verdict, message=str(reason)))
    except Exception as problem:
        message = f"{type(problem).__name__}: {problem}"
        results.append(replace(verdict, outcome="error", message=message, case="the whole check"))
    return results
