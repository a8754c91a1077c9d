"""Judging a function from a test of one's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from .function_subject import FunctionSubject
from .result import Settings
from .subject import Subject


def check(
    loss: str,
    subject: Subject | Callable[..., Any],
    *,
    gradient: Callable[..., Any] | None = None,
    checks: Sequence[str] = (),
    dtypes: Sequence[str] = ("float64", "float32"),
    examples: int = 200,
    seed: int | None = None,
) -> None:
    """Hold an implementation of one function against its specification.

    `subject` is a function that takes the inputs as NumPy arrays by position, the parameters by
    keyword, and gives the loss of each example, or any `Subject`. `gradient` gives the gradient by
    the first input in the same way. Raises ``AssertionError`` with the failures.
    """
    from .oracle.specfile import load_spec
    from .report.terminal import failure_lines
    from .runner import load_checks, run

    judged = _subject(loss, subject, gradient)
    settings = Settings(examples) if seed is None else Settings(examples, seed)
    modules = load_checks(checks) if checks else load_checks()
    report = run([judged], [load_spec(loss)], modules, dtypes, settings)
    if report.idle:
        raise AssertionError(f"{judged.name}: nothing could be judged of {loss}")
    if not report.conforming:
        lines = [line for result in report.bad for line in (*failure_lines(result), "")]
        count = f"{len(report.bad)} of {len(report.results)} cases of {loss} are wrong"
        raise AssertionError("\n".join([f"{count} (seed {settings.seed})", "", *lines]))


def _subject(loss: str, given: Any, gradient: Callable[..., Any] | None) -> Subject:
    if hasattr(given, "run") and hasattr(given, "traits"):
        return cast(Subject, given)
    if not callable(given):
        raise TypeError(f"{given!r} is neither a function nor a subject")
    name = str(getattr(given, "__name__", loss))
    return FunctionSubject(name, {loss: given}, gradients={loss: gradient} if gradient else None)
