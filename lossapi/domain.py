"""Domains of inputs and parameters, written as in mathematics: ``(0, inf)``, ``{-1, 1}``.

The whole numbers from 2 on are ``{2, 3, ...}``. A parameter that is a switch has the domain
``{false, true}``.
"""

from __future__ import annotations

import math
import re
from typing import Any

_INTERVAL = re.compile(r"([\[(])\s*(\S+)\s*,\s*(\S+?)\s*([\])])")
_WHOLE = re.compile(r"\{(-?\d+), (-?\d+), \.\.\.\}")
LABELS = "labels"
SWITCH = "{false, true}"


class Domain:
    """A set of numbers: an interval, a finite set, whole numbers, or the labels ``0 … K-1``."""

    __slots__ = (
        "_high_open",
        "_low_open",
        "_whole",
        "high",
        "is_everything",
        "is_switch",
        "low",
        "text",
        "values",
    )

    def __init__(self, text: str) -> None:
        """Read a domain; raise ``ValueError`` where the text is none."""
        self.text = text
        self.values: tuple[float, ...] | None = None
        interval, whole = _INTERVAL.fullmatch(text), _WHOLE.fullmatch(text)
        self._whole = whole is not None
        if text == SWITCH:
            self.values, self.low, self.high = (0.0, 1.0), 0.0, 1.0
            self._low_open = self._high_open = False
        elif text == LABELS:
            self.low, self.high, self._low_open, self._high_open = 0.0, math.inf, False, True
        elif interval:
            left, low, high, right = interval.groups()
            self.low, self.high = float(low), float(high)
            self._low_open, self._high_open = left == "(", right == ")"
        elif whole:
            self.low, self.high = float(whole[1]), math.inf
            self._low_open, self._high_open = False, True
        elif text.startswith("{") and text.endswith("}"):
            self.values = tuple(sorted(float(v) for v in text[1:-1].split(",")))
            self.low, self.high = self.values[0], self.values[-1]
            self._low_open = self._high_open = False
        else:
            raise ValueError(
                f"{text!r} is no domain; write '(0, inf)', '[0, 1]', '{{-1, 1}}' or '{{2, 3, ...}}'"
            )
        self.is_switch = text == SWITCH
        """Whether it consists of True and False."""
        self.is_everything = self.values is None and -math.inf in self and math.inf in self
        """Whether every number belongs to it, both infinities included."""

    def __contains__(self, number: float) -> bool:
        if self.values is not None:
            return number in self.values
        above = number > self.low if self._low_open else number >= self.low
        below = number < self.high if self._high_open else number <= self.high
        return above and below and (not self._whole or number == math.floor(number))

    @property
    def harmless(self) -> float:
        """A number inside, away from the ends, that can stand in for a masked entry."""
        if self.values is not None:
            return self.values[-1]
        if math.isfinite(self.low) and math.isfinite(self.high):
            return (self.low + self.high) / 2
        if math.isfinite(self.low):
            return self.low + 1.0
        return self.high - 1.0 if math.isfinite(self.high) else 0.0

    def inside(self, xp: Any, array: Any) -> Any:
        """Where an array's entries belong to the domain; False for NaN."""
        if self.values is not None:
            found = array == self.values[0]
            for value in self.values[1:]:
                found = found | (array == value)
            return found
        above = array > self.low if self._low_open else array >= self.low
        below = array < self.high if self._high_open else array <= self.high
        inside = above & below
        return inside & (xp.floor(array) == array) if self._whole else inside

    def __repr__(self) -> str:
        return f"Domain({self.text!r})"
