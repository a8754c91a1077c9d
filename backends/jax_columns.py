"""JAX on a CPU: what a kernel makes of many examples with few classes, class by class.

XLA's sums along an axis of ten numbers take longer than the exponentials of the ten. Of a column
for each class they are a few additions of long vectors, which fuse with all that comes before and
after, so that a loss is one pass over its inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import Literal

from lossapi.signature import Shape

from .jax_flat import BY_ENTRY, CALLS, LARGE, called, done, flat, is_plain

FEW = 32
"""How many classes may have columns: the program grows with their number, what it spares falls."""

_FOLDS: dict[str, Callable[[Any, Any], Any]] = {
    "reduce_sum": jax.lax.add,
    "reduce_max": lambda a, b: jnp.where(a > b, a, b),
    "reduce_min": lambda a, b: jnp.where(a < b, a, b),
    "reduce_and": jax.lax.bitwise_and,
    "reduce_or": jax.lax.bitwise_or,
}
"""What a reduction does to two columns; a maximum may lose a NaN, as XLA's own does."""


_COSTLY = {"div", "exp", "expm1", "log", "log1p", "logistic", "pow", "sinh", "tanh", "erf"}
_LOOPS = {"scan", "while"}
MOST_COSTLY = 1
"""How many costly operations for each class are faster so: with more LLVM makes no vectors."""


def by_columns(function: Callable[..., Any], arrays: tuple[Any, ...]) -> Any:
    """What a function that nobody differentiates makes of arrays, faster for few classes."""
    shape = next((x.shape for x in arrays if has_few(x)), None)
    if shape is None:
        return flat(function, arrays)
    closed, result = jax.make_jaxpr(function, return_shape=True)(*arrays)
    # Where each class has a result, XLA would compute the sums anew for every one of them.
    if not is_plain(closed.jaxpr) or any(x.shape == shape for x in closed.out_avals):
        return flat(function, arrays)
    return jax.tree.unflatten(jax.tree.structure(result), _Program(closed, shape)(arrays))


def suits(function: Callable[..., Any], arrays: tuple[Any, ...]) -> bool:
    """Whether a call on examples with few classes is faster class by class."""
    entries = max(x.size for x in arrays)
    return _costs(jax.make_jaxpr(function)(*arrays).jaxpr, entries) <= MOST_COSTLY


def _costs(jaxpr: Any, entries: int) -> int:
    """How many costly operations it has for each entry."""
    count = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name in CALLS:
            count += _costs(called(equation).jaxpr, entries)
        elif equation.primitive.name in _LOOPS:
            count += MOST_COSTLY + 1
        elif equation.primitive.name in _COSTLY:
            # Of a quotient the divisor counts: by a number for each example it is not much.
            count += equation.invars[-1].aval.size >= entries
    return count


def inside(test: Callable[..., Any], arrays: tuple[Any, ...]) -> Any:
    """For which examples a test of their entries holds for all classes."""
    columns = zip(*map(_cut, arrays), strict=True)
    return _folded(jax.lax.bitwise_and, [test(*column) for column in columns])


def has_few(x: Any) -> bool:
    """Whether an array has columns here: on a CPU, of many examples with few classes."""
    return (
        x.ndim > 1
        and jax.default_backend() == "cpu"
        and is_few(x.size // x.shape[-1], x.shape[-1:])
    )


def is_few(count: int, core: Shape) -> bool:
    """Whether so many examples of a shape have few classes."""
    return len(core) == 1 and 1 < core[0] <= FEW and count * core[0] >= LARGE


def _cut(x: Any) -> list[Any]:
    return [x[..., place] for place in range(x.shape[-1])]


def _folded(fold: Callable[[Any, Any], Any], columns: list[Any]) -> Any:
    """Two by two, which rounds less than one after the other."""
    while len(columns) > 1:
        pairs = zip(columns[::2], columns[1::2], strict=False)
        columns = [fold(*pair) for pair in pairs] + columns[len(columns) // 2 * 2 :]
    return columns[0]


class _Value:
    """An array of a recorded program, whole or by column, as somebody wants it."""

    def __init__(self, shape: Shape, of: Shape, whole: Any = None) -> None:
        self.shape, self.whole = shape, whole
        like = len(shape) == len(of)
        self.is_wide = like and shape[-1] == of[-1]
        self.has_columns = self.is_wide or (like and shape[-1] == 1)
        self.columns: list[Any] | None = None
        self.is_wanted = self.is_wanted_by_column = False

    def by_column(self) -> list[Any]:
        """Its columns, cut out of the whole unless they were made."""
        if self.columns is None:
            self.columns = _cut(self.whole)
        return self.columns

    def column(self, place: int) -> Any:
        """One of them; the only one, or a number, for all places."""
        if self.shape == ():
            return self.whole
        return self.by_column()[place if self.is_wide else 0]


class _Way(NamedTuple):
    """How columns go through an operation."""

    by_column: list[_Value]
    whole: list[_Value]
    """What it takes in which form."""
    make: Callable[[], Any]
    """The columns of its result; the result itself, if that has no classes."""


class _Step(NamedTuple):
    """An operation, with what it takes and makes, and how columns go through it if they do."""

    equation: Any
    given: list[_Value]
    made: list[_Value]
    way: _Way | None

    @property
    def goes_by_column(self) -> bool:
        made = self.made[0]
        wanted = made.is_wanted_by_column or (made.is_wanted and not made.is_wide)
        return self.way is not None and wanted

    @property
    def goes_whole(self) -> bool:
        if self.way is None:
            return any(x.is_wanted or x.is_wanted_by_column for x in self.made)
        return self.made[0].is_wanted and self.made[0].is_wide

    def want(self) -> None:
        """Tell what it takes in which form for what is wanted of it."""
        whole = list(self.given) if self.goes_whole else []
        if self.way is not None and self.goes_by_column:
            whole += self.way.whole
            for x in self.way.by_column:
                x.is_wanted_by_column = True
        for x in whole:
            x.is_wanted = True

    def make(self, shape: Shape) -> None:
        """Make it in each form that is wanted."""
        made = self.made[0]
        if self.way is not None and self.goes_by_column:
            found = self.way.make()
            if not made.has_columns:
                made.whole = found
            else:
                made.columns = found
                made.whole = None if made.is_wide else found[0][..., None]
        if self.goes_whole:
            wholes = done(self.equation, [x.whole for x in self.given], shape)
            for value, array in zip(self.made, wholes, strict=True):
                value.whole = array


class _Program:
    """The operations of a kernel, one after the other, those inside of others included."""

    def __init__(self, closed: Any, shape: Shape) -> None:
        self.shape = shape
        self.steps: list[_Step] = []
        self.inputs = [self._value(x.aval.shape) for x in closed.jaxpr.invars]
        self.outputs = self._record(closed, self.inputs)

    def _record(self, closed: Any, given: list[_Value]) -> list[_Value]:
        known = dict(zip(closed.jaxpr.invars, given, strict=True))
        for name, array in zip(closed.jaxpr.constvars, closed.consts, strict=True):
            known[name] = self._value(jnp.shape(array), array)

        def value(x: Any) -> _Value:
            return self._value(jnp.shape(x.val), x.val) if isinstance(x, Literal) else known[x]

        for equation in closed.jaxpr.eqns:
            operands = [value(x) for x in equation.invars]
            if equation.primitive.name in CALLS:
                made = self._record(called(equation), operands)
            else:
                made = [self._value(x.aval.shape) for x in equation.outvars]
                way = self._way(equation, operands, made[0])
                self.steps.append(_Step(equation, operands, made, way))
            known |= dict(zip(equation.outvars, made, strict=True))
        return [value(x) for x in closed.jaxpr.outvars]

    def _value(self, shape: Shape, whole: Any = None) -> _Value:
        return _Value(shape, self.shape, whole)

    def __call__(self, arrays: tuple[Any, ...]) -> list[Any]:
        """The results, for which nothing is made in a form that none of them needs."""
        for result in self.outputs:
            result.is_wanted = True
        for step in reversed(self.steps):
            step.want()
        for value, array in zip(self.inputs, arrays, strict=True):
            value.whole = array
        for step in self.steps:
            step.make(self.shape)
        return [result.whole for result in self.outputs]

    def _way(self, equation: Any, given: list[_Value], made: _Value) -> _Way | None:
        params, name, last = equation.params, equation.primitive.name, len(self.shape) - 1
        if name in BY_ENTRY:
            return self._by_entry(equation, given, made)
        if name == "broadcast_in_dim" and made.has_columns:
            return self._spread(params["broadcast_dimensions"], given[0], made)
        if not (given and given[0].has_columns):
            return None
        x = given[0]
        if name in _FOLDS and tuple(params["axes"]) == (last,):
            return _Way([x], [], lambda: _folded(_FOLDS[name], x.by_column()))
        if name == "squeeze" and tuple(params["dimensions"]) == (last,):
            return _Way([x], [], lambda: x.column(0))
        if name == "gather" and self._takes_one_of_each(params, *given):
            return _Way([x], [given[1]], lambda: [_taken(params["fill_value"], *given)])
        return None

    def _by_entry(self, equation: Any, given: list[_Value], made: _Value) -> _Way | None:
        long = [x for x in given if x.has_columns]
        short = [x for x in given if x.shape == ()]
        if not made.has_columns or len(long) + len(short) < len(given):
            return None

        def column(place: int) -> Any:
            return equation.primitive.bind(*(x.column(place) for x in given), **equation.params)

        return _Way(long, short, lambda: [column(place) for place in range(made.shape[-1])])

    def _spread(self, kept: tuple[int, ...], x: _Value, made: _Value) -> _Way | None:
        """One array for several classes, or for several examples."""
        loop, places = made.shape[:-1], range(made.shape[-1])
        if len(loop) not in kept:
            return _Way(
                [], [x], lambda: [jax.lax.broadcast_in_dim(x.whole, loop, kept)] * len(places)
            )
        if not x.has_columns:
            return None
        return _Way(
            [x],
            [],
            lambda: [jax.lax.broadcast_in_dim(x.column(k), loop, kept[:-1]) for k in places],
        )

    def _takes_one_of_each(self, params: Any, x: _Value, places: _Value) -> bool:
        """Whether it is what `take_along_axis` does for one class of each example."""
        numbers, last = params["dimension_numbers"], len(self.shape) - 1
        loop = tuple(range(last))
        return bool(
            x.shape == self.shape
            and places.shape == (*self.shape[:-1], 1, 1)
            and numbers.operand_batching_dims == numbers.start_indices_batching_dims == loop
            and numbers.collapsed_slice_dims == numbers.start_index_map == (last,)
            and params["mode"] == jax.lax.GatherScatterMode.FILL_OR_DROP
        )


def _taken(otherwise: Any, x: _Value, places: _Value) -> Any:
    """The entry that is named for each example, and something else where there is none."""
    labels = places.whole[..., 0, 0]
    found = jnp.full(labels.shape, otherwise, x.column(0).dtype)
    for place, column in enumerate(x.by_column()):
        found = jnp.where(labels == place, column, found)
    return found
