"""A harness as a subject: asked line by line for what it claims."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from ..one_by_one import BROKEN, one_by_one
from ..reproduce import shortened
from ..result import DTYPES
from ..subject import Request, Response, Traits, Unsupported
from . import answers, reading, wire
from .patience import Patience
from .process import HarnessEndError, HarnessError
from .session import Session

TIMEOUT = 60.0
"""The seconds that a harness has for an answer."""
START = 180.0
"""The seconds that it has for hello: there are large libraries, and slow machines."""


class HarnessSubject:
    """The losses of a program that speaks the protocol on standard input and output.

    `command` is what starts it: words, or a line of them that is taken apart as a shell would. It
    is started at once and asked for its name; a `HarnessError` says what is wrong with it. A crash,
    or no answer in time, is an error of the one request: the next one starts it again. What its
    hello does not claim is never asked for.
    """

    def __init__(
        self, command: str | Sequence[str], *, timeout: float = TIMEOUT, start: float = START
    ) -> None:
        """`start` is the time for hello, `timeout` that for every other answer, in seconds."""
        line = words(command) if isinstance(command, str) else command
        self._session = Session(line, timeout, start)
        self._patience = Patience()
        self._number = 0

    @property
    def name(self) -> str:
        """What it calls itself."""
        return self._session.hello.name

    @property
    def version(self) -> str:
        """The version that it tells."""
        return self._session.hello.version

    @property
    def traits(self) -> Traits:
        """What it claims."""
        return self._session.hello.traits

    def supports(self, loss: str) -> bool:
        """Whether it names this function."""
        return loss in self._session.hello.losses

    def run(self, request: Request) -> Response:
        """Ask, where it claims to have an answer; its errors are raised as builtin ones.

        After a crash the examples of a batch are asked for one by one, since the others may have
        an answer; so they are where one that does not claim to refuse refuses some of them.
        """
        self._demand_claimed(request)
        try:
            return self._run(request)
        except HarnessEndError:
            found = one_by_one(request, self._run)
            if found is None:
                raise
        except (Unsupported, HarnessError, *BROKEN):
            raise
        except Exception:
            found = None if self.traits.strict else one_by_one(request, self._run)
            if found is None:
                raise
        return found

    def _run(self, request: Request) -> Response:
        self._patience.demand(request.loss)
        kind = self.traits.transforms.get(request.transform or "", "")
        number = self._next()
        try:
            response = self._session.ask(
                wire.request_written(request, number),
                lambda message: answers.read_results(message, number, request, kind),
            )
        except HarnessError as problem:
            self._patience.failed(request.loss, problem)
            raise
        except Exception:
            self._patience.answered()  # an error is an answer
            raise
        self._patience.answered()
        return response

    def reproduce(self, request: Request) -> str:
        """Its own line of code, or a line for a shell that asks it the same."""
        if not self._session.hello.reproduces:
            asked = wire.line(wire.request_written(request, 1)).decode().strip()
            command = shlex.join(self._session.command)
            return shortened(f"printf '%s\\n' {shlex.quote(asked)} | {command}")
        number = self._next()
        try:
            line = self._session.ask(
                wire.request_written(request, number, "reproduce"),
                lambda message: answers.read_line(message, number),
            )
        except HarnessError as problem:
            return f"# no line of code: {problem}"
        return shortened(reading.printable(line, len(line)))

    def close(self) -> None:
        """Say good-bye; it is started again where it is asked again."""
        self._session.close()

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _demand_claimed(self, request: Request) -> None:
        """Raise `Unsupported` for what it does not claim to have."""
        traits = self.traits
        options = set(request.options) - {"dtype", "cotangent"}
        if request.options.get("reduction") == "none":
            options.remove("reduction")
        if request.want == "sum_and_weight":
            options.add(request.want)
        lacks = ""
        if not self.supports(request.loss):
            lacks = request.loss
        elif request.dtype not in traits.dtypes:
            lacks = request.dtype
        elif request.transform is not None and request.transform not in traits.transforms:
            lacks = f"transform {request.transform}"
        elif request.strict and not traits.strict:
            lacks = "errors for inputs outside their domain"
        elif not traits.options and set(request.input_dtypes.values()) & set(DTYPES):
            lacks = "inputs of several floating dtypes"
        elif options and not traits.options:
            lacks = "options, such as a reduction or weights"
        if lacks:
            raise Unsupported(f"{self.name} has no {lacks}")


def words(line: str) -> list[str]:
    """A command taken apart."""
    try:
        return shlex.split(line)
    except ValueError as problem:
        raise HarnessError(
            f"the command {line!r} cannot be taken apart: {problem}; quote it as for a shell"
        ) from None
