"""What a check says of one case, and how hard the checks look."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Literal, get_args

Outcome = Literal[
    "pass", "fail", "error", "unsupported", "spared", "expected failure", "unexpected pass"
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
BAD: tuple[Outcome, ...] = ("fail", "error", "unexpected pass")
"""The outcomes that make a run not conforming."""
UNJUDGED: tuple[Outcome, ...] = ("unsupported", "spared")
"""The outcomes that prove nothing, good or bad."""

KINDS = (
    "value",
    "gradient",
    "curvature",
    "stability",
    "reduction",
    "dtype",
    "shape",
    "errors",
    "transforms",
    "properties",
)
"""The kinds of check, each a module of ``lossapi.conformance.checks``, in the order they run."""

DTYPES = ("float64", "float32", "float16", "bfloat16")
"""The floating dtypes, in the order they run."""


@dataclass(frozen=True)
class Settings:
    """How hard the checks look."""

    examples: int = 200
    """How many inputs hypothesis draws for each property."""
    seed: int = field(default_factory=lambda: random.SystemRandom().randrange(2**32))
    """Where random draws start; printed, so that a run can be repeated."""
    hunt: int = 0
    """How many further inputs are drawn to find a larger error than the specification states."""
    thorough: bool = False
    """Whether libraries that compile are asked everything, however long it takes."""


@dataclass(frozen=True)
class Result:
    """The verdict on one case: a point and a quantity, or a claim."""

    loss: str
    check: str
    case: str
    """What was looked at, such as ``linear-branch/gradient/prediction``; unique in its check."""
    dtype: str
    outcome: Outcome
    message: str = ""
    ulp: float | None = None
    """The worst error seen in this case, in units of the last place."""
    flags: tuple[str, ...] = ()
    note: str = ""
    expected: str = ""
    got: str = ""
    reproduce: str = ""
    """One line of Python that shows it."""
    reason: str = ""
    """Why a failure is expected."""
    kind: str = ""
    """What kind of reason that is: convention, accuracy or bug."""
    issue: str = ""
    """Where an expected failure is publicly discussed."""
    subject: str = ""
    """Filled in by the runner."""

    @property
    def bad(self) -> bool:
        """Whether the run does not conform because of it."""
        return self.outcome in BAD
