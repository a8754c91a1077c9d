"""When a harness that gives no answers is given up."""

from __future__ import annotations

from .process import HarnessError, HarnessTimeoutError

FAILURES = 10
"""So many failures of one function in a row, and no more of it is asked."""
TIMEOUTS = 3
"""The same for answers that did not come in time; of who has never given any, nothing more."""
LOSSES = 3
"""So many functions given up in a row, and nothing more is asked."""


class Patience:
    """Counts failures since the last answer, of one function and of the functions given up."""

    def __init__(self) -> None:
        self._loss = ""
        self._failures = self._timeouts = self._in_a_row = 0
        self._has_answered = False
        self._given_up: dict[str, str] = {}
        """Why, by function; of all functions by the empty name."""

    def demand(self, loss: str) -> None:
        """Raise where nothing more is asked of this function, or at all."""
        for name in ("", loss):
            if name in self._given_up:
                raise HarnessError(f"not asked, as {self._given_up[name]}")

    def answered(self) -> None:
        """Forget failures: there was an answer."""
        self._has_answered = True
        self._failures = self._timeouts = self._in_a_row = 0

    def failed(self, loss: str, problem: HarnessError) -> None:
        """Count a failure."""
        if loss != self._loss:
            self._loss, self._failures, self._timeouts = loss, 0, 0
        self._failures += 1
        self._timeouts += isinstance(problem, HarnessTimeoutError)
        late = self._timeouts >= TIMEOUTS
        if not late and self._failures < FAILURES:
            return
        self._in_a_row += 1
        times = f"{self._timeouts} timeouts" if late else f"{self._failures} failures"
        last = f"the last time with: {problem}"
        self._given_up[loss] = f"{loss} was given up after {times} in a row, {last}"
        if self._in_a_row >= LOSSES:
            without = f"{LOSSES} functions in a row without an answer"
            self._given_up[""] = f"the harness was given up after {without}, {last}"
        elif late and not self._has_answered:
            self._given_up[""] = f"the harness was given up, which has never answered, {last}"
