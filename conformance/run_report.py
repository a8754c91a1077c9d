"""What a run found: its results, and whom, by what, where and when it judged."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

import lossapi

from .result import BAD, OUTCOMES, UNJUDGED, Outcome, Result, Settings


@dataclass(frozen=True)
class Origin:
    """Where and when a run was made."""

    lossapi: str
    """The version of the specification and of the checks."""
    python: str
    numpy: str
    platform: str
    date: str
    """When it began, in UTC."""

    @classmethod
    def here(cls) -> Origin:
        """This machine, now."""
        return cls(
            lossapi.__version__,
            platform.python_version(),
            np.__version__,
            platform.platform(),
            datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        )


@dataclass(frozen=True)
class Part:
    """What a run found of one function of one subject; a run is interrupted between parts."""

    subject: str
    loss: str
    results: Sequence[Result]
    stale: Sequence[str] = ()
    """Expectations that match nothing."""


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
    sources: dict[str, str] = field(default_factory=dict)
    """What names each subject for `lossapi.conformance.finding.find`, where something does."""
    losses: Sequence[str] = ()
    checks: Sequence[str] = ()
    dtypes: Sequence[str] = ()
    """The functions, checks and dtypes that were asked for; of dtypes all if none."""
    origin: Origin = field(default_factory=Origin.here)
    finished: list[tuple[str, str]] = field(default_factory=list)
    """Subject and function of each part that was judged to its end."""
    partial: str = ""
    """Why this is not all that the run was to find; empty where it is."""

    def add(self, part: Part) -> None:
        """Take in what was found of one function of one subject."""
        self.results += part.results
        self.stale += [f"{part.subject}: {line}" for line in part.stale]
        self.finished.append((part.subject, part.loss))

    def arrange(self) -> None:
        """Put the results in order, as processes deliver them in any: by subject and function."""
        subjects = {name: place for place, name in enumerate(self.subjects)}
        losses = {name: place for place, name in enumerate(self.losses)}
        self.results.sort(key=lambda result: (subjects[result.subject], losses[result.loss]))
        self.stale.sort()

    @property
    def extent(self) -> str:
        """How much of what was asked for is here."""
        return f"{len(self.finished)} of {len(self.subjects) * len(self.losses)} functions"

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
        return bool(self.subjects) and not (self.bad or self.stale or self.idle or self.partial)

    @property
    def exit_code(self) -> int:
        """0 conforming, 1 not, 2 where nothing was judged."""
        if self.bad or self.stale:
            return 1
        return 0 if self.conforming else 2
