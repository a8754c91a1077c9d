"""Judging a function from a test of one's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from lossapi.errors import SpecError

from .function_subject import FunctionSubject
from .result import DTYPES, KINDS, Settings
from .run_report import Report
from .runner import load_checks, run
from .subject import Subject

WIDE = ("float64", "float32")
_MOST = 10
"""How many failures a message tells in full."""


def check(
    loss: str,
    subject: Subject | Callable[..., Any],
    *,
    gradient: Callable[..., Any] | None = None,
    backend: str = "numpy",
    checks: Sequence[str] = (),
    dtypes: Sequence[str] = WIDE,
    examples: int = 200,
    seed: int | None = None,
    accuracy_factor: float = 1,
) -> None:
    """Hold an implementation of one function against its specification.

    `subject` is a function that takes the inputs by position, as arrays of the library that
    `backend` names (``numpy``, ``torch``, ``jax``, …), the parameters by keyword, and gives the
    loss of each example; or it is any `Subject`. `gradient` gives the gradient by the first input
    in the same way; without it PyTorch and JAX differentiate the function. What the function has
    no keyword for (a parameter, `reduction`, `weights` …) is not asked.

    `accuracy_factor` is how many times the error that the specification states is allowed.
    Raises ``AssertionError`` with the failures, and where nothing could be judged.
    """
    __tracebackhide__ = True
    report = _run(
        loss, _subject(loss, subject, gradient, backend, dtypes, accuracy_factor), checks, dtypes,
        Settings(examples) if seed is None else Settings(examples, seed),
    )  # fmt: skip
    if report.idle:
        raise AssertionError(f"{report.idle[0]}: nothing could be judged of {loss}")
    _demand(report, loss)


def parametrize(
    loss: str, *, checks: Sequence[str] = (), dtypes: Sequence[str] = WIDE
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator for pytest: one test for each check and dtype, which judges by `judge`.

    ::

        @parametrize("huber_loss")
        def test_huber(judge):
            judge(my_huber)

    `judge` takes what `check` takes after the name of the loss. A test of which nothing could be
    judged, such as that of a gradient which is not given, is skipped, with the reason.
    """
    import pytest

    _demand_known("check", checks, KINDS)
    _demand_known("dtype", dtypes, DTYPES)
    cases = []
    for kind, module in load_checks(checks or KINDS).items():
        once = not module.PER_DTYPE
        for dtype in dtypes[:1] if once else dtypes:
            name = kind if once else f"{kind}-{dtype}"
            cases.append(pytest.param(_Judge(loss, kind, dtype), id=name))
    return pytest.mark.parametrize("judge", cases)


class _Judge:
    """One check of one loss in one dtype, to be called with what is judged."""

    def __init__(self, loss: str, kind: str, dtype: str) -> None:
        self._loss, self._kind, self._dtype = loss, kind, dtype

    def __call__(
        self,
        subject: Subject | Callable[..., Any],
        *,
        gradient: Callable[..., Any] | None = None,
        backend: str = "numpy",
        examples: int = 200,
        seed: int | None = None,
        accuracy_factor: float = 1,
    ) -> None:
        import pytest

        __tracebackhide__ = True
        judged = _subject(self._loss, subject, gradient, backend, [self._dtype], accuracy_factor)
        settings = Settings(examples) if seed is None else Settings(examples, seed)
        report = _run(self._loss, judged, [self._kind], [self._dtype], settings)
        if report.idle:
            said = "; ".join(dict.fromkeys(result.message for result in report.results))
            if not said:
                said = f"the check of {self._kind} asks nothing of {self._loss} in {self._dtype}"
            pytest.skip(f"nothing could be judged: {said}")
        _demand(report, self._loss)


def _run(
    loss: str,
    subject: Subject,
    checks: Sequence[str],
    dtypes: Sequence[str],
    settings: Settings,
) -> Report:
    from .oracle.specfile import load_spec

    _demand_known("check", checks, KINDS)
    _demand_known("dtype", dtypes, DTYPES)
    return run([subject], [load_spec(loss)], load_checks(checks or KINDS), dtypes, settings)


def _demand(report: Report, loss: str) -> None:
    """`AssertionError` with the failures, if there are any."""
    from .report.terminal import failure_lines

    __tracebackhide__ = True
    if report.conforming:
        return
    shown = report.bad[:_MOST]
    lines = [line for result in shown for line in (*failure_lines(result), "")]
    if len(report.bad) > _MOST:
        lines.append(f"and {len(report.bad) - _MOST} more; `checks` and `dtypes` narrow it down")
    lines += [f"expectation: {line}" for line in report.stale]
    count = f"{len(report.bad)} of {len(report.results)} cases of {loss} are wrong"
    raise AssertionError("\n".join([f"{count} (seed {report.settings.seed})", "", *lines]))


def _demand_known(kind: str, came: Sequence[str], accepted: Sequence[str]) -> None:
    from .finding import unknown

    for name in came:
        if name not in accepted:
            raise SpecError(unknown(kind, name, accepted))


def _subject(
    loss: str,
    given: Any,
    gradient: Callable[..., Any] | None,
    backend: str,
    dtypes: Sequence[str],
    accuracy_factor: float,
) -> Subject:
    if hasattr(given, "run") and hasattr(given, "traits"):
        return cast(Subject, given)
    if not callable(given):
        raise TypeError(f"{given!r} is neither a function nor a subject")
    return FunctionSubject(
        str(getattr(given, "__name__", loss)),
        {loss: given},
        gradients={loss: gradient} if gradient else None,
        backend=backend,
        dtypes=dtypes,
        accuracy_factor=accuracy_factor,
    )
