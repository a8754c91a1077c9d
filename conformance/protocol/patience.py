"""When a harness that gives no answers is given up."""

from __future__ import annotations

from .process import HarnessError, HarnessTimeoutError

FAILURES = 10
"""So many failures of one function in a row, and no more of it is asked."""
TIMEOUTS = 3
"""The same for answers that did not come in time."""
LOSSES = 3
"""So many functions given up in a row, and nothing more is asked."""


class Patience:
    """Counts failures since the last answer, of one function and of the functions given up."""

    def __init__(self) -> None:
        self._loss = ""
        self._failures = self._timeouts = 0
        self._given_up: dict[str, HarnessError] = {}
        self._in_a_row = 0

    def demand(self, loss: str) -> None:
        """Raise where nothing more is asked of this function, or at all."""
        if self._in_a_row >= LOSSES:
            *_, last = self._given_up.values()
            raise HarnessError(
                f"not asked, as the harness was given up after {LOSSES} functions in a row "
                f"without an answer, the last time with: {last}"
            )
        if loss in self._given_up:
            raise HarnessError(
                f"not asked, as {loss} was given up after {FAILURES} failures or {TIMEOUTS} "
                f"timeouts in a row, the last time with: {self._given_up[loss]}"
            )

    def answered(self) -> None:
        """Forget failures: there was an answer."""
        self._failures = self._timeouts = self._in_a_row = 0

    def failed(self, loss: str, problem: HarnessError) -> None:
        """Count a failure."""
        if loss != self._loss:
            self._loss, self._failures, self._timeouts = loss, 0, 0
        self._failures += 1
        self._timeouts += isinstance(problem, HarnessTimeoutError)
        if self._failures >= FAILURES or self._timeouts >= TIMEOUTS:
            self._given_up[loss] = problem
            self._in_a_row += 1
