"""Our own losses in a process of their own, whole or with one fault in them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lossapi.conformance import BackendSubject, FunctionSubject, Request, Response, Traits

Fault = Callable[[Request, Response], Response]
ODD = 0.1
"""A number that only the points of the specification have."""


def wrong(response: Response, where: Any = True, times: float = 2.0) -> Response:
    """The response with results that are larger in some places, if they are of this shape."""
    with np.errstate(over="ignore"):
        arrays = tuple(
            np.where(where, times * array, array) if np.shape(where) in ((), array.shape) else array
            for array in response.arrays
        )
    return replace(response, arrays=arrays)


def at_a_point(want: str) -> Fault:
    def fault(request: Request, response: Response) -> Response:
        odd = request.inputs["prediction"] == ODD
        return wrong(response, odd) if request.want == want else response

    return fault


def overflow(request: Request, response: Response) -> Response:
    huge = np.abs(request.inputs["prediction"]) == 2.0**512
    return wrong(response, huge, np.nan)


def weighted_twice(request: Request, response: Response) -> Response:
    return wrong(response) if {"weights", "where"} <= set(request.options) else response


def one_dtype(request: Request, response: Response) -> Response:
    mixed = "float32" in request.input_dtypes.values()
    return replace(response, dtypes=("float64",) * len(response.dtypes)) if mixed else response


def flattened(request: Request, response: Response) -> Response:
    return replace(response, arrays=tuple(array.reshape(-1) for array in response.arrays))


def under_a_transform(request: Request, response: Response) -> Response:
    return wrong(response) if request.transform else response


def in_the_middle(request: Request, response: Response) -> Response:
    size = np.abs(request.inputs["prediction"])
    return wrong(response, (size > 2e-6) & (size < 1e-2))


FAULTS: dict[str, Fault] = {
    "value": at_a_point("value"),
    "gradient": at_a_point("gradient"),
    "curvature": at_a_point("hessian_diag"),
    "stability": overflow,
    "reduction": weighted_twice,
    "dtype": one_dtype,
    "shape": flattened,
    "transforms": under_a_transform,
    "properties": in_the_middle,
}


class Faulty:
    """The losses on NumPy, and a transform that changes nothing."""

    name, version = "faulty", "1"

    def __init__(self, place: Path | None = None) -> None:
        """`place` is a file with the name of the fault, which may change."""
        self._place = place
        self._right = BackendSubject("numpy")
        self.traits: Traits = replace(self._right.traits, transforms={"same": "call"})

    def supports(self, loss: str) -> bool:
        return self._right.supports(loss)

    def run(self, request: Request) -> Response:
        if "FAULT" in os.environ:  # in a process of its own
            print("a library that talks")
            os.write(1, b"and one that talks past Python\n")
        fault = self._place.read_text() if self._place else ""
        asked = replace(request, transform=None)
        if fault == "raises" and request.want == "hessian_diag":
            raise IndexError(f"no curvature of {request.loss}")
        if fault == "errors":
            options = {n: v for n, v in request.options.items() if n != "weights" or np.all(v >= 0)}
            asked = replace(asked, options=options)
        response = self._right.run(asked)
        return FAULTS[fault](request, response) if fault in FAULTS else response

    def reproduce(self, request: Request) -> str:
        return self._right.reproduce(replace(request, transform=None))


def subject() -> Faulty:
    return Faulty(Path(os.environ["FAULT"]))


def simple() -> FunctionSubject:
    """A few plain functions."""

    def squared_error(prediction: Any, target: Any) -> Any:
        return (prediction - target) ** 2

    def half_squared_error(prediction: Any, target: Any) -> Any:
        return (prediction - target) ** 2 / 2

    functions = {"squared_error": squared_error, "half_squared_error": half_squared_error}
    slopes = {
        name: lambda *inputs, f=function: np.zeros_like(f(*inputs))
        for name, function in functions.items()
    }
    return FunctionSubject("simple", functions, gradients=slopes)


def ends() -> Any:
    """A library that ends the interpreter."""
    os.abort()
