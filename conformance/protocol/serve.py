"""A subject written in Python as a harness: ``python -m lossapi.conformance.protocol.serve``.

For a library that may end the interpreter, or that should not be imported into the judge's. The
stream of answers is moved away from standard output, which from then on is standard error, so that
nothing that a library prints comes between them.
"""

from __future__ import annotations

import os
import sys
from typing import Any, BinaryIO

from ..finding import NotFoundError, implementation
from ..oracle.specfile import spec_names
from ..subject import Subject
from . import answers, reading, wire


def serve(subject: Subject, source: BinaryIO, sink: BinaryIO) -> None:
    """Answer line by line until ``bye``, or the end of what is asked."""
    for line in iter(source.readline, b""):
        message = reading.parse(line)
        if "bye" in message:
            return
        sink.write(wire.line(_answer(subject, message)))
        sink.flush()


def _answer(subject: Subject, message: dict[str, Any]) -> dict[str, Any]:
    reading.closed(message, "the message", (), ("hello", "run", "reproduce"))
    if "hello" in message:
        wire.read_hello_asked(message["hello"])
        return wire.hello_written(introduced(subject))
    if "reproduce" in message:
        number, request = wire.read_request(message["reproduce"])
        return answers.line_written(number, subject.reproduce(request))
    number, request = wire.read_request(message["run"])
    try:
        return answers.results_written(number, subject.run(request))
    except Exception as error:
        return answers.error_written(number, error)


def introduced(subject: Subject) -> wire.Hello:
    """What a subject says of itself."""
    losses = tuple(name for name in spec_names() if subject.supports(name))
    return wire.Hello(subject.name, subject.version, losses, subject.traits, reproduces=True)


def main(arguments: list[str]) -> None:
    """Serve the implementation that the one argument names, as ``lossapi check --impl`` does."""
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    if len(arguments) != 1:
        raise SystemExit("usage: python -m lossapi.conformance.protocol.serve package.module:name")
    # Threads that share out arrays of a few numbers wait for each other, most of the time.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        subject = implementation(arguments[0])
    except NotFoundError as problem:
        raise SystemExit(str(problem)) from None
    serve(subject, sys.stdin.buffer, sink)


if __name__ == "__main__":
    main(sys.argv[1:])
