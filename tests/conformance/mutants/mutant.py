"""What a kernel that is broken on purpose is, and what several of them are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Kernel = Callable[..., Any]
BOTH = ("prediction", "target")


@dataclass(frozen=True)
class Mutant:
    """A mistake, and the check and case that must notice it."""

    mistake: str
    loss: str
    check: str
    case: str
    kernel: Kernel | None = None
    gradient: tuple[tuple[str, ...], Kernel] | None = None
    curvature: tuple[tuple[str, ...], Kernel] | None = None
    pullback: Kernel | None = None
    dtype: str = "float64"
    backend: str = "numpy"


def magnitude(xp: Any, x: Any) -> Any:
    """|x|, differentiated as selections are."""
    return xp.where(x < 0, -x, x)
