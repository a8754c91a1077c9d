"""Equations and inequalities between functions, as a specification states them: the grammar.

A relation is one comparison (``==``, ``<=``, ``>=``) of two expressions. They are made of inputs
and parameters of the function, numbers, ``inf``, arithmetic, ``[a, b]`` (a vector), ``x[i]`` (a
component), ``exp``, ``log``, ``sqrt``, ``abs`` and ``sum``, and calls of any function that has a
specification, inputs by position and parameters by keyword.
"""

from __future__ import annotations

import ast
from collections.abc import Collection

from .grammar import DefinitionError, error

ELEMENTARY = ("exp", "log", "sqrt", "abs", "sum")
_PARTS = (
    *(ast.Name, ast.Constant, ast.UnaryOp, ast.BinOp, ast.List, ast.Subscript, ast.Call),
    *(ast.USub, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.Load, ast.keyword),
)
_COMPARISONS = (ast.Eq, ast.LtE, ast.GtE)


def read(text: str, names: Collection[str]) -> ast.Compare:
    """The comparison that a relation is; ``DefinitionError`` where it is none."""
    try:
        relation = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as problem:
        raise DefinitionError(f"relation {text!r} cannot be read: {problem.msg}") from None
    if not isinstance(relation, ast.Compare) or not all(
        isinstance(op, _COMPARISONS) for op in relation.ops
    ):
        raise error(text, relation, "a relation is one comparison by ==, <= or >=")
    if len(relation.ops) > 1:
        raise error(text, relation, "a relation has two sides; write a second one")
    functions = {id(node.func) for node in ast.walk(relation) if isinstance(node, ast.Call)}
    for side in (relation.left, *relation.comparators):
        for node in ast.walk(side):
            if not isinstance(node, _PARTS):
                raise error(text, node, f"{type(node).__name__} is not part of a relation")
            called = id(node) in functions
            if isinstance(node, ast.Name) and not called and node.id not in ("inf", *names):
                raise error(text, node, f"unknown name {node.id}; {', '.join(names)} are known")
    return relation
