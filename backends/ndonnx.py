"""ndonnx: a call becomes operations of an ONNX graph, in which the number of examples may be open.

A length that is not known is None in the shape of an array. Kernels know the lengths of their core
axes; what ndonnx forgets of them is stated again here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextvars import ContextVar
from functools import reduce
from typing import TYPE_CHECKING, Any

import ndonnx as ndx
import numpy as np
from spox.opset.ai.onnx import v21

from lossapi.backend import Backend
from lossapi.validation import places

if TYPE_CHECKING:
    from lossapi.backend import Step
    from lossapi.plan import Plan
    from lossapi.signature import Shape

op: Any = v21
"""The operators of ONNX."""
Known = tuple[Any, ...]
"""A shape, of which some lengths may not be known."""

_PART, _TIMES = 256, 2
"""How many entries are added up at a time; so often, the rest is a few for any memory."""

_examples: ContextVar[list[Any]] = ContextVar("lossapi_ndonnx_examples")
"""The lengths of the axes of the examples, as numbers of the graph."""


class NdonnxBackend(Backend):
    """Arrays of ndonnx, of float16, float32 and float64."""

    differentiates = False

    def __init__(self) -> None:
        super().__init__("ndonnx", ndx)
        self.xp.broadcast_to, self.xp.reshape = _broadcast_to, _reshape
        self.xp.full_like, self.xp.ones, self.xp.zeros = _full_like, _ones, _zeros
        self.xp.ones_like = lambda x, /, **more: _full_like(x, 1, **more)
        self.xp.zeros_like = lambda x, /, **more: _full_like(x, 0, **more)
        for name in ("argsort", "cumulative_sum", "flip", "sort"):
            setattr(self.xp, name, _keeping_shape(getattr(ndx, name)))
        self.xp.max, self.xp.min = _extreme(op.reduce_max), _extreme(op.reduce_min)
        self.xp.all, self.xp.any = _all, _any
        self.xp.argmax = _argmax
        self.xp.matmul = _matmul
        self.xp.sum = _sum
        self.xp.take_along_axis = _take_along_axis
        self.xp.sinh = self.xp.sinh_of_share = _sinh
        self.xp.tanh, self.xp.atan2 = _tanh, _atan2

    def recognises(self, kind: type) -> bool:
        """Whether a type is that of arrays of ndonnx."""
        return issubclass(kind, ndx.Array)

    def device(self, array: Any) -> None:
        """None: a graph says nothing of devices."""

    def is_visible(self, array: Any) -> bool:
        """Whether an array stands for values that are known already."""
        try:
            array.unwrap_numpy()
        except ValueError:
            return False
        return True

    def asarray(self, value: Any, dtype: str | None = None, like: Any = None) -> Any:
        """A constant of the graph from numbers."""
        return ndx.asarray(value, dtype=None if dtype is None else getattr(ndx, dtype))

    def to_numpy(self, array: Any) -> Any:
        """The array's values, where they are known, as a NumPy array."""
        return array.unwrap_numpy()

    def class_index(self, array: Any) -> Any:
        """The integers 0 … K-1 along the last axis."""
        return ndx.asarray(np.arange(array.shape[-1]))

    def execute(self, plan: Plan, arrays: dict[str, Any]) -> Any:
        """Run a whole call, in which the lengths of the examples are known by name."""
        token = _examples.set(_lengths(plan, arrays))
        try:
            return super().execute(plan, arrays)
        finally:
            _examples.reset(token)

    def count(self, loop: Shape, least: int = 0) -> Any:
        """How many examples there are; a number of the graph where that is open."""
        if None not in loop:
            return super().count(loop, least)
        count = reduce(lambda a, b: a * b, _examples.get())
        return ndx.maximum(count, ndx.asarray(least, dtype=ndx.int64))

    def sum(self, array: Any) -> Any:
        """The sum over all entries, in parts."""
        flat = ndx.reshape(array, (-1,))
        for _ in range(_TIMES):
            count = flat.shape[0]
            if count is not None and count <= _PART:
                break
            lacking = -flat.dynamic_shape[0] % _PART
            zeros = ndx.asarray(np.zeros(_PART), dtype=flat.dtype)
            whole = ndx.concat([flat, zeros[:lacking]], axis=0)
            flat = ndx.sum(ndx.reshape(whole, (-1, _PART)), axis=-1)
        return ndx.sum(flat)

    def over_rows(
        self, step: Step, shared: dict[str, Any], rows: dict[str, Any], size: int
    ) -> tuple[tuple[Any, ...], list[Any]]:
        """What a step gives on blocks of rows; on all at once where their number is open."""
        if next(iter(rows.values())).shape[0] is not None:
            return super().over_rows(step, shared, rows, size)
        own, products = step({**shared, **rows})
        return own, [self.plus(None, product) for product in products]


# --- shapes


def _lengths(plan: Plan, arrays: dict[str, Any]) -> list[Any]:
    """The lengths of the axes of the examples, as far as they are open."""
    function = plan.program.function
    for name in function.inputs:
        array, core = arrays[name], function.cores[name]
        if array.ndim == core or None not in plan.loop:
            continue
        axes = range(array.ndim - core, array.ndim)
        if core and function.signature.has_axis:
            axes = places(plan.axis, array.ndim)  # type: ignore[assignment]
        return [array.dynamic_shape[i] for i in range(array.ndim) if i not in axes]
    return []


def _reshape(x: Any, /, shape: Known) -> Any:
    """A reshape in which the length that is not known is whatever is left."""
    return ndx.reshape(x, tuple([-1 if n is None else n for n in shape]))


def _stated(x: Any, shape: Known) -> Any:
    """The same array, of which the graph now knows these lengths."""
    open_ends = sum(n is None for n in shape)
    return x if tuple(x.shape) == tuple(shape) or open_ends > 1 else _reshape(x, shape)


def _broadcast_to(x: Any, /, shape: Known) -> Any:
    if None not in shape:
        return _stated(ndx.broadcast_to(x, tuple(shape)), shape)
    if tuple(x.shape) == tuple(shape):
        return x
    before = len(shape) - x.ndim
    own = [False] * before + [n is None for n in x.shape]

    def length(place: int, n: int | None) -> Any:
        if n is not None:
            return ndx.asarray(n, dtype=ndx.int64)
        return x.dynamic_shape[place - before] if own[place] else _examples.get()[place]

    lengths = ndx.stack([length(*item) for item in enumerate(shape)])
    return _stated(ndx.broadcast_to(x, lengths), shape)


def _full_like(x: Any, /, value: Any, *, dtype: Any = None, device: Any = None) -> Any:
    return _stated(ndx.full_like(x, value, dtype=dtype), x.shape)


def _ones(shape: Known, *, dtype: Any = None, device: Any = None) -> Any:
    return _broadcast_to(ndx.asarray(1, dtype=dtype), shape)


def _zeros(shape: Known, *, dtype: Any = None, device: Any = None) -> Any:
    return _broadcast_to(ndx.asarray(0, dtype=dtype), shape)


def _keeping_shape(function: Callable[..., Any]) -> Callable[..., Any]:
    def keeping(x: Any, /, **settings: Any) -> Any:
        return _stated(function(x, **settings), x.shape)

    return keeping


# Not ndonnx's own of these four: it takes maxima of truths, which ONNX has from opset 20 on only.

Axis = int | tuple[int, ...] | None


def _extreme(operator: Callable[..., Any]) -> Callable[..., Any]:
    """The largest or the smallest number along axes; NaN where one is NaN."""

    def extreme(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
        found = _reduced(operator, x, axis, keepdims)
        if not ndx.isdtype(x.dtype, "real floating"):
            return found
        return ndx.where(_any(ndx.isnan(x), axis=axis, keepdims=keepdims), math.nan, found)

    return extreme


def _any(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    return _reduced(op.reduce_max, ndx.astype(x, ndx.int32), axis, keepdims) != 0


def _all(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    return _reduced(op.reduce_min, ndx.astype(x, ndx.int32), axis, keepdims) != 0


def _argmax(x: Any, /, *, axis: int, keepdims: bool = False) -> Any:
    """The first place of the largest number, or of a NaN, which ONNX Runtime overlooks."""
    largest = ndx.argmax(x, axis=axis, keepdims=keepdims)
    if not ndx.isdtype(x.dtype, "real floating"):
        return largest
    missing = ndx.isnan(x)
    first = ndx.argmax(ndx.astype(missing, ndx.int32), axis=axis, keepdims=keepdims)
    return ndx.where(_any(missing, axis=axis, keepdims=keepdims), first, largest)


def _reduced(operator: Callable[..., Any], x: Any, axis: Axis, keepdims: bool) -> Any:
    given = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = op.const(list(given), dtype=np.int64)
    return ndx.asarray(operator(x.unwrap_spox(), axes, keepdims=int(keepdims)))


def _matmul(a: Any, b: Any, /) -> Any:
    product = ndx.matmul(a, b)
    if min(a.ndim, b.ndim) < 2:
        return product
    loop = max(a.shape[:-2], b.shape[:-2], key=len)
    return _stated(product, (*loop, a.shape[-2], b.shape[-1]))


def _take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Any:
    # Counted from the front, as the reference evaluator of ONNX wants it.
    return _stated(ndx.take_along_axis(x, indices, axis=axis % x.ndim), indices.shape)


def _sum(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """A sum, along a long last axis in parts: runtimes add up one entry after the other."""
    if axis == -1:
        while x.shape[-1] is not None and x.shape[-1] > _PART:
            before, count = x.shape[:-1], x.shape[-1]
            parts = -(-count // _PART)
            lacking = _zeros((*before, parts * _PART - count), dtype=x.dtype)
            whole = ndx.concat([x, lacking], axis=-1)
            x = ndx.sum(_reshape(whole, (*before, parts, _PART)), axis=-1)
    return ndx.sum(x, axis=axis, keepdims=keepdims)


# --- functions that ONNX lacks, or that ONNX Runtime has in float32 only


def _sinh(x: Any, /) -> Any:
    size = ndx.where(x < 0, -x, x)
    rise = ndx.expm1(size)
    # Not rise / (rise + 1) where that is inf / inf.
    half = 0.5 * (rise + ndx.where(ndx.isinf(rise), 0.0, rise) / (rise + 1.0))
    return ndx.where(x < 0, -half, ndx.where(x == 0, x, half))


def _tanh(x: Any, /) -> Any:
    """Within 4 ulp, which that of ONNX Runtime is neither below 1e-37 in float32 nor near 18."""
    size = ndx.where(x < 0, -x, x)
    far = size > 0.5
    rise = ndx.expm1(2.0 * ndx.where(far, 0.5, size))
    size = ndx.where(far, 1.0 - 2.0 / (ndx.exp(2.0 * size) + 1.0), rise / (rise + 2.0))
    return ndx.where(x < 0, -size, ndx.where(x == 0, x, size))


def _atan2(y: Any, x: Any, /) -> Any:
    a, b = ndx.where(y < 0, -y, y), ndx.where(x < 0, -x, x)
    steep, alike = a > b, a == b
    divisor = ndx.where(alike, 1.0, ndx.where(steep, a, b))
    # Equal lengths, infinite ones and none at all have no quotient.
    share = ndx.where(alike, ndx.where(a + b == 0, a, 1.0), ndx.where(steep, b, a) / divisor)
    angle = _atan_of_share(share)
    angle = ndx.where(steep, 0.5 * math.pi - angle, angle)
    angle = ndx.where(_is_negative(x), math.pi - angle, angle)
    angle = ndx.where(_is_negative(y), -angle, angle)
    return ndx.where(ndx.isnan(x) | ndx.isnan(y), math.nan, angle)


def _is_negative(x: Any) -> Any:
    """Whether a number has a sign, as minus zero has."""
    return (x < 0) | ((x == 0) & (1.0 / x < 0))


def _atan_of_share(t: Any) -> Any:
    """The arctangent of a number from 0 to 1."""
    if t.dtype != ndx.float64:
        return ndx.atan(t)
    # That of float32, and the angle to it by one step of Newton: its cube is below 1e-21.
    near = ndx.astype(ndx.atan(ndx.astype(t, ndx.float32)), ndx.float64)
    sine = ndx.sin(near)
    tangent = sine / ndx.sqrt(1.0 - sine * sine)
    return near + (t - tangent) / (1.0 + t * tangent)
