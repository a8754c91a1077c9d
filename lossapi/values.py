"""What can be checked only by looking: labels, weights and domains, where values can be seen.

Values that cannot be seen (traced, lazy, or on a device where looking would synchronise) are
left to the computation itself, which makes what is wrong NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from .binding import CLASS_MASK
from .domain import LABELS
from .entries import only_kept
from .errors import DomainError, LabelError, ParameterError
from .validation import is_integer, places

if TYPE_CHECKING:
    from .backend import Backend
    from .domain import Domain
    from .loss import Function
    from .plan import Plan

Arrays = dict[str, Any]


def check(
    function: Function,
    backend: Backend,
    plan: Plan,
    arrays: Arrays,
    is_strict: Callable[[], bool],
) -> None:
    """Raise for a negative weight, a wrong label and, if strict, a value outside its domain."""
    for name in ("weights", "class_weights"):
        if name in arrays:
            _check_weights(function, backend, name, arrays[name])
    for name in plan.program.array_parameters:
        if name == CLASS_MASK:
            continue
        _check_parameter(function, backend, name, arrays[name])
    for name, written in function.domains.items():
        domain = written.under(plan.program.parameters)
        if domain.text == LABELS:
            if _all_name_classes(backend, arrays[name], plan.classes):
                continue
            keep = partial(_kept_labels, function, backend, plan, arrays, name)
            ignored = plan.ignore_index
            check_labels(
                function.__name__, backend, name, arrays[name], plan.classes, ignored, keep
            )
        # Compilers that cannot read a context variable see no values either: the order matters.
        elif not domain.is_everything and backend.is_visible(arrays[name]) and is_strict():
            _check_domain(function, backend, plan, arrays, name, domain)


def looks(
    function: Function, plan: Plan, names: Iterable[str]
) -> list[tuple[int, Callable[[Any], bool]]] | None:
    """Looks at NumPy's arrays, by their places, that tell that `check` would raise nothing.

    None where there are none so quick.
    """
    if plan.program.array_parameters:
        return None
    found: list[tuple[int, Callable[[Any], bool]]] = []
    for place, name in enumerate(names):
        if name in function.inputs:
            domain = function.domains[name].under(plan.program.parameters)
            if domain.text == LABELS:
                found.append((place, partial(_name_classes, classes=plan.classes)))
        elif name in ("weights", "class_weights"):
            found.append((place, _are_weights))
    return found


def _name_classes(labels: Any, classes: int) -> bool:
    """Whether labels are seen at one look to be all right."""
    if labels.dtype.kind not in "iu" or not labels.dtype.isnative or not labels.size:
        return False
    # As numbers without a sign those below 0 are the largest.
    unsigned = labels.view(f"u{labels.itemsize}")
    return bool(unsigned.item(unsigned.argmax()) < classes)


def _are_weights(weights: Any) -> bool:
    """Whether weights are seen at one look to be all right."""
    return bool(weights.size and weights.item(weights.argmin()) >= 0)


def _all_name_classes(backend: Backend, array: Any, classes: int) -> bool:
    """Whether labels are seen at one look to be all right."""
    if not backend.is_visible(array):
        return False
    return _name_classes(backend.to_numpy(array), classes)


def _check_weights(function: Function, backend: Backend, name: str, weights: Any) -> None:
    unsigned = is_integer(backend.dtype_name(weights)) and not backend.dtype_name(
        weights
    ).startswith("int")
    if unsigned or not backend.is_visible(weights):
        return
    values = backend.to_numpy(weights)
    negative = values < 0
    if negative.any():
        place = _first(negative)
        raise ParameterError(
            f"{function.__name__}: {name}{_subscript(place)} is {values[place]}; accepted are "
            f"weights that are 0 or more."
        )


def _check_parameter(function: Function, backend: Backend, name: str, parameter: Any) -> None:
    if not backend.is_visible(parameter):
        return
    import numpy as np

    values = backend.to_numpy(parameter)
    domain = function.parameter_domains[name]
    wrong = ~domain.inside(np, values)
    if wrong.any():
        place = _first(wrong)
        raise ParameterError(
            f"{function.__name__}: {name}{_subscript(place)} is {values[place]}; accepted are "
            f"numbers in {domain.text}."
        )


def check_labels(
    loss: str,
    backend: Backend,
    name: str,
    array: Any,
    classes: int,
    ignore_index: int | None,
    keep: Callable[[Any], Any] | None = None,
) -> None:
    """Raise for a label that names no class; `keep` leaves out those that a mask takes away."""
    if not backend.is_visible(array):
        return
    labels = backend.to_numpy(array)
    wrong = (labels < 0) | (labels >= classes)
    if ignore_index is not None:
        wrong &= labels != ignore_index
    wrong = keep(wrong) if keep else wrong
    if not wrong.any():
        return
    place = _first(wrong)
    ignored = "" if ignore_index is None else f", or ignore_index={ignore_index}"
    mask = "where= or ignore_index=" if keep else "ignore_index="
    hint = "" if ignored else f"; mask examples without a label with {mask}"
    raise LabelError(
        f"{loss}: {name}{_subscript(place)} is {labels[place]}; accepted are labels "
        f"from 0 to {classes - 1}{ignored}. Labels count from 0{hint}."
    )


def _check_domain(
    function: Function, backend: Backend, plan: Plan, arrays: Arrays, name: str, domain: Domain
) -> None:
    import numpy as np

    values = backend.to_numpy(arrays[name])
    core = function.signature.inputs[function.inputs.index(name)]
    axes = tuple(range(values.ndim - len(core), values.ndim))
    if core and function.signature.has_axis:
        axes = places(plan.axis, values.ndim)
    front, back = tuple(range(len(axes))), tuple(range(-len(axes), 0))
    cores = np.moveaxis(values, axes, back)
    if domain.is_increasing:  # along all axes that are taken as one
        rows = cores.reshape((*cores.shape[: -len(axes)], math.prod(cores.shape[-len(axes) :])))
        wrong = ~domain.inside(np, rows).reshape(cores.shape)
    else:
        wrong = ~domain.inside(np, cores)
    if function.masks:
        wrong = _of_kept_entries(function, backend, plan, arrays, name, wrong)
    if CLASS_MASK in arrays:
        if not backend.is_visible(arrays[CLASS_MASK]):
            return
        wrong &= _kept_classes(plan, backend.to_numpy(arrays[CLASS_MASK]), cores.shape, len(axes))
    # Masks and weights have the axes of the examples, which come last.
    wrong = np.moveaxis(wrong, back, front)
    if wrong.ndim == len(axes):  # one value for all examples: wrong where any of them counts
        loop = (1,) * len(plan.loop)
        unmasked = _unmasked(backend, arrays, wrong.reshape(wrong.shape + loop))
        wrong = unmasked.any(axis=tuple(range(len(axes), unmasked.ndim)))
    else:
        wrong = _unmasked(backend, arrays, wrong)
    wrong = np.moveaxis(wrong, front, axes)
    if wrong.any():
        place = _first(wrong)
        due = f"its domain is {domain.text}"
        if domain.is_increasing:
            due = "accepted are numbers each of which is above the one before it"
        raise DomainError(
            f"{function.__name__}: {name}{_subscript(place)} is {values[place]}; {due}. "
            f"Outside errors_on_invalid() this example would be NaN."
        )


def _kept_classes(plan: Plan, mask: Any, shape: tuple[int, ...], count: int) -> Any:
    """A mask of classes for an input of this shape, whose last `count` axes are theirs."""
    import numpy as np

    if mask.ndim == 1:
        return mask.reshape(shape[-count:])
    mask = np.moveaxis(mask, places(plan.axis, mask.ndim), tuple(range(-count, 0)))
    # One target may serve several examples: it counts where any of them keeps the class.
    return mask.any(axis=tuple(range(mask.ndim - len(shape))))


def _of_kept_entries(
    function: Function, backend: Backend, plan: Plan, arrays: Arrays, name: str, wrong: Any
) -> Any:
    """Leave out entries that a mask along the first core axis, or an ignored label, takes away."""

    def values(key: str) -> Any:
        return backend.to_numpy(arrays[key]) if backend.is_visible(arrays[key]) else None

    return only_kept(function, values, plan.ignore_index, name, wrong)


def _kept_labels(
    function: Function, backend: Backend, plan: Plan, arrays: Arrays, name: str, wrong: Any
) -> Any:
    """The wrong labels among those that count."""
    wrong = _of_kept_entries(function, backend, plan, arrays, name, wrong)
    return _unmasked(backend, arrays, wrong, function.cores[name])


def _unmasked(backend: Backend, arrays: Arrays, wrong: Any, core: int = 0) -> Any:
    """Leave out what a mask or a weight of 0 takes away; core axes come last."""
    if not wrong.any():
        return wrong
    shape = wrong.shape
    for name in ("where", "weights"):
        if name in arrays:
            if not backend.is_visible(arrays[name]):
                return wrong & False
            wrong = wrong & (backend.to_numpy(arrays[name]) != 0)[(..., *(None,) * core)]
    if core and wrong.ndim > len(shape):
        wrong = wrong.any(axis=tuple(range(wrong.ndim - len(shape))))
    return wrong


def _first(wrong: Any) -> tuple[int, ...]:
    import numpy as np

    return tuple(int(i) for i in np.unravel_index(int(np.argmax(wrong)), wrong.shape))


def _subscript(place: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, place))}]" if place else ""
