"""How a subject is found: by the name of an array library, or of somebody's implementation.

A *source* is the text that says it, which a process of its own can be handed:

- ``numpy``: our functions on the arrays of an array library
- ``impl:NAME``: an implementation that is published as an entry point, or ``package.module:name``
- ``harness:COMMAND``: a program in any language that speaks the protocol on its standard streams
"""

from __future__ import annotations

import importlib
import importlib.util
import shlex
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Any, cast

from lossapi import backend as backends
from lossapi.errors import BackendError

from .subject import Subject

IMPLEMENTATION = "impl:"
HARNESS = "harness:"
APART = (IMPLEMENTATION, HARNESS)
"""How the sources begin that run in a process of their own."""
GROUP = "lossapi.subjects"
"""The entry points of implementations that can be judged by name."""
_EXTRAS = {
    "torch": "torch",
    "jax": "jax",
    "cupy": "cupy",
    "dask": "dask",
    "mlx": "mlx",
    "ndonnx": "onnx",
    "onnx": "onnx",
    "onnxruntime": "onnx",
}
"""What brings a library in, by the name of its module."""
_RUN_BY = {"ndonnx": "onnxruntime"}
"""The implementations that run what a library only writes down."""

_SLOW = ("dask",)
"""Libraries that take hours for all functions, as they plan each operation."""


class NotFoundError(Exception):
    """Why a source names nothing that can be judged here."""


def find(source: str, timeout: float | None = None) -> Subject:
    """The subject that a source names; `NotFoundError` where there is none, or it cannot run.

    `timeout` is how many seconds one that runs in a process of its own has for an answer.
    """
    if source.startswith(IMPLEMENTATION):
        return _served(source.removeprefix(IMPLEMENTATION), timeout)
    if source.startswith(HARNESS):
        command = source.removeprefix(HARNESS)
        more = f". `lossapi check --harness {shlex.quote(command)} --validate` tells more"
        return _program(command, timeout, more)
    return _backend(source)


def implementations() -> list[str]:
    """The names of the implementations that are published as entry points."""
    return sorted(entry.name for entry in entry_points(group=GROUP))


def libraries() -> list[str]:
    """The array libraries that are judged if none is named, NumPy first.

    Those with an adapter that compute by themselves, and are done in minutes.
    """
    others = set(backends.names()) - {"numpy", *_RUN_BY, *_SLOW}
    return ["numpy", *sorted(others)]


def unknown(kind: str, came: str, accepted: Sequence[str], other: str = "") -> str:
    """What is said of a name that is not known; `other` is accepted beside the names."""
    close = get_close_matches(came, accepted, 1)
    guess = f" Did you mean {close[0]}?" if close else ""
    known = [*accepted, *([f"and {other}" if accepted else other] if other else [])]
    if not known:
        return f"there is no {kind} {came!r}, nor any other."
    verb = "is" if len(known) == 1 else "are"
    return f"there is no {kind} {came!r}; accepted {verb} {', '.join(known)}.{guess}"


def _backend(name: str) -> Subject:
    """This project's functions on an array library."""
    from .backend_subject import BackendSubject

    if name in backends.names():
        if name in _EXTRAS and importlib.util.find_spec(name) is None:
            raise NotFoundError(_missing(name))
    elif importlib.util.find_spec(name.partition(".")[0] or "?") is None:
        if name in _EXTRAS:
            raise NotFoundError(_missing(name))
        other = "every installed module that follows the Array API standard"
        raise NotFoundError(unknown("backend", name, backends.names(), other))
    if name in _RUN_BY:
        return implementation(_RUN_BY[name])
    try:
        subject = BackendSubject(name)
    except BackendError as problem:
        raise NotFoundError(str(problem)) from None
    except (ImportError, OSError, RuntimeError) as problem:
        raise NotFoundError(f"{name} cannot be used here: {_first_line(problem)}") from None
    reason = subject.unusable()
    if reason:
        raise NotFoundError(f"{name} cannot compute here: {reason}")
    return subject


def _served(name: str, timeout: float | None) -> Subject:
    """Somebody's functions in a process of their own, so that their crash is only theirs."""
    _place(name)  # before anything is started
    command = [sys.executable, "-m", "lossapi.conformance.protocol.serve", name]
    return _program(command, timeout)


def _place(name: str) -> tuple[str, str]:
    """The module and the attribute that hold an implementation."""
    module, colon, attribute = name.partition(":")
    if not colon:
        known = {entry.name: entry.value for entry in entry_points(group=GROUP)}
        if name not in known:
            other = "package.module:name for a subject of your own"
            raise NotFoundError(unknown("implementation", name, sorted(known), other))
        module, _, attribute = known[name].partition(":")
    return module, attribute


def implementation(name: str) -> Subject:
    """What an entry point, or an attribute of a module, is or returns, in this process."""
    module, attribute = _place(name)
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
        subject = found() if callable(found) and not _is_subject(found) else found
    except (ImportError, AttributeError, TypeError) as problem:
        raise NotFoundError(f"{name} cannot be used here: {_first_line(problem)}") from None
    if not _is_subject(subject):
        raise NotFoundError(
            f"{name} is a {type(subject).__name__}; accepted is a subject, or a function without "
            f"arguments that makes one (see lossapi.conformance.FunctionSubject)"
        )
    return cast(Subject, subject)


def _program(command: str | Sequence[str], timeout: float | None, more: str = "") -> Subject:
    """A program that speaks the protocol, which is started."""
    from .protocol.client import TIMEOUT, HarnessSubject
    from .protocol.process import HarnessError

    try:
        return HarnessSubject(command, timeout=timeout or TIMEOUT)
    except HarnessError as problem:
        raise NotFoundError(f"{problem}{more}") from None


def _is_subject(found: Any) -> bool:
    return not isinstance(found, type) and all(
        hasattr(found, name) for name in ("name", "traits", "supports", "run", "reproduce")
    )


def _missing(name: str) -> str:
    return f"{name} is not installed; install it with: pip install 'lossapi[{_EXTRAS[name]}]'"


def _first_line(problem: BaseException) -> str:
    return f"{type(problem).__name__}: {problem}".partition("\n")[0]
