"""What comes back to a request: results, an error, or that there is no such thing."""

from __future__ import annotations

import traceback
from typing import Any

from ..one_by_one import examples
from ..subject import DERIVATIVES, DERIVED, Refusal, Request, Response, Unsupported
from . import arrays
from .reading import MessageError, closed, items, printable, refuse, shown, text
from .wire import read_id

ERRORS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        Unsupported,
        ValueError,
        TypeError,
        IndexError,
        OverflowError,
        ZeroDivisionError,
        ArithmeticError,
        AssertionError,
        MemoryError,
        NotImplementedError,
        RuntimeError,
    )
}
"""The kinds of error that the judge tells apart; of every other name it makes a RuntimeError."""
_CONTENTS = ("results", "error", "line")


def results_written(number: int, response: Response) -> dict[str, Any]:
    """The answer with results."""
    pairs = zip(response.arrays, response.dtypes, strict=True)
    answer = {"id": number, "results": [arrays.result_written(*pair) for pair in pairs]}
    if response.refused:
        answer["refused"] = {str(i): entry.message for i, entry in response.refused.items()}
    return answer


def error_written(number: int, error: Exception) -> dict[str, Any]:
    """The answer with an error, by the nearest kind that the judge tells apart."""
    message = str(error)
    frames = traceback.extract_tb(error.__traceback__)
    if frames and not isinstance(error, Unsupported):
        message += f" (raised in {frames[-1].name})"
    names = (kind.__name__ for kind in type(error).__mro__)
    kind = next((name for name in names if name in ERRORS), type(error).__name__)
    return {"id": number, "error": {"type": kind, "message": message}}


def line_written(number: int, line: str) -> dict[str, Any]:
    """The answer to the wish for a line of code."""
    return {"id": number, "line": line}


def read_results(message: dict[str, Any], number: int, request: Request, kind: str) -> Response:
    """The results of an answer; what it says of an error is raised.

    `kind` is that of the request's transform, or empty.
    """
    _demand(message, number)
    if "error" in message:
        raise _error(closed(message, "the answer", ("id", "error"))["error"])
    entries = closed(message, "the answer", ("id", "results"), ("refused",))["results"]
    found = [arrays.result_read(entry, f"results[{i}]") for i, entry in items(entries, "results")]
    due = count(request, kind)
    if len(found) != due:
        refuse("results", f"{len(found)} arrays", f"{due}, for {_wanted(request)}")
    refused = _refused(message["refused"], request) if "refused" in message else {}
    return Response(tuple(array for array, _ in found), tuple(dtype for _, dtype in found), refused)


def read_line(message: dict[str, Any], number: int) -> str:
    """The line of code of an answer."""
    _demand(message, number)
    return text(closed(message, "the answer", ("id", "line"))["line"], "line")


def count(request: Request, kind: str = "") -> int:
    """How many arrays are due."""
    if kind in DERIVED:
        return 1
    derivatives = max(1, len(request.wrt)) if request.want in DERIVATIVES else 0
    return derivatives + {"value": 1, "value_and_grad": 1, "sum_and_weight": 2}.get(request.want, 0)


def _refused(data: Any, request: Request) -> dict[int, Refusal]:
    """Why examples have no result, by their place in the batch."""
    places = {str(i): i for i in range(examples(request))}
    if not isinstance(data, dict) or not set(data) <= set(places):
        due = 'an object with examples for keys, such as "0", and what was said of each'
        refuse("refused", data, due)
    return {
        places[key]: Refusal(printable(text(entry, f"refused.{key}")))
        for key, entry in data.items()
    }


def _wanted(request: Request) -> str:
    return " ".join(filter(None, (request.want, ", ".join(request.wrt))))


def _demand(message: dict[str, Any], number: int) -> None:
    """Demand that the answer is one, and to the question that was asked."""
    if message.get("id") is None and "error" in message:
        raise MessageError(f"the harness could not read the request: {shown(message['error'])}")
    if not any(key in message for key in _CONTENTS):
        refuse("the answer", message, 'an object with "id", and "results" or "error"')
    came = read_id(message)
    if came != number:
        raise MessageError(
            f"id: got {came}; accepted is {number}, that of the request. "
            "Each request has one answer, in the order of asking"
        )


def _error(data: Any) -> Exception:
    entry = closed(data, "error", ("type", "message"))
    kind = text(entry["type"], "error.type")
    message = printable(text(entry["message"], "error.message"))
    if kind in ERRORS:
        return ERRORS[kind](message)
    return RuntimeError(f"{printable(kind, 100)}: {message}")
