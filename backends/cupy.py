"""CuPy: the analytic kernels on the device, nothing looked at, nothing synchronised."""

from __future__ import annotations

from typing import Any

import cupy as cp
from array_api_compat import cupy as compat

from lossapi.backend import Backend
from lossapi.errors import BackendError


class CupyBackend(Backend):
    """CuPy arrays of float16, float32 and float64."""

    differentiates = False

    def __init__(self) -> None:
        super().__init__("cupy", compat)

    def recognises(self, kind: type) -> bool:
        """Whether a type is that of CuPy's arrays."""
        return issubclass(kind, cp.ndarray)

    def device(self, array: Any) -> int:
        """The number of the array's device."""
        return int(array.device.id)

    def is_visible(self, array: Any) -> bool:
        """False: looking at values would wait for the device."""
        return False

    def asarray(self, value: Any, dtype: str | None = None, like: Any = None) -> Any:
        """An array from numbers, on the device of another array or the current one."""
        try:
            with cp.cuda.Device(None if like is None else like.device.id):
                return cp.asarray(value, dtype=dtype)
        except cp.cuda.runtime.CUDARuntimeError as error:
            raise BackendError(
                f"CuPy finds no usable GPU ({error}); run on a CUDA machine."
            ) from error

    def to_numpy(self, array: Any) -> Any:
        """The array's values as a NumPy array."""
        return cp.asnumpy(array)

    def class_index(self, array: Any) -> Any:
        """The integers 0 … K-1 along the last axis."""
        return cp.arange(array.shape[-1])
