"""The messages of the protocol: hello, run and bye, and what comes back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

import numpy as np

from ..oracle.specfile import spec_names
from ..result import DTYPES
from ..subject import DERIVED, WANTS, Request, Traits
from . import arrays
from .reading import (
    SPECIAL,
    closed,
    items,
    number,
    printable,
    refuse,
    switch,
    text,
    texts,
    whole,
)

PROTOCOL = 1
BYE: dict[str, Any] = {"bye": {}}
"""What the judge says last."""
MINIMAL = Traits(dtypes=("float64",), visible=False, loop_axes=False, options=False, strict=False)
"""What a harness has that says nothing of its traits: one result per example, in float64."""
_KINDS = ("call", "map", *DERIVED)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+@-]{0,63}")
_NAMED = "up to 64 letters, digits and characters of ._+@-"
_LAST_ID = 2**53


@dataclass(frozen=True)
class Hello:
    """What a harness says of itself."""

    name: str
    version: str
    losses: tuple[str, ...]
    traits: Traits = MINIMAL
    reproduces: bool = False
    """Whether it can be asked for a line of code that asks the same."""


def line(message: Mapping[str, Any]) -> bytes:
    """A message as it is sent."""
    return json.dumps(message, allow_nan=False, ensure_ascii=False).encode() + b"\n"


# --- hello


def hello_asked() -> dict[str, Any]:
    """What the judge says first."""
    return {"hello": {"protocol": PROTOCOL}}


def read_hello_asked(data: Any) -> None:
    """Demand that the judge speaks this protocol."""
    entry = closed(data, "hello", ("protocol",))
    _protocol(entry["protocol"])


def hello_written(hello: Hello) -> dict[str, Any]:
    """The answer to hello."""
    traits = {field.name: _plain(getattr(hello.traits, field.name)) for field in fields(Traits)}
    body = {
        "protocol": PROTOCOL,
        "name": hello.name,
        "version": hello.version,
        "losses": list(hello.losses),
        "traits": traits,
        "reproduces": hello.reproduces,
    }
    return {"hello": body}


def read_hello(message: Any) -> Hello:
    """The answer to hello; traits that are left out are not claimed."""
    data = closed(message, "the answer to hello", ("hello",))["hello"]
    keys = ("protocol", "name", "version", "losses")
    entry = closed(data, "hello", keys, ("traits", "reproduces"))
    _protocol(entry["protocol"])
    name = text(entry["name"], "hello.name")
    if not _NAME.fullmatch(name):
        refuse("hello.name", name, _NAMED)
    version = printable(text(entry["version"], "hello.version"), 100)
    losses = texts(entry["losses"], "hello.losses")
    known = spec_names()
    for i, loss in enumerate(losses):
        if loss not in known:
            close = get_close_matches(loss, known, 1)
            guess = f"; did you mean {close[0]}?" if close else ""
            refuse(f"hello.losses[{i}]", loss, f"a name that `lossapi list` shows{guess}")
    traits = _traits(entry.get("traits", {}))
    reproduces = switch(entry.get("reproduces", False), "hello.reproduces")
    return Hello(name, version, losses, traits, reproduces)


def _protocol(value: Any) -> None:
    if value != PROTOCOL or isinstance(value, bool):
        refuse("hello.protocol", value, f"{PROTOCOL}, the protocol of this version of lossapi")


def _traits(data: Any) -> Traits:
    path = "hello.traits"
    entry = closed(data, path, (), [field.name for field in fields(Traits)])
    found = {field.name: getattr(MINIMAL, field.name) for field in fields(Traits)}
    found |= {name: TRAITS[name](value, f"{path}.{name}") for name, value in entry.items()}
    for i, name in enumerate(found["compiled"]):
        if name is not None and name not in found["transforms"]:
            refuse(f"{path}.compiled[{i}]", name, "null or a name from transforms")
    return Traits(**found)


def _dtypes(value: Any, path: str) -> tuple[str, ...]:
    found = texts(value, path, DTYPES)
    return found or refuse(path, value, f"some of {', '.join(DTYPES)}")


def _transforms(value: Any, path: str) -> dict[str, str]:
    if not isinstance(value, dict):
        refuse(path, value, f"an object of names, each with one of {', '.join(_KINDS)}")
    return {name: text(kind, f"{path}.{name}", _KINDS) for name, kind in value.items()}


def _factor(value: Any, path: str) -> float:
    found = number(value, path)
    return found if 1 <= found < float("inf") else refuse(path, value, "a number from 1 on")


def _compiled(value: Any, path: str) -> tuple[str | None, ...]:
    return tuple(
        None if entry is None else text(entry, f"{path}[{i}]") for i, entry in items(value, path)
    )


TRAITS = {
    "dtypes": _dtypes,
    "transforms": _transforms,
    "accuracy_factor": _factor,
    "flushes_subnormals": switch,
    "compiled": _compiled,
    "one_size": switch,
    "visible": switch,
    "loop_axes": switch,
    "options": switch,
    "strict": switch,
}
"""How each trait is read."""


# --- run


def request_written(request: Request, number: int, word: str = "run") -> dict[str, Any]:
    """A request; what is not asked for is left out."""

    def value(name: str, given: Any) -> Any:
        if isinstance(given, np.ndarray):
            return arrays.written(given, request.dtype_of(name, given))
        return _plain(given)

    body: dict[str, Any] = {
        "id": number,
        "loss": request.loss,
        "dtype": request.dtype,
        "want": request.want,
        "wrt": list(request.wrt),
        "inputs": {name: value(name, given) for name, given in request.inputs.items()},
        "parameters": {name: value(name, given) for name, given in request.parameters.items()},
        "options": {name: value(name, given) for name, given in request.options.items()},
    }
    if request.transform is not None:
        body["transform"] = request.transform
    if request.tangent is not None:
        body["tangent"] = arrays.written(request.tangent, request.dtype)
    if request.strict:
        body["strict"] = True
    return {word: body}


def read_request(data: Any) -> tuple[int, Request]:
    """The id of a request, and the request."""
    needed = ("id", "loss", "dtype", "want", "wrt", "inputs", "parameters", "options")
    entry = closed(data, "run", needed, ("transform", "tangent", "strict"))
    dtype = text(entry["dtype"], "run.dtype", DTYPES)
    dtypes: dict[str, str] = {}

    def read(group: str, *, only_arrays: bool) -> dict[str, Any]:
        given = entry[group]
        if not isinstance(given, dict):
            refuse(f"run.{group}", given, "an object with a key for each name")
        found = {}
        for name, value in given.items():
            path = f"run.{group}.{name}"
            if only_arrays or isinstance(value, dict):
                found[name], dtypes[name] = arrays.read(value, path)
            else:
                found[name] = _restored(value)
        return found

    inputs = read("inputs", only_arrays=True)
    parameters = read("parameters", only_arrays=False)
    options = read("options", only_arrays=False)
    transform, tangent = entry.get("transform"), entry.get("tangent")
    plain = Request(
        loss=text(entry["loss"], "run.loss"),
        inputs=inputs,
        dtype=dtype,
        parameters=parameters,
        options=options,
        want=text(entry["want"], "run.want", WANTS),
        wrt=texts(entry["wrt"], "run.wrt"),
        transform=None if transform is None else text(transform, "run.transform"),
        tangent=None if tangent is None else arrays.read(tangent, "run.tangent")[0],
        strict=switch(entry.get("strict", False), "run.strict"),
    )
    odd = {n: d for n, d in dtypes.items() if d != plain.dtype_of(n, plain.arrays()[n])}
    return read_id(entry), Request(**{**vars(plain), "input_dtypes": odd})


def read_id(entry: Mapping[str, Any]) -> int:
    """The number of a question, or of the one that is answered."""
    return whole(entry.get("id"), "id", 0, _LAST_ID)


def _plain(value: Any) -> Any:
    """A setting as JSON."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return arrays.spelled(value)
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return [_restored(entry) for entry in value]
    return SPECIAL.get(value, value) if isinstance(value, str) else value
