"""Shapes: NumPy's generalised-ufunc notation, read and matched against arrays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from .errors import ShapeError

_SIZE = r"(?:[a-z]+(?:-1)?|[1-9][0-9]*)"
_CORE = rf"\((|{_SIZE}(?:,{_SIZE})*)\)"
_SIGNATURE = re.compile(rf"({_CORE}(?:,{_CORE})*)->{_CORE}")
_VECTOR = re.compile(rf"\(({_SIZE})\) (.+)")

SEVERAL = ", several"
"""What follows the domain of a parameter of which a list may stand along an axis of its own."""

Shape = tuple[int, ...]


class Signature(NamedTuple):
    """The core dimensions of each input and of the output."""

    text: str
    inputs: tuple[tuple[str, ...], ...]
    output: tuple[str, ...]

    @property
    def elementwise(self) -> bool:
        """Whether neither an input nor the output has a core dimension."""
        return not any(self.inputs) and not self.output

    @property
    def has_axis(self) -> bool:
        """Whether there is exactly one core dimension, so that ``axis`` has a meaning."""
        return {len(core) for core in self.inputs} | {len(self.output)} <= {0, 1} and not (
            self.elementwise
        )


def length(dimension: str, sizes: Mapping[str, int]) -> int:
    """How many entries a core dimension has: ``k``, ``k-1``, or a fixed number as ``4``."""
    if dimension.isdigit():
        return int(dimension)
    name = dimension.removesuffix("-1")
    return sizes[name] - (name != dimension)


def measure(dimension: str, entries: int, sizes: dict[str, int]) -> int:
    """Learn the size of a core dimension from an array, unless known; how many are due."""
    name = dimension.removesuffix("-1")
    if not dimension.isdigit():
        sizes.setdefault(name, entries + (name != dimension))
    return length(dimension, sizes)


def parse(text: str) -> Signature:
    """Read ``"(k),()->()"``; raise ``ValueError`` where the text is no signature."""
    if not _SIGNATURE.fullmatch(text):
        raise ValueError(f"{text!r} is no signature; write it like '(k),()->()'")
    inputs, output = text.split("->")
    cores = [tuple(filter(None, core.split(","))) for core in re.findall(_CORE, inputs)]
    return Signature(text, tuple(cores), tuple(filter(None, output[1:-1].split(","))))


def split_core(text: str) -> tuple[tuple[str, ...], str]:
    """The core dimension that stands before the domain of a vector parameter, and the domain."""
    vector = _VECTOR.fullmatch(text)
    return ((vector[1],), vector[2]) if vector else ((), text)


def loop_shape(
    loss: str, signature: Signature, names: tuple[str, ...], shapes: list[Shape]
) -> tuple[Shape, dict[str, int]]:
    """The shape of the examples, and the size of each core dimension.

    Raise ``ShapeError`` where the inputs do not fit together.

    The shapes have their core dimensions last. Loop dimensions are equal, or an input has none.
    """
    sizes: dict[str, int] = {}
    owners: dict[str, str] = {}
    loops: dict[str, Shape] = {}
    for name, core, shape in zip(names, signature.inputs, shapes, strict=True):
        if len(shape) < len(core):
            raise ShapeError(
                f"{loss}: {name} has shape {shape}; it needs at least {len(core)} "
                f"dimension{'s' * (len(core) > 1)} ({', '.join(core)}) by the signature "
                f"{signature.text}. Give one row of values per example."
            )
        split = len(shape) - len(core)
        loops[name] = shape[:split]
        for dimension, size in zip(core, shape[split:], strict=True):
            known = measure(dimension, size, sizes)
            first = owners.setdefault(dimension.removesuffix("-1"), name)
            if known != size:
                raise ShapeError(_unequal(loss, signature, name, dimension, size, known, first))
    shared: Shape = ()
    owner = ""
    for name, loop in loops.items():
        if loop == ():
            continue
        if shared not in ((), loop):
            raise ShapeError(_mismatch(loss, owner, shared, name, loop))
        shared, owner = loop, name
    return shared, sizes


def _unequal(
    loss: str, signature: Signature, name: str, dimension: str, size: int, due: int, first: str
) -> str:
    if dimension.isdigit():
        return (
            f"{loss}: {name} has {size} entries along its core axis; the signature "
            f"{signature.text} wants {due}. Check the axis argument."
        )
    return (
        f"{loss}: {name} has {size} entries along its core axis ({dimension}); by {first} it is "
        f"to have {due}, in the signature {signature.text}. Check the axis argument, or the "
        f"number of classes."
    )


def _mismatch(loss: str, first: str, shape: Shape, second: str, other: Shape) -> str:
    squeezed = tuple(n for n in shape if n != 1), tuple(n for n in other if n != 1)
    fix = (
        f"Reshape one of them, as in {second}.reshape({shape})."
        if squeezed[0] == squeezed[1]
        else "Give both the same shape."
    )
    return (
        f"{loss}: the examples of {first} have shape {shape} and those of {second} have shape "
        f"{other}; accepted are equal shapes, or a scalar on one side (no other broadcasting, "
        f"which would pair every example with every other). {fix}"
    )


def broadcasts_to(shape: Shape, target: Shape) -> bool:
    """Whether NumPy's rules stretch ``shape`` to exactly ``target``."""
    if len(shape) > len(target):
        return False
    # Not `in`: under a compiler a size may be a symbol, which `in` fails to compare.
    return all(
        mine == 1 or mine == theirs  # noqa: PLR1714
        for mine, theirs in zip(reversed(shape), reversed(target), strict=False)
    )
