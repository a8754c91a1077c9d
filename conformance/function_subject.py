"""Somebody's plain functions, as a subject."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lossapi.backend import FLOATING
from lossapi.domain import LABELS

from . import reproduce
from .backend_subject import BackendSubject
from .one_by_one import BROKEN, one_by_one
from .oracle.exact import defaults
from .oracle.specfile import Spec, load_spec
from .subject import Request, Response, Traits, Unsupported

if TYPE_CHECKING:
    from lossapi.backend import Backend

OPTIONS = ("reduction", "weights", "where", "axis", "ignore_index", "class_weights")
"""The options of a loss that a function of somebody else's may take."""


class FunctionSubject(BackendSubject):
    """Somebody's plain functions on the arrays of an array library.

    A function is called with the inputs by position and the parameters by keyword, and gives the
    loss of each example. One that has a keyword `reduction`, `weights`, `where`, `axis`,
    `ignore_index` or `class_weights` is judged by what it makes of that option, too; whatever a
    function has no keyword for counts as unsupported, unless it is asked for the default.
    """

    def __init__(
        self,
        name: str,
        functions: Mapping[str, Callable[..., Any]],
        *,
        gradients: Mapping[str, Callable[..., Any]] | None = None,
        backend: Backend | str = "numpy",
        dtypes: Iterable[str] = ("float32", "float64"),
        version: str = "",
        accuracy_factor: float = 1,
        setup: str = "",
    ) -> None:
        """`gradients` give the gradient by the first input, one for each example.

        Without them the array library differentiates the functions, where it can. `setup` is what
        has to be run before the functions are imported, to be shown to whoever repeats a call.
        """
        super().__init__(backend)
        self._setup = setup
        self.name, self.version = name, version
        self.functions: dict[str, Callable[..., Any]] = dict(functions)
        self.gradients: dict[str, Callable[..., Any]] = dict(gradients or {})
        self._losses = {
            loss: Foreign(loss, function, self.gradients.get(loss), self.backend)
            for loss, function in self.functions.items()
        }
        self.traits = Traits(
            dtypes=tuple(dtypes),
            accuracy_factor=accuracy_factor * self.backend.accuracy_factor,
            flushes_subnormals=self.backend.flushes_subnormals,
            one_size=None in self.backend.compiled,
            visible=False,
            loop_axes=False,
            options=any(foreign.options for foreign in self._losses.values()),
            strict=False,
        )

    def supports(self, loss: str) -> bool:
        """Whether there is a function for it."""
        return loss in self._losses

    def run(self, request: Request) -> Response:
        """Call the function; only values and gradients can be asked for.

        Where it refuses a batch, its examples are asked for one by one, since the others may do.
        """
        if not self.supports(request.loss):
            raise Unsupported(f"{self.name} has no {request.loss}")
        if request.transform or request.strict:
            raise Unsupported("a plain function is only called")
        others = self._unusual(request)
        if others & set(FLOATING):
            raise Unsupported("a plain function is asked in one dtype")  # which wins is our rule
        try:
            return super().run(request)
        except NotImplementedError as problem:
            why = str(problem) or "the function does not say why"
            raise Unsupported(f"{request.loss}: not implemented: {why}") from None
        except (Unsupported, *BROKEN):
            raise
        except Exception as problem:
            if others:
                raise Unsupported(f"it takes no {', '.join(others)}: {problem}") from None
            found = one_by_one(request, super().run)
            if found is None:
                raise
            return found

    @staticmethod
    def _unusual(request: Request) -> set[str]:
        """The dtypes of inputs that are not those of the request, or of labels."""
        entries = load_spec(request.loss).inputs
        usual = {n: "int64" if e["dtype"] == LABELS else request.dtype for n, e in entries.items()}
        given = {name: request.dtype_of(name, value) for name, value in request.inputs.items()}
        return {dtype for name, dtype in given.items() if dtype != usual[name]}

    def reproduce(self, request: Request) -> str:
        """A call with arrays of the library, by the function's own name."""
        by_gradient = request.want == "gradient" and request.loss in self.gradients
        function = (self.gradients if by_gradient else self.functions).get(request.loss)
        name = str(getattr(function, "__name__", request.loss))
        if not name.isidentifier() and not hasattr(function, "imports"):  # a lambda
            name = request.loss
        module = str(getattr(function, "__module__", None) or "__main__")
        importable = name.isidentifier() and hasattr(inspect.getmodule(function), name)
        imports = f"from {module} import {name}" if importable and module != "__main__" else ""
        imports = getattr(function, "imports", imports)
        keywords = _keywords(function) if function else ()
        line = reproduce.function_call(request, name, self.backend.name, keywords, imports)
        return f"{self._setup}; {line}" if self._setup else line


class Foreign:
    """A function of somebody else's in the form of ours."""

    def __init__(
        self,
        loss: str,
        function: Callable[..., Any],
        gradient: Callable[..., Any] | None,
        backend: Backend,
    ) -> None:
        self._loss, self._function, self._gradient = loss, function, gradient
        self._backend = backend

    @property
    def libraries(self) -> tuple[str, ...]:
        """The array libraries that it is for: the one it came with."""
        return ()

    @property
    def options(self) -> list[str]:
        """The options that it takes."""
        return [name for name in OPTIONS if name in _keywords(self._function)]

    def __call__(self, **given: Any) -> Any:
        """The loss of each example, or what the options make of it."""
        return self._call(self._function, given)

    def grad(self, *, wrt: tuple[str, ...] = (), cotangent: Any = None, **given: Any) -> Any:
        """The gradient of the sum, by inputs."""
        wrt = wrt or self._spec.differentiable[:1]
        if self._gradient is not None and wrt == tuple(self._spec.inputs)[:1]:
            against = {} if cotangent is None else {"cotangent": cotangent}
            return self._call(self._gradient, {**given, **against})
        if self._gradient is not None or self._differentiated is None:
            by = ", ".join(wrt)
            raise Unsupported(f"no function gives the gradient of {self._loss} by {by}")
        return tuple(self._derivative(name, given, cotangent) for name in wrt)

    def value_and_grad(self, *, cotangent: Any = None, **given: Any) -> Any:
        """The value, and the gradients by inputs."""
        wrt = given.pop("wrt", ())
        return self(**given), self.grad(wrt=wrt, cotangent=cotangent, **given)

    def hessian_diag(self, **_: Any) -> Any:
        """Not to be had."""
        raise Unsupported(f"no function gives the curvature of {self._loss}")

    def sum_and_weight(self, **_: Any) -> Any:
        """Not to be had."""
        raise Unsupported(f"no function gives sum and weight of {self._loss}")

    @cached_property
    def _spec(self) -> Spec:
        return load_spec(self._loss)

    @cached_property
    def _differentiated(self) -> Callable[..., Any] | None:
        """The library's way to the gradient of a scalar by its only argument; no compilation."""
        transforms = self._backend.transforms()
        names = [name for name, transform in transforms.items() if transform.kind == "gradient"]
        # Where calls of ours compile, all do; the last one is the plain way.
        plain = [name for name in names if name not in self._backend.compiled] or names[-1:]
        return transforms[plain[0]].apply if plain else None

    def _derivative(self, name: str, given: Mapping[str, Any], cotangent: Any) -> Any:
        def total(array: Any) -> Any:
            result = self(**{**given, name: array})
            if cotangent is not None:
                result = result * cotangent
            return self._backend.xp.sum(result) if result.ndim else result

        assert self._differentiated is not None
        return self._differentiated(total)(given[name])

    def _call(self, function: Callable[..., Any], given: Mapping[str, Any]) -> Any:
        inputs = [given[name] for name in self._spec.inputs if name in given]
        others = {name: value for name, value in given.items() if name not in self._spec.inputs}
        keywords = self._taken(function, others)
        with np.errstate(all="ignore"):
            return function(*inputs, **keywords)

    def _taken(self, function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """What the function has keywords for; `Unsupported` where it would need more."""
        known = _keywords(function)
        if self.reduces and "reduction" not in known and given.get("reduction") != "none":
            raise Unsupported(f"{self._loss}: the function gives one result per example")
        for name, value in given.items():
            if name not in known and not self._is_default(name, value):
                raise Unsupported(f"{self._loss}: the function takes no {name}")
        return {name: value for name, value in given.items() if name in known}

    @property
    def reduces(self) -> bool:
        """Whether ours reduces over examples."""
        return self._spec.family != "primitive"

    def _is_default(self, name: str, value: Any) -> bool:
        if name in ("reduction", "dtype"):  # "none", see above; and the dtype of labels alone
            return True
        entry = self._spec.parameters.get(name, {})
        if "shape" in entry or "default" not in entry:
            return False
        return bool(defaults(self._spec).get(name) == value)


def _keywords(function: Callable[..., Any]) -> set[str]:
    """The names of the arguments that a function takes."""
    try:
        return set(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # one that is written in C
        return set()
