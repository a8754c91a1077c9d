"""The functions of the definition language: of numbers, of lists, and of functions."""

from __future__ import annotations

import ast
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any, NamedTuple, Protocol

from . import formats, transport
from .arithmetic import Arithmetic, Mpf
from .grammar import DefinitionError
from .trees import mapped

Value = Any
"""A number, a truth value, a list of values, or an integer that counts or indexes."""


MOST_SEQUENCES = 20_000
"""What `sequences` makes no more of."""


class Function(NamedTuple):
    """What a function of the language computes, and how many arguments it takes."""

    call: Callable[..., Value]
    least: int
    most: int | None


class Operands(Protocol):
    """Reads operands, and says what is wrong with one and where it stands."""

    def number(self, value: Value, node: ast.AST, real: Arithmetic) -> Mpf:
        """An operand as an mpmath number."""

    def items(self, value: Value, node: ast.AST) -> list[Value]:
        """An operand as a list."""

    def refuse(self, node: ast.AST, problem: str) -> DefinitionError:
        """The error to raise about a place in the definition."""


def _root(
    make: Operands, node: ast.Call, real: Arithmetic, function: Any, low: Value, high: Value
) -> Mpf:
    """Where an increasing function is 0, between two numbers."""
    return real.root(function, make.number(low, node, real), make.number(high, node, real))


def _transport(
    make: Operands, node: ast.Call, real: Arithmetic, first: Value, second: Value, cost: Value
) -> Value:
    """All optimal plans between two lists of masses, and all optimal prices of their places."""

    def ratios(values: Value) -> tuple[Fraction, ...]:
        numbers = [make.number(value, node, real) for value in make.items(values, node)]
        if not all(map(formats.isfinite, numbers)):
            raise make.refuse(node, "masses and costs are finite numbers")
        return tuple(map(transport.ratio, numbers))

    masses = ratios(first), ratios(second)
    found = transport.optima(*masses, tuple(map(ratios, make.items(cost, node))))
    return mapped(found, lambda x: real.number(x.numerator) / real.number(x.denominator))


def _largest(make: Operands, node: ast.Call, real: Arithmetic, *values: Value) -> Mpf:
    """The largest of the arguments, or of one list; NaN where any is NaN."""
    return _extreme(max, make, node, real, values)


def _smallest(make: Operands, node: ast.Call, real: Arithmetic, *values: Value) -> Mpf:
    """The smallest of the arguments, or of one list; NaN where any is NaN."""
    return _extreme(min, make, node, real, values)


def _extreme(
    choose: Callable[..., Mpf], make: Operands, node: ast.Call, real: Arithmetic, values: Value
) -> Mpf:
    items = make.items(values[0], node) if len(values) == 1 else values
    if not items:
        raise make.refuse(node, "the largest or smallest of nothing")
    numbers = [make.number(item, node, real) for item in items]
    return real.nan if any(map(real.isnan, numbers)) else choose(numbers)


def _total(make: Operands, node: ast.Call, real: Arithmetic, values: Value) -> Mpf:
    """The sum of a list."""
    total = real.zero
    for item in make.items(values, node):
        total = total + make.number(item, node, real)
    return total


def _ordered(make: Operands, node: ast.Call, real: Arithmetic, values: Value) -> list[Mpf]:
    """``sorted`` of a list of numbers."""
    return sorted(make.number(item, node, real) for item in make.items(values, node))


def _length(make: Operands, node: ast.Call, real: Arithmetic, values: Value) -> int:
    """How many items a list has."""
    return len(make.items(values, node))


def _integers(make: Operands, node: ast.Call, real: Arithmetic, *bounds: Value) -> list[int]:
    """``range`` of one, two or three integers."""
    if not all(type(bound) is int for bound in bounds):
        raise make.refuse(node, "range takes integers")
    return list(range(*bounds))


def _sequences(
    make: Operands, node: ast.Call, real: Arithmetic, symbols: Value, length: Value
) -> list[list[int]]:
    """Every sequence of this length of the integers below a number, in order."""
    if not all(type(x) is int for x in (symbols, length)):
        raise make.refuse(node, "sequences takes two integers")
    if symbols**length > MOST_SEQUENCES:
        raise make.refuse(node, f"{symbols}**{length} sequences; {MOST_SEQUENCES} can be looked at")
    return [list(sequence) for sequence in product(range(symbols), repeat=length)]


def _numbered(make: Operands, node: ast.Call, real: Arithmetic, values: Value) -> list[list[Value]]:
    """``enumerate`` of a list."""
    return [[i, item] for i, item in enumerate(make.items(values, node))]


def _zipped(make: Operands, node: ast.Call, real: Arithmetic, *lists: Value) -> list[list[Value]]:
    """``zip`` of lists of one length."""
    if len({len(make.items(values, node)) for values in lists}) != 1:
        raise make.refuse(node, "zip takes lists of one length")
    return [list(group) for group in zip(*lists, strict=True)]


def _some(make: Operands, node: ast.Call, real: Arithmetic, values: Value) -> bool:
    """``any`` of a list of conditions."""
    return any(_truths(make, node, values))


def _every(make: Operands, node: ast.Call, real: Arithmetic, values: Value) -> bool:
    """``all`` of a list of conditions."""
    return all(_truths(make, node, values))


def _truths(make: Operands, node: ast.Call, values: Value) -> list[bool]:
    if not all(isinstance(value, bool) for value in make.items(values, node)):
        raise make.refuse(node, "any and all take lists of conditions")
    return list(values)


def _real(operation: Callable[..., Value], arity: int = 1) -> Function:
    """A function of numbers."""

    def call(make: Operands, node: ast.Call, real: Arithmetic, *values: Value) -> Value:
        return operation(real, *[make.number(value, node, real) for value in values])

    return Function(call, arity, arity)


FUNCTIONS: dict[str, Function] = {
    **{
        name: _real(getattr(Arithmetic, name))
        for name in (
            *("exp", "log", "log1p", "expm1", "sqrt", "sinh", "cosh", "tanh", "sign"),
            *("atan", "sin", "cos", "lgamma", "lgamma1p", "digamma", "trigamma"),
        )
    },
    "abs": _real(Arithmetic.absolute),
    "isinf": _real(Arithmetic.isinf),
    "isnan": _real(Arithmetic.isnan),
    "xlogy": _real(Arithmetic.xlogy, 2),
    "xlog1py": _real(Arithmetic.xlog1py, 2),
    "max": Function(_largest, 1, None),
    "min": Function(_smallest, 1, None),
    "sorted": Function(_ordered, 1, 1),
    "stop": Function(lambda make, node, real, value: value, 1, 1),
    "root": Function(_root, 3, 3),
    "transport": Function(_transport, 3, 3),
    "sum": Function(_total, 1, 1),
    "len": Function(_length, 1, 1),
    "range": Function(_integers, 1, 3),
    "sequences": Function(_sequences, 2, 2),
    "enumerate": Function(_numbered, 1, 1),
    "zip": Function(_zipped, 1, None),
    "any": Function(_some, 1, 1),
    "all": Function(_every, 1, 1),
}

CONSTANTS: dict[str, Callable[[Arithmetic], Value]] = {
    "pi": lambda real: real.pi,
    "inf": lambda real: real.inf,
    "nan": lambda real: real.nan,
    "none": lambda real: None,
}
