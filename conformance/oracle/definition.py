"""The language of the formulas in specification files: parsed, checked and walked, never eval'd.

A definition is a few lines ``name = expression`` and a last line that is an expression. It is
Python's grammar with all but arithmetic, comparisons, conditions, comprehensions, indexing and the
functions in ``FUNCTIONS`` removed. Numbers are reals at any precision (see ``arithmetic``), vectors
are lists, and a decimal such as ``0.1`` means exactly that decimal.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from . import grammar
from .arithmetic import Arithmetic, Mpf, arithmetic
from .grammar import COMPARISONS, Definition, DefinitionError, error

__all__ = ["FUNCTIONS", "DefinitionError", "check", "evaluate", "holds", "parse"]

Value = Any
"""A number, a truth value, a list of values, or an integer that counts or indexes."""


CONDITION_DIGITS = 1_400


class _Function(NamedTuple):
    call: Callable[..., Value]
    least: int
    most: int | None


def evaluate(
    text: str, names: Mapping[str, Value], digits: int, held: Mapping[str, Value] | None = None
) -> Value:
    """The value of a definition where its names stand for these numbers, lists and labels.

    What stands inside ``stop`` is evaluated with the names in `held`, where that is given: a
    derivative moves the one and not the other.
    """
    definition = parse(text)
    walker = _Walker(definition, arithmetic(digits), held)
    return walker.run(names)


def holds(text: str, names: Mapping[str, Value], digits: int = CONDITION_DIGITS) -> bool:
    """The value of a definition that is a condition.

    By default with so many digits that no sum or difference of floats is rounded.
    """
    definition = parse(text)
    truth = _Walker(definition, arithmetic(digits)).truth_of(names)
    if not isinstance(truth, bool):
        raise error(definition.text, definition.result, "is not a condition; write a comparison")
    return truth


@lru_cache(maxsize=4096)
def parse(text: str) -> Definition:
    """Read a definition; raise ``DefinitionError`` where it is not in the language."""
    return grammar.read(text, FUNCTIONS, _CONSTANTS)


def check(text: str, names: Iterable[str]) -> None:
    """Raise ``DefinitionError`` where a definition is malformed or reads any other name."""
    grammar.check(parse(text), names)


_CONSTANTS: dict[str, Callable[[Arithmetic], Value]] = {
    "pi": lambda real: real.pi,
    "inf": lambda real: real.inf,
    "nan": lambda real: real.nan,
    "none": lambda real: None,
}


class _Walker:
    """Evaluates one definition at one precision."""

    def __init__(
        self, definition: Definition, real: Arithmetic, held: Mapping[str, Value] | None = None
    ) -> None:
        self._text = definition.text
        self._definition = definition
        self.real = real
        self._held: dict[str, Value] | None = None  # as long as it is made, nothing is held
        if held is not None:
            self._held = self._scope(held)

    def run(self, names: Mapping[str, Value]) -> Value:
        """The result, with every number in it an mpmath number."""
        return self._numbers(self.truth_of(names))

    def truth_of(self, names: Mapping[str, Value]) -> Value:
        """The result as it is, which for a condition is a truth value."""
        return self._walk(self._definition.result, self._scope(names))

    def _scope(self, names: Mapping[str, Value]) -> dict[str, Value]:
        """The names with what the assignments make of them."""
        scope = {name: self._read(value) for name, value in names.items()}
        for name, expression in self._definition.assignments:
            scope[name] = self._walk(expression, scope)
        return scope

    def _read(self, value: Value) -> Value:
        if isinstance(value, list | tuple):
            return [self._read(item) for item in value]
        if value is None or isinstance(value, bool) or type(value) is int:
            return value
        return self.real.number(value)

    def _numbers(self, value: Value) -> Value:
        if isinstance(value, list):
            return [self._numbers(item) for item in value]
        return self.real.number(value)

    def _walk(self, node: ast.expr, scope: dict[str, Value]) -> Value:
        return _RULES[type(node)](self, node, scope)

    def number(self, value: Value, node: ast.AST) -> Mpf:
        """An operand as an mpmath number."""
        if hasattr(value, "_mpf_"):
            return value
        if isinstance(value, int):
            return self.real.number(value)
        what = "a list" if isinstance(value, list) else "none"
        raise error(self._text, node, f"{what} where a number is due")

    def _constant(self, node: ast.Constant, scope: dict[str, Value]) -> Value:
        if isinstance(node.value, float):
            return self.real.decimal(ast.get_source_segment(self._text, node) or "nan")
        return node.value

    def _name(self, node: ast.Name, scope: dict[str, Value]) -> Value:
        if node.id in scope:
            return scope[node.id]
        if node.id in _CONSTANTS:
            return _CONSTANTS[node.id](self.real)
        raise error(self._text, node, f"unknown name {node.id}")

    def _unary(self, node: ast.UnaryOp, scope: dict[str, Value]) -> Value:
        if isinstance(node.op, ast.Not):
            return not self._truth(node.operand, scope)
        value = self._walk(node.operand, scope)
        return -value if type(value) is int else -self.number(value, node)

    def _binary(self, node: ast.BinOp, scope: dict[str, Value]) -> Value:
        left, right = self._walk(node.left, scope), self._walk(node.right, scope)
        op = type(node.op)
        if type(left) is int and type(right) is int and op in _COUNTING:
            return _COUNTING[op](left, right)
        x, y = self.number(left, node.left), self.number(right, node.right)
        if op is ast.Add:
            return x + y
        if op is ast.Sub:
            return x - y
        if op is ast.Mult:
            return x * y
        return self.real.divide(x, y) if op is ast.Div else self.real.power(x, y)

    def _compare(self, node: ast.Compare, scope: dict[str, Value]) -> bool:
        left = self._walk(node.left, scope)
        for op, operand in zip(node.ops, node.comparators, strict=True):
            right = self._walk(operand, scope)
            none = left is None or right is None
            if not none and (isinstance(left, list) or isinstance(right, list)):
                raise error(self._text, node, "lists cannot be compared; compare their items")
            if none and not isinstance(op, ast.Eq | ast.NotEq):
                raise error(self._text, node, "none has no order; test it with == or !=")
            if not COMPARISONS[type(op)](left, right):
                return False
            left = right
        return True

    def _boolean(self, node: ast.BoolOp, scope: dict[str, Value]) -> bool:
        truths = (self._truth(value, scope) for value in node.values)
        return all(truths) if isinstance(node.op, ast.And) else any(truths)

    def _condition(self, node: ast.IfExp, scope: dict[str, Value]) -> Value:
        return self._walk(node.body if self._truth(node.test, scope) else node.orelse, scope)

    def _truth(self, node: ast.expr, scope: dict[str, Value]) -> bool:
        value = self._walk(node, scope)
        if not isinstance(value, bool):
            raise error(self._text, node, "a condition must be a comparison or a truth value")
        return value

    def _list(self, node: ast.List, scope: dict[str, Value]) -> list[Value]:
        return [self._walk(item, scope) for item in node.elts]

    def _index(self, node: ast.Subscript, scope: dict[str, Value]) -> Value:
        items, index = self._walk(node.value, scope), self._walk(node.slice, scope)
        if not isinstance(items, list):
            raise error(self._text, node, "only lists can be indexed")
        if type(index) is not int or not 0 <= index < len(items):
            last = len(items) - 1
            raise error(self._text, node, f"index {index} is not an integer from 0 to {last}")
        return items[index]

    def _comprehension(
        self, node: ast.ListComp | ast.GeneratorExp, scope: dict[str, Value]
    ) -> list[Value]:
        return [self._walk(node.elt, inner) for inner in self._loops(node.generators, scope)]

    def _loops(
        self, loops: list[ast.comprehension], scope: dict[str, Value]
    ) -> Iterator[dict[str, Value]]:
        if not loops:
            yield scope
            return
        first, *rest = loops
        items = self._walk(first.iter, scope)
        if not isinstance(items, list):
            raise error(self._text, first.iter, "only lists can be looped over")
        inner = dict(scope)
        for item in items:
            self._bind(first.target, item, inner)
            if all(self._truth(test, inner) for test in first.ifs):
                yield from self._loops(rest, inner)

    def _bind(self, target: ast.expr, item: Value, scope: dict[str, Value]) -> None:
        if isinstance(target, ast.Name):
            scope[target.id] = item
        elif isinstance(target, ast.Tuple):
            if not isinstance(item, list) or len(item) != len(target.elts):
                raise error(self._text, target, f"needs items of {len(target.elts)} parts")
            for part, value in zip(target.elts, item, strict=True):
                self._bind(part, value, scope)

    def _call(self, node: ast.Call, scope: dict[str, Value]) -> Value:
        assert isinstance(node.func, ast.Name)
        if node.func.id == "stop" and self._held is not None:
            scope = self._held
        arguments = [self._walk(argument, scope) for argument in node.args]
        return FUNCTIONS[node.func.id].call(self, node, *arguments)

    def _function(self, node: ast.Lambda, scope: dict[str, Value]) -> Callable[[Mpf], Mpf]:
        """A function of one number, which sees what its place in the definition sees."""
        name = node.args.args[0].arg
        return lambda x: self.number(self._walk(node.body, {**scope, name: x}), node.body)

    def root(self, node: ast.Call, function: Any, low: Value, high: Value) -> Mpf:
        """Where an increasing function is 0, between two numbers."""
        ends = (self.number(end, node) for end in (low, high))
        return self.real.root(function, *ends)

    def items(self, value: Value, node: ast.AST) -> list[Value]:
        """An operand as a list."""
        if not isinstance(value, list):
            raise error(self._text, node, "a number where a list is due")
        return value

    def extreme(self, node: ast.Call, values: tuple[Value, ...], largest: bool) -> Value:
        """The largest or smallest of the arguments, or of one list; NaN where any is NaN."""
        items = self.items(values[0], node) if len(values) == 1 else list(values)
        if not items:
            raise error(self._text, node, "the largest or smallest of nothing")
        numbers = [self.number(item, node) for item in items]
        if any(self.real.isnan(number) for number in numbers):
            return self.real.nan
        return max(numbers) if largest else min(numbers)

    def total(self, node: ast.Call, values: Value) -> Value:
        """The sum of a list."""
        total = self.real.zero
        for item in self.items(values, node):
            total = total + self.number(item, node)
        return total

    def ordered(self, node: ast.Call, values: Value) -> list[Mpf]:
        """``sorted`` of a list of numbers."""
        return sorted(self.number(item, node) for item in self.items(values, node))

    def integers(self, node: ast.Call, *bounds: Value) -> list[int]:
        """``range`` of one, two or three integers."""
        if not all(type(bound) is int for bound in bounds):
            raise error(self._text, node, "range takes integers")
        return list(range(*bounds))

    def truths(self, node: ast.Call, values: Value) -> list[bool]:
        """An operand as a list of truth values."""
        if not all(isinstance(value, bool) for value in self.items(values, node)):
            raise error(self._text, node, "any and all take lists of conditions")
        return list(values)

    def zipped(self, node: ast.Call, *lists: Value) -> list[list[Value]]:
        """``zip`` of lists of one length."""
        if len({len(self.items(values, node)) for values in lists}) != 1:
            raise error(self._text, node, "zip takes lists of one length")
        return [list(group) for group in zip(*lists, strict=True)]


def _real(operation: Callable[..., Value], arity: int = 1) -> _Function:
    """A function of numbers."""

    def call(walker: _Walker, node: ast.Call, *values: Value) -> Value:
        numbers = (walker.number(value, node) for value in values)
        return operation(walker.real, *numbers)

    return _Function(call, arity, arity)


FUNCTIONS: dict[str, _Function] = {
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
    "max": _Function(lambda walker, node, *v: walker.extreme(node, v, largest=True), 1, None),
    "min": _Function(lambda walker, node, *v: walker.extreme(node, v, largest=False), 1, None),
    "sorted": _Function(_Walker.ordered, 1, 1),
    "stop": _Function(lambda walker, node, value: value, 1, 1),
    "root": _Function(_Walker.root, 3, 3),
    "sum": _Function(_Walker.total, 1, 1),
    "len": _Function(lambda walker, node, v: len(walker.items(v, node)), 1, 1),
    "range": _Function(_Walker.integers, 1, 3),
    "enumerate": _Function(
        lambda walker, node, v: [[i, item] for i, item in enumerate(walker.items(v, node))], 1, 1
    ),
    "zip": _Function(_Walker.zipped, 1, None),
    "any": _Function(lambda walker, node, v: any(walker.truths(node, v)), 1, 1),
    "all": _Function(lambda walker, node, v: all(walker.truths(node, v)), 1, 1),
}

_COUNTING: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
}

_RULES: dict[type[ast.expr], Callable[[_Walker, Any, dict[str, Value]], Value]] = {
    ast.Constant: _Walker._constant,
    ast.Name: _Walker._name,
    ast.UnaryOp: _Walker._unary,
    ast.BinOp: _Walker._binary,
    ast.Compare: _Walker._compare,
    ast.BoolOp: _Walker._boolean,
    ast.IfExp: _Walker._condition,
    ast.List: _Walker._list,
    ast.Subscript: _Walker._index,
    ast.ListComp: _Walker._comprehension,
    ast.GeneratorExp: _Walker._comprehension,
    ast.Call: _Walker._call,
    ast.Lambda: _Walker._function,
}
