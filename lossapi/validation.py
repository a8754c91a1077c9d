"""What can be checked without looking at a value: dtypes and shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import signature
from .errors import DTypeError, ShapeError

if TYPE_CHECKING:
    from .binding import Bound
    from .loss import Function
    from .signature import Shape

_RANK = {"float16": 0, "bfloat16": 0, "float32": 1, "float64": 2}
CAST = ("target", "labels")
"""Inputs that take the dtype of the others and do not promote them."""


def is_integer(dtype: str) -> bool:
    """Whether a dtype of this name holds integers or booleans."""
    return dtype.startswith(("int", "uint", "bool"))


def promoted(function: Function, dtypes: dict[str, str]) -> str:
    """The dtype of the result: what the differentiated inputs among these promote to."""
    result = ""
    for name, dtype in dtypes.items():
        if name in CAST:
            _check_cast_input(function, name, dtype)
        elif dtype not in _RANK:
            raise DTypeError(
                f"{function.__name__}: {name} has dtype {dtype}; accepted are "
                f"{', '.join(_RANK)}. Convert it first, for example to float32."
            )
        elif not result or _RANK[dtype] > _RANK[result]:
            result = dtype
        elif dtype != result and _RANK[dtype] == _RANK[result]:
            result = "float32"  # float16 with bfloat16: the smallest dtype that holds both
    return result


def _check_cast_input(function: Function, name: str, dtype: str) -> None:
    accepted = is_integer(dtype) or (name == "target" and dtype in _RANK)
    if not accepted:
        kinds = "integer or bool" if name == "labels" else "floating, integer or bool"
        raise DTypeError(
            f"{function.__name__}: {name} has dtype {dtype}; accepted are {kinds} dtypes. "
            f"Convert it first."
        )


def core_last(shape: Shape, core: int, axis: int) -> Shape:
    """A shape with its core axis, if there is one, moved last."""
    if core == 0 or not shape:
        return shape
    place = axis % len(shape)
    return (*shape[:place], *shape[place + 1 :], shape[place])


def loop_shape(function: Function, bound: Bound, arrays: dict[str, Any]) -> Shape:
    """Check all shapes, and give the shape of the examples."""
    name = function.__name__
    shapes = []
    for key, core in function.cores.items():
        shape = tuple(arrays[key].shape)
        if core == 1 and shape and not -len(shape) <= bound.axis < len(shape):
            raise ShapeError(
                f"{name}: axis is {bound.axis}, but {key} has shape {shape}; accepted is an axis "
                f"from {-len(shape)} to {len(shape) - 1}."
            )
        shapes.append(core_last(shape, core, bound.axis) if core == 1 else shape)
    loop = signature.loop_shape(name, function.signature, function.inputs, shapes)
    for key in ("weights", "where", *bound.array_parameters):
        if key in arrays and not signature.broadcasts_to(tuple(arrays[key].shape), loop):
            raise ShapeError(
                f"{name}: {key} has shape {tuple(arrays[key].shape)}; accepted is a shape that "
                f"broadcasts to that of the losses, {loop}."
            )
    _check_cotangent(function, bound, arrays, shapes[0], loop)
    if "class_weights" in arrays:
        classes = (shapes[0][-1],)
        if tuple(arrays["class_weights"].shape) != classes:
            raise ShapeError(
                f"{name}: class_weights has shape {tuple(arrays['class_weights'].shape)}; "
                f"accepted is one weight per class, {classes}."
            )
    return loop


def _check_cotangent(
    function: Function, bound: Bound, arrays: dict[str, Any], first: Shape, loop: Shape
) -> None:
    if "cotangent" not in arrays:
        return
    shape = tuple(arrays["cotangent"].shape)
    output = loop if not function.signature.output else first
    moved = core_last(shape, len(function.signature.output), bound.axis) if shape else shape
    if moved != output:
        raise ShapeError(
            f"{function.__name__}: cotangent has shape {shape}; accepted is the shape of the "
            f"result ({len(output)} dimensions, {output} with the core axis last)."
        )


def check_options(function: Function, dtypes: dict[str, str]) -> None:
    """Check the dtypes of masks and weights."""
    name = function.__name__
    if dtypes.get("where", "bool") != "bool":
        raise DTypeError(
            f"{name}: where has dtype {dtypes['where']}; accepted is bool. "
            f"Compare first, as in where=mask != 0."
        )
    for key in ("weights", "class_weights", "cotangent"):
        dtype = dtypes.get(key, "bool")
        if dtype not in _RANK and not is_integer(dtype):
            raise DTypeError(
                f"{name}: {key} has dtype {dtype}; accepted are floating, integer or bool dtypes."
            )
