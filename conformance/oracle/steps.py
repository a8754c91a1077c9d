"""The expressions of a definition as Python functions of the names they read.

Exact results are the dearest part of a run, and walking over the tree for each of them took longer
than the arithmetic: so every expression is made ready once.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from .arithmetic import Arithmetic, Mpf
from .functions import CONSTANTS, FUNCTIONS, Value
from .grammar import COMPARISONS, DefinitionError, error


class Scope(dict[str, Value]):
    """What the names mean here, the arithmetic, and what the names mean inside ``stop``."""

    __slots__ = ("held", "real")
    real: Arithmetic
    held: Scope | None

    def within(self) -> Scope:
        """A scope of its own for loop variables."""
        inner = Scope(self)
        inner.real, inner.held = self.real, self.held
        return inner


Step = Callable[[Scope], Value]
"""The value of an expression in a scope."""
Loop = Callable[[Scope, list[Value]], None]
"""A loop, or what it repeats, that adds to a list."""


class Maker:
    """Makes the expressions of one definition ready."""

    def __init__(self, text: str) -> None:
        self._text = text

    def step(self, node: ast.expr) -> Step:
        """An expression as a function of a scope."""
        return _RULES[type(node)](self, node)

    def refuse(self, node: ast.AST, problem: str) -> DefinitionError:
        """The error to raise about a place in the definition."""
        return error(self._text, node, problem)

    def number(self, value: Value, node: ast.AST, real: Arithmetic) -> Mpf:
        """An operand as an mpmath number."""
        if isinstance(value, int):
            return real.number(value)
        if hasattr(value, "_mpf_"):
            return value
        what = "a list" if isinstance(value, list) else "none"
        raise self.refuse(node, f"{what} where a number is due")

    def items(self, value: Value, node: ast.AST) -> list[Value]:
        """An operand as a list."""
        if not isinstance(value, list):
            raise self.refuse(node, "a number where a list is due")
        return value

    def _constant(self, node: ast.Constant) -> Step:
        if isinstance(node.value, float):
            decimal = ast.get_source_segment(self._text, node) or "nan"
            return lambda scope: scope.real.decimal(decimal)
        value = node.value
        return lambda scope: value

    def _name(self, node: ast.Name) -> Step:
        name = node.id
        constant = CONSTANTS.get(name)

        def step(scope: Scope) -> Value:
            try:
                return scope[name]
            except KeyError:
                if constant is None:
                    raise self.refuse(node, f"unknown name {name}") from None
                return constant(scope.real)

        return step

    def _unary(self, node: ast.UnaryOp) -> Step:
        if isinstance(node.op, ast.Not):
            truth = self._truth(node.operand)
            return lambda scope: not truth(scope)
        operand = self.step(node.operand)

        def step(scope: Scope) -> Value:
            value = operand(scope)
            return -value if type(value) is int else -self.number(value, node, scope.real)

        return step

    def _binary(self, node: ast.BinOp) -> Step:
        left, right = self.step(node.left), self.step(node.right)
        op = type(node.op)
        counting, number = _COUNTING.get(op), self.number
        compute = _ARITHMETIC[op]

        def step(scope: Scope) -> Value:
            x, y = left(scope), right(scope)
            if counting is not None and type(x) is int and type(y) is int:
                return counting(x, y)
            real = scope.real
            if type(x) is not real.kind:
                x = number(x, node.left, real)
            if type(y) is not real.kind:
                y = number(y, node.right, real)
            return compute(real, x, y)

        return step

    def _compare(self, node: ast.Compare) -> Step:
        first = self.step(node.left)
        others = [
            (COMPARISONS[type(op)], isinstance(op, ast.Eq | ast.NotEq), self.step(operand))
            for op, operand in zip(node.ops, node.comparators, strict=True)
        ]

        def step(scope: Scope) -> bool:
            left = first(scope)
            for compare, equality, operand in others:
                right = operand(scope)
                none = left is None or right is None
                if not none and (isinstance(left, list) or isinstance(right, list)):
                    raise self.refuse(node, "lists cannot be compared; compare their items")
                if none and not equality:
                    raise self.refuse(node, "none has no order; test it with == or !=")
                if not compare(left, right):
                    return False
                left = right
            return True

        return step

    def _boolean(self, node: ast.BoolOp) -> Step:
        truths = [self._truth(value) for value in node.values]
        every = all if isinstance(node.op, ast.And) else any
        return lambda scope: every(truth(scope) for truth in truths)

    def _condition(self, node: ast.IfExp) -> Step:
        test, body, orelse = self._truth(node.test), self.step(node.body), self.step(node.orelse)
        return lambda scope: body(scope) if test(scope) else orelse(scope)

    def _truth(self, node: ast.expr) -> Callable[[Scope], bool]:
        condition = self.step(node)

        def step(scope: Scope) -> bool:
            value = condition(scope)
            if not isinstance(value, bool):
                raise self.refuse(node, "a condition must be a comparison or a truth value")
            return value

        return step

    def _list(self, node: ast.List) -> Step:
        items = [self.step(item) for item in node.elts]
        return lambda scope: [item(scope) for item in items]

    def _index(self, node: ast.Subscript) -> Step:
        whole, place = self.step(node.value), self.step(node.slice)

        def step(scope: Scope) -> Value:
            items, index = whole(scope), place(scope)
            if not isinstance(items, list):
                raise self.refuse(node, "only lists can be indexed")
            if type(index) is not int or not 0 <= index < len(items):
                last = len(items) - 1
                raise self.refuse(node, f"index {index} is not an integer from 0 to {last}")
            return items[index]

        return step

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp) -> Step:
        run: Loop = self._collect(self.step(node.elt))
        for loop in reversed(node.generators):
            run = self._loop(loop, run)

        def step(scope: Scope) -> list[Value]:
            found: list[Value] = []
            run(scope.within(), found)
            return found

        return step

    def _collect(self, item: Step) -> Loop:
        return lambda scope, found: found.append(item(scope))

    def _loop(self, loop: ast.comprehension, body: Loop) -> Loop:
        over, bind = self.step(loop.iter), self._binding(loop.target)
        name = loop.target.id if isinstance(loop.target, ast.Name) else None
        tests = [self._truth(test) for test in loop.ifs]

        def run(scope: Scope, found: list[Value]) -> None:
            items = over(scope)
            if not isinstance(items, list):
                raise self.refuse(loop.iter, "only lists can be looped over")
            for item in items:
                if name is None:
                    bind(scope, item)
                else:
                    scope[name] = item
                for test in tests:
                    if not test(scope):
                        break
                else:
                    body(scope, found)

        return run

    def _binding(self, target: ast.expr) -> Callable[[Scope, Value], None]:
        if isinstance(target, ast.Name):
            name = target.id
            return lambda scope, item: scope.__setitem__(name, item)
        assert isinstance(target, ast.Tuple)
        parts = [self._binding(part) for part in target.elts]
        names = [part.id for part in target.elts if isinstance(part, ast.Name)]

        def bind(scope: Scope, item: Value) -> None:
            if not isinstance(item, list) or len(item) != len(parts):
                raise self.refuse(target, f"needs items of {len(parts)} parts")
            if len(names) == len(parts):
                scope.update(zip(names, item, strict=True))
                return
            for part, value in zip(parts, item, strict=True):
                part(scope, value)

        return bind

    def _call(self, node: ast.Call) -> Step:
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        if name == "stop":
            inside = self.step(node.args[0])
            return lambda scope: inside(scope if scope.held is None else scope.held)
        call = FUNCTIONS[name].call
        arguments = [self.step(argument) for argument in node.args]
        return lambda scope: call(self, node, scope.real, *[step(scope) for step in arguments])

    def _function(self, node: ast.Lambda) -> Step:
        """A function of one number, which sees what its place in the definition sees."""
        name, body = node.args.args[0].arg, self.step(node.body)

        def step(scope: Scope) -> Callable[[Mpf], Mpf]:
            inner = scope.within()

            def function(x: Mpf) -> Mpf:
                inner[name] = x
                return self.number(body(inner), node.body, scope.real)

            return function

        return step


_COUNTING: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}

_ARITHMETIC: dict[type[ast.operator], Callable[[Arithmetic, Mpf, Mpf], Mpf]] = {
    ast.Add: lambda real, x, y: x + y,
    ast.Sub: lambda real, x, y: x - y,
    ast.Mult: lambda real, x, y: x * y,
    ast.Div: Arithmetic.divide,
    ast.Pow: Arithmetic.power,
}

_RULES: dict[type[ast.expr], Callable[[Maker, Any], Step]] = {
    ast.Constant: Maker._constant,
    ast.Name: Maker._name,
    ast.UnaryOp: Maker._unary,
    ast.BinOp: Maker._binary,
    ast.Compare: Maker._compare,
    ast.BoolOp: Maker._boolean,
    ast.IfExp: Maker._condition,
    ast.List: Maker._list,
    ast.Subscript: Maker._index,
    ast.ListComp: Maker._comprehension,
    ast.GeneratorExp: Maker._comprehension,
    ast.Call: Maker._call,
    ast.Lambda: Maker._function,
}
