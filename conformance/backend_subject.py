"""This project's own losses on one array library, as a subject."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

import lossapi
from lossapi.backend import get
from lossapi.losses import registry

from . import reproduce
from .subject import DERIVATIVES, DERIVED, Request, Response, Traits, Unsupported

if TYPE_CHECKING:
    from lossapi.backend import Backend
    from lossapi.loss import Function

_LATELY = 8
"""The functions whose compiled code is kept, as relations ask for other functions in between."""
_METHODS = {
    "value": "__call__",
    "gradient": "grad",
    "hessian_diag": "hessian_diag",
    "value_and_grad": "value_and_grad",
    "sum_and_weight": "sum_and_weight",
}


class BackendSubject:
    """The losses of this project on the arrays of one backend.

    `losses` replaces some of them, by functions of the same kind.
    """

    def __init__(
        self, backend: Backend | str, *, losses: Mapping[str, Function] | None = None
    ) -> None:
        self.backend = get(backend) if isinstance(backend, str) else backend
        self.name = self.backend.name
        self._losses: dict[str, Any] = {**registry, **(losses or {})}
        self._lately: set[str] = set()

    @cached_property
    def version(self) -> str:
        """The version of the array library."""
        return library_version(self.name)

    @cached_property
    def traits(self) -> Traits:
        """What the backend says of itself."""
        return Traits(
            dtypes=tuple(self.backend.dtypes),
            transforms={name: t.kind for name, t in self.backend.transforms().items()},
            accuracy_factor=self.backend.accuracy_factor,
            flushes_subnormals=self.backend.flushes_subnormals,
            compiled=self.backend.compiled,
            visible=self.backend.is_visible(self._sample()),
        )

    def unusable(self) -> str:
        """Why the library cannot compute here, or nothing."""
        try:
            self.backend.to_numpy(self._sample())
        except Exception as error:
            return f"{type(error).__name__}: {error}".partition("\n")[0]
        return ""

    def supports(self, loss: str) -> bool:
        """Whether there is a function of this name, and it is for this library."""
        if loss not in self._losses:
            return False
        return self.name in (self._losses[loss].libraries or (self.name,))

    def run(self, request: Request) -> Response:
        """Place the arrays, call the function, under a transform if asked, and read the results."""
        if not self.supports(request.loss):
            raise Unsupported(f"lossapi has no {request.loss}")
        missing = {request.dtype_of(*item) for item in request.arrays().items()} - self._known()
        if request.dtype not in self.backend.dtypes or missing:
            raise Unsupported(f"{self.name} has no {', '.join(missing) or request.dtype}")
        self._lately.add(request.loss)
        if len(self._lately) > _LATELY:
            self.backend.forget()
            self._lately = {request.loss}
        strict = lossapi.errors_on_invalid() if request.strict else nullcontext()
        with self.backend.dtype_context(request.dtype), strict:
            arrays = {
                name: self._place(value, request.dtype_of(name, value))
                for name, value in request.arrays().items()
            }
            results = self._results(request, arrays)
            response = Response(
                tuple(self._read(array) for array in results),
                tuple(self.backend.dtype_name(a) for a in results),
            )
            self._demand_unmodified(request, arrays)
        return response

    def reproduce(self, request: Request) -> str:
        """One line of Python that asks the same of the public API."""
        transform = self.backend.transforms().get(request.transform or "")
        derived = transform is not None and transform.kind in DERIVED
        if derived and self._losses[request.loss].reduces:
            request = replace(request, options={"reduction": "sum", **request.options})
        return reproduce.library_call(request, self.name, scalar=derived)

    # --- arrays

    def _sample(self) -> Any:
        return self.backend.asarray([0.0], "float32")

    def _known(self) -> set[str]:
        """The dtypes that can be asked for: the floating ones, and whatever the library names."""
        names = ("bool", *(f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)))
        known = {n for n in (*names, "complex64", "complex128") if hasattr(self.backend.xp, n)}
        return {*self.backend.dtypes, "bool", *known}

    def _place(self, value: np.ndarray[Any, Any], dtype: str) -> Any:
        with warnings.catch_warnings():
            # JAX without x64 says that it makes int32 of int64: its integers, and it may.
            warnings.simplefilter("ignore", UserWarning)
            array = self.backend.asarray(value.copy(order="K"), dtype)
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
        return array

    def _read(self, array: Any) -> np.ndarray[Any, Any]:
        with warnings.catch_warnings():
            # A lazy library computes here, and NumPy under it warns of infinities and NaN.
            warnings.simplefilter("ignore", RuntimeWarning)
            return np.array(self.backend.to_numpy(array), dtype=np.float64)

    def _demand_unmodified(self, request: Request, arrays: Mapping[str, Any]) -> None:
        for name, value in request.arrays().items():
            if isinstance(arrays[name], np.ndarray) or not self.backend.is_visible(arrays[name]):
                continue
            after = np.asarray(self.backend.to_numpy(arrays[name]))
            if not np.array_equal(after, value.astype(after.dtype), equal_nan=after.dtype != bool):
                raise AssertionError(f"{request.loss} modified its argument {name}")

    # --- calls

    def _results(self, request: Request, arrays: Mapping[str, Any]) -> tuple[Any, ...]:
        if request.transform is None:
            return flat(self._ask(request, request.plain(), arrays))
        transforms = self.backend.transforms()
        if request.transform not in transforms:
            raise Unsupported(f"{self.name} has no transform {request.transform}")
        transform = transforms[request.transform]
        mapped = transform.kind == "map"
        names = [n for n, a in arrays.items() if not (mapped and _stays(n, a))]
        fixed = {name: array for name, array in arrays.items() if name not in names}
        arguments = [arrays[name] for name in names]
        if transform.kind == "directional":
            if request.tangent is None:
                raise ValueError(f"{request.transform} needs a tangent")
            dtype = request.dtype_of(names[0], request.tangent)
            arguments.insert(1, self._place(request.tangent, dtype))
        function = self._function(request, transform.kind, names, fixed)
        return flat(transform.apply(function)(*arguments))

    def _function(
        self, request: Request, kind: str, names: list[str], fixed: Mapping[str, Any]
    ) -> Callable[..., Any]:
        """What is wanted as a function of arrays only; a scalar where that is differentiated."""
        plain = request.plain()
        derived = kind in DERIVED
        if derived and self._losses[request.loss].reduces:
            plain.setdefault("reduction", "sum")

        def function(*arrays: Any) -> Any:
            given = {**dict(zip(names, arrays, strict=True)), **fixed}
            cotangent = None
            if derived and request.want == "value":
                cotangent = given.pop("cotangent", None)
            result = self._ask(request, plain, given)
            if not derived:
                return result
            (result,) = flat(result)
            if cotangent is not None:
                result = cotangent * result
            summed = result.ndim > 0 and (kind != "directional" or cotangent is not None)
            return self.backend.xp.sum(result) if summed else result

        return function

    def _ask(self, request: Request, plain: Mapping[str, Any], arrays: Mapping[str, Any]) -> Any:
        loss = self._losses[request.loss]
        inputs = {name: arrays[name] for name in request.inputs}
        others = {name: array for name, array in arrays.items() if name not in inputs}
        wrt = {}
        if request.want in DERIVATIVES and request.wrt:
            wrt = {"wrt": request.wrt}
        method = getattr(loss, _METHODS[request.want])
        return method(**inputs, **plain, **others, **wrt)


def _stays(name: str, array: Any) -> bool:
    """Whether every example of a map sees this array whole."""
    return name == "class_weights" or array.ndim == 0


def flat(result: Any) -> tuple[Any, ...]:
    """The arrays of a result, which may be several, and nested."""
    if not isinstance(result, tuple | list):
        return (result,)
    return tuple(array for part in result for array in flat(part))


def library_version(name: str) -> str:
    """The version of an array library by its module's name; empty where it tells none."""
    import importlib
    from importlib import metadata

    try:
        told = getattr(importlib.import_module(name), "__version__", "")
        return str(told or metadata.version(name))
    except ImportError:
        return ""
