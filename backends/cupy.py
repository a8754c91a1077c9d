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

Program = list[tuple[cuda_source.Kernel, Any]]
"""Kernels, and each as CuPy takes it."""
_MODES = ("value", "grad", "value_and_grad", "hessian_diag")
_KEPT = 1000
"""How many plans are kept as kernels: another parameter is another plan."""
_BLOCKS = 2048
"""How many blocks a kernel has at most: some for each multiprocessor, and few sums to add up."""


class CupyBackend(Backend):
    """CuPy arrays of float16, float32 and float64."""

    differentiates = False

    def __init__(self) -> None:
        super().__init__("cupy", compat)
        self._programs: dict[Any, Program | None] = {}

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
        self._programs.clear()

    def execute(self, plan: Plan, arrays: dict[str, Any]) -> Any:
        """Run a whole call: as one kernel where it can be one."""
        program = None
        if plan.mode in _MODES and all(isinstance(x, cp.ndarray) for x in arrays.values()):
            try:
                layout = Layout(plan, arrays, cp)
            except UntraceableError:
                return super().execute(plan, arrays)
            program = self._program(layout)
        return _launched(layout, program, arrays) if program else super().execute(plan, arrays)

    def _program(self, layout: Layout) -> Program | None:
        """What a plan is in kernels, compiled on their first call."""
        if layout.key not in self._programs:
            name = f"lossapi_{layout.plan.program.function.__name__}"
            try:
                written = cuda_source.kernels(name, layout.record(get("numpy")))
            except UntraceableError:
                written = None
            if len(self._programs) >= _KEPT:
                self._programs.clear()
            found = None if written is None else [(one, _compiled(one)) for one in written]
            self._programs[layout.key] = found
        return self._programs[layout.key]


def _compiled(kernel: cuda_source.Kernel) -> Any:
    source = cuda_source.PREAMBLE + kernel.source
    return cp.RawKernel(source, kernel.name, options=cuda_source.OPTIONS)


def _launched(layout: Layout, program: Program, arrays: dict[str, Any]) -> Any:
    """The results of kernels, in their shapes; nothing waits for them."""
    plan, count = layout.plan, layout.count
    given: dict[Any, Any] = dict(layout.as_rows(arrays))
    found: dict[Any, Any] = {}
    blocks = min(-(-count // cuda_source.THREADS), _BLOCKS)
    with cp.cuda.Device(next(iter(arrays.values())).device.id):
        for kernel, compiled in program:
            taken = [cp.ascontiguousarray(given[name]) for name in kernel.inputs]
            shapes = [(count, *core) if each else core for each, core, _ in kernel.results]
            kinds = [dtype for *_, dtype in kernel.results]
            results = [cp.empty(*of_one) for of_one in zip(shapes, kinds, strict=True)]
            room = []
            if kernel.totals:
                room = [cp.empty(kernel.totals * blocks), cp.zeros(1, "uint32")]
            arguments = (cp.int64(count), *taken, *results, *room)
            compiled((blocks,), (cuda_source.THREADS,), arguments)
            for goal, result in zip(kernel.goals, results, strict=True):
                (given if isinstance(goal, str) else found)[goal] = result
    names = [*([None] if plan.mode.startswith("value") else []), *plan.wrt][: len(found)]
    shaped = [layout.shaped(name, found[k]) for k, name in enumerate(names)]
    if plan.mode == "value":
        return shaped[0]
    slopes = tuple(shaped[plan.mode == "value_and_grad" :])
    return (shaped[0], slopes) if plan.mode == "value_and_grad" else slopes
