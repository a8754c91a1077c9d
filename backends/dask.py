"""Dask: lazy in, lazy out; what it cannot do with arrays without entries is done beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import dask.array as da
import numpy as np
from array_api_compat.dask import array

from lossapi.backend import Backend

compat: Any = array


class DaskBackend(Backend):
    """Dask's arrays, of the dtypes of NumPy."""

    def __init__(self) -> None:
        super().__init__("dask", compat)
        self.xp.take_along_axis = _take_along_axis
        self.xp.max, self.xp.min = _of_any_size(compat.max), _of_any_size(compat.min)

    def recognises(self, kind: type) -> bool:
        """Whether a type is that of Dask's arrays."""
        return issubclass(kind, da.Array)

    def is_visible(self, array: Any) -> bool:
        """False: looking at values would compute all that they depend on."""
        return False


def _take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Any:
    if axis % x.ndim != x.ndim - 1:
        raise NotImplementedError(
            f"take_along_axis of a Dask array along axis {axis} of {x.ndim}; accepted is the last "
            f"axis: move the axis there, or compute the array"
        )
    return da.apply_gufunc(  # type: ignore[no-untyped-call]
        partial(np.take_along_axis, axis=-1),
        "(k),(j)->(j)",
        x,
        indices,
        output_dtypes=x.dtype,
        allow_rechunk=True,
    )


def _of_any_size(function: Callable[..., Any]) -> Callable[..., Any]:
    """A maximum or minimum that of no examples is none, and no error."""

    def of_any_size(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
        if isinstance(axis, int) and 0 in x.shape and x.shape[axis]:
            return compat.sum(x, axis=axis, keepdims=keepdims)
        return function(x, axis=axis, keepdims=keepdims)

    return of_any_size
