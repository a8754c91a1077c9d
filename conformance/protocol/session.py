"""A conversation with a harness, which is started again where it broke off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from . import reading, wire
from .process import Child, HarnessError
from .wire import Hello

Read = TypeVar("Read")


class Session:
    """A harness that has said hello; a `HarnessError` says why it hasn't."""

    def __init__(self, command: Sequence[str], timeout: float, start: float) -> None:
        self.command = tuple(command)
        self._timeout, self._start = timeout, start
        self._child: Child | None = None
        self._child, self.hello = self._started()

    def ask(self, message: dict[str, Any], read: Callable[[dict[str, Any]], Read]) -> Read:
        """What is read out of the answer; after a crash, or nonsense, the harness ends."""
        if self._child is None:
            self._child, hello = self._started()
            if hello != self.hello:
                self.close()
                raise HarnessError("the harness said another hello when it was started again")
        return self._answer(self._child, message, read, self._timeout)

    def close(self) -> None:
        """Say good-bye; it is started again where it is asked again."""
        child, self._child = self._child, None
        if child is not None:
            child.end(wire.line(wire.BYE))

    def _started(self) -> tuple[Child, Hello]:
        child = Child(self.command)
        return child, self._answer(child, wire.hello_asked(), wire.read_hello, self._start)

    def _answer(
        self,
        child: Child,
        message: dict[str, Any],
        read: Callable[[dict[str, Any]], Read],
        timeout: float,
    ) -> Read:
        """The answer of a child, which ends where what it says next cannot be trusted."""
        sent = wire.line(message)
        answered = False
        try:
            line = reading.parse(child.ask(sent, timeout))
            answered = True
            return read(line)
        except reading.MessageError as problem:
            answered = False
            raise HarnessError(
                f"the harness does not keep to the protocol: {problem}{child.last_words}"
            ) from None
        finally:
            if not answered:
                child.kill()
                self._child = None
