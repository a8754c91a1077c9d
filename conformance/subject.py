"""What is being tested: the question, the answer, and whoever gives it.

A subject is anything that claims to implement losses. It is asked for results and never sees what
is due. A request is plain data, so that it could as well be asked over a pipe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

DERIVATIVES = ("gradient", "hessian_diag", "value_and_grad")
WANTS = ("value", *DERIVATIVES, "sum_and_weight")
DERIVED = ("gradient", "directional", "hessian")
"""The kinds of transform that differentiate; the others are ``call`` and ``map``."""


class Unsupported(Exception):  # noqa: N818 - an answer, not an error
    """Raised by a subject that has no such thing as was asked for."""


@dataclass(frozen=True)
class Traits:
    """What a subject says of itself; the checks hold it to that."""

    dtypes: tuple[str, ...] = ("float32", "float64")
    transforms: Mapping[str, str] = field(default_factory=dict)
    """The names of its transforms (jit, vmap, func.grad …) and the kind of each."""
    accuracy_factor: float = 1
    """How many times the stated error it may make, because its library's exp or log does."""
    flushes_subnormals: bool = False
    compiled: tuple[str | None, ...] = ()
    """The transforms that compile each new combination of shapes, dtypes and settings, with None
    for plain calls; unless a run is thorough, only a part of these is asked for."""
    visible: bool = True
    """Whether it can look at values, so that wrong labels and negative weights are errors."""
    loop_axes: bool = True
    """Whether it takes examples of any shape: none, one axis, several."""
    options: bool = True
    """Whether it takes reduction, weights, where, axis, ignore_index and class_weights."""
    strict: bool = True
    """Whether it can be told to raise at an input outside its domain."""

    @property
    def autodiff(self) -> bool:
        """Whether its library differentiates."""
        return any(kind in DERIVED for kind in self.transforms.values())

    @property
    def widest(self) -> str:
        """The dtype of most significant bits that it has."""
        order = ("float64", "float32", "float16", "bfloat16")
        return next(dtype for dtype in order if dtype in self.dtypes)


@dataclass(frozen=True)
class Request:
    """One question: a function, its inputs in one dtype, and what is wanted of it."""

    loss: str
    inputs: Mapping[str, np.ndarray[Any, Any]]
    """float64 or int64 arrays whose values `dtype` holds exactly; bool arrays stay bool."""
    dtype: str
    """The floating dtype of inputs, array parameters, weights and cotangent."""
    parameters: Mapping[str, float | np.ndarray[Any, Any]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    """reduction, axis, ignore_index, dtype; as arrays: weights, where, class_weights, cotangent.
    What is left out is the function's own default."""
    want: str = "value"
    """value, gradient, hessian_diag, value_and_grad or sum_and_weight."""
    wrt: tuple[str, ...] = ()
    """The inputs that derivatives are taken of; the first differentiable one if empty."""
    input_dtypes: Mapping[str, str] = field(default_factory=dict)
    """Exceptions to `dtype`, by input or option, such as ``{"target": "int64"}``."""
    transform: str | None = None
    """The subject's transform to ask under. A `gradient` or `hessian` one differentiates what is
    wanted, summed (against `cotangent` if there is one), by the first of `wrt`; a `directional`
    one likewise, but results that are not reduced stay apart. There the reduction is "sum" unless
    given. For a `map` every array has a leading axis to map over, scalars and class_weights
    excepted."""
    tangent: np.ndarray[Any, Any] | None = None
    """For a `directional` transform: the direction, in the shape of the first of `wrt`."""
    strict: bool = False
    """Whether an input outside its domain is to raise."""

    def dtype_of(self, name: str, value: np.ndarray[Any, Any]) -> str:
        """The dtype in which an array is to reach the function."""
        if name in self.input_dtypes:
            return self.input_dtypes[name]
        return str(value.dtype) if value.dtype.kind in "biu" else self.dtype

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """Everything that reaches the function as an array: by wrt, inputs, parameters, options."""
        given = {**self.inputs, **self.parameters, **self.options}
        order = (*self.wrt[:1], *(name for name in given if name not in self.wrt[:1]))
        return {name: given[name] for name in order if isinstance(given[name], np.ndarray)}

    def plain(self) -> dict[str, Any]:
        """Parameters and options that are no arrays."""
        given = {**self.parameters, **self.options}
        return {name: v for name, v in given.items() if not isinstance(v, np.ndarray)}


@dataclass(frozen=True)
class Response:
    """One answer: each result as a float64 copy, with the dtype it came in.

    `value_and_grad` answers with the value and then the gradients in the order of `wrt`,
    `sum_and_weight` with the sum and the weight.
    """

    arrays: tuple[np.ndarray[Any, Any], ...]
    dtypes: tuple[str, ...]


class Subject(Protocol):
    """Anything that claims to implement losses."""

    @property
    def name(self) -> str:
        """What the report calls it; also the name of its expectations file."""

    @property
    def version(self) -> str:
        """The version of what is being tested."""

    @property
    def traits(self) -> Traits:
        """What it says of itself."""

    def supports(self, loss: str) -> bool:
        """Whether it claims to implement this function at all."""

    def run(self, request: Request) -> Response:
        """Answer, or raise the implementation's own error, or `Unsupported`."""

    def reproduce(self, request: Request) -> str:
        """One line of Python that asks the same."""


Array = Callable[[Any, str], Any]


class FunctionSubject:
    """Somebody's plain functions, each giving the loss of each example.

    A function is called with the inputs by position and the parameters by keyword. `array` makes
    one of its arrays from a NumPy array and a dtype's name; `to_numpy` turns a result back.
    """

    def __init__(
        self,
        name: str,
        functions: Mapping[str, Callable[..., Any]],
        *,
        gradients: Mapping[str, Callable[..., Any]] | None = None,
        array: Array = lambda value, dtype: np.asarray(value, dtype=dtype),
        to_numpy: Callable[[Any], Any] = np.asarray,
        dtypes: tuple[str, ...] = ("float32", "float64"),
        version: str = "",
        accuracy_factor: float = 1,
    ) -> None:
        """`gradients` give the gradient by the first input, one for each example."""
        self.name, self.version = name, version
        self.functions: dict[str, Callable[..., Any]] = dict(functions)
        self.gradients: dict[str, Callable[..., Any]] = dict(gradients or {})
        self._array, self._to_numpy = array, to_numpy
        self.traits = Traits(
            dtypes=dtypes,
            accuracy_factor=accuracy_factor,
            visible=False,
            loop_axes=False,
            options=False,
            strict=False,
        )

    def supports(self, loss: str) -> bool:
        """Whether there is a function for it."""
        return loss in self.functions

    def run(self, request: Request) -> Response:
        """Call the function; only values and gradients per example can be asked for."""
        table = {"value": self.functions, "gradient": self.gradients}.get(request.want, {})
        first = next(iter(request.inputs))
        function = table.get(request.loss)
        if function is None or (request.want == "gradient" and request.wrt not in ((), (first,))):
            by = " by " + ", ".join(request.wrt) if request.wrt else ""
            raise Unsupported(f"no function gives the {request.want} of {request.loss}{by}")
        # A function of labels alone has a dtype of its own.
        options = {key for key in request.options if key not in ("reduction", "dtype")}
        if options or request.transform or request.strict or not self._per_example(request):
            raise Unsupported("a plain function gives one result per example, with no options")
        inputs = [
            self._array(value, request.dtype_of(name, value))
            for name, value in request.inputs.items()
        ]
        result = function(*inputs, **self._parameters(request))
        return Response(
            (np.array(self._to_numpy(result), dtype=np.float64),),
            (str(getattr(result, "dtype", request.dtype)).rpartition(".")[2],),
        )

    def reproduce(self, request: Request) -> str:
        """A call with NumPy arrays, by the function's own name."""
        from .reproduce import function_call

        table = self.gradients if request.want == "gradient" else self.functions
        function = table.get(request.loss)
        return function_call(request, getattr(function, "__name__", request.loss))

    @staticmethod
    def _per_example(request: Request) -> bool:
        return bool(request.options.get("reduction", "none") == "none")

    def _parameters(self, request: Request) -> dict[str, Any]:
        return {
            name: self._array(value, request.dtype) if isinstance(value, np.ndarray) else value
            for name, value in request.parameters.items()
        }
