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

LONGEST_LINE = 16 * 2**20
"""The most bytes of an answer."""
GRACE = 5.0
"""The seconds in which a harness is to end by itself."""
_CHUNK = 2**16
_LAST_WORDS = 2000
_LAST_READS = 64


class HarnessError(CrashError, LossError):
    """A harness cannot be started, ended, gave no answer, or none that can be read."""


class HarnessEndError(HarnessError):
    """A harness ended where it was to answer."""


class HarnessTimeoutError(HarnessEndError):
    """A harness gave no answer in time, and was ended."""


class Child:
    """A process that answers lines with lines.

    Its pipes never block: what it writes is taken as it comes, standard error is kept only in its
    last part, and no wait is longer than it was told to be. It leads a process group of its own,
    which ends with it.
    """

    def __init__(self, command: Sequence[str]) -> None:
        if os.name != "posix":
            raise HarnessError("a harness needs Linux or macOS; on Windows run lossapi in WSL")
        if not command:
            raise HarnessError("the command of the harness is empty; give one such as 'node h.js'")
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
        self.ended = False
        """Whether it, and all that it started, is gone."""
        self.status: int | None = None
        """How it ended by itself: its exit status, negative for a signal."""

    def ask(self, line: bytes, timeout: float) -> bytes:
        """Send a line and wait for one; where there is none it is ended, and an error says why."""
        deadline = time.monotonic() + timeout
        left = memoryview(line)
        searched = 0
        with selectors.DefaultSelector() as selector:
            selector.register(self._in, selectors.EVENT_WRITE)
            self._listen(selector)
            while True:
                end = self._came.find(b"\n", searched)
                searched = end if end >= 0 else len(self._came)
                if end >= 0 and not left:
                    found = bytes(self._came[:end])
                    del self._came[: end + 1]
                    return found
                if len(self._came) > LONGEST_LINE:
                    self.kill()
                    size = f"{LONGEST_LINE >> 20} MiB"
                    raise HarnessError(f"the harness wrote a line of more than {size}")
                patience = deadline - time.monotonic()
                if patience <= 0:
                    self.kill()
                    raise HarnessTimeoutError(
                        f"the harness gave no answer within {timeout:g} s{self.last_words}"
                    )
                for key, _ in selector.select(patience):
                    if key.fileobj is self._in:
                        left = self._send(left, selector)
                    elif key.fileobj is self._err:
                        self._hear(selector)
                    elif not self._receive():
                        raise self._broken_off()

    def end(self, farewell: bytes) -> bytes:
        """Send the last line, have it end by itself or by force; what it still wrote, if anything.

        Its input ends with that line, which is to end a harness, too.
        """
        if self.ended:
            return b""
        with suppress(OSError), _errors_for_broken_pipes():
            self._in.write(farewell)
        self._in.close()
        deadline = time.monotonic() + GRACE
        with selectors.DefaultSelector() as selector:
            self._listen(selector)
            while selector.get_map() and (patience := deadline - time.monotonic()) > 0:
                for key, _ in selector.select(patience):
                    if key.fileobj is self._err:
                        self._hear(selector)
                    elif len(self._came) > LONGEST_LINE or not self._receive():
                        selector.unregister(self._out)
        self._wait(max(deadline - time.monotonic(), 0.0))
        self.kill()
        return bytes(self._came)

    def kill(self) -> None:
        """End it and all processes of its group, and take its pipes away."""
        if self.ended:  # its number may be another process's by now
            return
        self.ended = True
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

    def _listen(self, selector: selectors.BaseSelector) -> None:
        selector.register(self._out, selectors.EVENT_READ)
        if not self._err.closed:
            selector.register(self._err, selectors.EVENT_READ)

    def _send(self, left: memoryview, selector: selectors.BaseSelector) -> memoryview:
        """What remains to be sent; nothing where it does not listen any more."""
        try:
            with _errors_for_broken_pipes():
                left = left[self._in.write(left[:_CHUNK]) or 0 :]
        except BrokenPipeError:
            left = left[len(left) :]  # it has ended, or closed its input: its output tells
        if not left:
            selector.unregister(self._in)
        return left

    def _receive(self) -> bool:
        """Take what it wrote; False at the end."""
        part = self._out.read(_CHUNK)
        self._came += part or b""
        return part != b""

    def _hear(self, selector: selectors.BaseSelector) -> None:
        """Take what it said on standard error, and leave that alone after its end."""
        if self._take_words() == b"":
            selector.unregister(self._err)
            self._err.close()

    def _take_words(self) -> bytes | None:
        """The next of its words, of which the last are kept; None for none yet."""
        part = self._err.read(_CHUNK)
        self._words = (self._words + (part or b""))[-_LAST_WORDS:]
        return part

    def _broken_off(self) -> HarnessEndError:
        """The error on a harness that closed its output, mostly by ending."""
        self._wait(GRACE)
        for _ in range(_LAST_READS):
            if self._err.closed or not self._take_words():
                break
        self.kill()
        cut = " in the middle of a line" if self._came else ""
        how = _ending(self.status)
        return HarnessEndError(f"the harness {how}{cut} before it answered{self.last_words}")

    def _wait(self, seconds: float) -> None:
        with suppress(subprocess.TimeoutExpired):
            self.status = self._process.wait(seconds)


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    os.set_blocking(stream.fileno(), False)
    return stream


def _ending(status: int | None) -> str:
    if status is None:
        return "closed its output"
    if status >= 0:
        return f"ended with exit status {status}"
    try:
        return f"was ended by signal {-status} ({signal.Signals(-status).name})"
    except ValueError:
        return f"was ended by signal {-status}"


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


_alive: set[Child] = set()


def kill_all() -> None:
    """End every harness that this process has started."""
    for child in list(_alive):
        child.kill()


atexit.register(kill_all)
