"""One call's way through the house: bind, find the backend, check, run."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from . import backend as backends
from . import validation, values
from .binding import CLASS_MASK, Bound, bind, is_number
from .domain import LABELS
from .errors import ShapeError
from .plan import Plan, Program
from .signature import length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .backend import Backend
    from .loss import Function

_errors_on_invalid: ContextVar[bool] = ContextVar("lossapi_errors_on_invalid", default=False)


@contextmanager
def errors_on_invalid() -> Iterator[None]:
    """Within this context an input outside its domain raises ``DomainError``.

    Without it such an example's value and gradient are NaN. Values that cannot be looked at (a
    traced array, one on a device) still give NaN.
    """
    token = _errors_on_invalid.set(True)
    try:
        yield
    finally:
        _errors_on_invalid.reset(token)


def run(function: Function, mode: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Carry out one call of a loss or primitive."""
    key = _key(function, mode, args, kwargs)
    known = _known.get(key)
    if known is not None:
        return known(args, kwargs)
    bound = bind(function, mode, args, kwargs)
    given = _given(bound)
    backend = backends.find(function.__name__, given.items())
    if function.libraries:
        backends.check_library(function.__name__, backend, function.libraries)
    arrays = _arrays(function, backend, given)
    arrays, stretched = _stretched(function, backend, bound, arrays)
    call = _Checked(
        function, backend, _plan(function, mode, bound, backend, arrays, stretched), bound.single
    )
    result = call(arrays)
    if key is not None:
        _remember(key, call, arrays, args, kwargs)
    return result


_LOOKED_AT = ("weights", "class_weights")


class _Checked:
    """A call whose arguments are accepted but for the values of its arrays."""

    __slots__ = ("_function", "_judges", "_looks", "_opens", "backend", "plan")

    def __init__(self, function: Function, backend: Backend, plan: Plan, single: bool) -> None:
        self._function, self.backend, self.plan = function, backend, plan
        self._judges = function.judges_values
        self._opens = single and plan.mode not in ("value", "sum_and_weight")
        """Whether one gradient is given instead of a tuple of one."""
        self._looks: bool | None = None
        """Whether some of the arrays are looked at even if what is outside is no error."""

    def __call__(self, arrays: dict[str, Any]) -> Any:
        plan = self.plan
        if self._looks is None:
            others = arrays.keys() - self._function.inputs
            self._looks = self._function.labelled or not others.isdisjoint(_LOOKED_AT)
            self._looks = self._looks or not others.isdisjoint(plan.program.array_parameters)
        if self._looks or (self._judges and self._is_strict(arrays)):
            values.check(self._function, self.backend, plan, arrays, _errors_on_invalid.get)
        return self.opened(self.backend.execute(plan, arrays))

    def opened(self, result: Any) -> Any:
        """The result as the call gives it."""
        if not self._opens:
            return result
        return (result[0], result[1][0]) if self.plan.mode == "value_and_grad" else result[0]

    def looks(self, names: Iterable[str]) -> list[tuple[int, Callable[[Any], bool]]] | None:
        """Looks that tell that all is well unless one is strict; None where none are so quick."""
        return values.looks(self._function, self.plan, names)

    def _is_strict(self, arrays: dict[str, Any]) -> bool:
        # Compilers that cannot read a context variable see no values either: the order matters.
        return any(map(self.backend.is_visible, arrays.values())) and _errors_on_invalid.get()


# --- calls that came before

_KEPT = 256
_PLAIN = (float, int, bool, str, type(None))
_known: dict[Any, _Again] = {}


def forget() -> None:
    """Go the whole way again with the next call, whatever came before."""
    _known.clear()


def _key(function: Function, mode: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What tells whether the same arguments but for the values of arrays came before.

    None where nothing is to be remembered.
    """
    backend = backends.known(args[0]) if args else None
    if backend is None or not backend.remembers:
        return None
    signature = backend.signature
    try:
        known = (function, mode, *map(signature, args))
    except AttributeError:  # a number or a list
        return None
    if None in known:
        return None
    if not kwargs:
        return known
    parts: list[Any] = list(known)
    for name, value in kwargs.items():
        kind = type(value)
        if kind in _PLAIN or (kind is tuple and all(type(x) in (int, str) for x in value)):
            parts += (name, kind, value)
        else:
            try:
                parts += (name, signature(value))
            except AttributeError:
                return None
            if parts[-1] is None:
                return None
    return tuple(parts)


def _remember(
    key: Any, call: _Checked, arrays: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Keep a call for others with this key, unless some of its arrays were made for it."""
    function = key[0]
    places: dict[str, int | str] = {}  # which argument an array is
    for name, array in arrays.items():
        place = function.inputs.index(name) if name in function.inputs else len(args)
        keyword = function.class_mask if name == CLASS_MASK else name
        if place < len(args) and args[place] is array:
            places[name] = place
        elif place >= len(args) and kwargs.get(keyword) is array:
            places[name] = keyword
        else:
            return
    kept = {*places.values(), *(n for n, x in kwargs.items() if type(x) in (*_PLAIN, tuple))}
    if not kwargs.keys() <= kept:  # something like a number, whose value is not in the key
        return
    if len(_known) >= _KEPT:
        _known.clear()
    _known[key] = _Again(call, places, arrays)


class _Again:
    """A call like one that came before."""

    __slots__ = ("_call", "_direct", "_in_order", "_places")

    def __init__(
        self, call: _Checked, places: dict[str, int | str], arrays: dict[str, Any]
    ) -> None:
        self._call, self._places = call, places
        self._in_order = list(places.values()) == list(range(len(places)))
        looks = call.looks(places)
        self._direct = None if looks is None else call.backend.direct(call.plan, arrays, looks)

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = args
        if not self._in_order:
            places = self._places.values()
            given = tuple([kwargs[p] if isinstance(p, str) else args[p] for p in places])
        if self._direct is not None and not _errors_on_invalid.get():
            result = self._direct(*given)
            if result is not None:
                return self._call.opened(result)
        return self._call(dict(zip(self._places, given, strict=True)))


# --- the way there


def _given(bound: Bound) -> dict[str, Any]:
    """All arguments that are, or become, arrays."""
    given = {**bound.inputs, **bound.array_parameters}
    for name in ("weights", "where", "class_weights", "cotangent"):
        if getattr(bound, name) is not None:
            given[name] = getattr(bound, name)
    return given


def _arrays(function: Function, backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    """Turn numbers and lists into arrays beside the others, in their dtype."""
    plain = [
        name for name, value in given.items() if is_number(value) or isinstance(value, list | tuple)
    ]
    if plain:
        beside = next((value for name, value in given.items() if name not in plain), None)
        dtype = _dtype_of_numbers(function, backend, given, plain)
        given = dict(given)
        for name in plain:
            domain = function.domains.get(name)
            own = name in ("where", CLASS_MASK) or (domain is not None and domain.text == LABELS)
            kind = None if own else dtype
            array = as_array(function.__name__, backend, name, given[name], kind, beside)
            if function.cores.get(name) and name in function.defaults and array.ndim == 0:
                # The number that an input is by default fills its vectors.
                array = backend.xp.broadcast_to(array, _shape_by_default(function, name, given))
            given[name] = array
    if len(given) > 1:
        backends.check_devices(function.__name__, backend, given.items())
    return given


def _shape_by_default(function: Function, name: str, given: dict[str, Any]) -> tuple[int, ...]:
    """The shape of an input that was left out: that of the first, or as long as one has an axis."""
    first = function.inputs[0]
    cores = dict(zip(function.inputs, function.signature.inputs, strict=True))
    if cores[name] == cores[first]:
        shape = tuple(given[first].shape)
        # Where a graph does not know how many examples there are, one entry serves all of them.
        return shape[-len(cores[first]) :] if [n for n in shape if n is None] else shape
    (dimension,) = cores[name]
    owner = next(n for n, core in cores.items() if n != name and dimension in core)
    place = cores[owner].index(dimension) - len(cores[owner])
    return tuple(given[owner].shape[place:][:1])


def as_array(
    loss: str,
    backend: Backend,
    name: str,
    value: Any,
    dtype: str | None = None,
    like: Any = None,
) -> Any:
    """An array of the backend from a number or a list."""
    try:
        return backend.asarray(value, dtype, like=like)
    except (ValueError, TypeError) as error:
        raise ShapeError(
            f"{loss}: {name} is {value!r}, which is no array of numbers ({error}); accepted are "
            f"numbers, lists of numbers of equal length, and arrays."
        ) from None


def _dtype_of_numbers(
    function: Function, backend: Backend, given: dict[str, Any], plain: list[str]
) -> str:
    """The dtype for plain numbers: that of the predictions they meet, or the library's default."""
    met = [name for name in function.inputs if name not in function.cast and name not in plain]
    if not met:
        return backend.dtype_name(backend.asarray(0.0))
    return validation.promoted(function, {name: backend.dtype_name(given[name]) for name in met})


def _stretched(
    function: Function, backend: Backend, bound: Bound, arrays: dict[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Inputs repeated along a last axis that only the prediction and a listed parameter have.

    A quantile loss with several quantiles has predictions of shape (N, Q) and targets of shape
    (N,); every other pair of different shapes stays an error.
    """
    prediction = tuple(arrays[function.inputs[0]].shape)
    lists = function.several.intersection(bound.array_parameters)
    listed = any(tuple(arrays[name].shape) == prediction[-1:] for name in lists)
    if not (listed and len(prediction) > 1):
        return arrays, ()
    names = [name for name in function.inputs if tuple(arrays[name].shape) == prediction[:-1]]
    longer = {name: backend.xp.broadcast_to(arrays[name][..., None], prediction) for name in names}
    return {**arrays, **longer}, tuple(names)


def _plan(
    function: Function,
    mode: str,
    bound: Bound,
    backend: Backend,
    arrays: dict[str, Any],
    stretched: tuple[str, ...],
) -> Plan:
    dtypes = {name: backend.dtype_name(array) for name, array in arrays.items()}
    result = validation.promoted(function, {name: dtypes[name] for name in function.inputs})
    result = result or backend.dtype_name(backend.asarray(0.0))
    validation.check_options(function, dtypes)
    loop, sizes = validation.shapes(function, bound, arrays)
    program = Program(function, bound.parameters, tuple(bound.array_parameters))
    return Plan(
        program=program,
        mode=mode,
        reduction=bound.reduction,
        wrt=bound.wrt,
        axis=bound.axis,
        ignore_index=bound.ignore_index,
        loop=loop,
        output=(*loop, *(length(dimension, sizes) for dimension in function.signature.output)),
        stretched=stretched,
        classes=sizes.get("k", 0) if function.labelled else 0,
        dtypes=tuple(dtypes[name] for name in function.inputs),
        result=result,
    )
