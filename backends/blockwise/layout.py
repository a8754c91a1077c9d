"""The arrays of a call as rows, one for each example, and its results back in their shapes."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from lossapi.axes import core_back, core_last
from lossapi.backend import Backend
from lossapi.binding import CLASS_MASK

from . import tracing
from .graph import ROWS, Node, Tape, UntraceableError, constant

if TYPE_CHECKING:
    from lossapi.plan import Plan

Arrays = dict[str, Any]


class Layout:
    """Which axes of each array are those of the examples."""

    def __init__(self, plan: Plan, arrays: Arrays, xp: Any = np) -> None:
        function = plan.program.function
        self.count, self.xp = math.prod(plan.loop), xp
        if self.count == 1 and plan.reduction == "mean" and not _is_weighted(plan, arrays):
            plan = plan.changed(reduction="sum")  # no division by 1
        self.plan = plan
        if not self.count or plan.stretched or function.pullback_kernel:
            raise UntraceableError(
                "no examples, a kernel with blocks of its own, or stretched inputs"
            )
        cores = {**function.cores, **{n: len(c) for n, c in function.parameter_cores.items()}}
        cores |= {CLASS_MASK: 1, "class_weights": 1, "cotangent": len(function.signature.output)}
        self.shapes = {name: array.shape for name, array in arrays.items()}
        self.moved: set[str] = set()
        """The arrays whose axis of classes is to be moved last."""
        if function.signature.has_axis and plan.axis != -1:
            own = {name for name, core in function.cores.items() if core}
            self.moved = {
                name
                for name in arrays
                if name in own
                or (name == CLASS_MASK and arrays[name].ndim > 1)
                or (name == "cotangent" and function.signature.output)
            }
        self.arrays: dict[str, tuple[bool, tuple[int, ...], Any]] = {}
        """Of each array: whether there is one for each example, the core shape and the dtype."""
        for name, array in self._moved(arrays).items():
            shape = array.shape
            core = shape[len(shape) - cores.get(name, 0) :]
            of_all = name == "class_weights" or name in function.parameter_cores
            if shape == (*plan.loop, *core) and not of_all:
                self.arrays[name] = (True, core, array.dtype)
            elif shape == core:
                self.arrays[name] = (False, core, array.dtype)
            else:
                raise UntraceableError(
                    f"{name} of shape {shape} serves several examples, but not all"
                )
        self.flat = len(plan.loop) == 1 and not self.moved
        output = plan.output[len(plan.loop) :]
        self.key = (
            *(plan.program, plan.mode, plan.reduction, plan.wrt, plan.ignore_index, plan.classes),
            *(output, plan.dtypes, plan.result, tuple(self.arrays.items())),
        )

    def record(self, backend: Backend) -> list[Any]:
        """The results as nodes; ``UntraceableError`` where the plan looks beyond a block."""
        tape = Tape(self.plan.compute)
        output = (ROWS, *self.plan.output[len(self.plan.loop) :])
        plan = self.plan.changed(loop=(ROWS,), output=output, axis=-1)
        arrays = {name: tape.input(name, *kind) for name, kind in self.arrays.items()}
        try:
            return _listed(plan(_Recorder(backend, tape, plan.compute), arrays))
        except (TypeError, AttributeError) as error:  # something that wants NumPy's arrays
            raise UntraceableError(str(error)) from error

    def _moved(self, arrays: Arrays) -> Arrays:
        xp, axis = self.xp, self.plan.axis
        return {n: core_last(xp, x, axis) if n in self.moved else x for n, x in arrays.items()}

    def as_rows(self, arrays: Arrays) -> Arrays:
        """The arrays with one axis for all examples."""
        if self.flat:
            return arrays
        return {
            name: array.reshape((self.count, *core)) if rows else array
            for (name, array), (rows, core, _) in zip(
                self._moved(arrays).items(), self.arrays.values(), strict=True
            )
        }

    def restored(self, outputs: list[str]) -> str:
        """The text of the results, in their shapes and together as the call gives them."""
        plan = self.plan
        value = (None,) if plan.mode.startswith("value") else ()
        if not (self.flat or plan.mode == "sum_and_weight"):
            names = (*value, *plan.wrt)
            outputs = [f"shaped({n!r}, {x})" for n, x in zip(names, outputs, strict=True)]
        alone, others = outputs[: len(value)], outputs[len(value) :]
        return ", ".join([*alone, f"({''.join(f'{x}, ' for x in others)})"][: len(outputs)])

    def shaped(self, name: str | None, result: Any) -> Any:
        """A gradient by the input of this name, or the value, in its own shape."""
        plan, function = self.plan, self.plan.program.function
        of_each = plan.reduction == "none" if name is None else self.arrays[name][0]
        if of_each:
            result = result.reshape((*plan.loop, *result.shape[1:]))
        first = function.inputs[0]
        if self.moved and (function.signature.output if name is None else name in self.moved):
            result = core_back(self.xp, result, plan.axis, self.shapes[name or first])
        return result[()]


def _is_weighted(plan: Plan, arrays: Arrays) -> bool:
    """Whether examples have weights, which may be 0."""
    masks = {"weights", "class_weights", "where"}
    return plan.ignore_index is not None or not masks.isdisjoint(arrays)


def _listed(result: Any) -> list[Any]:
    if isinstance(result, tuple):
        return [x for part in result for x in _listed(part)]
    return [result]


class _Recorder(Backend):
    """A backend whose arrays are records of what becomes of them."""

    def __init__(self, backend: Backend, tape: Tape, compute: str) -> None:
        self.name, self.tape, self.compute = backend.name, tape, compute
        self.dtypes, self.index_dtype = backend.dtypes, backend.index_dtype
        self._dtype_names = backend._dtype_names
        self.xp = SimpleNamespace(**vars(tracing.namespace(backend)), ones=self._ones)

    def _ones(self, shape: Any, *, dtype: Any = None, device: Any = None) -> Any:
        rows = shape[:1] == (ROWS,)
        return self.tape.full(1, rows, tuple(shape[rows:]), dtype)

    def device(self, array: Any) -> None:
        """None: all arrays live in the same memory."""

    def is_visible(self, array: Any) -> bool:
        """False: there are no values yet."""
        return False

    def asarray(self, value: Any, dtype: str | None = None, like: Any = None) -> Any:
        """What is recorded, as it is."""
        return value if isinstance(value, Node) else np.asarray(value, dtype)

    def count(self, loop: Any, least: int = 0) -> Any:
        """The number of examples, which comes with each call and is never 0."""
        return self.tape.count(self.compute)

    def sum(self, array: Any) -> Any:
        """The sum over all entries."""
        if isinstance(array, Node) and array.rows:
            if array.function is np.subtract and constant(array.operands[0]) == 0:
                return 0.0 - self.sum(array.operands[1])
            return self.tape.total(array)
        raise UntraceableError("a sum of what is the same for all examples")
