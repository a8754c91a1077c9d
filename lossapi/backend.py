"""How an array library runs a loss: the contract, a generic implementation, the registry."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from .binding import is_number
from .entries import both
from .errors import BackendError

if TYPE_CHECKING:
    from .loss import Function
    from .plan import Plan, Program
    from .signature import Shape

ENTRY_POINTS = "lossapi.backends"
Step = Callable[[dict[str, Any]], tuple[tuple[Any, ...], list[tuple[Any, Any]]]]
"""Of arrays with a block of rows each, and others: results for each row, and pairs of matrices
whose outer products, row by row, are to be summed."""
Scanned = Callable[[Any, Any], tuple[Any, tuple[Any, ...]]]
"""Of a carry and an item: the next carry, and results."""
FLOATING = ("bfloat16", "float16", "float32", "float64")


class Transform(NamedTuple):
    """A library's own way of transforming a function of arrays, for the conformance suite.

    ``apply(f)`` gives, by ``kind``: ``call``, a function with the same results (jit, compile);
    ``map``, f mapped over the leading axis of every argument (vmap); ``gradient``, the gradient
    of the scalar f with respect to its first argument; ``directional``, with the tangent as
    second argument, the derivative of f along it; ``hessian``, the Hessian of the scalar f with
    respect to its first argument.
    """

    kind: str
    apply: Callable[[Callable[..., Any]], Callable[..., Any]]


class Backend:
    """The generic backend: enough for any library that follows the Array API standard.

    An adapter subclasses it for what makes its library fast and native, and is published as an
    entry point in the group ``lossapi.backends`` whose name is the library's top-level module.
    Kernels get `xp`: the library's namespace and the few functions that the standard lacks.
    """

    accuracy_factor = 1
    """How many times the accuracy stated in the spec the library's own functions allow."""

    flushes_subnormals = False
    """Whether the library takes subnormal numbers for 0."""

    differentiates = True
    """Whether the library may differentiate what kernels compute."""

    poisons_results = False
    """Whether an example outside the domain gets its NaN in the end; else in its inputs."""

    compiled: tuple[str | None, ...] = ()
    """The transforms that compile anew for other shapes, dtypes or settings; None: plain calls."""

    kinds: tuple[type, ...] = ()
    """Types of arrays that are known beforehand."""

    def __init__(self, name: str, namespace: ModuleType | Any) -> None:
        self.name = name
        self.xp = SimpleNamespace(**vars(namespace))
        self.xp.class_index = self.class_index
        self.xp.take_class = self.take_class
        self.xp.put_class = self.put_class
        self.xp.take_classes, self.xp.sum_by_class = self.take_classes, self.sum_by_class
        self.xp.scan = self.scan
        # Or what is faster for arguments of a magnitude up to 1; the first from 0 on.
        self.xp.log1p_of_share, self.xp.sinh_of_share = self.xp.log1p, self.xp.sinh
        # Or what is faster for a sum of as many shares as there are classes.
        self.xp.log1p_of_shares = self.xp.log1p
        self.xp.leading_class = None  # or what is faster than `class_axis.leading_class`
        # Whether a mask of the largest entries is faster than the place of the first.
        self.xp.marks_leaders = False
        self.xp.stop_gradient = self.stop_gradient
        self.xp.differentiates = self.differentiates
        self.xp.flushes = self.flushes_subnormals
        self.xp.over_rows, self.xp.of_each = self.over_rows, self.of_each
        self.xp.affine = self.affine
        self.dtypes = {n: getattr(self.xp, n) for n in FLOATING if hasattr(self.xp, n)}
        self.index_dtype = self.xp.int64
        self._dtype_names: dict[Any, str] = {}

    # --- what arrays are

    def recognises(self, kind: type) -> bool:
        """Whether objects of a type are arrays of this library."""
        return False

    def dtype_name(self, array: Any) -> str:
        """The dtype by its standard name, such as ``float32``."""
        dtype = array.dtype
        name = self._dtype_names.get(dtype)
        if name is None:
            name = self._dtype_names[dtype] = str(dtype).rpartition(".")[2]
        return name

    def device(self, array: Any) -> Any:
        """The device an array lives on, or None where arrays may be mixed freely."""
        import array_api_compat

        return array_api_compat.device(array)

    def is_visible(self, array: Any) -> bool:
        """Whether the values can be looked at now, without tracing or synchronisation."""
        import array_api_compat

        return not array_api_compat.is_lazy_array(array)

    def asarray(self, value: Any, dtype: str | None = None, like: Any = None) -> Any:
        """An array of this library from numbers, beside another array."""
        kind = None if dtype is None else getattr(self.xp, dtype)
        device = None if like is None else self.device(like)
        return self.xp.asarray(value, dtype=kind, device=device)

    def to_numpy(self, array: Any) -> Any:
        """The array's values as a NumPy array (halves as float32)."""
        import numpy as np

        return np.asarray(array)

    def dtype_context(self, dtype: str) -> AbstractContextManager[Any]:
        """A context in which arrays of this dtype can be made and used."""
        return nullcontext()

    def transforms(self) -> dict[str, Transform]:
        """What the library can do to a function of arrays, by name."""
        return {}

    def forget(self) -> None:
        """Give back what is kept of earlier calls, such as compiled code."""

    remembers = False
    """Whether calls with the same signatures share a plan, which then is made only once."""

    def signature(self, array: Any) -> Any:
        """All that a plan may depend on; None for what is not always the same.

        ``AttributeError`` for what is no array.
        """
        kind = type(array)
        if _by_type.get(kind) is not self:
            return None
        return kind, array.dtype, tuple(array.shape), self.device(array)

    def direct(
        self, plan: Plan, arrays: dict[str, Any], looks: list[tuple[int, Callable[[Any], bool]]]
    ) -> Callable[..., Any] | None:
        """What `execute` does for arrays like these, given in their order, without detours.

        It looks at the values of arrays as NumPy has them, by their places, and gives None unless
        all looks say that they are right. None where there is no such way.
        """
        return None

    # --- functions that losses need and the standard lacks

    def class_index(self, array: Any) -> Any:
        """The integers 0 … K-1 along the last axis of an array, on its device."""
        device = self.device(array)
        return self.xp.arange(array.shape[-1], dtype=self.index_dtype, device=device)

    def inside(self, domains: Any, arrays: Any, cores: int) -> Any:
        """Where all entries of an example, along its last axes, lie in each array's domain."""
        found = None
        for domain, array in zip(domains, arrays, strict=True):
            found = both(found, domain.inside(self.xp, array))
        for _ in range(cores):
            found = self.xp.all(found, axis=-1)
        return found

    def poisoned(self, program: Program, array: Any, poison: Any) -> Any:
        """The array with NaN where the other one, which is 1 elsewhere, has it.

        A product with NaN, not a selection of NaN: its derivative is NaN too, so that every
        autodiff carries the fault to value and gradient alike.
        """
        return array * poison

    def take_class(self, array: Any, labels: Any) -> Any:
        """For each example the entry of the last axis that its label names."""
        xp, loop = self.xp, tuple(array.shape[:-1])
        if tuple(labels.shape) != loop:
            shape = loop or tuple(labels.shape)
            labels = xp.broadcast_to(labels, shape)
            array = xp.broadcast_to(array, (*shape, array.shape[-1]))
        if hasattr(xp, "take_along_axis"):
            return xp.take_along_axis(array, labels[..., None], axis=-1)[..., 0]
        chosen = self.class_index(array) == labels[..., None]
        return xp.sum(xp.where(chosen, array, xp.zeros_like(array)), axis=-1)

    def put_class(self, array: Any, labels: Any, value: Any) -> Any:
        """The array with a value in the entry of the last axis that each example's label names.

        The value is a number, or an array with an axis of length 1 in place of the classes.
        """
        chosen = self.class_index(array) == labels[..., None]
        return self.xp.where(chosen, value, array)

    def take_classes(self, array: Any, labels: Any) -> Any:
        """The entries of the last axis that several labels of each example name."""
        xp = self.xp
        if hasattr(xp, "take_along_axis"):
            return xp.take_along_axis(array, labels, axis=-1)
        chosen = self.class_index(array) == labels[..., None]
        return xp.sum(xp.where(chosen, array[..., None, :], 0.0), axis=-1)

    def sum_by_class(self, values: Any, labels: Any, classes: int) -> Any:
        """For each class the sum of the values, along the last axis, of which it is the label."""
        xp = self.xp
        index = xp.arange(classes, dtype=labels.dtype, device=self.device(labels))
        chosen = xp.astype(labels[..., None] == index, values.dtype)
        return xp.matmul(values[..., None, :], chosen)[..., 0, :]

    def scan(self, step: Scanned, carry: Any, items: Any, *, reverse: bool = False) -> Any:
        """What a step makes of a carry and each item along the first axis, one after the other.

        The last carry, and the results of all steps along a first axis, in the order of the items.
        Carry, items and results are tuples of arrays; each step gives `(carry, results)`.
        """
        xp, count = self.xp, items[0].shape[0]
        found: list[tuple[Any, ...]] = []
        for place in range(count - 1, -1, -1) if reverse else range(count):
            carry, results = step(carry, tuple(item[place, ...] for item in items))
            found.append(results)
        if not found:  # the shapes of results, of which there are none
            blank = (xp.zeros(x.shape[1:], dtype=x.dtype, device=self.device(x)) for x in items)
            _, results = step(carry, tuple(blank))
            empty = (xp.zeros((0, *x.shape), dtype=x.dtype, device=self.device(x)) for x in results)
            return carry, tuple(empty)
        ordered = reversed(found) if reverse else found
        return carry, tuple(xp.stack(parts) for parts in zip(*ordered, strict=True))

    def stop_gradient(self, array: Any) -> Any:
        """The same values, constant under differentiation."""
        return array

    def affine(self, features: Any, weight: Any, bias: Any) -> Any:
        """The output of a linear layer."""
        return self.xp.tensordot(features, weight, axes=((1,), (1,))) + bias

    def of_each(
        self, function: Function, inputs: tuple[Any, ...], wrt: str | None, **parameters: Any
    ) -> tuple[Any, Any]:
        """What another function gives for each example, and its gradient by one input, if asked."""
        value = function.kernel(self.xp, *inputs, **parameters)
        if wrt is None:
            return value, None
        return value, function.gradients[wrt][1](self.xp, *inputs, **parameters)

    def over_rows(
        self, step: Step, shared: dict[str, Any], rows: dict[str, Any], size: int
    ) -> tuple[tuple[Any, ...], list[Any]]:
        """What a step gives on blocks of rows: results row by row, and sums of products."""
        count = next(iter(rows.values())).shape[0]
        pieces: list[tuple[Any, ...]] = []
        sums: list[Any] = []
        for start in range(0, max(count, 1), size):
            place = slice(start, min(start + size, count))
            block = {name: array[place, ...] for name, array in rows.items()}
            own, products = step({**shared, **block})
            pieces.append(own)
            totals = sums or [None] * len(products)
            sums = [self.plus(*both) for both in zip(totals, products, strict=True)]
        if len(pieces) == 1:
            return pieces[0], sums
        return tuple(self.xp.concat(part, axis=0) for part in zip(*pieces, strict=True)), sums

    def plus(self, total: Any, product: tuple[Any, Any]) -> Any:
        """The sum over rows of outer products, added to a total if there is one."""
        found = self.xp.tensordot(*product, axes=((0,), (0,)))
        return found if total is None else total + found

    def held(self, function: Function, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        """Inputs and parameters, of which the inputs that have no gradient are constants."""
        names = function.inputs if function.gradients else ()
        constant = [name not in function.gradients for name in names]
        constant += [False] * (len(arrays) - len(constant))
        return tuple(
            self.stop_gradient(x) if still else x for x, still in zip(arrays, constant, strict=True)
        )

    # --- how a loss is run

    def execute(self, plan: Plan, arrays: dict[str, Any]) -> Any:
        """Run a whole call, from prepared arguments to the reduced result."""
        import numpy as np

        # Many libraries compute with NumPy; infinities and NaN are results here, not accidents.
        with np.errstate(all="ignore"):
            return plan(self, arrays)

    def apply(self, program: Program, arrays: tuple[Any, ...]) -> Any:
        """Run a kernel so that the library's own autodiff, where it has one, is right."""
        return program.value(self.xp, arrays)

    def gradients(
        self, program: Program, wrt: tuple[str, ...], arrays: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """Run the kernels of the gradients with respect to the named inputs."""
        return program.gradients(self.xp, wrt, arrays)

    def sum(self, array: Any) -> Any:
        """The sum over all entries, with an error that does not grow linearly in their number."""
        return self.xp.sum(self.xp.reshape(array, (-1,)))

    def count(self, loop: Shape, least: int = 0) -> Any:
        """How many examples there are in their shape; no fewer than `least`."""
        return float(max(math.prod(loop), least))


def undifferentiated(xp: Any) -> Any:
    """The namespace for a kernel that nothing differentiates, in which nothing need be stopped."""
    changed = {"stop_gradient": lambda array: array, "differentiates": False}
    return SimpleNamespace(**{**vars(xp), **changed})


# --- which backend an array belongs to

_by_name: dict[str, Backend] = {}
_by_type: dict[type, Backend] = {}


def names() -> list[str]:
    """The names of the backends that are installed as entry points, ours and third parties'."""
    from importlib.metadata import entry_points

    return sorted(entry_points(group=ENTRY_POINTS).names)


def get(name: str) -> Backend:
    """The backend of a library by the name of its module: an adapter's, or a generic one."""
    found = _by_name.get(name)
    if found is None:
        found = _by_name[name] = _load(name) or _generic(name)
    return found


def find(loss: str, values: Iterable[tuple[str, Any]]) -> Backend:
    """The one backend all these arrays belong to; numbers and lists go with them, or to NumPy."""
    found: Backend | None = None
    first = ""
    for name, value in values:
        if value is None or is_number(value) or isinstance(value, list | tuple):
            continue
        kind = type(value)
        backend = _by_type[kind] if _has_adapter(kind) else _standard(loss, name, value)
        if found is None:
            found, first = backend, name
        elif found is not backend:
            raise BackendError(
                f"{loss}: {first} is an array of {found.name} and {name} one of {backend.name}; "
                f"accepted are arrays of one library. Convert one of them first."
            )
    return found or get("numpy")


_NO_ARRAYS = (int, float, list, tuple, type(None))


def known(value: Any) -> Backend | None:
    """The backend of an array, if an adapter knows it or one of its type has come before."""
    if isinstance(value, _NO_ARRAYS):
        return None
    return _by_type[type(value)] if _has_adapter(type(value)) else None


def check_library(loss: str, backend: Backend, accepted: tuple[str, ...]) -> None:
    """Raise where a function that looks at values is not for the arrays of this library."""
    if backend.name not in accepted:
        raise BackendError(
            f"{loss}: the inputs are arrays of {backend.name}; accepted are arrays of "
            f"{', '.join(accepted)} and lists, as it has to look at the values. Convert them, "
            f"for example with numpy.asarray, and give the gradient back by hand."
        )


def check_devices(loss: str, backend: Backend, values: Iterable[tuple[str, Any]]) -> None:
    """Raise where arrays live on different devices."""
    known: dict[Any, str] = {}
    for name, array in values:
        device = backend.device(array)
        if device is not None:
            known.setdefault(device, name)
    if len(known) > 1:
        (a, first), (b, second) = list(known.items())[:2]
        raise BackendError(
            f"{loss}: {first} is on device {a} and {second} on {b}; accepted are arrays on one "
            f"device. Move one of them first."
        )


def _has_adapter(kind: type) -> bool:
    """Whether the backend of a type is known, or an adapter recognises it."""
    if kind in _by_type:
        return True
    for candidate in names():
        # A library whose module is not loaded cannot have made this object.
        if candidate in sys.modules and get(candidate).recognises(kind):
            _by_type.update(dict.fromkeys((kind, *get(candidate).kinds), get(candidate)))
            return True
    return False


# torch.compile calls this while it traces, instead of tracing the import of an adapter.
_has_adapter._dynamo_marked_constant = True  # type: ignore[attr-defined]


def _standard(loss: str, name: str, value: Any) -> Backend:
    """The generic backend of an array that follows the standard."""
    import array_api_compat

    kind = type(value)
    if array_api_compat.is_array_api_obj(value):
        module = array_api_compat.array_namespace(value).__name__
        _by_type[kind] = get(module.removeprefix("array_api_compat."))
        return _by_type[kind]
    raise BackendError(
        f"{loss}: {name} is a {kind.__module__}.{kind.__qualname__}; accepted are "
        f"numbers, lists of numbers, and arrays of NumPy, CuPy, PyTorch, JAX or another library "
        f"that follows the Array API standard. Convert it, for example with numpy.asarray."
    )


def _load(name: str) -> Backend | None:
    from importlib.metadata import entry_points

    for entry in entry_points(group=ENTRY_POINTS, name=name):
        make: Callable[[], Backend] = entry.load()
        return make()
    return None


def _generic(name: str) -> Backend:
    import importlib

    compat = (f"array_api_compat.{name}", f"array_api_compat.{name}.array")
    for candidate in (*compat, name, f"{name}.array"):
        try:
            module = importlib.import_module(candidate)
        except ImportError:
            continue
        if hasattr(module, "asarray") and hasattr(module, "log1p"):
            return Backend(name, module)
    raise BackendError(
        f"there is no backend {name!r}: no adapter of that name is installed (known are "
        f"{', '.join(names())}) and no module of that name follows the Array API standard."
    )
