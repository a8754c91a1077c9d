"""A harness as a child process: one line to it, one line back, within a time, whatever it does."""

from __future__ import annotations

import atexit
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO

from lossapi.errors import LossError

from ..subject import CrashError
from .reading import printable

LONGEST_LINE = 64 * 2**20
"""The most bytes of an answer."""
_CHUNK = 2**16
_LAST_WORDS = 2000
_LAST_READS = 64
_GRACE = 2.0
"""The seconds in which a harness is to end by itself."""


class HarnessError(CrashError, LossError):
    """A harness cannot be started, ended, gave no answer, or none that can be read."""


class HarnessTimeoutError(HarnessError):
    """A harness gave no answer in time."""


class Child:
    """A process that answers lines with lines.

    Its pipes never block: what it writes is taken as it comes, standard error is kept only in its
    last part, and no wait is longer than it was told to be. It leads a process group of its own,
    which ends with it.
    """

    def __init__(self, command: Sequence[str]) -> None:
        if os.name != "posix":
            raise HarnessError(
                "a harness needs the pipes of Linux or macOS; on Windows use WSL (lossapi in it)"
            )
        if not command:
            raise HarnessError("the command of the harness is empty; give one such as 'node h.js'")
        self.command = tuple(command)
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except (OSError, ValueError) as problem:
            reason = getattr(problem, "strerror", None) or problem
            raise HarnessError(f"the harness {command[0]!r} cannot be started: {reason}") from None
        _alive.add(self)
        self._in, self._out = _pipe(self._process.stdin), _pipe(self._process.stdout)
        self._err = _pipe(self._process.stderr)
        self._came = bytearray()
        self._words = b""
        self._ended = False

    def ask(self, line: bytes, timeout: float) -> bytes:
        """Send a line and wait for one; a `HarnessError` says why there is none."""
        deadline = time.monotonic() + timeout
        left = memoryview(line)
        searched = 0
        with selectors.DefaultSelector() as selector:
            selector.register(self._in, selectors.EVENT_WRITE)
            selector.register(self._out, selectors.EVENT_READ)
            if not self._err.closed:
                selector.register(self._err, selectors.EVENT_READ)
            while True:
                end = self._came.find(b"\n", searched)
                if end >= 0 and not left:
                    found = bytes(self._came[:end])
                    del self._came[: end + 1]
                    return found
                searched = len(self._came)
                if searched > LONGEST_LINE:
                    raise self._failed(f"wrote more than {LONGEST_LINE >> 20} MiB without an end")
                patience = deadline - time.monotonic()
                if patience <= 0:
                    self.kill()
                    raise HarnessTimeoutError(
                        f"the harness gave no answer within {timeout:g} s{self.last_words}"
                    )
                for key, _ in selector.select(patience):
                    if key.fileobj is self._in:
                        left = self._sent(left, selector)
                    elif key.fileobj is self._err:
                        self._heard(selector)
                    elif not self._received():
                        raise self._failed("")

    def rest(self, seconds: float) -> bytes:
        """What it still writes after its input has ended, until it ends or this time is over."""
        deadline = time.monotonic() + seconds
        self._in.close()
        with selectors.DefaultSelector() as selector:
            selector.register(self._out, selectors.EVENT_READ)
            if not self._err.closed:
                selector.register(self._err, selectors.EVENT_READ)
            while selector.get_map() and (patience := deadline - time.monotonic()) > 0:
                for key, _ in selector.select(patience):
                    if key.fileobj is self._err:
                        self._heard(selector)
                    elif len(self._came) > LONGEST_LINE or not self._received():
                        selector.unregister(self._out)
        return bytes(self._came)

    def end(self, farewell: bytes) -> None:
        """Say good-bye, and end it where it does not end by itself."""
        if not self._ended:
            with suppress(OSError), _errors_for_broken_pipes():
                self._in.write(farewell)
            self._in.close()
            self.wait(_GRACE)
        self.kill()

    def wait(self, seconds: float) -> int | None:
        """Its exit status, negative for a signal, or None where it has not ended in this time."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None

    def kill(self) -> None:
        """End it and all processes of its group, and take its pipes away."""
        if self._ended:  # its number may be another process's by now
            return
        self._ended = True
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._in, self._out, self._err):
            pipe.close()
        _alive.discard(self)

    @property
    def last_words(self) -> str:
        """What it last said on standard error, as the end of a sentence."""
        lines = self._words.decode("utf-8", "replace").splitlines()
        said = [printable(line.strip(), 200) for line in lines if line.strip()][-5:]
        return f"; it last said: {' | '.join(said)}" if said else ""

    # --- its pipes

    def _sent(self, left: memoryview, selector: selectors.BaseSelector) -> memoryview:
        """What remains to be sent; nothing where it does not listen any more."""
        try:
            with _errors_for_broken_pipes():
                left = left[self._in.write(left[:_CHUNK]) or 0 :]
        except BrokenPipeError:
            left = left[len(left) :]  # it has ended, or closed its input: its output tells
        if not left:
            selector.unregister(self._in)
        return left

    def _received(self) -> bool:
        """Take what it wrote; False at the end."""
        part = self._out.read(_CHUNK)
        self._came += part or b""
        return part != b""

    def _heard(self, selector: selectors.BaseSelector) -> None:
        part = self._err.read(_CHUNK)
        if part == b"":
            selector.unregister(self._err)
            self._err.close()
        elif part:
            self._words = (self._words + part)[-_LAST_WORDS:]

    def _failed(self, what: str) -> HarnessError:
        """The error on a harness that ended, or has to be ended."""
        status = self.wait(_GRACE) if not what else None
        self._hear_out()
        self.kill()
        if not what:
            cut = " in the middle of a line" if self._came else ""
            what = f"{_ending(status)}{cut} before it answered"
        return HarnessError(f"the harness {what}{self.last_words}")

    def _hear_out(self) -> None:
        """Take what stands on standard error now that it has ended."""
        for _ in range(_LAST_READS):
            part = None if self._err.closed else self._err.read(_CHUNK)
            if not part:
                return
            self._words = (self._words + part)[-_LAST_WORDS:]


@contextmanager
def _errors_for_broken_pipes() -> Iterator[None]:
    """Have writing to a process that is gone raise, where the signal would end this process."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
    try:
        yield
    finally:
        if signal.SIGPIPE in signal.sigpending():
            signal.sigwait({signal.SIGPIPE})
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    os.set_blocking(stream.fileno(), False)
    return stream


def _ending(status: int | None) -> str:
    if status is None:
        return "closed its output"
    if status < 0:
        try:
            return f"was ended by signal {-status} ({signal.Signals(-status).name})"
        except ValueError:
            return f"was ended by signal {-status}"
    return f"ended with exit status {status}"


_alive: set[Child] = set()


def kill_all() -> None:
    """End every harness that this process has started."""
    for child in list(_alive):
        child.kill()


atexit.register(kill_all)
