"""The grammar of definitions: which part of Python's is read, and which names a text reads."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from lossapi.errors import LossError


class DefinitionError(LossError, ValueError):
    """A definition is not in the language, or cannot be evaluated at the values given."""


class Definition(NamedTuple):
    """A definition that was read and checked: its assignments, its result, and what it reads."""

    text: str
    assignments: tuple[tuple[str, ast.expr], ...]
    result: ast.expr
    free: frozenset[str]


class Arity(Protocol):
    """How many arguments a function takes."""

    @property
    def least(self) -> int:
        """No fewer than this."""

    @property
    def most(self) -> int | None:
        """No more than this, where there is a limit."""


Functions = Mapping[str, Arity]
FUNCTIONALS = ("root",)
"""The functions whose first argument is a function."""


def read(text: str, functions: Functions, constants: Container[str]) -> Definition:
    """Read a definition; raise ``DefinitionError`` where it is not in the language."""
    source = text.strip()
    body = _statements(source)
    reader = _Reader(source, functions, constants)
    assignments = []
    free: set[str] = set()
    known: set[str] = set()
    for statement in body[:-1]:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if name in functions or name in constants:
                    raise error(source, statement, f"{name} has a meaning already")
                assignments.append((name, value))
                free |= reader.free_names(value) - known
                known.add(name)
            case _:
                raise error(source, statement, "only name = expression may stand before the last")
    last = body[-1]
    if not isinstance(last, ast.Expr):
        raise error(source, last, "the last line must be an expression")
    free |= reader.free_names(last.value) - known
    return Definition(source, tuple(assignments), last.value, frozenset(free))


def _statements(source: str) -> list[ast.stmt]:
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError) as problem:
        line, column = getattr(problem, "lineno", 1) or 1, getattr(problem, "offset", 1) or 1
        raise DefinitionError(_message(source, line, column, "is not an expression")) from None
    if not body:
        raise DefinitionError(_message(source, 1, 1, "the last line must be an expression"))
    return body


def check(definition: Definition, names: Iterable[str]) -> None:
    """Raise ``DefinitionError`` where a definition reads any other name."""
    known = set(names)
    for name in sorted(definition.free - known):
        for root in [*(value for _, value in definition.assignments), definition.result]:
            for node in ast.walk(root):
                if isinstance(node, ast.Name) and node.id == name:
                    listed = ", ".join(sorted(known)) or "none"
                    raise error(
                        definition.text, node, f"unknown name {name}; names here are {listed}"
                    )


def _message(text: str, line: int, column: int, problem: str) -> str:
    lines = text.splitlines() or [""]
    shown = lines[min(line, len(lines)) - 1].strip()
    return f"definition {shown!r}, line {line}, column {column}: {problem}"


def error(text: str, node: ast.AST, problem: str) -> DefinitionError:
    """The error to raise about one place in a definition."""
    line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
    return DefinitionError(_message(text, line, column, problem))


class _Reader:
    """Walks an expression once, refusing what is not in the language and noting free names."""

    def __init__(self, text: str, functions: Functions, constants: Container[str]) -> None:
        self._text = text
        self._functions = functions
        self._constants = constants

    def free_names(self, node: ast.expr, bound: frozenset[str] = frozenset()) -> set[str]:
        """The names that an expression reads and does not bind itself."""
        match node:
            case ast.Constant(value=value):
                if type(value) not in (int, float, bool):
                    raise error(self._text, node, f"{value!r} is not a number")
                return set()
            case ast.Name(id=name):
                if name in self._functions:
                    raise error(self._text, node, f"{name} is a function; call it")
                return set() if name in bound or name in self._constants else {name}
            case ast.ListComp() | ast.GeneratorExp():
                return self._comprehension(node.elt, node.generators, bound)
            case ast.Call():
                return self._call(node, bound)
            case ast.Lambda():
                raise error(self._text, node, "a Lambda can only be the first argument of root")
        if not isinstance(node, _COMPOUND):
            raise self._foreign(node, node)
        for part in ast.iter_child_nodes(node):
            if not isinstance(part, (ast.expr, ast.expr_context, *_OPERATORS)):
                raise self._foreign(part, node)
        return self._all(_operands(node), bound)

    def _foreign(self, part: ast.AST, node: ast.expr) -> DefinitionError:
        kind = type(part).__name__
        return error(self._text, node, f"{kind} is not part of the definition language")

    def _all(self, nodes: Iterable[ast.expr], bound: frozenset[str]) -> set[str]:
        return set().union(*(self.free_names(node, bound) for node in nodes))

    def _call(self, node: ast.Call, bound: frozenset[str]) -> set[str]:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in self._functions:
            known = ", ".join(sorted(self._functions))
            raise error(self._text, node, f"unknown function; functions are {known}")
        if node.keywords or any(isinstance(item, ast.Starred) for item in node.args):
            raise error(self._text, node, f"{name} takes plain arguments only")
        least, most = self._functions[name].least, self._functions[name].most
        if len(node.args) < least or (most is not None and len(node.args) > most):
            wanted = str(least) if least == most else f"{least} or more"
            got = len(node.args)
            raise error(self._text, node, f"{name} takes {wanted} arguments, got {got}")
        if name in FUNCTIONALS:
            first, *others = node.args
            return self._lambda(first, bound) | self._all(others, bound)
        return self._all(node.args, bound)

    def _lambda(self, node: ast.expr, bound: frozenset[str]) -> set[str]:
        match node:
            case ast.Lambda(args=ast.arguments(args=[ast.arg(arg=name)]), body=body) if ast.unparse(
                node.args
            ) == name and self._targets(ast.Name(name)):
                return self.free_names(body, bound | {name})
        raise error(self._text, node, "write a function of one variable, as in lambda x: x**2 - 2")

    def _comprehension(
        self, item: ast.expr, loops: list[ast.comprehension], bound: frozenset[str]
    ) -> set[str]:
        free: set[str] = set()
        for loop in loops:
            free |= self.free_names(loop.iter, bound)
            bound |= self._targets(loop.target)
            free |= self._all(loop.ifs, bound)
        return free | self.free_names(item, bound)

    def _targets(self, target: ast.expr) -> frozenset[str]:
        match target:
            case ast.Name(id=name) if name not in self._functions and name not in self._constants:
                return frozenset({name})
            case ast.Tuple(elts=items):
                return frozenset().union(*(self._targets(item) for item in items))
        raise error(self._text, target, "a loop variable must be a new name")


def _operands(node: ast.expr) -> list[ast.expr]:
    """The expressions directly inside an expression."""
    return [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]


_COMPOUND = (
    ast.UnaryOp,
    ast.BinOp,
    ast.Compare,
    ast.BoolOp,
    ast.IfExp,
    ast.List,
    ast.Subscript,
)

COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}

_OPERATORS: tuple[type[ast.AST], ...] = (
    *(ast.USub, ast.Not, ast.And, ast.Or),
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow),
    *COMPARISONS,
)
