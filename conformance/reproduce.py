"""A request as one line of Python that a reader can paste."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .subject import Request

# How each library is imported, and how it spells an array.
_IMPORTS = {
    "numpy": ("import numpy as np", "np", "np.asarray({}, dtype={})"),
    "torch": ("import torch", "torch", "torch.tensor({}, dtype={})"),
    "jax": ("import jax, jax.numpy as jnp", "jnp", "jnp.asarray({}, dtype={})"),
    "mlx": ("import mlx.core as mx", "mx", "mx.array({}, dtype={})"),
    "cupy": ("import cupy as cp", "cp", "cp.asarray({}, dtype={})"),
    "array_api_strict": ("import array_api_strict as xp", "xp", "xp.asarray({}, dtype={})"),
}
_DIFFERENTIATORS = {"jax": "jax.grad", "mlx": "mx.grad"}
_METHODS = {
    "value": "",
    "gradient": ".grad",
    "hessian_diag": ".hessian_diag",
    "value_and_grad": ".value_and_grad",
    "sum_and_weight": ".sum_and_weight",
}
_LONGEST = 4000


def library_call(request: Request, library: str, *, scalar: bool = False) -> str:
    """The call of this project's own function on arrays of a library.

    `scalar` says that its transform differentiates a scalar.
    """
    imports, name, array = _IMPORTS.get(
        library,
        (f"from lossapi.backend import get; xp = get({library!r})", "xp.xp", "xp.asarray({}, {})"),
    )
    arrays = {
        key: _array(array, name, value, request.dtype_of(key, value))
        for key, value in request.arrays().items()
    }
    x64 = ""
    if library == "jax" and "float64" in (request.dtype, *request.input_dtypes.values()):
        x64 = "jax.config.update('jax_enable_x64', True); "
    start = f"import lossapi; {imports}; {x64}"
    if request.transform is None:
        return shortened(start + _strictly(request, _call(request, arrays)))
    return shortened(start + _transformed(request, library, arrays, (name, array), scalar))


def function_call(
    request: Request, function: str, library: str, keywords: Iterable[str], imports: str = ""
) -> str:
    """The call of somebody's function on arrays of a library, or its gradient found by that.

    `function` is a name, of a function that takes these keywords, or a whole expression of inputs,
    parameters and options.
    """
    given, name, array = _IMPORTS[library]
    lines = [given, *([imports] if imports else [])]
    if library == "jax" and "float64" in (request.dtype, *request.input_dtypes.values()):
        lines.append("jax.config.update('jax_enable_x64', True)")
    for key, value in request.arrays().items():
        lines.append(f"{key} = {_array(array, name, value, request.dtype_of(key, value))}")
    others = [key for key in (*request.parameters, *request.options) if key != "cotangent"]
    if function.isidentifier():
        plain = {key: _plain(value) for key, value in request.plain().items()}
        known = set(keywords)
        named = [f"{key}={plain.get(key, key)}" for key in others if key in known]
        call = f"{function}({', '.join([*request.inputs, *named])})"
    else:
        words = set(re.split(r"\W+", function))
        lines += [f"{k} = {_plain(v)}" for k, v in request.plain().items() if k in words]
        call = function
    if request.want == "value":
        return shortened("; ".join([*lines, f"print({call})"]))
    wrt = request.wrt[0] if request.wrt else next(iter(request.inputs))
    if "cotangent" in request.options:
        call = f"({call} * cotangent)"
    if library == "torch":
        lines += [f"{wrt}.requires_grad_()", f"{call}.sum().backward()", f"print({wrt}.grad)"]
    elif library in _DIFFERENTIATORS:
        grad = _DIFFERENTIATORS[library]
        lines.append(f"print({grad}(lambda {wrt}: {call}.sum())({wrt}))")
    else:
        lines.append(f"print({call})")
    return shortened("; ".join(lines))


def _call(request: Request, arrays: Mapping[str, str]) -> str:
    others = {key: value for key, value in arrays.items() if key not in request.inputs}
    others.update({key: _plain(value) for key, value in request.plain().items()})
    if request.wrt and request.want not in ("value", "sum_and_weight"):
        others["wrt"] = repr(request.wrt if len(request.wrt) > 1 else request.wrt[0])
    written = [arrays[key] for key in request.inputs]
    written += [f"{key}={value}" for key, value in others.items()]
    return f"{function_name(request)}({', '.join(written)})"


def function_name(request: Request) -> str:
    """How this project's own function is called that gives what is wanted."""
    return f"lossapi.{request.loss}{_METHODS[request.want]}"


def _strictly(request: Request, call: str) -> str:
    if not request.strict:
        return call
    # A `with` cannot follow a semicolon; entering the context in a console does the same.
    return f"lossapi.errors_on_invalid().__enter__(); {call}"


def _transformed(
    request: Request,
    library: str,
    arrays: Mapping[str, str],
    spelled: tuple[str, str],
    scalar: bool,
) -> str:
    name, template = spelled
    arguments = list(arrays.values())
    if request.tangent is not None:
        dtype = request.dtype_of(next(iter(arrays)), request.tangent)
        arguments.insert(1, _array(template, name, request.tangent, dtype))
    inside = {key: key for key in arrays}
    against = scalar and request.want == "value" and "cotangent" in inside
    if against:
        del inside["cotangent"]
    body = _call(request, inside)
    if against:
        body = f"({body} * cotangent).sum()"
    elif scalar and "reduction" not in request.options:
        body = f"{body}.sum()"
    return (
        f"from lossapi.backend import get; get({library!r}).transforms()[{request.transform!r}]"
        f".apply(lambda {', '.join(arrays)}: {body})({', '.join(arguments)})"
    )


def _array(template: str, name: str, value: np.ndarray[Any, Any], dtype: str) -> str:
    spelled = repr(dtype) if template.endswith("({}, {})") else f"{name}.{dtype}"
    if dtype == "bool" and name != "xp.xp":
        names = {"torch": "torch.bool", "xp": "xp.bool", "mx": "mx.bool_"}
        spelled = names.get(name, "bool")
    return template.format(_nested(value.tolist(), name), spelled)


def _nested(value: Any, name: str) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_nested(item, name) for item in value)}]"
    if isinstance(value, float) and not math.isfinite(value):
        spelled = "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
        sign = "-" * spelled.startswith("-")
        return f"{sign}{name}.{spelled.lstrip('-')}"
    return repr(value)


def _plain(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    return repr(value)


def shortened(line: str) -> str:
    """A line that is not too long to be read."""
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …"
