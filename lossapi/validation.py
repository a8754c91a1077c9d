"""What can be checked without looking at a value: dtypes and shapes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from . import signature
from .binding import CLASS_MASK
from .domain import LABELS
from .errors import DTypeError, ShapeError

if TYPE_CHECKING:
    from .binding import Bound
    from .loss import Function
    from .signature import Shape

_RANK = {"float16": 0, "bfloat16": 0, "float32": 1, "float64": 2}


def is_integer(dtype: str) -> bool:
    """Whether a dtype of this name holds integers or booleans."""
    return dtype.startswith(("int", "uint", "bool"))


def promoted(function: Function, dtypes: dict[str, str]) -> str:
    """The dtype of the result: what the differentiated inputs among these promote to."""
    result = ""
    for name, dtype in dtypes.items():
        if name in function.cast:
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
    labels = function.domains[name].text == LABELS
    if not is_integer(dtype) and (labels or dtype not in _RANK):
        kinds = "integer or bool" if labels else "floating, integer or bool"
        raise DTypeError(
            f"{function.__name__}: {name} has dtype {dtype}; accepted are {kinds} dtypes. "
            f"Convert it first."
        )


Axis = int | tuple[int, ...]


def places(axis: Axis, dimensions: int) -> tuple[int, ...]:
    """The axes that an axis argument names, counted from the front."""
    given = axis if isinstance(axis, tuple) else (axis,)
    return tuple([a % dimensions for a in given])


def core_last(shape: Shape, core: int, axis: Axis) -> Shape:
    """A shape with its core axis, if there is one, moved last; several axes become one."""
    if core == 0 or not shape or axis == -1:
        return shape
    moved = places(axis, len(shape))
    # Lists, not generators: torch.compile traces this.
    loop = [n for place, n in enumerate(shape) if place not in moved]
    return (*loop, math.prod([shape[place] for place in moved]))


def shapes(
    function: Function, bound: Bound, arrays: dict[str, Any]
) -> tuple[Shape, dict[str, int]]:
    """Check all shapes; give the shape of the examples, and the size of each core dimension."""
    name = function.__name__
    shapes = []
    has_axis = function.signature.has_axis
    for key, core in function.cores.items():
        shape = tuple(arrays[key].shape)
        if core and has_axis and shape:
            _check_axis(name, bound.axis, key, shape)
        shapes.append(core_last(shape, core, bound.axis) if has_axis else shape)
    loop, sizes = signature.loop_shape(name, function.signature, function.inputs, shapes)
    for key, cores in function.parameter_cores.items():
        due = tuple(signature.length(core, sizes) for core in cores)
        if key in bound.array_parameters and tuple(arrays[key].shape) != due:
            raise ShapeError(
                f"{name}: {key} has shape {tuple(arrays[key].shape)}; accepted is {due}, one "
                f"number for each entry along the core axis ({cores[0]})."
            )
    own = {*function.parameter_cores, CLASS_MASK}
    scalars = (key for key in bound.array_parameters if key not in own)
    for key in ("weights", "where", *scalars):
        if key in arrays and not signature.broadcasts_to(tuple(arrays[key].shape), loop):
            raise ShapeError(
                f"{name}: {key} has shape {tuple(arrays[key].shape)}; accepted is a shape that "
                f"broadcasts to that of the losses, {loop}."
            )
    output = (*loop, *(signature.length(n, sizes) for n in function.signature.output))
    _check_cotangent(function, bound, arrays, output)
    classes = (sizes["k"],) if "k" in sizes else shapes[0][-1:]
    if CLASS_MASK in arrays:
        _check_class_mask(function, arrays, classes)
    if "class_weights" in arrays and tuple(arrays["class_weights"].shape) != classes:
        raise ShapeError(
            f"{name}: class_weights has shape {tuple(arrays['class_weights'].shape)}; "
            f"accepted is one weight per class, {classes}."
        )
    return loop, sizes


def _check_class_mask(function: Function, arrays: dict[str, Any], classes: Shape) -> None:
    shape, whole = tuple(arrays[CLASS_MASK].shape), tuple(arrays[function.inputs[0]].shape)
    if shape not in (classes, whole):
        raise ShapeError(
            f"{function.__name__}: {function.class_mask} has shape {shape}; accepted is one entry "
            f"per class, {classes}, or the shape of {function.inputs[0]}, {whole}."
        )


def _check_axis(name: str, axis: Axis, key: str, shape: Shape) -> None:
    given = axis if isinstance(axis, tuple) else (axis,)
    inside = all(-len(shape) <= a < len(shape) for a in given)
    if not inside or len(set(places(axis, len(shape)))) < len(given):
        raise ShapeError(
            f"{name}: axis is {axis}, but {key} has shape {shape}; accepted is an axis "
            f"from {-len(shape)} to {len(shape) - 1}, or a tuple of different ones."
        )


def _check_cotangent(
    function: Function, bound: Bound, arrays: dict[str, Any], output: Shape
) -> None:
    if "cotangent" not in arrays:
        return
    shape = tuple(arrays["cotangent"].shape)
    has_axis = function.signature.has_axis
    core = len(function.signature.output) if has_axis else 0
    moved = core_last(shape, core, bound.axis)
    if moved != output:
        raise ShapeError(
            f"{function.__name__}: cotangent has shape {shape}; accepted is the shape of the "
            f"result ({len(output)} dimensions, {output} with the core axis last)."
        )


def check_options(function: Function, dtypes: dict[str, str]) -> None:
    """Check the dtypes of masks and weights."""
    name = function.__name__
    for key, shown in (("where", "where"), (CLASS_MASK, function.class_mask)):
        if dtypes.get(key, "bool") != "bool":
            raise DTypeError(
                f"{name}: {shown} has dtype {dtypes[key]}; accepted is bool. "
                f"Compare first, as in {shown}=mask != 0."
            )
    for key in ("weights", "class_weights", "cotangent"):
        dtype = dtypes.get(key, "bool")
        if dtype not in _RANK and not is_integer(dtype):
            raise DTypeError(
                f"{name}: {key} has dtype {dtype}; accepted are floating, integer or bool dtypes."
            )
