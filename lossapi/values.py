"""What can be checked only by looking: labels, weights and domains, where values can be seen.

Values that cannot be seen (traced, lazy, or on a device where looking would synchronise) are
left to the computation itself, which makes what is wrong NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .binding import CLASS_MASK
from .domain import LABELS
from .errors import DomainError, LabelError, ParameterError
from .validation import is_integer, places

if TYPE_CHECKING:
    from .backend import Backend
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
    for name, domain in function.domains.items():
        if domain.text == LABELS:
            _check_labels(function, backend, plan, arrays, name)
        # Compilers that cannot read a context variable see no values either: the order matters.
        elif not domain.is_everything and backend.is_visible(arrays[name]) and is_strict():
            _check_domain(function, backend, plan, arrays, name)


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


def _check_labels(
    function: Function, backend: Backend, plan: Plan, arrays: Arrays, name: str
) -> None:
    if not backend.is_visible(arrays[name]):
        return
    labels = backend.to_numpy(arrays[name])
    wrong = (labels < 0) | (labels >= plan.classes)
    if plan.ignore_index is not None:
        wrong &= labels != plan.ignore_index
    wrong = _unmasked(backend, arrays, wrong)
    if not wrong.any():
        return
    place = _first(wrong)
    ignored = "" if plan.ignore_index is None else f", or ignore_index={plan.ignore_index}"
    hint = "" if ignored else "; mask examples without a label with where= or ignore_index="
    raise LabelError(
        f"{function.__name__}: {name}{_subscript(place)} is {labels[place]}; accepted are labels "
        f"from 0 to {plan.classes - 1}{ignored}. Labels count from 0{hint}."
    )


def _check_domain(
    function: Function, backend: Backend, plan: Plan, arrays: Arrays, name: str
) -> None:
    import numpy as np

    values = backend.to_numpy(arrays[name])
    domain = function.domains[name]
    wrong = ~domain.inside(np, values)
    core = function.signature.inputs[function.inputs.index(name)]
    axes = tuple(range(wrong.ndim - len(core), wrong.ndim))
    if core and function.signature.has_axis:
        axes = places(plan.axis, wrong.ndim)
    if CLASS_MASK in arrays:
        if not backend.is_visible(arrays[CLASS_MASK]):
            return
        wrong &= _along_classes(backend.to_numpy(arrays[CLASS_MASK]), axes, wrong.ndim)
    # Masks and weights have the axes of the examples, which come last.
    front = tuple(range(len(axes)))
    unmasked = _unmasked(backend, arrays, np.moveaxis(wrong, axes, front))
    wrong = np.moveaxis(unmasked, front, axes)
    if wrong.any():
        place = _first(wrong)
        raise DomainError(
            f"{function.__name__}: {name}{_subscript(place)} is {values[place]}; its domain is "
            f"{domain.text}. Outside errors_on_invalid() this example would be NaN."
        )


def _along_classes(mask: Any, axes: tuple[int, ...], dimensions: int) -> Any:
    """A mask of classes with the axes of an input."""
    if mask.ndim == dimensions or len(axes) > 1:
        return mask
    return mask.reshape([-1 if place in axes else 1 for place in range(dimensions)])


def _unmasked(backend: Backend, arrays: Arrays, wrong: Any) -> Any:
    """Leave out what a mask or a weight of 0 takes away."""
    if not wrong.any():
        return wrong
    for name in ("where", "weights"):
        if name in arrays:
            if not backend.is_visible(arrays[name]):
                return wrong & False
            wrong = wrong & (backend.to_numpy(arrays[name]) != 0)
    return wrong


def _first(wrong: Any) -> tuple[int, ...]:
    import numpy as np

    return tuple(int(i) for i in np.unravel_index(int(np.argmax(wrong)), wrong.shape))


def _subscript(place: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, place))}]" if place else ""
