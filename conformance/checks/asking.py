"""Several quantities of a batch in as few requests as a subject allows.

Libraries that compile do so for every request of a new kind: value and gradients are asked for
together, and one by one only where a subject does not give them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ..subject import Request, Response
from .cases import Case
from .expected import VALUE, Quantity
from .inquiry import Answer, Inquiry


class Asked(NamedTuple):
    """What was said of one quantity, and the request for it alone."""

    quantity: Quantity
    answer: Answer
    request: Request


def together(
    inquiry: Inquiry,
    cases: list[Case],
    wanted: list[Quantity],
    arrange: Callable[[Request], Request] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Iterator[Asked]:
    """The quantities of a batch, in order; `arrange` gives its request another form."""
    slopes = [q for q in wanted if q.kind == "gradient"]
    curved = [q for q in wanted if q.kind == "hessian_diag"]
    if VALUE in wanted and slopes:
        yield from _asked(inquiry, cases, [VALUE, *slopes], "value_and_grad", arrange, options)
    elif VALUE in wanted:
        yield from _asked(inquiry, cases, [VALUE], "value", arrange, options)
    elif slopes:
        yield from _asked(inquiry, cases, slopes, "gradient", arrange, options)
    if curved:
        yield from _asked(inquiry, cases, curved, "hessian_diag", arrange, options)


def _asked(
    inquiry: Inquiry,
    cases: list[Case],
    wanted: list[Quantity],
    want: str,
    arrange: Callable[[Request], Request] | None,
    options: Mapping[str, Any] | None,
) -> Iterator[Asked]:
    wrt = tuple(q.wrt for q in wanted if q.wrt is not None)
    request = inquiry.request(cases, want, wrt, options)
    if arrange is None:
        answer = inquiry.ask_rows(request)
    else:
        request = arrange(request)
        answer = inquiry.ask(request)
    if answer.response is None and answer.outcome != "spared" and len(wanted) > 1:
        for quantity in wanted:
            yield from _asked(inquiry, cases, [quantity], quantity.kind, arrange, options)
        return
    for i, quantity in enumerate(wanted):
        alone = replace(request, want=quantity.kind, wrt=(quantity.wrt,) if quantity.wrt else ())
        if quantity == VALUE:
            kept = {k: v for k, v in request.options.items() if k != "cotangent"}
            alone = replace(alone, options=kept)
        yield Asked(quantity, _only(answer, i), alone)


def _only(answer: Answer, i: int) -> Answer:
    """The answer with one of its arrays."""
    if answer.response is None:
        return answer
    arrays, dtypes = answer.response.arrays, answer.response.dtypes
    if i >= len(arrays):
        missing = f"{len(arrays)} results came where more are due"
        return Answer(outcome="error", message=missing)
    return replace(answer, response=Response((arrays[i],), (dtypes[i],)))
