"""MLX: arrays of Apple's library, lazily computed, with the written gradients as derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import mlx.core as mx
import numpy as np

from lossapi.backend import Backend, Transform

if TYPE_CHECKING:
    from lossapi.plan import Program


_PART = 16
"""How many entries are added up at a time."""


class MlxBackend(Backend):
    """MLX arrays of float16, bfloat16, float32 and, on a CPU, float64."""

    def __init__(self) -> None:
        super().__init__("mlx", SimpleNamespace(**vars(mx), bool=mx.bool_))
        self.xp.exp, self.xp.expm1 = _exp, _expm1
        self.xp.moveaxis, self.xp.tensordot = _moveaxis, _tensordot
        self.xp.sum = _sum
        self.xp.take, self.xp.take_along_axis = _taking(mx.take), _taking(mx.take_along_axis)
        self.xp.argmax, self.xp.argsort, self.xp.where = _argmax, _argsort, _where
        self.xp.max, self.xp.min = _of_any_size(mx.max), _of_any_size(mx.min)
        for name in ("ones", "zeros", "arange", "asarray"):
            setattr(self.xp, name, _without_device(getattr(mx, name)))
        self.xp.stop_gradient = mx.stop_gradient

    def recognises(self, kind: type) -> bool:
        """Whether a type is that of MLX's arrays."""
        return issubclass(kind, mx.array)

    def device(self, array: Any) -> None:
        """None: arrays live in memory that all devices share."""

    def is_visible(self, array: Any) -> bool:
        """False: looking at values would compute all that they depend on."""
        return False

    def asarray(self, value: Any, dtype: str | None = None, like: Any = None) -> Any:
        """An array from numbers."""
        if dtype is None:
            return mx.array(value)
        kind = getattr(self.xp, dtype)
        return value.astype(kind) if isinstance(value, mx.array) else mx.array(value, dtype=kind)

    def to_numpy(self, array: Any) -> Any:
        """The array's values as a NumPy array (bfloat16 as float32)."""
        return np.array(array.astype(mx.float32) if array.dtype == mx.bfloat16 else array)

    def stop_gradient(self, array: Any) -> Any:
        """The same values, constant under differentiation."""
        return mx.stop_gradient(array)

    def sum(self, array: Any) -> Any:
        """The sum over all entries."""
        return _sum(mx.reshape(array, (-1,)), axis=-1)

    def apply(self, program: Program, arrays: tuple[Any, ...]) -> Any:
        """Run a kernel, whose derivative in reverse mode is the written gradient."""
        function = program.function
        if not function.gradients:
            return program.value(self.xp, self.held(function, arrays))

        @mx.custom_function
        def value(*given: Any) -> Any:
            return program.value(self.xp, self.held(function, given))

        @value.vjp
        def _(given: Any, cotangent: Any, _: Any) -> Any:
            given = tuple(given) if isinstance(given, tuple | list) else (given,)
            names = tuple(function.gradients)
            found = dict(zip(names, program.gradients(self.xp, names, given), strict=True))
            return tuple(
                _pulled(found[name], cotangent, function.cores[name], array)
                if name in found
                else mx.zeros_like(array)
                for name, array in zip(function.inputs, given, strict=False)
            ) + tuple(mx.zeros_like(array) for array in given[len(function.inputs) :])

        return value(*arrays)

    def transforms(self) -> dict[str, Transform]:
        """What MLX does to functions, but for `compile`, which asks a C++ compiler on a CPU."""
        return {
            "grad": Transform("gradient", mx.grad),
            "vmap": Transform("map", mx.vmap),
            "jvp": Transform("directional", _directional),
        }


def _pulled(gradient: Any, cotangent: Any, core: int, array: Any) -> Any:
    """What a cotangent makes of a gradient, in the shape of the input."""
    whole = gradient * mx.reshape(cotangent, (*cotangent.shape, *(1,) * core))
    lacking = whole.ndim - array.ndim
    return mx.sum(whole, axis=tuple(range(lacking))) if lacking else whole


def _directional(function: Callable[..., Any]) -> Callable[..., Any]:
    def along(primal: Any, tangent: Any, *rest: Any) -> Any:
        (found,) = mx.jvp(lambda x: function(x, *rest), [primal], [tangent])[1]
        return found

    return along


def _without_device(function: Callable[..., Any]) -> Callable[..., Any]:
    def without_device(*given: Any, device: None = None, **settings: Any) -> Any:
        return function(*given, **settings)

    return without_device


def _sum(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """A sum, along the last axis in parts: MLX adds up one entry after the other."""
    if axis == -1:
        while x.shape[-1] > _PART:
            before, count = x.shape[:-1], x.shape[-1]
            lacking = mx.zeros((*before, -count % _PART), dtype=x.dtype)
            whole = mx.concatenate([x, lacking], axis=-1)
            x = mx.sum(mx.reshape(whole, (*before, -(-count // _PART), _PART)), axis=-1)
    return mx.sum(x, axis=axis, keepdims=keepdims)


# An index and a condition have no derivative, which MLX is to be told (forward mode would multiply
# zeros by infinity), and nothing has no largest entry.


def _where(condition: Any, x: Any, y: Any, /) -> Any:
    return mx.where(mx.stop_gradient(condition), x, y)


def _argmax(x: Any, /, *, axis: int) -> Any:
    return _of_any_size(mx.argmax)(mx.stop_gradient(x), axis=axis).astype(mx.int64)


def _argsort(x: Any, /, *, axis: int = -1, stable: bool = True) -> Any:
    return mx.argsort(mx.stop_gradient(x), axis=axis).astype(mx.int64)


def _taking(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, index, /, *, axis=-1: function(x, mx.stop_gradient(index), axis=axis)


def _of_any_size(function: Callable[..., Any]) -> Callable[..., Any]:
    def of_any_size(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
        if isinstance(axis, int) and not x.size and x.shape[axis]:
            return mx.sum(x, axis=axis, keepdims=keepdims)  # of the right shape, and as empty
        return function(x, axis=axis, keepdims=keepdims)

    return of_any_size


def _moveaxis(x: Any, source: Any, destination: Any, /) -> Any:
    """Of several axes, too."""
    if isinstance(source, int):
        return mx.moveaxis(x, source, destination)
    order = [i for i in range(x.ndim) if i not in {place % x.ndim for place in source}]
    pairs = zip((d % x.ndim for d in destination), (s % x.ndim for s in source), strict=True)
    for place, axis in sorted(pairs):
        order.insert(place, axis)
    return mx.transpose(x, order)


def _tensordot(a: Any, b: Any, /, *, axes: Any) -> Any:
    return mx.tensordot(a, b, [list(side) for side in axes])


# MLX's exp keeps the digits of float32 in float64 too, and few of them far from 0; its expm1 is
# right to the last digit, but for its derivative in forward mode, which is that exp.


def _exp_value(x: Any) -> Any:
    above = x > -1
    up = mx.expm1(mx.where(above, x, 0.0)) + 1.0
    # Where exp(-x) would overflow, the square of the root.
    far = x < -0.9 * math.log(mx.finfo(x.dtype).max)
    down = 1.0 / (mx.expm1(mx.where(above, 0.0, -mx.where(far, 0.5 * x, x))) + 1.0)
    down = down * mx.where(far, down, 1.0)
    return mx.where(mx.isnan(x), math.nan, mx.where(above, up, down))


_exp = mx.custom_function(_exp_value)
_expm1 = mx.custom_function(mx.expm1)
for _function in (_exp, _expm1):
    _function.vjp(lambda x, cotangent, _: cotangent * _exp(x))
    _function.jvp(lambda x, tangent: tangent * _exp(x))
