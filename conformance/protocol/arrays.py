"""Arrays as JSON: a dtype, a shape, and the numbers in one flat list, row after row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..oracle import formats
from ..oracle.formats import FORMATS
from ..result import DTYPES
from .reading import MessageError, closed, items, number, refuse, switch, text, whole

Array = np.ndarray[Any, Any]
INTEGERS = tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
NAMES = (*DTYPES, *INTEGERS, "bool", "complex64", "complex128")
"""The dtypes in which arrays are asked for."""
_KEYS = ("dtype", "shape", "data")
_LARGEST = 2**31 - 1
_WIDEST = 2**64


def spelled(x: float) -> float | str:
    """A number as it stands in JSON."""
    if math.isfinite(x):
        return x
    return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"


def written(value: Array, dtype: str) -> dict[str, Any]:
    """An array in the dtype in which it is to reach the function."""
    flat = value.reshape(-1)
    data: list[Any]
    if dtype == "bool":
        data = [bool(x) for x in flat.tolist()]
    elif dtype in INTEGERS:
        data = [int(x) for x in flat.tolist()]
    else:
        data = numbers_written(flat)
    return {"dtype": dtype, "shape": list(value.shape), "data": data}


def result_written(value: Array, dtype: str) -> dict[str, Any]:
    """A result: its data are numbers whatever its dtype is."""
    return {"dtype": dtype, "shape": list(value.shape), "data": numbers_written(value.reshape(-1))}


def numbers_written(flat: Array) -> list[Any]:
    """Numbers as floats, of which JSON keeps every digit and the sign of zero."""
    numbers: list[Any] = flat.astype(np.float64).tolist()
    return numbers if np.isfinite(flat).all() else [spelled(x) for x in numbers]


def read(data: Any, path: str) -> tuple[Array, str]:
    """An array of a request and its dtype: integers as int64, bool as bool, others as float64."""
    entry = closed(data, path, _KEYS)
    dtype = text(entry["dtype"], f"{path}.dtype", NAMES)
    place = f"{path}.data"
    found: Array
    if dtype == "bool":
        found = np.asarray([switch(x, f"{place}[{i}]") for i, x in items(entry["data"], place)])
        found = found.astype(np.bool_)
    elif dtype in INTEGERS:
        whole_numbers = [
            whole(x, f"{place}[{i}]", -_WIDEST, _WIDEST) for i, x in items(entry["data"], place)
        ]
        try:
            found = np.asarray(whole_numbers, dtype=np.int64)
        except OverflowError:
            raise MessageError(f"{place}: a whole number beyond int64") from None
    else:
        found = _numbers(entry["data"], place)
    return _shaped(found, entry, path), dtype


def result_read(data: Any, path: str) -> tuple[Array, str]:
    """A result and its dtype: each number is the nearest one of that dtype."""
    entry = closed(data, path, _KEYS)
    dtype = text(entry["dtype"], f"{path}.dtype", NAMES)
    found = _numbers(entry["data"], f"{path}.data")
    rounded = found
    if dtype in ("float32", "float16"):
        with np.errstate(over="ignore"):
            rounded = found.astype(dtype).astype(np.float64)
    elif dtype == "bfloat16":
        rounded = np.asarray([formats.round_to(x, FORMATS[dtype]) for x in found.tolist()])
    beyond = np.flatnonzero(np.isinf(rounded) & ~np.isinf(found))
    if beyond.size:
        i = int(beyond[0])
        refuse(f"{path}.data[{i}]", float(found[i]), f'a number of {dtype}, or "Infinity"')
    return _shaped(rounded.astype(np.float64), entry, path), dtype


def _numbers(data: Any, path: str) -> Array:
    if isinstance(data, list) and all(type(x) is float for x in data):
        found = np.asarray(data, dtype=np.float64)
        if np.isfinite(found).all():  # as nearly always, and a million numbers take their time
            return found
    numbers = [number(x, f"{path}[{i}]") for i, x in items(data, path)]
    return np.asarray(numbers, dtype=np.float64)


def _shaped(flat: Array, entry: dict[str, Any], path: str) -> Array:
    place = f"{path}.shape"
    axes = items(entry["shape"], place)
    shape = [whole(n, f"{place}[{i}]", 0, _LARGEST) for i, n in axes]
    if math.prod(shape) != len(flat):
        due = "×".join(map(str, shape)) or "1, as for every scalar,"
        raise MessageError(f"{path}: the shape makes {due} numbers and data has {len(flat)}")
    try:
        return flat.reshape(shape)
    except ValueError:
        refuse(place, entry["shape"], "a shape of a few axes")
