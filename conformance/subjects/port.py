"""A library's losses under our names: renamed calls out of the specification, and functions."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from types import ModuleType
from typing import Any

import numpy as np

from lossapi.backend import Backend

from ..function_subject import FunctionSubject
from ..oracle.exact import defaults
from ..oracle.specfile import Spec, load_spec, spec_names
from ..reference.equivalents import evaluate
from ..subject import Unsupported

ACCURACY = 16
"""How many times the error that the specification states another library may make.

Nobody else states a bound. What is 16 times as far off has lost four further bits of every result:
that is told, and what is closer passes.
"""


def port(
    name: str,
    module: ModuleType,
    library: str,
    *,
    package: str,
    prefix: str,
    backend: Backend | str,
    dtypes: tuple[str, ...] = ("float64", "float32"),
    setup: str = "",
) -> FunctionSubject:
    """The functions of a module, and the calls that start so and that the specification names.

    `library` is how the specification calls it, `package` how the package index does.
    """
    functions: dict[str, Any] = {rename.loss: rename for rename in renames(library, prefix)}
    own = {n: f for n, f in vars(module).items() if n in spec_names() and inspect.isfunction(f)}
    return FunctionSubject(
        name,
        {**functions, **own},
        backend=backend,
        dtypes=dtypes,
        version=version(package),
        accuracy_factor=ACCURACY,
        setup=setup,
    )


def kept_first(mask: Any) -> tuple[Any, Any]:
    """The index that brings what a mask keeps to the front of the second axis, for a length."""
    order = np.argsort(np.asarray(mask) == 0, axis=-1, kind="stable")
    return np.arange(len(order))[:, None], order


def with_one_blank(
    function: Callable[..., Any], join: Callable[..., Any], *inputs: Any, blank: Any, **given: Any
) -> Any:
    """The CTC losses of a library where one number names the blank of all examples.

    Where examples have several, those of each are asked for together, filled up to the size of the
    batch, as there are libraries that compile for every size.
    """
    blanks = np.asarray(blank)
    numbers = np.unique(blanks).tolist() or [0]
    if len(numbers) == 1:
        return function(*inputs, blank=int(numbers[0]), **given)
    if given.get("reduction", "none") != "none":
        raise Unsupported("ctc_loss: one number names the blank of all examples")
    count = len(blanks)
    losses: list[Any] = []
    places = np.zeros(count, dtype=np.int64)
    for number in numbers:
        own = np.flatnonzero(blanks == number)
        places[own] = len(losses) * count + np.arange(len(own))
        rows = np.resize(own, count)
        losses.append(function(*(x[rows] for x in inputs), blank=int(number), **given))
    return join(losses)[places]


def renames(library: str, prefix: str) -> Iterator[Rename]:
    """A library's call for each function that is the same but for names."""
    for spec in map(load_spec, spec_names()):
        for equivalent in spec.data.get("equivalents", []):
            call = equivalent["call"]
            same = equivalent["library"] == library and equivalent["relation"] == "same"
            same = same and call.startswith(prefix) and _at_defaults(spec, equivalent)
            if same and Rename(spec, call).is_simple:
                yield Rename(spec, call)
                break


def _at_defaults(spec: Spec, equivalent: dict[str, Any]) -> bool:
    """Whether the call is the same with our default parameters, and not with others alone."""
    points = [point for point in spec.points if not point.get("parameters")]
    return "at" not in equivalent or any(point["id"] in equivalent["at"] for point in points)


class Rename:
    """A call with our inputs and parameters under the names that the library has for them."""

    def __init__(self, spec: Spec, call: str) -> None:
        self.loss, self.__name__ = spec.name, call
        self._spec, self._tree = spec, ast.parse(call, mode="eval").body
        names = {node.id for node in ast.walk(self._tree) if isinstance(node, ast.Name)}
        positional = [
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in spec.inputs
        ]
        keywords = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY)
            for name in spec.parameters
            if name in names
        ]
        self.__signature__ = inspect.Signature([*positional, *keywords])

    @property
    def is_simple(self) -> bool:
        """Whether it is one call, of nothing but inputs, parameters and constants."""
        if not isinstance(self._tree, ast.Call) or not _is_dotted(self._tree.func):
            return False
        given = [*self._tree.args, *(keyword.value for keyword in self._tree.keywords)]
        known = {*self._spec.inputs, *self._spec.parameters}
        return all(
            isinstance(node, ast.Constant)
            or (isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant))
            or (isinstance(node, ast.Name) and node.id in known)
            for node in given
        )

    @property
    def imports(self) -> str:
        """What has to be imported for the call."""
        assert isinstance(self._tree, ast.Call)
        path = ast.unparse(self._tree.func).split(".")[:-1]
        modules = [".".join(path[: i + 1]) for i in range(len(path))]
        return f"import {next(m for m in reversed(modules) if m in sys.modules)}"

    def __call__(self, *inputs: Any, **parameters: Any) -> Any:
        """Call the library's function."""
        given = dict(zip(self._spec.inputs, inputs, strict=True))
        return evaluate(self.__name__, {**defaults(self._spec), **parameters, **given})


def _is_dotted(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or (
        isinstance(node, ast.Attribute) and _is_dotted(node.value)
    )
