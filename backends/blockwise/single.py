"""A block of one number: NumPy's own numbers take a fifth of the time of arrays with one entry."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .graph import Node, constant, ordered
from .writing import Block

SIGNS: dict[Any, str] = {
    **{np.add: "+", np.subtract: "-", np.multiply: "*", np.divide: "/"},
    **{np.less: "<", np.less_equal: "<=", np.greater: ">", np.greater_equal: ">="},
    **{np.equal: "==", np.not_equal: "!=", np.bitwise_and: "&", np.bitwise_or: "|"},
}
"""What NumPy's numbers do by themselves in a tenth of the time that its functions take."""
_PREFIXES: dict[Any, str] = {np.negative: "-", np.absolute: "abs"}
_SAME = (
    *(np.sum, np.max, np.min, np.any, np.all, np.prod),
    *(operator.getitem, np.expand_dims, "broadcast"),
)
"""What leaves an array of one entry as it is, but for its shape."""


class Single(Block):
    """A function of a block of one number, which needs no scratch memory."""

    def __init__(self, source: str, names: dict[str, Any]) -> None:
        self.source, self.buffers, self._filled = source, [], {}
        exec(source, names)  # our own text, as that of blocks
        self.function: Callable[..., Any] = names["block"]


def single(
    inputs: list[Node], shared: list[Node], results: list[Node], totals: list[Node]
) -> Single | None:
    """What computes results and totals of one number; None where something has more entries."""
    names: dict[str, Any] = {}
    given = [f"i{k}" for k in range(len(inputs))] + [f"c{k}" for k in range(len(shared))]
    told = {id(n): f"{name}_0" for n, name in zip((*inputs, *shared), given, strict=True)}
    lines = [
        f"{name}_0 = {name}[{_first(n)}]" for n, name in zip((*inputs, *shared), given, strict=True)
    ]
    targets = [*results, *(n.operands[0] for n in totals)]
    for node in ordered(targets):
        if not all(n == 1 for n in node.core):
            return None
        if id(node) in told:
            continue
        text = _text(node, told, names)
        if text is None:
            return None
        told[id(node)] = f"t{len(lines)}"
        lines.append(f"t{len(lines)} = {text}")
    for k, node in enumerate(results):
        lines.append(f"o{k}[{_first(node)}] = {told[id(node)]}")
    lines.append(f"return ({''.join(f'{told[id(x)]}, ' for x in targets[len(results) :])})")
    listed = ", ".join([*given, *(f"o{k}" for k in range(len(results)))])
    body = "".join(f"    {line}\n" for line in lines)
    return Single(f"def block({listed}):\n{body}", names)


def _first(node: Node) -> str:
    """The place of the only entry of an array."""
    return ", ".join("0" for _ in node.shape) or "()"


def _text(node: Node, told: dict[int, str], names: dict[str, Any]) -> str | None:
    """What computes a number; None where numbers cannot do it."""
    function = node.function
    if constant(node) is not None:
        return _constant(constant(node), node.dtype, names)
    met = [x.dtype for x in node.operands if isinstance(x, Node) and constant(x) is None]
    dtype = node.dtype if function is np.where else met[0] if met else None
    given = [
        _constant(constant(x), bool if function is np.where and not k else dtype, names)
        if constant(x) is not None
        else told[id(x)]
        for k, x in enumerate(node.operands)
    ]
    if function in _SAME and node.operands[0].dtype == node.dtype:
        return given[0]
    if function is np.where:
        if any(isinstance(x, Node) and x.dtype != node.dtype for x in node.operands[1:]):
            return None
        return f"{given[1]} if {given[0]} else {given[2]}"
    if function == "astype":
        names[f"to_{node.dtype.name}"] = node.dtype.type
        return f"to_{node.dtype.name}({given[0]})"
    if not isinstance(function, np.ufunc) or node.options:
        return None
    if function in SIGNS:
        return f" {SIGNS[function]} ".join(given)
    if function in _PREFIXES:
        return f"{_PREFIXES[function]}({given[0]})"
    names[f"f_{function.__name__}"] = function
    return f"f_{function.__name__}({', '.join(given)})"


def _constant(value: Any, dtype: Any, names: dict[str, Any]) -> str:
    """The name of a constant in the dtype that it meets."""
    name = f"k{len(names)}"
    names[name] = value if dtype is None else np.dtype(dtype).type(value)
    return name
