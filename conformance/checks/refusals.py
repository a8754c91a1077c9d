"""Requests that must be refused, with an error that helps."""

from __future__ import annotations

from ..result import Result
from ..subject import Request
from .inquiry import Inquiry


def refused(
    inquiry: Inquiry,
    name: str,
    request: Request,
    kinds: tuple[type[Exception], ...],
    argument: str,
) -> Result:
    """Refused with one of the builtin errors; the message names the loss and the argument."""
    wanted = " or ".join(kind.__name__ for kind in kinds)
    if not inquiry.subject.traits.strict:
        return inquiry.result(name, "unsupported", "the subject does not claim to refuse")
    answer = inquiry.ask(request, spare=False)  # refused before anything is compiled
    if answer.response is None and not answer.is_refusal:
        return inquiry.unanswered(name, answer, request)
    problem, got = "", ""
    if answer.error is None:
        first = answer.arrays[0].reshape(-1)[:4].tolist()
        problem, got = f"was accepted where a {wanted} is due", repr(first)
    elif not isinstance(answer.error, kinds):
        problem, got = f"a {type(answer.error).__name__} came, a {wanted} is due", answer.message
    else:
        silent = [word for word in (request.loss, argument) if word not in str(answer.error)]
        if silent:
            problem, got = f"the message does not name {' and '.join(silent)}", str(answer.error)
    if not problem:
        return inquiry.result(name)
    return inquiry.result(
        name,
        "fail",
        problem,
        expected=wanted,
        got=got,
        reproduce=inquiry.subject.reproduce(request),
    )
