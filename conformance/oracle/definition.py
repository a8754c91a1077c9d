"""The language of the formulas in specification files: parsed, checked and walked, never eval'd.

A definition is a few lines ``name = expression`` and a last line that is an expression. It is
Python's grammar with all but arithmetic, comparisons, conditions, comprehensions, indexing and the
functions in ``FUNCTIONS`` removed. Numbers are reals at any precision (see ``arithmetic``), vectors
are lists, and a decimal such as ``0.1`` means exactly that decimal.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from . import grammar
from .arithmetic import Arithmetic, arithmetic
from .functions import CONSTANTS, FUNCTIONS, Value
from .grammar import Definition, DefinitionError, error
from .steps import Maker, Scope, Step

__all__ = ["FUNCTIONS", "DefinitionError", "check", "evaluate", "holds", "parse"]

CONDITION_DIGITS = 1_400
_SCOPES = 128
"""How many of the latest scopes are kept: formulas of one file often begin with the same lines."""


class _Program(NamedTuple):
    """A definition, made ready."""

    lines: tuple[str, ...]
    """The assignments as they are written."""
    assignments: tuple[tuple[str, Step], ...]
    result: Step


def evaluate(
    text: str, names: Mapping[str, Value], digits: int, held: Mapping[str, Value] | None = None
) -> Value:
    """The value of a definition where its names stand for these numbers, lists and labels.

    What stands inside ``stop`` is evaluated with the names in `held`, where that is given: a
    derivative moves the one and not the other.
    """
    real = arithmetic(digits)
    return _numbers(_run(text, names, real, held), real)


def holds(text: str, names: Mapping[str, Value], digits: int = CONDITION_DIGITS) -> bool:
    """The value of a definition that is a condition.

    By default with so many digits that no sum or difference of floats is rounded.
    """
    truth = _run(text, names, arithmetic(digits))
    if not isinstance(truth, bool):
        definition = parse(text)
        raise error(definition.text, definition.result, "is not a condition; write a comparison")
    return truth


@lru_cache(maxsize=4096)
def parse(text: str) -> Definition:
    """Read a definition; raise ``DefinitionError`` where it is not in the language."""
    return grammar.read(text, FUNCTIONS, CONSTANTS)


def check(text: str, names: Iterable[str]) -> None:
    """Raise ``DefinitionError`` where a definition is malformed or reads any other name."""
    grammar.check(parse(text), names)


def _run(
    text: str,
    names: Mapping[str, Value],
    real: Arithmetic,
    held: Mapping[str, Value] | None = None,
) -> Value:
    """The result as it is, which for a condition is a truth value."""
    program = _program(text)
    if held is not None:
        return program.result(_filled(program, names, real, _filled(program, held, real, None)))
    if not program.assignments:
        return program.result(_filled(program, names, real, None))
    key = (program.lines, real.digits, *((name, _frozen(x)) for name, x in names.items()))
    if key not in _latest:
        while len(_latest) >= _SCOPES:
            _latest.pop(next(iter(_latest)))
        _latest[key] = _filled(program, names, real, None)
    return program.result(_latest[key])


_latest: dict[Any, Scope] = {}


def _frozen(value: Value) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def _filled(
    program: _Program, names: Mapping[str, Value], real: Arithmetic, held: Scope | None
) -> Scope:
    """The names with what the assignments make of them."""
    scope = Scope({name: _read(value, real) for name, value in names.items()})
    scope.real, scope.held = real, held
    for name, step in program.assignments:
        scope[name] = step(scope)
    return scope


def _read(value: Value, real: Arithmetic) -> Value:
    if isinstance(value, list | tuple):
        return [_read(item, real) for item in value]
    if value is None or isinstance(value, bool) or type(value) is int:
        return value
    return real.number(value)


def _numbers(value: Value, real: Arithmetic) -> Value:
    """The value with every number in it an mpmath number."""
    if isinstance(value, list):
        return [_numbers(item, real) for item in value]
    return real.number(value)


@lru_cache(maxsize=4096)
def _program(text: str) -> _Program:
    definition = parse(text)
    make = Maker(definition.text)
    assignments = tuple((name, make.step(node)) for name, node in definition.assignments)
    lines = tuple(
        f"{name} = {ast.get_source_segment(definition.text, node)}"
        for name, node in definition.assignments
    )
    return _Program(lines, assignments, make.step(definition.result))
