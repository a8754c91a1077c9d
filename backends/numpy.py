"""NumPy: arrays and scalars in the host's memory, always visible."""

from __future__ import annotations

from typing import Any

import numpy as np

from lossapi.backend import Backend

_PART = 2**19
"""Numbers of a product that are made at once."""


class NumpyBackend(Backend):
    """NumPy arrays and scalars, of float16, float32 and float64."""

    def __init__(self) -> None:
        super().__init__("numpy", np)
        self.xp.astype = _astype
        self.xp.sum = _sum

    def recognises(self, kind: type) -> bool:
        """Whether a type is that of NumPy's arrays or scalars."""
        return issubclass(kind, np.ndarray | np.generic)

    def device(self, array: Any) -> None:
        """None: all arrays live in the same memory."""

    def is_visible(self, array: Any) -> bool:
        """True: values can always be looked at."""
        return True

    def asarray(self, value: Any, dtype: str | None = None, like: Any = None) -> Any:
        """An array from numbers."""
        return np.asarray(value, dtype=dtype)

    def plus(self, total: Any, product: tuple[Any, Any]) -> Any:
        """The sum over rows of outer products, added in place, in parts that a cache holds."""
        left, right = product
        if total is None:
            return np.matmul(left.T, right)
        size = max(1, _PART // right.shape[1])
        for start in range(0, left.shape[1], size):
            place = slice(start, start + size)
            total[place] += np.matmul(left[:, place].T, right)
        return total


def _astype(array: Any, dtype: Any) -> Any:
    return np.asarray(array).astype(dtype, copy=False)


def _sum(array: Any, *, axis: Any = None, **options: Any) -> Any:
    # NumPy adds up in pairs only along what lies side by side in memory, else one by one.
    return np.sum(np.ascontiguousarray(array) if axis == -1 else array, axis=axis, **options)
