"""What a harness makes of the protocol, message by message: for whoever is writing one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ..subject import Unsupported
from . import answers, reading, wire
from .client import START, TIMEOUT, words
from .process import Child, HarnessError
from .questions import Question, questions
from .wire import Hello

Verdict = Literal["ok", "unsupported", "refused", "wrong"]
ACCEPTED_HELLO = (
    '{"hello": {"protocol": 1, "name": "mine", "version": "1.0", "losses": ["huber_loss"], '
    '"traits": {"dtypes": ["float64"]}}}'
)
_FIRST_ID = 1000  # not counted from 0 or 1, as a harness might count by itself
_LONGEST = 400


@dataclass(frozen=True)
class Exchange:
    """One message, and what came of it."""

    what: str
    verdict: Verdict
    sent: str = ""
    came: str = ""
    problem: str = ""
    accepted: str = ""

    @property
    def lines(self) -> list[str]:
        """How it is told: in one line where nothing is wrong."""
        said = f": {self.problem}" if self.problem else ""
        if self.verdict != "wrong":
            return [f"{self.verdict:<12} {self.what}{said}"]
        told = {"sent": self.sent, "came": self.came, "accepted": self.accepted}
        more = [f"  {name:<9} {text}" for name, text in told.items() if text]
        return [f"{self.verdict:<12} {self.what}{said}", *more]


def validate(command: str, timeout: float = TIMEOUT, start: float = START) -> Iterator[Exchange]:
    """A conversation with a harness, from hello to bye; it ends early where the harness does."""
    try:
        child = Child(words(command))
    except HarnessError as problem:
        yield Exchange("start", "wrong", problem=str(problem))
        return
    try:
        yield from _conversation(child, timeout, start)
    finally:
        child.kill()


def _conversation(child: Child, timeout: float, start: float) -> Iterator[Exchange]:
    heard: list[Hello] = []
    yield _exchange(
        child,
        "hello",
        wire.hello_asked(),
        lambda message: heard.append(wire.read_hello(message)),
        ACCEPTED_HELLO,
        start,
    )
    for hello in heard:
        for number, question in enumerate(questions(hello), start=_FIRST_ID):
            if child.ended:
                return
            yield _asked(child, hello, question, number, timeout)
        if not child.ended:
            yield _farewell(child)


def _asked(child: Child, hello: Hello, question: Question, number: int, timeout: float) -> Exchange:
    request, shape = question.request, question.shape
    kind = hello.traits.transforms.get(request.transform or "", "")

    def read(message: dict[str, Any]) -> None:
        if shape is None and "results" in message:
            raise reading.MessageError("there is no such function, and yet there are results")
        response = answers.read_results(message, number, request, kind)
        for i, (array, dtype) in enumerate(zip(response.arrays, response.dtypes, strict=True)):
            if dtype != request.dtype:
                reading.refuse(f"results[{i}].dtype", dtype, f"{request.dtype}, as asked")
            if array.shape != shape:
                due = f"{list(shape or ())}, the examples first"
                reading.refuse(f"results[{i}].shape", list(array.shape), due)

    message = wire.request_written(request, number)
    return _exchange(child, question.what, message, read, _accepted(question, number), timeout)


def _accepted(question: Question, number: int) -> str:
    error = f'{{"id": {number}, "error": {{"type": "Unsupported", "message": "why"}}}}'
    if question.shape is None:
        return error
    result = (
        f'{{"dtype": "{question.request.dtype}", "shape": {list(question.shape)}, "data": […]}}'
    )
    return f'{{"id": {number}, "results": [{result}]}}, or {error}'


def _exchange(
    child: Child,
    what: str,
    message: dict[str, Any],
    read: Callable[[dict[str, Any]], None],
    accepted: str,
    timeout: float,
) -> Exchange:
    sent = wire.line(message)
    came = b""
    verdict: Verdict = "ok"
    problem = ""
    try:
        came = child.ask(sent, timeout)
        read(reading.parse(came))
    except (HarnessError, reading.MessageError) as wrong:
        verdict, problem = "wrong", str(wrong)
    except Unsupported as reason:
        verdict, problem = "unsupported", str(reason)
    except Exception as error:
        verdict, problem = "refused", f"{type(error).__name__}: {error}"
    return Exchange(what, verdict, _short(sent), _short(came), problem, accepted)


def _farewell(child: Child) -> Exchange:
    """Nothing is due after bye but the end."""
    sent = wire.line(wire.BYE)
    more = child.end(sent)
    told = {"sent": _short(sent), "accepted": "no answer, and the end of the program"}
    if more:
        problem = "more was written than was asked for"
        return Exchange("bye", "wrong", came=_short(more), problem=problem, **told)
    if child.status is None:
        problem = "it did not end by itself"
        return Exchange("bye", "wrong", problem=problem, **told)
    if child.status != 0:
        problem = f"it ended with exit status {child.status}{child.last_words}"
        return Exchange("bye", "wrong", problem=problem, **told)
    return Exchange("bye", "ok")


def _short(line: bytes) -> str:
    return reading.printable(line[: 4 * _LONGEST].decode("utf-8", "replace").strip(), _LONGEST)
