"""A function as an ONNX model: its kernel and gradient as a graph that other programs run."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

import lossapi
from lossapi.binding import CLASS_MASK
from lossapi.domain import LABELS
from lossapi.errors import BackendError, MissingExtraError, ParameterError
from lossapi.signature import length

if TYPE_CHECKING:
    from lossapi.loss import Function

try:
    import ndonnx as ndx
    import onnx
    import spox
    import spox._node
    from spox._future import ValuePropBackend, set_value_prop_backend
    from spox.opset.ai.onnx import v21
except ImportError as problem:
    raise MissingExtraError(
        f"an ONNX model needs {problem.name}, which is not installed; install it with: "
        f"pip install 'lossapi[onnx]'"
    ) from None

Model = Any
"""An ``onnx.ModelProto``."""
Axes = tuple[int | str, ...]
"""A shape, in which the name of a length stands for any."""

BATCH = "batch"
"""What the axis of the examples is called."""
DTYPES = ("float16", "float32", "float64")
OPSET = 21
"""The version of ONNX's operators that ndonnx writes."""
OLDEST = 18
"""The first version in which reductions take their axes as an input."""


def onnx_model(
    loss: Function,
    *,
    dtype: str = "float32",
    sizes: Mapping[str, int] | None = None,
    inputs: Collection[str] = (),
    gradients: Sequence[str] = (),
    opset: int = OPSET,
    **settings: Any,
) -> Model:
    """The ONNX model of a function, for any number of examples along an axis called ``batch``.

    `sizes` gives the length of each core dimension, by its name in the signature. `settings` are
    the parameters and options of the call, such as ``delta=2.0`` and ``reduction="none"``; their
    values become part of the model. `inputs` names further arrays that the model is to take:
    ``weights``, ``where``, ``class_weights``, ``cotangent``, inputs that have a default and
    parameters. `gradients` names the inputs by which the model also gives the gradient.

    The model takes the inputs under their own names. It gives ``loss`` (``value`` of a primitive)
    and, for each of `gradients`, ``gradient_`` and the name. Metadata tell the function, its
    parameters and the version of lossapi.
    """
    _check(loss, dtype, opset)
    wrt = tuple(gradients)
    settings = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in settings.items()}
    taken = [name for name in loss.inputs if name not in loss.defaults or name in wrt]
    arrays = {
        name: _array(loss, name, dtype, dict(sizes or {}))
        for name in dict.fromkeys([*taken, *inputs])
    }
    value_name = "loss" if loss.reduces else "value"

    def call(given: dict[str, Any]) -> dict[str, Any]:
        if not wrt:
            return {value_name: loss(**given, **settings)}
        against = {name: given[name] for name in given if name != "cotangent"}
        value = loss(**against, **settings)
        found = loss.grad(**given, **settings, wrt=wrt)
        named = {f"gradient_{name}": array for name, array in zip(wrt, found, strict=True)}
        return {value_name: value, **named}

    model = graph(call, arrays, opset)
    whole = loss.reduces and settings.get("reduction", "mean") != "none"
    shape = () if whole else (BATCH, *loss.signature.output)
    _state(model, {value_name: shape, **{f"gradient_{name}": arrays[name][0] for name in wrt}})
    told = {**loss.parameters, **settings}
    model.producer_name, model.producer_version = "lossapi", lossapi.__version__
    model.graph.name = loss.__name__
    model.graph.doc_string = loss.summary
    onnx.helper.set_model_props(
        model,
        {
            "lossapi.loss": loss.__name__,
            "lossapi.version": lossapi.__version__,
            "lossapi.parameters": json.dumps({k: told[k] for k in told if k not in arrays}),
        },
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def graph(
    call: Callable[[dict[str, Any]], Mapping[str, Any]],
    arrays: Mapping[str, tuple[Axes, str]],
    opset: int = OPSET,
) -> Model:
    """The model of what a call makes of arrays of these shapes and dtypes, by name."""
    with _quickly():
        given = {
            name: ndx.argument(shape=shape, dtype=getattr(ndx, dtype))
            for name, (shape, dtype) in arrays.items()
        }
        results = call(dict(given))
        model = spox.build(
            {name: array.unwrap_spox() for name, array in given.items()},
            {name: array.unwrap_spox() for name, array in results.items()},
        )
    return _in_opset(model, opset)


@contextmanager
def _quickly() -> Iterator[None]:
    """Have graphs written with less ado than spox makes: a third of the time.

    Most nodes are constants, and most of these are alike: each is made once. The type of a node is
    found once, with the values of its inputs, and not before without them, too. What is known of
    values is found by ONNX's own code: ONNX Runtime takes a session for each.
    """
    constants: dict[Any, Any] = {}
    operators: Any = v21
    kind: Any = spox._node.Node
    constant, inference = operators.constant, kind.inference
    before = spox._value_prop._VALUE_PROP_BACKEND

    def once(*, value: Any = None, **others: Any) -> Any:
        if value is None:
            return constant(**others)
        key = (value.shape, value.dtype.str, value.tobytes())
        if key not in constants:
            constants[key] = constant(value=value)
        return constants[key]

    def last(node: Any, input_prop_values: Any = None, infer_types: bool = True) -> None:
        inference(node, input_prop_values, infer_types and input_prop_values is not None)

    operators.constant, kind.inference = once, last
    set_value_prop_backend(ValuePropBackend.REFERENCE)
    try:
        yield
    finally:
        set_value_prop_backend(before)
        operators.constant, kind.inference = constant, inference


def _check(loss: Function, dtype: str, opset: int) -> None:
    if loss.libraries:
        raise BackendError(
            f"{loss.__name__} cannot be exported: it looks at the values of its inputs while it "
            f"computes, which a graph has not, and so is for {', '.join(loss.libraries)} only"
        )
    if dtype not in DTYPES:
        raise ParameterError(
            f"{loss.__name__}: dtype is {dtype!r}; accepted for ONNX are {', '.join(DTYPES)}"
        )
    latest = onnx.defs.onnx_opset_version()
    if not OLDEST <= opset <= latest:
        raise ParameterError(
            f"{loss.__name__}: opset is {opset}; accepted are versions of ONNX's operators from "
            f"{OLDEST} to {latest}, of which {OPSET} is the one that is proven"
        )


def _array(loss: Function, name: str, dtype: str, sizes: Mapping[str, int]) -> tuple[Axes, str]:
    """The shape and dtype of an array that the model takes."""
    signature = loss.signature
    if name in loss.inputs:
        core = signature.inputs[loss.inputs.index(name)]
        shared = loss.is_shared(name, len(core))
        kind = "int64" if loss.domains[name].text == LABELS else dtype
        return _shape(loss, name, core, sizes, batch=not shared), kind
    if name in loss.parameters:
        if loss.parameter_domains[name].is_switch or name not in {
            **loss.parameter_cores,
            **(loss.parameters if signature.elementwise else {}),
        }:
            raise ParameterError(
                f"{loss.__name__}: {name} cannot be an input of the model; give its value"
            )
        return _shape(loss, name, loss.parameter_cores.get(name, ()), sizes, batch=False), dtype
    options = {
        "weights": ((), True, dtype),
        "where": ((), True, "bool"),
        "class_weights": (("k",), False, dtype),
        CLASS_MASK: (("k",), False, "bool"),
        "cotangent": (signature.output, True, dtype),
    }
    known = [key for key in options if key in (*loss.options, loss.class_mask)]
    if not loss.reduces:
        known.append("cotangent")
    if name not in known:
        known += [*loss.inputs, *loss.parameters]
        raise ParameterError(
            f"{loss.__name__}: there is no array {name!r} that a model could take; accepted are "
            f"{', '.join(known)}"
        )
    core, batch, kind = options[CLASS_MASK if name == loss.class_mask else name]
    return _shape(loss, name, core, sizes, batch=batch), kind


def _shape(
    loss: Function, name: str, core: tuple[str, ...], sizes: Mapping[str, int], *, batch: bool
) -> Axes:
    needed = [d for d in (n.removesuffix("-1") for n in core) if not d.isdigit()]
    missing = [d for d in needed if d not in sizes]
    if missing:
        raise ParameterError(
            f"{loss.__name__}: the length of axis {missing[0]} of {name} is not given; a model has "
            f"a fixed one, so say how many entries the axis has, by sizes={{{missing[0]!r}: N}} or "
            f"--size {missing[0]}=N (the signature is {loss.signature.text})"
        )
    wrong = [d for d in needed if not isinstance(sizes[d], int) or sizes[d] < 1]
    if wrong:
        raise ParameterError(
            f"{loss.__name__}: the size of {wrong[0]} is {sizes[wrong[0]]!r}; accepted is a whole "
            f"number from 1 on"
        )
    return (*([BATCH] if batch else []), *(length(d, sizes) for d in core))


def _state(model: Model, shapes: Mapping[str, Axes]) -> None:
    """Write down the shapes of results, of which inference knows the number of axes only."""
    for output in model.graph.output:
        axes = output.type.tensor_type.shape.dim
        for axis, size in zip(axes, shapes[output.name], strict=True):
            if isinstance(size, int):
                axis.dim_value = size
            elif not axis.dim_value:
                axis.dim_param = size


def _in_opset(model: Model, opset: int) -> Model:
    """The same model in another version of the operators."""
    if opset == OPSET:
        return model
    if opset < 19:  # there conversions have no such attribute, which is of float8 only
        for node in model.graph.node:
            if node.op_type == "Cast":
                kept = [one for one in node.attribute if one.name != "saturate"]
                del node.attribute[:]
                node.attribute.extend(kept)
    try:
        converted = onnx.version_converter.convert_version(model, opset)
        onnx.checker.check_model(converted, full_check=True)
    except (RuntimeError, onnx.checker.ValidationError) as problem:
        reason = str(problem).strip().partition("\n")[0]
        raise ParameterError(
            f"opset is {opset}, in which this model cannot be written ({reason}); {OPSET} is the "
            f"version that can always"
        ) from None
    return converted
