"""NumPy: arrays and scalars in the host's memory, always visible."""

from __future__ import annotations

import math
from contextlib import suppress
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from lossapi.backend import Backend

from .blockwise import walking
from .blockwise.graph import UntraceableError
from .blockwise.layout import Layout
from .blockwise.ordinary import are_ordinary, ordinary
from .blockwise.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossapi.backend import Step
    from lossapi.loss import Function
    from lossapi.plan import Plan

_KEPT = 256
"""How many programs are kept."""

_SPECIAL = 4
"""How many values of the same parameters have programs of their own, which are shorter.

Further ones would take longer to write than to run.
"""

_ENOUGH = 2**20
"""How many entries calls without a program go through until it would have taken less time."""
_LEAST = 2**14
"""As how many entries a call counts at least."""

_PART = 2**19
"""Numbers of a product that are made at once."""


class NumpyBackend(Backend):
    """NumPy arrays and scalars, of float16, float32 and float64."""

    differentiates = False
    remembers = True

    def __init__(self) -> None:
        super().__init__("numpy", np)
        self.xp.astype = _astype
        self.xp.sum = _sum
        self._steps: dict[Any, Steps] = {}
        self._special: dict[Any, float] = {}
        """Of programs for any numbers: how many there are for some of them."""

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

    # What a plan depends on; a function of our own would take twice the time.
    signature = staticmethod(attrgetter("__class__", "dtype", "shape"))  # type: ignore[assignment]

    def forget(self) -> None:
        """Drop all programs and their memory."""
        self._steps.clear()
        self._special.clear()
        walking.forget()

    def execute(self, plan: Plan, arrays: dict[str, Any]) -> Any:
        """Run a whole call, on blocks of examples where its kernel allows that."""
        call = self.blockwise(plan, arrays)
        return super().execute(plan, arrays) if call is None else call(*arrays.values())

    def direct(
        self, plan: Plan, arrays: dict[str, Any], looks: list[tuple[int, Callable[[Any], bool]]]
    ) -> Callable[..., Any] | None:
        """The program of blocks, after the looks."""
        call = self.blockwise(plan, arrays)
        if call is None or not looks:
            return call

        def looked(*given: Any) -> Any:
            for place, holds in looks:
                if not holds(given[place]):
                    return None
            return call(*given)

        return looked

    def blockwise(self, plan: Plan, arrays: dict[str, Any]) -> Callable[..., Any] | None:
        """The plan as a program of blocks for arrays like these, if it can be one."""
        if plan.prepared is None:
            plan.prepared = (self._prepared(plan, arrays),)
        found: Callable[..., Any] | None = plan.prepared[0]
        return found

    def _prepared(self, plan: Plan, arrays: dict[str, Any]) -> Callable[..., Any] | None:
        if any(type(array) is not np.ndarray for array in arrays.values()):
            return None
        try:
            layout = Layout(plan, arrays)
            of_many = None if layout.key in self._steps else self._of_many(layout, arrays)
            return of_many or self._run(layout)
        except UntraceableError:
            return None

    def _run(self, layout: Layout) -> walking.Run:
        if layout.key not in self._steps:
            steps = Steps(layout.record(self), ordinary(layout.plan, layout.arrays))
            if len(self._steps) >= _KEPT:
                self.forget()
            self._steps[layout.key] = steps
        return walking.Run(layout, self._steps[layout.key])

    def _of_many(self, fixed: Layout, arrays: dict[str, Any]) -> Callable[..., Any] | None:
        """What serves further numbers, once several have had programs of their own.

        That is one program for all that are ordinary, unless the kernel looks at its numbers.
        """
        plan, numbers = fixed.plan.with_numbers_as_arrays()
        if not numbers:
            return None
        given = {name: np.asarray(x, np.float64) for name, x in numbers.items()}
        layout = Layout(plan, {**arrays, **given})
        count = self._special.get(layout.key, 0)
        self._special[layout.key] = count + 1
        if count < _SPECIAL:
            return None
        if count < math.inf and are_ordinary(plan, numbers):
            try:
                run = self._run(layout)
            except UntraceableError:
                self._special[layout.key] = math.inf
            else:
                return lambda *own: run(*own, *given.values())
        plainly = partial(self._plainly, fixed.plan, tuple(arrays))
        return _Deferred(plainly, partial(self._run, fixed))

    def _plainly(self, plan: Plan, names: tuple[str, ...], *arrays: Any) -> Any:
        """A call without a program."""
        return super().execute(plan, dict(zip(names, arrays, strict=True)))

    def sum_by_class(self, values: Any, labels: Any, classes: int) -> Any:
        """The sum of the values by their labels, without a table of labels and classes."""
        count = math.prod(labels.shape[:-1])
        rows = classes * np.arange(count)
        places = labels.reshape(count, labels.shape[-1]) + rows[:, None]
        sums = np.bincount(places.reshape(-1), values.reshape(-1), count * classes)
        return sums.astype(values.dtype).reshape(*labels.shape[:-1], classes)

    def affine(self, features: Any, weight: Any, bias: Any) -> Any:
        """The output of a linear layer, the bias added in place."""
        found = np.matmul(features, weight.T)
        found += bias
        return found

    def of_each(
        self, function: Function, inputs: tuple[Any, ...], wrt: str | None, **parameters: Any
    ) -> tuple[Any, Any]:
        """The same by a call, which goes through the examples in blocks."""
        options = {**parameters, "reduction": "none"}
        if wrt is None:
            return function(*inputs, **options), None
        found: tuple[Any, Any] = function.value_and_grad(*inputs, **options, wrt=wrt)
        return found

    def over_rows(
        self, step: Step, shared: dict[str, Any], rows: dict[str, Any], size: int
    ) -> tuple[tuple[Any, ...], list[Any]]:
        """A step on larger blocks of rows: each product lays a shared matrix out anew."""
        return super().over_rows(step, shared, rows, 2 * size)

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


class _Deferred:
    """A call whose program is written once calls without it have taken as long as that would."""

    __slots__ = ("_call", "_left", "_write")

    def __init__(self, plainly: Callable[..., Any], write: Callable[[], walking.Run]) -> None:
        self._call, self._write = plainly, write
        self._left = _ENOUGH

    def __call__(self, *arrays: Any) -> Any:
        if self._left > 0:
            self._left -= max(_LEAST, *(array.size for array in arrays))
            if self._left <= 0:
                with suppress(UntraceableError):
                    self._call = self._write()
        return self._call(*arrays)


def _astype(array: Any, dtype: Any) -> Any:
    return np.asarray(array).astype(dtype, copy=False)


def _sum(array: Any, *, axis: Any = None, **options: Any) -> Any:
    # NumPy adds up in pairs only along what lies side by side in memory, else one by one.
    return np.sum(np.ascontiguousarray(array) if axis == -1 else array, axis=axis, **options)
