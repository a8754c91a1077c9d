"""The peers' calls named in a spec file, executed: does a peer agree where we say it does?

A call is data, not code: a Python expression of library functions, inputs, parameters, literals
and arithmetic, parsed and walked. Nothing but attributes of the named libraries can be reached.
"""

from __future__ import annotations

import ast
import importlib
import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from lossapi.errors import SpecError

from ..oracle.exact import defaults, exact, settings
from ..oracle.specfile import Spec
from ..oracle.trees import flat

LIBRARIES = ("jax", "keras", "numpy", "optax", "scipy", "sklearn", "torch")
AGREEMENT = {"float64": 1e-9, "float32": 1e-6}
"""Largest relative difference at which two implementations compute the same function, by the
dtype of the result (Keras reduces float64 in float32)."""

_OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
}


class Comparison(NamedTuple):
    """What a peer gave at one point, and what the definition gives."""

    point: str
    got: float
    exact: float
    dtype: str

    @property
    def agrees(self) -> bool:
        """Whether both are the same number, NaN and infinities included."""
        if math.isnan(self.exact) or math.isnan(self.got):
            return math.isnan(self.exact) and math.isnan(self.got)
        return self.got == self.exact or math.isclose(
            self.got, self.exact, rel_tol=AGREEMENT[self.dtype], abs_tol=0.0
        )


def compare(spec: Spec, equivalent: dict[str, Any]) -> list[Comparison]:
    """Run a peer's call at the points where the spec file speaks of it."""
    typical = [point["id"] for point in spec.points if "typical" in point["flags"]]
    named = equivalent.get("at", typical)
    compared = []
    for point in (point for point in spec.points if point["id"] in named):
        inputs = {name: _number(value) for name, value in point["inputs"].items()}
        parameters = defaults(spec) | settings(spec, point)
        library = equivalent["library"]
        arrays = {name: _array(spec, name, value, library) for name, value in inputs.items()}
        got = evaluate(equivalent["call"], {**arrays, **parameters})
        due = exact(spec, "value", inputs, parameters, None)
        entries = np.ravel(_to_numpy(got))
        dtype = str(entries.dtype)
        expected = list(flat(due))
        if len(entries) != len(expected):
            raise SpecError(
                f"{spec.name}: {equivalent['call']} gives {len(entries)} numbers for one example; "
                f"accepted is a call that gives the result per example ({len(expected)})."
            )
        compared += [
            Comparison(point["id"], float(entry), float(due), dtype)
            for entry, due in zip(entries, expected, strict=True)
        ]
    return compared


def evaluate(call: str, names: dict[str, Any]) -> Any:
    """The value of a call expression."""
    return _walk(ast.parse(call, mode="eval").body, names)


def _walk(node: ast.expr, names: dict[str, Any]) -> Any:
    def walk(child: ast.expr) -> Any:
        return _walk(child, names)

    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.Name(id=name) if name in LIBRARIES:
            return importlib.import_module(name)
        case ast.Attribute(value=owner, attr=name) if not name.startswith("_"):
            return _attribute(walk(owner), name)
        case ast.Call(func=function, args=args, keywords=keywords):
            given = {keyword.arg: walk(keyword.value) for keyword in keywords if keyword.arg}
            return walk(function)(*map(walk, args), **given)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](walk(left), walk(right))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](walk(operand))
        case ast.List(elts=items):
            return [walk(item) for item in items]
        case ast.Tuple(elts=items):
            return tuple(walk(item) for item in items)
        case ast.Subscript(value=owner, slice=index):
            return walk(owner)[walk(index)]
    raise SpecError(
        f"equivalents: {ast.unparse(node)!r} is not accepted; write calls of library functions "
        f"({', '.join(LIBRARIES)}) on inputs, parameters, literals and arithmetic"
    )


def _attribute(owner: Any, name: str) -> Any:
    if not hasattr(owner, name) and hasattr(owner, "__path__"):
        return importlib.import_module(f"{owner.__name__}.{name}")
    return getattr(owner, name)


def _number(token: Any) -> Any:
    if isinstance(token, list):
        return [_number(entry) for entry in token]
    return float(token)


def _array(spec: Spec, name: str, value: Any, library: str) -> Any:
    """A batch of one example in float64, in the peer's arrays."""
    labels = spec.inputs[name]["dtype"] == "labels"
    batch = np.asarray([value], dtype=np.int64 if labels else np.float64)
    if library == "torch":
        return importlib.import_module("torch").asarray(batch)
    if library in ("jax", "optax"):
        return importlib.import_module("jax.numpy").asarray(batch)
    if library == "keras":
        keras = importlib.import_module("keras")
        keras.config.set_floatx("float64")
        return keras.ops.convert_to_tensor(batch, dtype=str(batch.dtype))
    return batch


def _to_numpy(result: Any) -> Any:
    return result.detach().numpy() if hasattr(result, "detach") else np.asarray(result)
