"""What the tools take: trees of arrays of one library, numbers in a domain, words."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

from .. import backend as backends
from ..backend import Backend
from ..binding import is_number
from ..call import as_array as array_of
from ..domain import Domain
from ..errors import DTypeError, ParameterError, ShapeError
from .trees import leaves

HALVES = ("float16", "bfloat16")


class Arrays(NamedTuple):
    """The arrays of a tree: their library, where each stands, and what they are."""

    backend: Backend
    places: list[str]
    arrays: list[Any]

    @property
    def computing(self) -> Any:
        """The dtype that holds them all: float32 at least."""
        names = {self.backend.dtype_name(array) for array in self.arrays}
        return self.backend.dtypes["float64" if "float64" in names else "float32"]

    def array(self, leaf: Any) -> Any:
        """A leaf as an array beside the others."""
        return as_array(self.backend, leaf, self.arrays)


def gathered(function: str, *named: tuple[str, Any], floating: bool = True) -> Arrays:
    """The arrays of one or several trees; an error unless they belong together."""
    found = [leaf for name, tree in named for leaf in leaves(name, tree)]
    backend = backends.find(function, found)
    given = [leaf for _, leaf in found if not is_number(leaf)]
    arrays = [as_array(backend, leaf, given) for _, leaf in found]
    for (place, _), array in zip(found, arrays, strict=True):
        kind = backend.dtype_name(array)
        if floating and kind not in backends.FLOATING:
            raise DTypeError(
                f"{function}: {place} has dtype {kind}; accepted are "
                f"{', '.join(backends.FLOATING)}. Convert it first, or leave it out."
            )
    places = [place for place, _ in found]
    backends.check_devices(function, backend, zip(places, arrays, strict=True))
    return Arrays(backend, places, arrays)


def as_array(backend: Backend, leaf: Any, others: list[Any]) -> Any:
    """A leaf of a tree as an array: a number takes the dtype of the arrays it stands with."""
    if not is_number(leaf):
        return leaf
    if not others:
        return backend.asarray(float(leaf))
    return backend.asarray(float(leaf), backend.dtype_name(others[0]), like=others[0])


def widened(backend: Backend, array: Any) -> Any:
    """The array in the dtype it is computed in: halves as float32."""
    half = backend.dtype_name(array) in HALVES
    return backend.xp.astype(array, backend.dtypes["float32"]) if half else array


def found(name: str, key: str, value: Any) -> tuple[Backend, Any]:
    """An argument that is one array, or a list of numbers, with its library."""
    backend = backends.find(name, [(key, value)])
    if is_number(value) or isinstance(value, list | tuple):
        value = array_of(name, backend, key, value)
    return backend, value


def number(function: str, name: str, value: Any, domain: str, fixed: bool = False) -> Any:
    """A number of this domain; an array that is one number passes, unless it must be fixed."""
    if not fixed and getattr(value, "ndim", None) is not None:
        if value.ndim:
            raise ShapeError(
                f"{function}: {name} has shape {tuple(value.shape)}; accepted is one number in "
                f"{domain}, or an array of shape ()."
            )
        return value
    if isinstance(value, bool) or not is_number(value):
        raise ParameterError(
            f"{function}: {name} is {value!r}, a {type(value).__name__}; accepted is a number in "
            f"{domain}."
        )
    if value not in Domain(domain):
        raise ParameterError(f"{function}: {name} is {value!r}; accepted is a number in {domain}.")
    return value


def beside(backend: Backend, value: Any, like: Any) -> Any:
    """A number, or an array that is one, in the dtype and on the device of an array."""
    if is_number(value):
        return backend.asarray(value, backend.dtype_name(like), like=like)
    return backend.xp.astype(value, like.dtype)


def one_of(function: str, name: str, value: Any, accepted: Iterable[str]) -> str:
    """One of these words."""
    words = tuple(accepted)
    if isinstance(value, str) and value in words:
        return value
    raise ParameterError(
        f"{function}: {name} is {value!r}; accepted are {', '.join(map(repr, words))}."
    )


def quiet(backend: Backend) -> AbstractContextManager[Any]:
    """A context in which infinities and NaN are results and not accidents."""
    if backend.name == "torch":  # which warns of nothing, and whose compiler cannot trace it
        return nullcontext()
    import numpy as np

    return np.errstate(all="ignore")
