"""JAX: analytic derivatives through ``custom_jvp``, eager calls compiled once per plan."""

from __future__ import annotations

import copy
import math
from contextlib import AbstractContextManager
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from lossapi.backend import Backend, Transform, undifferentiated
from lossapi.plan import Examples

from .jax_blocks import along_what_varies, run
from .jax_columns import by_columns, has_few
from .jax_columns import inside as inside_by_columns
from .jax_flat import LARGE, flat, inside, is_short

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossapi.backend import Scanned, Step
    from lossapi.plan import Plan, Program


_HALVES = (jnp.float16, jnp.bfloat16)


class JaxBackend(Backend):
    """JAX arrays and tracers, with and without x64."""

    accuracy_factor = 2
    flushes_subnormals = True
    remembers = True
    by_column = False
    """Whether examples with few classes are computed class by class."""
    poisons_results = True  # of inputs the products keep XLA from fusing, and LLVM from vectors

    def __init__(self) -> None:
        super().__init__("jax", jnp)
        self.index_dtype = jnp.int32
        self.xp.exp, self.xp.log1p = _exp, _log1p
        self.xp.log1p_of_share = self.xp.log1p_of_shares = _log1p
        self.compiled = (None, *self.transforms())
        self.xp.matmul = partial(jnp.matmul, precision="highest")
        self.xp.tensordot = partial(jnp.tensordot, precision="highest")
        self.xp.all, self.xp.any = _all, _any
        self._compiled = jax.jit(self._run, static_argnums=0)
        self.alone = undifferentiated(self.xp)
        self.alone.leading_class, self.alone.argmax = _leading_class, _argmax
        self.alone.marks_leaders = True
        self.alone.log1p_of_share = _log1p_of_share
        self.alone.log1p_of_shares = _log1p_of_shares
        self.alone.sinh_of_share = _sinh_of_share
        """What kernels get whose derivative is known, or which have none."""
        self._differentiable = cache(partial(_differentiable, self))
        self._slopes = cache(partial(_slopes, self))
        self._pulled_back = cache(partial(_pulled_back, self))
        self.by_class = copy.copy(self)
        self.by_class.by_column = True

    def recognises(self, kind: type) -> bool:
        """Whether a type is that of JAX's arrays or tracers."""
        return issubclass(kind, jax.Array | jax.core.Tracer)

    def device(self, array: Any) -> Any:
        """The device an array was committed to; None where JAX may still choose."""
        if isinstance(array, jax.core.Tracer) or not array.committed:
            return None
        return frozenset(array.devices())

    def signature(self, array: Any) -> Any:
        """What a plan depends on; None for tracers, of which there are many kinds."""
        if isinstance(array, jax.core.Tracer) or not isinstance(array, jax.Array):
            return None
        x64 = jax.config.jax_enable_x64  # type: ignore[attr-defined]
        return array.dtype, array.shape, self.device(array), x64

    def is_visible(self, array: Any) -> bool:
        """Whether an array is concrete and in the host's memory."""
        return not isinstance(array, jax.core.Tracer) and all(
            device.platform == "cpu" for device in array.devices()
        )

    def asarray(self, value: Any, dtype: str | None = None, like: Any = None) -> Any:
        """An array from numbers."""
        if dtype is not None and not isinstance(value, jax.Array):
            value = np.asarray(value).astype(dtype)  # on the host, where nothing is compiled
        return jnp.asarray(value)

    def to_numpy(self, array: Any) -> Any:
        """The array's values as a NumPy array (halves as float32)."""
        values = np.asarray(array)
        return values.astype(np.float32) if array.dtype in _HALVES else values

    def dtype_context(self, dtype: str) -> AbstractContextManager[Any]:
        """X64 on for float64, off for the others."""
        context: AbstractContextManager[Any] = jax.enable_x64(dtype == "float64")
        return context

    def forget(self) -> None:
        """Drop compiled code, of which tens of thousands exhaust the memory maps of a process."""
        jax.clear_caches()  # type: ignore[no-untyped-call]

    def class_index(self, array: Any) -> Any:
        """The integers 0 … K-1 along the last axis."""
        return jnp.arange(array.shape[-1], dtype=jnp.int32)

    def sum_by_class(self, values: Any, labels: Any, classes: int) -> Any:
        """The sum of the values by their labels, without a table of labels and classes."""

        def of_one(values: Any, labels: Any) -> Any:
            return jnp.zeros(classes, values.dtype).at[labels].add(values)

        flat = math.prod(labels.shape[:-1]), labels.shape[-1]
        rows = jax.vmap(of_one)(values.reshape(flat), labels.reshape(flat))
        return rows.reshape(*labels.shape[:-1], classes)

    def inside(self, domains: Any, arrays: Any, cores: int) -> Any:
        """Where all entries of an example, along its last axes, lie in each array's domain."""
        look = super().inside
        by_entry = cores == 1 and not any(domain.is_increasing for domain in domains)
        if not by_entry or not is_short(arrays[0]) or jax.default_backend() != "cpu":
            return look(domains, arrays, cores)
        if self.by_column and has_few(arrays[0]):
            return inside_by_columns(lambda *given: look(domains, given, 0), arrays)
        by_row = partial(self.xp.all, axis=-1)
        return inside(lambda *given: look(domains, given, 0), by_row, arrays)

    def scan(self, step: Scanned, carry: Any, items: Any, *, reverse: bool = False) -> Any:
        """A loop that is traced, and compiled, once."""
        return jax.lax.scan(step, carry, items, reverse=reverse)

    def stop_gradient(self, array: Any) -> Any:
        """The same values, constant under differentiation."""
        return jax.lax.stop_gradient(array)

    def execute(self, plan: Plan, arrays: dict[str, Any]) -> Any:
        """Run a whole call, compiled once per plan; inside a trace it becomes part of it."""
        if plan.prepared is None:
            plan.prepared = self._prepared(plan)
        plan, numbers = plan.prepared
        return self._compiled(plan, {**arrays, **numbers} if numbers else arrays)

    def _prepared(self, plan: Plan) -> tuple[Plan, dict[str, Any]]:
        """The plan as it is compiled, and the numbers that it gets beside the arrays."""
        program = plan.program
        if not (program.function.signature.elementwise and program.parameters):
            return plan, {}
        # Numbers become arguments, so that another delta does not compile anew; but not defaults,
        # which may spare a kernel half of its work, nor what would lose digits of 1 - x or log(x).
        general, numbers = plan.with_numbers_as_arrays()
        kind = np.dtype(plan.compute).type
        for name, number in numbers.items():
            domain = program.function.parameter_domains[name]
            is_rounded = float(kind(number)) != number
            if is_rounded and 0.5 < number < 2 and 1 in (domain.low, domain.high):
                return plan, {}
        return general, {name: kind(x) for name, x in numbers.items()}

    def _run(self, plan: Plan, arrays: dict[str, Any]) -> Any:
        by_hand = plan.program.function.pullback_kernel and plan.reduction != "none"
        if not by_hand or plan.mode not in ("value", "sum_and_weight"):
            return run(self, plan, arrays)
        if plan.mode == "value":
            return self._pulled_back(plan)(arrays)
        total = plan.changed(mode="value", reduction="sum", result=plan.compute)
        return self._pulled_back(total)(arrays), Examples(plan, self, arrays).weight()

    def over_rows(
        self, step: Step, shared: dict[str, Any], rows: dict[str, Any], size: int
    ) -> tuple[tuple[Any, ...], list[Any]]:
        """A step on blocks of rows, in a loop that is compiled once; what is left over, apart."""
        count = next(iter(rows.values())).shape[0]
        whole, left = divmod(count, size)
        if whole == 0 or count == size:
            own, products = step({**shared, **rows})
            return own, [self.plus(None, product) for product in products]
        # Differentiated, each block is computed again instead of kept.
        alone = jax.checkpoint(lambda shared, block: step({**shared, **block}))
        blocks = {n: x[: whole * size].reshape(whole, size, *x.shape[1:]) for n, x in rows.items()}

        def body(sums: Any, block: Any) -> Any:
            own, products = alone(shared, block)
            return [self.plus(*both) for both in zip(sums, products, strict=True)], own

        _, products = jax.eval_shape(alone, shared, {name: x[0] for name, x in blocks.items()})
        zeros = [jnp.zeros((a.shape[1], b.shape[1]), a.dtype) for a, b in products]
        sums, own = jax.lax.scan(body, zeros, blocks)
        own = tuple(x.reshape(whole * size, *x.shape[2:]) for x in own)
        if left:
            rest = {name: x[whole * size :] for name, x in rows.items()}
            sums, last = body(sums, rest)
            own = tuple(jnp.concatenate(both) for both in zip(own, last, strict=True))
        return own, sums

    def apply(self, program: Program, arrays: tuple[Any, ...]) -> Any:
        """Run a kernel whose derivative is the analytic gradient, in both modes."""
        if not program.function.gradients:
            return program.value(self.xp, arrays)
        return self._differentiable(program, self.by_column)(*arrays)

    def gradients(
        self, program: Program, wrt: tuple[str, ...], arrays: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """Run the kernels of the gradients; only what differentiates them makes that harder."""
        slopes: tuple[Any, ...] = self._slopes(program, wrt)(*arrays)
        return slopes

    def transforms(self) -> dict[str, Transform]:
        """What JAX does to functions; mostly within jit, as it is used, and in one compilation."""
        within_jit = {
            "jit": ("call", lambda f: f),
            "vmap": ("map", jax.vmap),
            "jit-grad": ("gradient", jax.grad),
            "jacfwd": ("gradient", jax.jacfwd),
            "jvp": ("directional", _directional),
            "hessian": ("hessian", jax.hessian),
            "jacrev-jacrev": ("hessian", lambda f: jax.jacrev(jax.jacrev(f))),
        }
        compiled = {
            name: Transform(kind, _within_jit(apply)) for name, (kind, apply) in within_jit.items()
        }
        return {**compiled, "grad": Transform("gradient", jax.grad)}


def _exp(x: Any) -> Any:
    return _single_exp(x) if x.dtype == jnp.float32 else jnp.exp(x)


@jax.custom_jvp
def _single_exp(x: Any) -> Any:
    # XLA's own supposes that no float32 is NaN: of a NaN that a selection gives it makes 0, or
    # anything (jax 0.10, CPU).
    return jnp.where(jnp.isnan(x), jnp.nan, jnp.exp(x))


@_single_exp.defjvp
def _(primals: Any, tangents: Any) -> Any:
    power = _single_exp(*primals)
    return power, power * tangents[0]


def _log1p(x: Any) -> Any:
    # XLA's own is off by up to 126 ULP between -0.42 and -0.3 in float64 (jax 0.10, CPU).
    if x.dtype != jnp.float64:
        return jnp.log1p(x)
    below = x < -0.25
    return jnp.where(
        below, jnp.log(1.0 + jnp.where(below, x, 0.0)), jnp.log1p(jnp.where(below, 0.0, x))
    )


def _log1p_of_share(x: Any) -> Any:
    """log(1 + x) for x from 0 to 1, where XLA's own costs four to ten times an exponential."""
    # x - x²/2 + s (x²/2 + s² (2/3 + 2/5 s² …)), of log(1 + x) = 2 artanh(s), whose s² is at most
    # 1/9: what comes after x is small beside it, and so is its rounding.
    terms = 16 if x.dtype == jnp.float64 else 7
    s, half = x / (2.0 + x), 0.5 * x * x
    square = s * s
    rest = square * _series(square, [2 / (2 * n + 3) for n in range(terms)])
    # The selection changes nothing, but keeps all this from XLA's slow sum of products.
    return jnp.where(x == 0, x, x - (half - s * (half + rest)))


def _log1p_of_shares(x: Any) -> Any:
    """log(1 + x) for x from 0 to the number of classes."""
    # k log(2) + log(1 + f) with the power of two next to 1 + x, so that f, which is exact but for
    # its last digit, is at most 1/3. A series in f, as XLA would compute x anew for each user of a
    # quotient; and the power from bits, as it would simplify sums.
    double = x.dtype == jnp.float64
    kind, digits, bias, terms = (jnp.int64, 52, 1023, 32) if double else (jnp.int32, 23, 127, 14)
    power = jax.lax.bitcast_convert_type((1.0 + x) * 1.5, kind) >> digits
    unit = jax.lax.bitcast_convert_type(power << digits, x.dtype)
    inverse = jax.lax.bitcast_convert_type((2 * bias - power) << digits, x.dtype)
    f, k = (x - (unit - 1.0)) * inverse, (power - bias).astype(x.dtype)
    cubes = f * f * f * _series(f, [(-1) ** n / (n + 3) for n in range(terms)])
    # Together log(2): of the first, which has 17 bits, any multiple is exact.
    high, low = 0.693145751953125, 1.4286068203094173e-06
    return k * high - ((0.5 * f * f - (cubes + k * low)) - f)


def _sinh_of_share(x: Any) -> Any:
    """sinh(x) for a magnitude up to 1, where XLA's own costs three times an exponential."""
    terms = 9 if x.dtype == jnp.float64 else 6
    square = x * x
    return x + x * square * _series(square, [1 / math.factorial(2 * n + 3) for n in range(terms)])


def _series(x: Any, coefficients: list[float]) -> Any:
    """The sum of c_n xⁿ as four sums, none of which waits for another."""
    square = x * x
    fourth, sums = square * square, []
    for first in range(4):
        *others, total = coefficients[first::4]
        for coefficient in reversed(others):
            total = total * fourth + coefficient
        sums.append(total)
    return (sums[0] + sums[1] * x) + square * (sums[2] + sums[3] * x)


def _all(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    return ~_any(~x, axis=axis, keepdims=keepdims)


def _any(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether any entry is true: XLA looks for one as long as its library takes for ten sums."""
    if axis != -1 or x.size < LARGE:
        return jnp.any(x, axis=axis, keepdims=keepdims)
    return jnp.sum(jnp.where(x, 1.0, 0.0), axis=-1, keepdims=keepdims) > 0


def _leading_class(x: Any) -> tuple[Any, Any]:
    """The first largest entry of the last axis: XLA looks for its place four times as long.

    Of a row with a NaN there may be none, which is as good: what comes of that row is NaN.
    """
    top, places = jnp.max(x, axis=-1, keepdims=True), jnp.arange(x.shape[-1], dtype=jnp.int32)
    first = jnp.min(jnp.where(x == top, places, x.shape[-1]), axis=-1, keepdims=True)
    return places == first, top


def _argmax(x: Any, /, *, axis: int = -1) -> Any:
    """The place of the first largest entry; for a row with a NaN there may be none, beyond all."""
    if axis != -1:
        return jnp.argmax(x, axis=axis)
    leading, _ = _leading_class(x)
    places = jnp.arange(x.shape[-1], dtype=jnp.int32)
    return jnp.min(jnp.where(leading, places, x.shape[-1]), axis=-1)


def _differentiable(backend: JaxBackend, program: Program, by_column: bool) -> Callable[..., Any]:
    """The kernel as a JAX function that knows its analytic derivative."""
    function, shaped = program.function, by_columns if by_column else flat

    @jax.custom_jvp
    def value(*arrays: Any) -> Any:
        return shaped(lambda *given: program.value(backend.alone, given), arrays)

    def derivative(primals: Any, tangents: Any) -> Any:
        result = value(*primals)
        total = jnp.zeros_like(result)
        # An input that does not vary is left out: its gradient may be infinite, and inf·0 is NaN.
        varying = {
            name: tangent
            for name, tangent in zip(function.inputs, tangents, strict=False)
            if name in function.gradients and not isinstance(tangent, SymbolicZero)
        }
        found = backend.gradients(program, tuple(varying), backend.held(function, primals))
        for (name, tangent), gradient in zip(varying.items(), found, strict=True):
            change = gradient * tangent
            core = function.cores[name]
            total = total + (jnp.sum(change, axis=tuple(range(-core, 0))) if core else change)
        inputs = len(function.inputs)
        still = (None,) * inputs
        along = along_what_varies(
            lambda *given: program.value(backend.xp, given), primals, (*still, *tangents[inputs:])
        )
        return result, total + (0.0 if along is None else along[1])

    value.defjvp(derivative, symbolic_zeros=True)
    return value


def _pulled_back(backend: JaxBackend, plan: Plan) -> Callable[..., Any]:
    """A call that gives one number, whose gradients are computed together with it."""

    @jax.custom_jvp
    def value(arrays: Any) -> Any:
        return plan(backend, arrays)

    def derivative(primals: Any, tangents: Any) -> Any:
        (arrays,), (along,) = primals, tangents
        along = {n: x for n, x in along.items() if not isinstance(x, SymbolicZero)}
        smooth = plan.program.function.differentiable
        wrt = tuple(name for name in along if name in smooth)
        result, gradients = plan.for_gradients(*wrt)(backend, arrays)
        total = jnp.zeros((), plan.compute)
        for name, gradient in zip(wrt, gradients, strict=True):
            total = total + jnp.sum(gradient * along[name].astype(gradient.dtype))
        others = {name: x for name, x in along.items() if name not in smooth}
        if others:
            at = {name: arrays[name] for name in others}
            change = jax.jvp(lambda moved: plan(backend, {**arrays, **moved}), (at,), (others,))[1]
            total = total + change
        return result, total.astype(result.dtype)

    value.defjvp(derivative, symbolic_zeros=True)
    return value


def _slopes(backend: JaxBackend, program: Program, wrt: tuple[str, ...]) -> Callable[..., Any]:
    """The analytic gradients, which are written otherwise where they are differentiated.

    Of one variable alone they know their derivative, the curvature.
    """
    function, names = program.function, program.function.inputs
    alone = len(names) == 1 and not program.parameters and not program.array_parameters

    @jax.custom_jvp
    def slopes(*arrays: Any) -> Any:
        return flat(lambda *given: program.gradients(backend.alone, wrt, given), arrays)

    def derivative(primals: Any, tangents: Any) -> Any:
        if alone and function.curvatures:
            bends = program.curvatures(backend.xp, wrt, primals)
            return slopes(*primals), tuple(bend * tangents[0] for bend in bends)
        found = along_what_varies(
            lambda *given: program.gradients(backend.xp, wrt, given), primals, tangents
        )
        assert found is not None  # nothing is asked for that does not vary
        return found

    slopes.defjvp(derivative, symbolic_zeros=True)
    return slopes


def _within_jit(apply: Callable[..., Any]) -> Callable[..., Any]:
    return lambda function: jax.jit(apply(function))


def _directional(function: Callable[..., Any]) -> Callable[..., Any]:
    def along(primal: Any, tangent: Any, *rest: Any) -> Any:
        return jax.jvp(lambda x: function(x, *rest), (primal,), (tangent,))[1]

    return along
