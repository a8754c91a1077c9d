"""Names to values: which argument is an input, a parameter or an option, and is it allowed."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from .errors import ArgumentError, ParameterError

if TYPE_CHECKING:
    from .loss import Function

CLASS_MASK = "class_where"
"""The keyword by which a kernel takes which classes count: a bool array, or None for all."""
REDUCTIONS = ("mean", "sum", "none")
_DERIVED = ("value_and_grad", "grad", "hessian_diag")


class Bound:
    """The arguments of one call, each in its place."""

    __slots__ = (
        "array_parameters",
        "axis",
        "class_weights",
        "cotangent",
        "ignore_index",
        "inputs",
        "parameters",
        "reduction",
        "single",
        "weights",
        "where",
        "wrt",
    )

    inputs: dict[str, Any]
    parameters: dict[str, float | bool | None]
    axis: int | tuple[int, ...]
    array_parameters: dict[str, Any]
    wrt: tuple[str, ...]

    def __init__(self) -> None:
        self.inputs, self.parameters, self.array_parameters = {}, {}, {}
        self.wrt, self.single = (), True
        self.weights = self.where = self.class_weights = self.cotangent = None
        self.ignore_index: int | None = None
        self.axis = -1
        self.reduction = "mean"


def bind(function: Function, mode: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Bound:
    """Sort the arguments of a call; raise before anything is computed."""
    bound = Bound()
    name = function.__name__
    if len(args) > len(function.inputs):
        raise ArgumentError(
            f"{name}: {len(args)} positional arguments came; accepted are the inputs "
            f"{_listed(function.inputs)}. Give parameters and options by keyword."
        )
    bound.inputs = dict(zip(function.inputs, args, strict=False))
    bound.parameters = dict(function.parameters)
    if not function.reduces:
        bound.reduction = "none"
    options = {}
    for key, value in kwargs.items():
        if key in function.inputs:
            if key in bound.inputs:
                raise ArgumentError(f"{name}: {key} came twice, by position and by keyword.")
            bound.inputs[key] = value
        elif key in function.parameters:
            _bind_parameter(function, bound, key, value)
        else:
            options[key] = value
    left_out = [key for key in function.defaults if bound.inputs.get(key) is None]
    bound.inputs |= {key: function.defaults[key] for key in left_out}
    missing = [key for key in function.inputs if key not in bound.inputs]
    if missing:
        raise ArgumentError(
            f"{name}: {_listed(missing)} missing; the inputs are {_listed(function.inputs)}."
        )
    bound.inputs = {key: bound.inputs[key] for key in function.inputs}
    _bind_options(function, mode, bound, options)
    return bound


def _listed(names: Any) -> str:
    return ", ".join(names) or "none"


def _bind_parameter(function: Function, bound: Bound, key: str, value: Any) -> None:
    domain = function.parameter_domains[key]
    if value is None and function.parameters[key] is None:
        return
    if domain.is_switch:
        if not isinstance(value, bool):
            raise ParameterError(
                f"{function.__name__}: {key} is {value!r}, a {type(value).__name__}; accepted is "
                f"True or False."
            )
        bound.parameters[key] = value
        return
    if isinstance(value, list | tuple) or getattr(value, "ndim", None) is not None:
        _bind_array_parameter(function, bound, key, value)
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ParameterError(
            f"{function.__name__}: {key} is {value!r}, a {type(value).__name__}; accepted is a "
            f"number in {domain.text}."
        )
    if key in function.parameter_cores:
        raise ParameterError(
            f"{function.__name__}: {key} is {value!r}, one number; accepted is a list or an array "
            f"of shape ({function.parameter_cores[key][0]},) with numbers in {domain.text}."
        )
    number = float(value)
    if number not in domain:
        raise ParameterError(
            f"{function.__name__}: {key} is {value!r}; accepted is a number in {domain.text}."
        )
    bound.parameters[key] = number


def _bind_array_parameter(function: Function, bound: Bound, key: str, value: Any) -> None:
    if not function.signature.elementwise and key not in function.parameter_cores:
        raise ParameterError(
            f"{function.__name__}: {key} is an array ({type(value).__name__}); accepted is a "
            f"Python number in {function.parameter_domains[key].text}, such as {key}=float(value)."
        )
    bound.array_parameters[key] = value
    del bound.parameters[key]


def _bind_options(function: Function, mode: str, bound: Bound, options: dict[str, Any]) -> None:
    name = function.__name__
    accepted = list(function.options)
    if mode in _DERIVED:
        accepted.append("wrt")
        if not function.reduces:
            accepted.append("cotangent")
    if mode == "sum_and_weight":
        accepted.remove("reduction")
    for key, value in options.items():
        if key not in accepted:
            raise ParameterError(
                f"{name}: there is no argument {key!r}; accepted are the inputs "
                f"{_listed(function.inputs)}, the parameters {_listed(function.parameters)} and "
                f"the options {_listed(accepted)}."
            )
        if key == function.class_mask:
            bound.array_parameters |= {} if value is None else {CLASS_MASK: value}
        elif key != "wrt":
            setattr(bound, key, _option(name, key, value))
    if bound.axis is None or bound.axis == ():
        raise ParameterError(
            f"{name}: axis is {bound.axis}; accepted is an integer, such as axis=-1, or a tuple of "
            f"axes that are taken as one."
        )
    if bound.reduction not in REDUCTIONS:
        raise ParameterError(
            f"{name}: reduction is {bound.reduction!r}; accepted are "
            f"{', '.join(map(repr, REDUCTIONS))}."
        )
    if mode in _DERIVED:
        _bind_wrt(function, mode, bound, options.get("wrt"))


def _option(name: str, key: str, value: Any) -> Any:
    """An option's value; axes and labels as integers."""
    if key == "axis" and isinstance(value, list | tuple):
        return tuple(as_integer(name, key, place) for place in value)
    if key in ("axis", "ignore_index") and value is not None:
        return as_integer(name, key, value)
    return value


def as_integer(name: str, key: str, value: Any) -> int:
    """An argument that is an integer of some library's kind, as an integer."""
    try:
        return operator.index(value)
    except TypeError:
        raise ParameterError(
            f"{name}: {key} is {value!r}, a {type(value).__name__}; accepted is an integer."
        ) from None


def _bind_wrt(function: Function, mode: str, bound: Bound, wrt: Any) -> None:
    table = function.curvatures if mode == "hessian_diag" else function.vjps or function.gradients
    known = tuple(key for key in function.inputs if key in table)
    if not known:
        raise ParameterError(f"{function.__name__}: {mode} is not defined for this function.")
    bound.single = wrt is None or isinstance(wrt, str)
    bound.wrt = known[:1] if wrt is None else (wrt,) if bound.single else tuple(wrt)
    if not bound.wrt or not set(bound.wrt) <= set(known):
        raise ParameterError(
            f"{function.__name__}: wrt is {wrt!r}; accepted for {mode} is an input's name or a "
            f"tuple of names, out of {_listed(known)}."
        )


def is_number(value: Any) -> bool:
    """Whether a value is a plain Python number, which takes the dtype of the arrays it meets."""
    return isinstance(value, int | float)
