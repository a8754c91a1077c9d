"""A few requests that show whether a harness keeps to the protocol, whatever it computes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple, cast

from ..checks.cases import Case, golden_cases, grouped
from ..checks.inquiry import Inquiry
from ..oracle.specfile import Spec, load_spec
from ..subject import Request, Subject
from .wire import Hello

NO_LOSS = "no_such_loss"
_SPECIAL = ("nan_input", "infinite_input", "overflow_intermediate", "subnormal")


class Question(NamedTuple):
    """A request, what it is there for, and the shape of its results; None where it has none."""

    what: str
    request: Request
    shape: tuple[int, ...] | None


def questions(hello: Hello) -> Iterator[Question]:
    """Some examples, one, and none, in each dtype; NaN and infinities; each gradient; nonsense."""
    for place, loss in enumerate(hello.losses):
        spec = load_spec(loss)
        dtypes = hello.traits.dtypes if place == 0 else (hello.traits.widest,)
        for dtype in dtypes:
            yield from _of_loss(hello, spec, dtype, few=place > 0)
    if hello.losses:
        (first, *_) = _of_loss(hello, load_spec(hello.losses[0]), hello.traits.widest, few=True)
        yield Question("a function that there is not", replace(first.request, loss=NO_LOSS), None)


def _of_loss(hello: Hello, spec: Spec, dtype: str, *, few: bool) -> Iterator[Question]:
    # Of a hello no more than the traits is looked at here.
    inquiry = Inquiry(cast(Subject, hello), spec, "value", dtype)
    groups = grouped(golden_cases(spec, dtype))
    if not groups:
        return
    cases = max(groups, key=len)
    several = cases[:3]
    yield _question(f"{spec.name} in {dtype}", inquiry, several)
    for name in spec.differentiable:
        yield _question(f"its gradient by {name}", inquiry, several, name)
    if few:
        return
    yield _question("one example", inquiry, cases[:1])
    none = _question("no example", inquiry, cases[:1])
    inputs = {name: value[:0] for name, value in none.request.inputs.items()}
    request = replace(none.request, inputs=inputs)
    yield Question(none.what, request, (0, *_core(none)))
    special = [case for case in cases if set(_SPECIAL) & set(case.flags)]
    if special:
        yield _question("NaN, infinities and numbers at the ends of the range", inquiry, special)


def _core(question: Question) -> tuple[int, ...]:
    return (question.shape or ())[1:]


def _question(what: str, inquiry: Inquiry, cases: list[Case], wrt: str = "") -> Question:
    known = cases[0].known["gradient", wrt] if wrt else cases[0].known["value", None]
    names = (wrt,) if wrt else ()
    request = inquiry.request(cases, "gradient" if wrt else "value", names)
    return Question(what, request, (len(cases), *_shape(known)))


def _shape(value: object) -> tuple[int, ...]:
    return (len(value), *_shape(value[0])) if isinstance(value, list) and value else ()
