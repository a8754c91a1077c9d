"""Domains of inputs and parameters, written as in mathematics: ``(0, inf)``, ``{-1, 1}``.

The whole numbers from 2 on are ``{2, 3, ...}``. A parameter that is a switch has the domain
``{false, true}``. A vector whose numbers rise strictly has the domain ``increasing``. Where a
switch decides, both sets are written: ``[-inf, 0] if log_target else [0, 1]``. Finite scores of
which some may be ruled out are ``[-1e30, 1e30] or -inf``. A ``mask`` holds 0 for entries along its
axis that are left out, of all inputs that have this axis, and 1 for the others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

_INTERVAL = re.compile(r"([\[(])\s*(\S+)\s*,\s*(\S+?)\s*([\])])")
_WHOLE = re.compile(r"\{(-?\d+), (-?\d+), \.\.\.\}")
_CHOICE = re.compile(r"(.+) if (\w+) else (.+)")
LABELS = "labels"
SWITCH = "{false, true}"
INCREASING = "increasing"
MASK = "mask"
_RULED_OUT = " or -inf"


class Domain:
    """A set of numbers: an interval, a finite set, whole numbers, or the labels ``0 … K-1``.

    Or a set of vectors: those whose numbers, infinities included, increase strictly.
    """

    __slots__ = (
        "_choice",
        "_high_open",
        "_low_open",
        "_lowest",
        "_whole",
        "high",
        "is_everything",
        "is_increasing",
        "is_mask",
        "is_switch",
        "low",
        "switch",
        "text",
        "values",
    )

    def __init__(self, text: str) -> None:
        """Read a domain; raise ``ValueError`` where the text is none."""
        self.text = text
        self.switch: str | None = None
        """The parameter that decides which of two sets it is; ask `under` for that one."""
        if choice := _CHOICE.fullmatch(text):
            first, self.switch, text = choice.groups()
            self._choice = Domain(text), Domain(first)
        self.values: tuple[float, ...] | None = None
        self.is_increasing = text == INCREASING
        """Whether it consists of vectors that increase strictly along their axis."""
        self.is_mask = text == MASK
        """Whether it consists of 0 for what is left out, and 1."""
        whole_text, text = text, text.removesuffix(_RULED_OUT)
        interval = _INTERVAL.fullmatch("[-inf, inf]" if self.is_increasing else text)
        whole = _WHOLE.fullmatch(text)
        self._whole = whole is not None
        if text in (SWITCH, MASK):
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
                f"{text!r} is no domain; write '(0, inf)', '[0, 1]', '{{-1, 1}}', '{{2, 3, ...}}' "
                f"or, for a vector, 'increasing'"
            )
        self._lowest = self.low
        """The least of its finite numbers."""
        if whole_text != text:
            self.low, self._low_open = -math.inf, False
        self.is_switch = text == SWITCH
        """Whether it consists of True and False."""
        unbounded = self.values is None and -math.inf in self and math.inf in self
        self.is_everything = unbounded and not self.is_increasing
        """Whether every number belongs to it, both infinities included."""

    def under(self, parameters: Mapping[str, Any]) -> Domain:
        """The set that it is under these parameters: itself, unless a switch decides."""
        return self if self.switch is None else self._choice[bool(parameters[self.switch])]

    def __contains__(self, number: float) -> bool:
        """Whether a number belongs to it, or may stand in a vector of it."""
        if self.values is not None:
            return number in self.values
        above = number > self._lowest if self._low_open else number >= self._lowest
        above = above or (number == self.low and not self._low_open)
        below = number < self.high if self._high_open else number <= self.high
        return above and below and (not self._whole or number == math.floor(number))

    def holds(self, vector: Sequence[float]) -> bool:
        """Whether a vector belongs to it, or all of its numbers do."""
        rises = not self.is_increasing or all(a < b for a, b in pairwise(vector))
        return rises and all(number in self for number in vector)

    @property
    def harmless(self) -> float:
        """A number inside, away from the ends, that can stand in for a masked entry."""
        if self.values is not None:
            return self.values[-1]
        if self._lowest > self.low:
            return 0.0
        if math.isfinite(self.low) and math.isfinite(self.high):
            return (self.low + self.high) / 2
        if math.isfinite(self.low):
            return self.low + 1.0
        return self.high - 1.0 if math.isfinite(self.high) else 0.0

    def inside(self, xp: Any, array: Any) -> Any:
        """Where an array's entries belong to the domain; False for NaN.

        Of vectors along the last axis an entry does where it is above the one before it.
        """
        if self.values is not None:
            found = array == self.values[0]
            for value in self.values[1:]:
                found = found | (array == value)
            return found
        above = array > self._lowest if self._low_open else array >= self._lowest
        if self._lowest > self.low:
            above = above | (array == self.low)
        below = array < self.high if self._high_open else array <= self.high
        inside = above & below
        if self.is_increasing:
            # The numbers are compared, not their difference, which some libraries flush to zero.
            rises = array[..., 1:] > array[..., :-1]
            return xp.concat([inside[..., :1], rises], axis=-1)
        return inside & (xp.floor(array) == array) if self._whole else inside

    def __repr__(self) -> str:
        return f"Domain({self.text!r})"


class Below:
    """The labels of so many classes."""

    is_increasing = False

    def __init__(self, classes: int) -> None:
        self._classes = classes

    def inside(self, xp: Any, array: Any) -> Any:
        """Where labels name a class."""
        return (array >= 0) & (array < self._classes)
