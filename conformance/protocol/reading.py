"""Lines of JSON that are not trusted: what is wrong with one is told by the name of its field."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""The numbers that JSON has no way to write, and the strings that stand for them."""
A_NUMBER = 'a number, or one of the strings "NaN", "Infinity", "-Infinity"'
_LONGEST = 80


class MessageError(ValueError):
    """A message is not what the protocol says."""


def refuse(path: str, came: Any, accepted: str) -> NoReturn:
    """Raise the error on one field."""
    raise MessageError(f"{path}: got {shown(came)}; accepted is {accepted}")


def shown(value: Any) -> str:
    """What came, as it stood in the message, shortened."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = f"a {type(value).__name__}"
    return printable(text, _LONGEST)


def printable(text: str, longest: int = 2000) -> str:
    """A foreign text in one line that is safe to show on a terminal."""
    line = "".join(c if c.isprintable() else " " for c in text[: longest + 1])
    return line if len(line) <= longest else f"{line[:longest]}…"


def parse(line: bytes) -> dict[str, Any]:
    """The object that a line holds."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise MessageError(f"the line is not UTF-8 (byte {problem.start})") from None
    try:
        found = json.loads(text, parse_constant=_constant)
    except json.JSONDecodeError as problem:
        came = printable(text.strip(), _LONGEST) or "an empty line"
        raise MessageError(
            f"the line is not JSON ({problem.msg} at character {problem.pos + 1}): got {came}; "
            "accepted is one JSON object in one line"
        ) from None
    except RecursionError:
        raise MessageError("the line is nested too deeply to be read") from None
    except MessageError:
        raise
    except ValueError:  # Python reads no whole number of more than some thousand digits
        raise MessageError("the line holds a whole number of thousands of digits") from None
    if not isinstance(found, dict):
        refuse("the line", found, "one JSON object")
    return found


def _constant(name: str) -> NoReturn:
    raise MessageError(f'the bare word {name} is not JSON; write the string "{name}"')


def closed(data: Any, path: str, needed: Iterable[str], more: Iterable[str] = ()) -> dict[str, Any]:
    """An object with all of the needed keys, and none that is not known."""
    known = [*needed, *more]
    if not isinstance(data, dict):
        refuse(path, data, f"an object with the keys {', '.join(known)}")
    for key in data:
        if key not in known:
            close = get_close_matches(key, known, 1)
            guess = f"; did you mean {close[0]}?" if close else ""
            refuse(f"{path}: the key", key, f"{', '.join(known)}{guess}")
    for key in needed:
        if key not in data:
            raise MessageError(f"{path}: the key {key} is missing")
    return data


def text(value: Any, path: str, accepted: Sequence[str] = ()) -> str:
    """A string, one of these if there are any."""
    if not isinstance(value, str) or (accepted and value not in accepted):
        refuse(path, value, f"one of {', '.join(accepted)}" if accepted else "a string")
    return value


def texts(value: Any, path: str, accepted: Sequence[str] = ()) -> tuple[str, ...]:
    """A list of strings."""
    return tuple(text(entry, f"{path}[{i}]", accepted) for i, entry in items(value, path))


def items(value: Any, path: str) -> Iterable[tuple[int, Any]]:
    """The entries of a list, counted."""
    if not isinstance(value, list):
        refuse(path, value, "a list")
    return enumerate(value)


def switch(value: Any, path: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        refuse(path, value, "true or false")
    return value


def whole(value: Any, path: str, least: int, largest: int) -> int:
    """A whole number between two others."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= largest:
        refuse(path, value, f"a whole number from {least} to {largest}")
    return value


def number(value: Any, path: str) -> float:
    """A number, as the nearest float64."""
    if isinstance(value, str) and value in SPECIAL:
        return SPECIAL[value]
    if value is None:
        refuse(path, value, f"{A_NUMBER} (JavaScript writes null for these three)")
    if isinstance(value, bool) or not isinstance(value, int | float):
        refuse(path, value, A_NUMBER)
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if math.isinf(found):
        raise MessageError(
            f"{path}: a number beyond float64; infinities are written as strings, "
            '"Infinity" and "-Infinity"'
        )
    return found
