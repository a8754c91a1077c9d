"""Equations and inequalities between functions, each evaluated by the subject's own functions."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lossapi.domain import LABELS

from ..oracle import relation as grammar
from ..oracle import specfile
from ..result import Result
from ..subject import Request
from .cases import Array, Case, reduces, stacked
from .probing import NoAnswerError, Probe

_COUNT = 128
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_ELEMENTARY: dict[str, Callable[[Array], Array]] = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sum": lambda x: np.sum(x, axis=-1),
}


def run(probe: Probe, stated: list[str]) -> Iterator[Result]:
    """A result for each relation, at ordinary inputs under some sets of parameters."""
    for text in stated:
        problem, where = "", None
        names = [*probe.spec.inputs, *probe.spec.parameters]
        relation = grammar.read(text, names)
        # What the relation does not read keeps its default: it could stand on one side only.
        read = {node.id for node in ast.walk(relation) if isinstance(node, ast.Name)}
        default, *others = probe.ordinary_sets
        sets = [default]
        for other in others:
            kept = {name: other[name] if name in read else default[name] for name in default}
            if kept not in sets:
                sets.append(kept)
        for parameters in sets[:3]:
            cases = probe.cases(_COUNT, parameters)
            problem, where = _violation(probe, relation, cases)
            if problem:
                break
        yield probe.verdict(f"relation/{text}", problem, where)


def _violation(probe: Probe, relation: ast.Compare, cases: list[Case]) -> tuple[str, Case | None]:
    """Where the two sides differ by more than rounding, and how."""
    scope: dict[str, Any] = {
        **stacked(probe.spec, cases),
        **cases[0].parameters,
        "inf": np.inf,
    }
    count = len(cases)
    with np.errstate(divide="ignore", invalid="ignore"):  # log(0) is -inf
        sides = [_evaluate(probe, x, scope) for x in (relation.left, relation.comparators[0])]
    shape = max((np.shape(side) for side in sides), key=len) or (count,)
    left, right = (np.broadcast_to(side, shape).reshape(count, -1) for side in sides)
    noise = probe.noise * (1.0 + abs(left) + abs(right))
    with np.errstate(invalid="ignore"):
        gap = {ast.Eq: abs(left - right), ast.LtE: left - right, ast.GtE: right - left}
        excess = gap[type(relation.ops[0])] - noise
    # Two infinities of one sign are equal; NaN is no answer.
    excess = np.where(left == right, -np.inf, np.where(np.isnan(excess), np.inf, excess))
    worst = int(np.argmax(excess.max(axis=1)))
    if excess[worst].max() <= 0:
        return "", None
    shown = (left[worst].tolist(), right[worst].tolist())
    return f"the sides are {shown[0]} and {shown[1]}", cases[worst]


def _evaluate(probe: Probe, node: ast.expr, scope: dict[str, Any]) -> Any:
    """One side, for all cases at once: arrays with the examples first."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return scope[name]
        case ast.UnaryOp(operand=operand):
            return -_evaluate(probe, operand, scope)
        case ast.BinOp(left=left, op=op, right=right):
            values = (_evaluate(probe, left, scope), _evaluate(probe, right, scope))
            return _BINARY[type(op)](*values)
        case ast.List(elts=items):
            parts = [np.asarray(_evaluate(probe, item, scope), dtype=float) for item in items]
            return np.stack(np.broadcast_arrays(*parts), axis=-1)
        case ast.Subscript(value=value, slice=index):
            return _evaluate(probe, value, scope)[..., _evaluate(probe, index, scope)]
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            given = [_evaluate(probe, arg, scope) for arg in args]
            if name in grammar.ELEMENTARY:
                return _ELEMENTARY[name](*given)
            named = {k.arg: _evaluate(probe, k.value, scope) for k in keywords if k.arg}
            return _called(probe, name, given, named)
    raise AssertionError(f"{ast.dump(node)} passed the grammar")


def _called(probe: Probe, name: str, given: list[Any], parameters: dict[str, Any]) -> Array:
    """A function of the subject, per example."""
    spec = specfile.load_spec(name)
    count = max((len(x) for x in given if np.ndim(x)), default=1)
    inputs: dict[str, Array] = {}
    for (key, entry), core, value in zip(
        spec.inputs.items(), spec.signature.inputs, given, strict=True
    ):
        dtype = np.int64 if entry["dtype"] == LABELS else np.float64
        array = np.asarray(value, dtype=dtype)
        whole = array.ndim > len(core)
        inputs[key] = array if whole else np.broadcast_to(array, (count, *array.shape)).copy()
    settings = {key: value for key, value in parameters.items() if value is not None}
    options = {"reduction": "none"} if reduces(spec) else {}
    options |= {"dtype": probe.inquiry.dtype} if spec.chooses_dtype else {}
    request = Request(name, inputs, probe.inquiry.dtype, settings, options)
    answer = probe.inquiry.ask(request)
    if answer.response is None:
        raise NoAnswerError(answer)
    return answer.arrays[0]
