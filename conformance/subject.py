"""What is being tested: the question, the answer, and whoever gives it.

A subject is anything that claims to implement losses. It is asked for results and never sees what
is due. A request is plain data, so that it could as well be asked over a pipe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import numpy as np

DERIVATIVES = ("gradient", "hessian_diag", "value_and_grad")
WANTS = ("value", *DERIVATIVES, "sum_and_weight")
DERIVED = ("gradient", "directional", "hessian")
"""The kinds of transform that differentiate; the others are ``call`` and ``map``."""


class Unsupported(Exception):  # noqa: N818 - an answer, not an error
    """Raised by a subject that has no such thing as was asked for."""


class CrashError(Exception):
    """Raised where a subject ended, or gave no answer: which is no way to refuse an input."""


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
    one_size: bool = False
    """Whether single examples are best asked in batches of one size, as each operation of a plain
    call is prepared anew for every shape. Nothing is spared for that."""
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

    def rows(self, count: int, chosen: Callable[[np.ndarray[Any, Any]], Any]) -> Request:
        """The request for some of the examples of a batch of `count` along the first axis."""

        def some(value: Any) -> Any:
            if isinstance(value, np.ndarray) and value.shape[:1] == (count,):
                return chosen(value)
            return value

        return replace(
            self,
            inputs={name: some(value) for name, value in self.inputs.items()},
            options={
                name: value if name == "class_weights" else some(value)
                for name, value in self.options.items()
            },
            tangent=some(self.tangent),
        )

    def plain(self) -> dict[str, Any]:
        """Parameters and options that are no arrays."""
        given = {**self.parameters, **self.options}
        return {name: v for name, v in given.items() if not isinstance(v, np.ndarray)}


class Refusal(NamedTuple):
    """Why an example of a batch has no result."""

    message: str
    crash: bool = False
    """Whether the subject ended, or gave no answer."""


@dataclass(frozen=True)
class Response:
    """One answer: each result as a float64 copy, with the dtype it came in.

    `value_and_grad` answers with the value and then the gradients in the order of `wrt`,
    `sum_and_weight` with the sum and the weight.
    """

    arrays: tuple[np.ndarray[Any, Any], ...]
    dtypes: tuple[str, ...]
    refused: Mapping[int, Refusal] = field(default_factory=dict)
    """The examples that the implementation raised an error at, by their place along the first
    axis; their results are NaN."""


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
