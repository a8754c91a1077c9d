"""JAX on a CPU: a large call as a loop over blocks of examples that the cache holds.

XLA has a sum of its own for large arrays, which takes few operations into itself: what comes
before is a pass over memory, and each of several results another one.
"""

from __future__ import annotations

import copy
import math
import os
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from .blockwise.graph import UntraceableError
from .blockwise.layout import Layout
from .jax_columns import has_few, is_few, suits

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossapi.plan import Plan

    from .jax import JaxBackend

Arrays = dict[str, Any]

ENTRIES = 2**16
"""How many entries of each array a block has, for every thread that XLA may use."""
FEWEST_ROWS = 2
"""How many examples a block has at least: of a single one XLA's sum of products is slow."""
FEWEST = 4
"""How many blocks at least make a loop worth its while."""


def run(backend: JaxBackend, plan: Plan, arrays: Arrays) -> Any:
    """A whole call: in blocks where that is faster, at once elsewhere."""
    blocks = _blocks(backend, plan, arrays)
    if blocks is None:
        return _at_once(backend, plan, arrays)
    return blocks.value(arrays) if plan.mode == "value" else blocks.value_and_grad(plan.wrt, arrays)


def _at_once(backend: JaxBackend, plan: Plan, arrays: Arrays) -> Any:
    """A whole call without blocks, whose value alone is computed class by class if they are few."""
    vectors = any(core == 1 for core in plan.program.function.cores.values())
    if plan.mode != "value" or not vectors or not any(map(has_few, arrays.values())):
        return plan(backend, arrays)
    names = tuple(arrays)

    def in_shape(*given: Any) -> Any:
        return plan(backend, dict(zip(names, given, strict=True)))

    @jax.custom_jvp
    def value(*given: Any) -> Any:
        if not suits(in_shape, given):
            return in_shape(*given)
        return plan(backend.by_class, dict(zip(names, given, strict=True)))

    def derivative(primals: Any, tangents: Any) -> Any:
        # Class by class the value would share nothing with the gradients.
        return along_what_varies(in_shape, primals, tangents)

    value.defjvp(derivative, symbolic_zeros=True)
    return value(*arrays.values())


def along_what_varies(
    function: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]
) -> tuple[Any, Any] | None:
    """The function and its derivative along the tangents that are not 0; None where all are."""
    moving = [
        place
        for place, tangent in enumerate(tangents)
        if not (tangent is None or isinstance(tangent, SymbolicZero))
    ]
    if not moving:
        return None

    def of_moving(*given: Any) -> Any:
        moved = dict(zip(moving, given, strict=True))
        return function(*(moved.get(place, x) for place, x in enumerate(primals)))

    at, along = (tuple(given[place] for place in moving) for given in (primals, tangents))
    found: tuple[Any, Any] = jax.jvp(of_moving, at, along)
    return found


def _blocks(backend: JaxBackend, plan: Plan, arrays: Arrays) -> Blocks | None:
    function = plan.program.function
    reduced = plan.mode in ("value", "value_and_grad") and plan.reduction != "none"
    if not reduced or plan.result != plan.compute or math.prod(plan.loop) < FEWEST:
        return None
    if any("float" in dtype and dtype != plan.compute for dtype in plan.dtypes):
        return None  # halves, which are to be rounded once
    if function.vjps or not function.gradients or plan.program.function.signature.output:
        return None
    # Devices of another kind have no such cache, and several of a CPU share out an array.
    if jax.default_backend() != "cpu" or jax.local_device_count() > 1:
        return None
    try:
        layout = Layout(plan, arrays, jnp)
    except UntraceableError:
        return None
    width = max(math.prod(core) for of_each, core, _ in layout.arrays.values() if of_each)
    rows = max(FEWEST_ROWS, ENTRIES * _threads() // max(width, 1))
    if layout.count < FEWEST * rows:
        return None
    if plan.mode != "value" and not all(layout.arrays[name][0] for name in plan.wrt):
        return None
    return Blocks(backend, plan, layout, _even(layout.count, rows))


def _threads() -> int:
    """How many threads XLA uses."""
    asked = os.environ.get("NPROC", "")
    if asked.isdigit():
        return max(1, int(asked))
    # Not everywhere can a process be asked which processors it may use.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _even(count: int, rows: int) -> int:
    """About so many rows that no block is left over, if there is such a number."""
    for blocks in range(count // rows, 2 * (count // rows) + 1):
        if count % blocks == 0:
            return count // blocks
    return rows


_TAKEN = {"add", "sub", "mul", "neg", "integer_pow", "square", "div", "reduce_sum"}
_TAKEN |= {"reshape", "broadcast_in_dim", "convert_element_type", "squeeze"}
"""What XLA's own sum takes into itself."""


def _is_arithmetic(jaxpr: Any) -> bool:
    """Whether XLA's own sum is the whole call, which is faster than any block."""
    for equation in jaxpr.eqns:
        inner = [p for p in equation.params.values() if hasattr(p, "eqns") or hasattr(p, "jaxpr")]
        if inner:
            if not all(_is_arithmetic(getattr(p, "jaxpr", p)) for p in inner):
                return False
        elif equation.primitive.name not in _TAKEN:
            return False
    return True


def _cut(arrays: Arrays, start: Any, rows: int) -> Arrays:
    return {
        name: jax.lax.dynamic_slice_in_dim(x, start, rows, axis=0) for name, x in arrays.items()
    }


def _put(wholes: tuple[Any, ...], parts: tuple[Any, ...], start: Any) -> tuple[Any, ...]:
    both = zip(wholes, parts, strict=True)
    return tuple(jax.lax.dynamic_update_slice_in_dim(x, y, start, axis=0) for x, y in both)


def _known(*numbers: Any) -> tuple[Any, ...]:
    return tuple(x for x in numbers if x is not None)


class Blocks:
    """A call that reduces, as a loop over blocks of so many examples."""

    def __init__(self, backend: JaxBackend, plan: Plan, layout: Layout, rows: int) -> None:
        self.backend, self.plan, self.layout, self.rows = backend, plan, layout, rows
        self.weighted = plan.ignore_index is not None or any(
            name in layout.arrays for name in ("weights", "where", "class_weights")
        )
        """Whether the divisor of a mean is not the number of examples."""
        self.is_few = any(
            of_each and is_few(layout.count, core) for of_each, core, _ in layout.arrays.values()
        )
        """Whether the value may be computed class by class."""
        self.of_block = copy.copy(backend)
        count = float(layout.count)
        self.of_block.count = lambda loop, least=0: count  # type: ignore[method-assign]

    def value_and_grad(self, wrt: tuple[str, ...], arrays: Arrays) -> Any:
        """The value and gradients, whose derivatives are those of the call at once."""
        names = tuple(arrays)
        at_once = self.plan.changed(mode="value_and_grad", wrt=wrt)

        @jax.custom_jvp
        def value_and_grad(*given: Any) -> Any:
            return self(wrt, dict(zip(names, given, strict=True)))

        def derivative(primals: Any, tangents: Any) -> Any:
            return along_what_varies(
                lambda *given: at_once(self.backend, dict(zip(names, given, strict=True))),
                primals,
                tangents,
            )

        value_and_grad.defjvp(derivative, symbolic_zeros=True)
        return value_and_grad(*arrays.values())

    def value(self, arrays: Arrays) -> Any:
        """The value as a function that knows its derivative by the inputs."""
        names, function = tuple(arrays), self.plan.program.function
        own = {
            name
            for name, (of_each, *_) in self.layout.arrays.items()
            if of_each and name in function.gradients
        }

        def at_once(*given: Any) -> Any:
            return self.plan(self.backend, dict(zip(names, given, strict=True)))

        @jax.custom_jvp
        def value(*given: Any) -> Any:
            # In one pass: of slices of blocks LLVM makes no vectors.
            if self.is_few and suits(at_once, given):
                return self.plan(self.backend.by_class, dict(zip(names, given, strict=True)))
            if _is_arithmetic(jax.make_jaxpr(at_once)(*given).jaxpr):
                return at_once(*given)
            return self((), dict(zip(names, given, strict=True)))

        def derivative(primals: Any, tangents: Any) -> Any:
            varying = {
                name: tangent
                for name, tangent in zip(names, tangents, strict=True)
                if not isinstance(tangent, SymbolicZero)
            }
            if not varying.keys() <= own:
                found = along_what_varies(at_once, primals, tangents)
                assert found is not None
                return found
            held = {
                name: x
                if name not in function.inputs or name in function.gradients
                else jax.lax.stop_gradient(x)
                for name, x in zip(names, primals, strict=True)
            }
            result, gradients = self.value_and_grad(tuple(varying), held)
            changes = zip(gradients, varying.values(), strict=True)
            return result, sum(jnp.sum(gradient * tangent) for gradient, tangent in changes)

        value.defjvp(derivative, symbolic_zeros=True)
        return value(*arrays.values())

    def __call__(self, wrt: tuple[str, ...], arrays: Arrays) -> Any:
        """The value; with the gradients by the named inputs, if there are any."""
        plan, rows = self.plan, self.rows
        mean = plan.reduction == "mean"
        weighted_mean = mean and self.weighted
        given = self.layout.as_rows(arrays)
        shared = {n: x for n, x in given.items() if not self.layout.arrays[n][0]}
        own = {n: x for n, x in given.items() if n not in shared}
        count = self.layout.count // rows
        whole = count * rows

        def block(size: int, part: Arrays) -> Any:
            def of(mode: str, reduction: str, part: Arrays) -> Any:
                one = plan.changed(
                    mode=mode, reduction=reduction, wrt=wrt, loop=(size,), output=(size,), axis=-1
                )
                return one(self.of_block, {**part, **shared})

            reduction = "sum" if weighted_mean else plan.reduction
            if not wrt:
                found = (of("value", reduction, part), ())
            else:
                found = of("value_and_grad", reduction, part)
            weight = of("sum_and_weight", "sum", part)[1] if weighted_mean else None
            return (*found, weight)

        # A loop that JAX cannot look into: it takes constants out of a scan, as large arrays.
        def step(state: tuple[Any, ...]) -> tuple[Any, ...]:
            place, so_far, made = state
            found, ends, weight = block(rows, _cut(own, place * rows, rows))
            so_far = tuple(
                x.at[place].set(new) for x, new in zip(so_far, _known(found, weight), strict=True)
            )
            made = _put(made, ends, place * rows)
            return place + 1, so_far, made

        sums = 2 if weighted_mean else 1
        state = (
            jnp.asarray(0, jnp.int32),
            tuple(jnp.zeros(count, self.backend.dtypes[plan.compute]) for _ in range(sums)),
            tuple(jnp.zeros_like(own[name]) for name in wrt),
        )
        _, totals, gradients = jax.lax.while_loop(lambda s: s[0] < count, step, state)
        totals = tuple(map(jnp.sum, totals))
        if whole < self.layout.count:
            left = self.layout.count - whole
            last, ends, last_weight = block(left, _cut(own, whole, left))
            more = _known(last, last_weight)
            totals = tuple(x + y for x, y in zip(totals, more, strict=True))
            gradients = _put(gradients, ends, whole)
        value, weight = totals if weighted_mean else (totals[0], None)
        if weight is not None:
            divisor = jnp.where(weight > 0, weight, 1.0)
            value, gradients = value / divisor, tuple(x / divisor for x in gradients)
        if not wrt:
            return value
        return value, self._shaped(wrt, gradients)

    def _shaped(self, wrt: tuple[str, ...], gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        if self.layout.flat:
            return gradients
        found = zip(wrt, gradients, strict=True)
        return tuple(self.layout.shaped(name, gradient) for name, gradient in found)
