"""CuPy: the analytic kernels on the device, nothing looked at, nothing synchronised.

A loss of numbers, or of few classes, is one CUDA kernel, with its gradients and its sum; others are
CuPy's functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cupy as cp
from array_api_compat import cupy as compat

from lossapi.backend import Backend, get
from lossapi.errors import BackendError

from . import cuda_source
from .blockwise.graph import UntraceableError
from .blockwise.layout import Layout

if TYPE_CHECKING:
    from lossapi.plan import Plan

_MODES = ("value", "grad", "value_and_grad", "hessian_diag")
_BLOCKS = 2048
"""How many blocks a kernel has at most: some for each multiprocessor, and few sums to add up."""


class CupyBackend(Backend):
    """CuPy arrays of float16, float32 and float64."""

    differentiates = False

    def __init__(self) -> None:
        super().__init__("cupy", compat)
        self._kernels: dict[Any, tuple[cuda_source.Kernel, Any] | None] = {}

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

    def forget(self) -> None:
        """Drop all kernels."""
        self._kernels.clear()

    def execute(self, plan: Plan, arrays: dict[str, Any]) -> Any:
        """Run a whole call: as one kernel where it can be one."""
        if plan.mode in _MODES and all(isinstance(x, cp.ndarray) for x in arrays.values()):
            try:
                layout = Layout(plan, arrays, cp)
                found = self._kernel(layout)
            except UntraceableError:
                found = None
            if found is not None:
                return _launched(layout, *found, arrays)
        return super().execute(plan, arrays)

    def _kernel(self, layout: Layout) -> tuple[cuda_source.Kernel, Any] | None:
        """What a plan is as a kernel, and that compiled, on its first call."""
        if layout.key not in self._kernels:
            name = f"lossapi_{layout.plan.program.function.__name__}"
            written = cuda_source.kernel(name, layout.record(get("numpy")))
            compiled = None
            if written is not None:
                source = cuda_source.PREAMBLE + written.source
                compiled = cp.RawKernel(source, name, options=cuda_source.OPTIONS)
            self._kernels[layout.key] = None if written is None else (written, compiled)
        return self._kernels[layout.key]


def _launched(
    layout: Layout, kernel: cuda_source.Kernel, compiled: Any, arrays: dict[str, Any]
) -> Any:
    """The results of a kernel, in their shapes; nothing waits for them."""
    plan, count = layout.plan, layout.count
    rows = layout.as_rows(arrays)
    with cp.cuda.Device(next(iter(arrays.values())).device.id):
        blocks = min(-(-count // cuda_source.THREADS), _BLOCKS)
        given = [cp.ascontiguousarray(rows[name]) for name in kernel.inputs]
        results = [
            cp.empty((count, *core) if each else core, dtype)
            for each, core, dtype in kernel.results
        ]
        room = []
        if kernel.totals:
            room = [cp.empty(kernel.totals * blocks), cp.zeros(1, "uint32")]
        compiled((blocks,), (cuda_source.THREADS,), (cp.int64(count), *given, *results, *room))
    names = [*([None] if plan.mode.startswith("value") else []), *plan.wrt][: len(results)]
    shaped = [layout.shaped(name, x) for name, x in zip(names, results, strict=True)]
    if plan.mode == "value":
        return shaped[0]
    slopes = tuple(shaped[plan.mode == "value_and_grad" :])
    return (shaped[0], slopes) if plan.mode == "value_and_grad" else slopes
