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

from lossapi.errors import LossError

from .arithmetic import Arithmetic, Mpf, arithmetic

Value = Any
"""A number, a truth value, a list of values, or an integer that counts or indexes."""


class DefinitionError(LossError, ValueError):
    """A definition is not in the language, or cannot be evaluated at the values given."""


class Definition(NamedTuple):
    """A definition that was read and checked: its assignments, its result, and what it reads."""

    text: str
    assignments: tuple[tuple[str, ast.expr], ...]
    result: ast.expr
    free: frozenset[str]


class _Function(NamedTuple):
    call: Callable[..., Value]
    least: int
    most: int | None


def evaluate(text: str, names: Mapping[str, Value], digits: int) -> Value:
    """The value of a definition where its names stand for these numbers, lists and labels."""
    definition = parse(text)
    walker = _Walker(definition, arithmetic(digits))
    return walker.run(names)


def holds(text: str, names: Mapping[str, Value], digits: int) -> bool:
    """The value of a definition that is a condition."""
    definition = parse(text)
    truth = _Walker(definition, arithmetic(digits)).truth_of(names)
    if not isinstance(truth, bool):
        raise _error(definition.text, definition.result, "is not a condition; write a comparison")
    return truth


@lru_cache(maxsize=4096)
def parse(text: str) -> Definition:
    """Read a definition; raise ``DefinitionError`` where it is not in the language."""
    source = text.strip()
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError) as problem:
        line, column = getattr(problem, "lineno", 1) or 1, getattr(problem, "offset", 1) or 1
        raise DefinitionError(_message(source, line, column, "is not an expression")) from None
    if not body or not isinstance(body[-1], ast.Expr):
        line = len(source.splitlines()) or 1
        raise DefinitionError(_message(source, line, 1, "the last line must be an expression"))
    assignments = []
    for statement in body[:-1]:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if name in FUNCTIONS or name in _CONSTANTS:
                    raise _error(source, statement, f"{name} has a meaning already")
                assignments.append((name, value))
            case _:
                raise _error(source, statement, "only name = expression may stand before the last")
    free: set[str] = set()
    known: set[str] = set()
    for name, value in assignments:
        free |= _Reader(source).free_names(value) - known
        known.add(name)
    free |= _Reader(source).free_names(body[-1].value) - known
    return Definition(source, tuple(assignments), body[-1].value, frozenset(free))


def check(text: str, names: Iterable[str]) -> None:
    """Raise ``DefinitionError`` where a definition is malformed or reads any other name."""
    definition, known = parse(text), set(names)
    for name in sorted(definition.free - known):
        for root in [*(value for _, value in definition.assignments), definition.result]:
            for node in ast.walk(root):
                if isinstance(node, ast.Name) and node.id == name:
                    listed = ", ".join(sorted(known)) or "none"
                    raise _error(
                        definition.text, node, f"unknown name {name}; names here are {listed}"
                    )


def _message(text: str, line: int, column: int, problem: str) -> str:
    lines = text.splitlines() or [""]
    shown = lines[min(line, len(lines)) - 1].strip()
    return f"definition {shown!r}, line {line}, column {column}: {problem}"


def _error(text: str, node: ast.AST, problem: str) -> DefinitionError:
    line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
    return DefinitionError(_message(text, line, column, problem))


class _Reader:
    """Walks an expression once, refusing what is not in the language and noting free names."""

    def __init__(self, text: str) -> None:
        self._text = text

    def free_names(self, node: ast.expr, bound: frozenset[str] = frozenset()) -> set[str]:
        match node:
            case ast.Constant(value=value):
                if type(value) not in (int, float, bool):
                    raise _error(self._text, node, f"{value!r} is not a number")
                return set()
            case ast.Name(id=name):
                if name in FUNCTIONS:
                    raise _error(self._text, node, f"{name} is a function; call it")
                return set() if name in bound or name in _CONSTANTS else {name}
            case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
                return self.free_names(operand, bound)
            case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow()):
                return self._all([node.left, node.right], bound)
            case ast.Compare(left=left, ops=ops, comparators=others):
                if not all(type(op) in _COMPARISONS for op in ops):
                    raise _error(self._text, node, "compare with < <= > >= == !=")
                return self._all([left, *others], bound)
            case ast.BoolOp(values=values):
                return self._all(values, bound)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._all([test, body, orelse], bound)
            case ast.List(elts=items):
                return self._all(items, bound)
            case ast.Subscript(value=value, slice=index) if not isinstance(index, ast.Slice):
                return self._all([value, index], bound)
            case ast.ListComp(elt=item, generators=loops) | ast.GeneratorExp(
                elt=item, generators=loops
            ):
                return self._comprehension(item, loops, bound)
            case ast.Call():
                return self._call(node, bound)
        kind = type(node).__name__
        raise _error(self._text, node, f"{kind} is not part of the definition language")

    def _all(self, nodes: Iterable[ast.expr], bound: frozenset[str]) -> set[str]:
        return set().union(*(self.free_names(node, bound) for node in nodes))

    def _call(self, node: ast.Call, bound: frozenset[str]) -> set[str]:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in FUNCTIONS:
            known = ", ".join(sorted(FUNCTIONS))
            raise _error(self._text, node, f"unknown function; functions are {known}")
        if node.keywords or any(isinstance(item, ast.Starred) for item in node.args):
            raise _error(self._text, node, f"{name} takes plain arguments only")
        least, most = FUNCTIONS[name].least, FUNCTIONS[name].most
        if len(node.args) < least or (most is not None and len(node.args) > most):
            wanted = str(least) if least == most else f"{least} or more"
            got = len(node.args)
            raise _error(self._text, node, f"{name} takes {wanted} arguments, got {got}")
        return self._all(node.args, bound)

    def _comprehension(
        self, item: ast.expr, loops: list[ast.comprehension], bound: frozenset[str]
    ) -> set[str]:
        free: set[str] = set()
        for loop in loops:
            free |= self.free_names(loop.iter, bound)
            bound |= _targets(self._text, loop.target)
            free |= self._all(loop.ifs, bound)
        return free | self.free_names(item, bound)


def _targets(text: str, target: ast.expr) -> frozenset[str]:
    match target:
        case ast.Name(id=name) if name not in FUNCTIONS and name not in _CONSTANTS:
            return frozenset({name})
        case ast.Tuple(elts=items):
            return frozenset().union(*(_targets(text, item) for item in items))
    raise _error(text, target, "a loop variable must be a new name")


_COMPARISONS: dict[type[ast.cmpop], Callable[[Value, Value], bool]] = {
    ast.Lt: lambda a, b: bool(a < b),
    ast.LtE: lambda a, b: bool(a <= b),
    ast.Gt: lambda a, b: bool(a > b),
    ast.GtE: lambda a, b: bool(a >= b),
    ast.Eq: lambda a, b: bool(a == b),
    ast.NotEq: lambda a, b: not a == b,
}

_CONSTANTS: dict[str, Callable[[Arithmetic], Value]] = {
    "pi": lambda real: real.pi,
    "inf": lambda real: real.inf,
    "nan": lambda real: real.nan,
    "none": lambda real: None,
}


class _Walker:
    """Evaluates one definition at one precision."""

    def __init__(self, definition: Definition, real: Arithmetic) -> None:
        self._text = definition.text
        self._definition = definition
        self.real = real

    def run(self, names: Mapping[str, Value]) -> Value:
        """The result, with every number in it an mpmath number."""
        return self._numbers(self.truth_of(names))

    def truth_of(self, names: Mapping[str, Value]) -> Value:
        """The result as it is, which for a condition is a truth value."""
        scope = {name: self._read(value) for name, value in names.items()}
        for name, expression in self._definition.assignments:
            scope[name] = self._walk(expression, scope)
        return self._walk(self._definition.result, scope)

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
        raise _error(self._text, node, f"{what} where a number is due")

    def _constant(self, node: ast.Constant, scope: dict[str, Value]) -> Value:
        if isinstance(node.value, float):
            return self.real.decimal(ast.get_source_segment(self._text, node) or "nan")
        return node.value

    def _name(self, node: ast.Name, scope: dict[str, Value]) -> Value:
        if node.id in scope:
            return scope[node.id]
        if node.id in _CONSTANTS:
            return _CONSTANTS[node.id](self.real)
        raise _error(self._text, node, f"unknown name {node.id}")

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
            if isinstance(left, list) or isinstance(right, list):
                raise _error(self._text, node, "lists cannot be compared; compare their items")
            if (left is None or right is None) and not isinstance(op, ast.Eq | ast.NotEq):
                raise _error(self._text, node, "none has no order; test it with == or !=")
            if not _COMPARISONS[type(op)](left, right):
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
            raise _error(self._text, node, "a condition must be a comparison or a truth value")
        return value

    def _list(self, node: ast.List, scope: dict[str, Value]) -> list[Value]:
        return [self._walk(item, scope) for item in node.elts]

    def _index(self, node: ast.Subscript, scope: dict[str, Value]) -> Value:
        items, index = self._walk(node.value, scope), self._walk(node.slice, scope)
        if not isinstance(items, list):
            raise _error(self._text, node, "only lists can be indexed")
        if type(index) is not int or not 0 <= index < len(items):
            last = len(items) - 1
            raise _error(self._text, node, f"index {index} is not an integer from 0 to {last}")
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
            raise _error(self._text, first.iter, "only lists can be looped over")
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
                raise _error(self._text, target, f"needs items of {len(target.elts)} parts")
            for part, value in zip(target.elts, item, strict=True):
                self._bind(part, value, scope)

    def _call(self, node: ast.Call, scope: dict[str, Value]) -> Value:
        assert isinstance(node.func, ast.Name)
        arguments = [self._walk(argument, scope) for argument in node.args]
        return FUNCTIONS[node.func.id].call(self, node, *arguments)

    def items(self, value: Value, node: ast.AST) -> list[Value]:
        """An operand as a list."""
        if not isinstance(value, list):
            raise _error(self._text, node, "a number where a list is due")
        return value

    def extreme(self, node: ast.Call, values: tuple[Value, ...], largest: bool) -> Value:
        """The largest or smallest of the arguments, or of one list; NaN where any is NaN."""
        items = self.items(values[0], node) if len(values) == 1 else list(values)
        if not items:
            raise _error(self._text, node, "the largest or smallest of nothing")
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

    def integers(self, node: ast.Call, *bounds: Value) -> list[int]:
        """``range`` of one, two or three integers."""
        if not all(type(bound) is int for bound in bounds):
            raise _error(self._text, node, "range takes integers")
        return list(range(*bounds))

    def truths(self, node: ast.Call, values: Value) -> list[bool]:
        """An operand as a list of truth values."""
        if not all(isinstance(value, bool) for value in self.items(values, node)):
            raise _error(self._text, node, "any and all take lists of conditions")
        return list(values)

    def zipped(self, node: ast.Call, *lists: Value) -> list[list[Value]]:
        """``zip`` of lists of one length."""
        if len({len(self.items(values, node)) for values in lists}) != 1:
            raise _error(self._text, node, "zip takes lists of one length")
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
        for name in ("exp", "log", "log1p", "expm1", "sqrt", "sinh", "cosh", "tanh", "sign")
    },
    "abs": _real(Arithmetic.absolute),
    "isinf": _real(Arithmetic.isinf),
    "isnan": _real(Arithmetic.isnan),
    "xlogy": _real(Arithmetic.xlogy, 2),
    "xlog1py": _real(Arithmetic.xlog1py, 2),
    "max": _Function(lambda walker, node, *v: walker.extreme(node, v, largest=True), 1, None),
    "min": _Function(lambda walker, node, *v: walker.extreme(node, v, largest=False), 1, None),
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
}
