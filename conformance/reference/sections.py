"""The sections of a reference page, each from one part of a specification."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from ..oracle.specfile import Spec
from .face import Face, face, spelled

Lines = Iterator[str]
WIDTH = 92

_DTYPES = {
    "floating": "bfloat16, float16, float32 or float64",
    "target": "any floating, integer or bool dtype, cast to that of the prediction",
    "labels": "any integer dtype, or bool for two classes",
}
_DOMAINS = {
    "labels": "0, 1, …, k-1",
    "mask": "{0, 1}; entries along this axis that have 0 are left out, whatever they hold",
    "increasing": "strictly increasing numbers in [-inf, inf]",
}
_OPTIONS = {
    "axis": "The axis of the classes.",
    "class_weights": "One weight of 0 or more per class, shape (k). An example's weight is "
    "multiplied by that of its class, or by Σ target·class_weights.",
    "class_where": "A bool array, of shape (k) or of that of the logits. Where it is False a class "
    "is left out: the result is that of the others alone, whatever the logits and targets of this "
    "one hold, and its gradient is 0.",
    "dtype": "The dtype of the result, bfloat16, float16, float32 or float64, by name or as the "
    "library's own; the one in which the library makes numbers if left out.",
    "ignore_index": "A label that marks examples to leave out, as `where` does.",
    "reduction": '"mean" is Σwℓ / Σw, "sum" is Σwℓ, "none" is wℓ for each example.',
    "weights": "The weight w of each example, 0 or more, broadcast to the losses; 1 if left out.",
    "where": "A bool array, broadcast to the losses. Where it is False an example contributes "
    "nothing to value, weight or gradient, whatever it contains.",
}
_OF_ENTRIES = "A label that marks entries to leave out, as a mask of them does."
_OF_PRIMITIVES = {
    "ignore_index": "A label that names none of the classes; the result for it is 0.",
    "where": _OPTIONS["class_where"],
}
_ENTRIES = "The axis of the entries of one example; several, in a tuple, are taken as one."


def wrapped(text: str, indent: str = "") -> str:
    """A paragraph in lines of the page's width."""
    return textwrap.fill(
        " ".join(text.split()),
        WIDTH,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def item(text: str) -> str:
    """An item of a list."""
    return wrapped(f"- {text}", "  ")


def block(text: str) -> str:
    """Text to be read as it stands, such as source."""
    return textwrap.indent(text.strip("\n"), "    ")


def said(text: str, expression: str) -> Lines:
    """An item that ends in an expression: within the line, or in lines of its own below it."""
    expression = expression.strip()
    if "\n" not in expression:
        yield item(f"{text} `{expression}`")
    else:
        yield item(text)
        yield ""
        yield textwrap.indent(expression, "      ")
        yield ""


def formula(spec: Spec) -> Lines:
    """The formula as mathematics and as it is executed."""
    yield from _formula(spec.data["formula"])


def _formula(entry: Mapping[str, str]) -> Lines:
    yield block(f"$$ {' '.join(entry['latex'].split())} $$")
    yield ""
    yield block(entry["definition"])


def inputs(spec: Spec) -> Lines:
    """Each input's meaning, shape, domain and dtypes."""
    for name, entry in spec.inputs.items():
        core = entry["shape"].strip("()")
        shape = f"(..., {core})" if core else "(...)"
        domain = _DOMAINS.get(entry["domain"], entry["domain"])
        given = f" (default {entry['default']} in every entry)" if "default" in entry else ""
        smooth = "differentiable" if entry["differentiable"] else "not differentiable"
        yield item(
            f"`{name}`{given}: {entry['meaning']} Shape {shape}, domain {domain}, {smooth}; "
            f"{_DTYPES[entry['dtype']]}."
        )
    yield ""
    yield wrapped(
        "The examples' shape `...` is the same for all inputs, or an input has none. Numbers and "
        "lists go with the arrays they meet; complex arrays are a DTypeError."
    )
    if spec.libraries:
        yield ""
        yield wrapped(
            f"Arrays of {', '.join(spec.libraries)} only, and lists: it has to look at the values."
        )


def parameters(spec: Spec) -> Lines:
    """Each parameter's default, domain and meaning."""
    defaults = face(spec).parameters
    for name, entry in spec.parameters.items():
        given = "required" if defaults[name] is ... else f"default {spelled(defaults[name])}"
        shape = f"shape {entry['shape']}, " if "shape" in entry else ""
        domain = f"{shape}domain {entry['domain']}"
        yield item(f"`{name}` ({given}, {domain}): {entry['meaning']}")
    if defaults and spec.signature.elementwise:
        yield ""
        yield "A parameter is a number, or an array that broadcasts to the result."
    for name, entry in spec.parameters.items():
        if entry.get("several"):
            yield ""
            yield wrapped(
                f"A list of Q numbers for `{name}` goes with a `{next(iter(spec.inputs))}` of "
                f"shape (..., Q); the other inputs have that shape too, or lack its last axis."
            )


def options(spec: Spec) -> Lines:
    """Each option's default and meaning."""
    called = face(spec)
    for name, default in called.options.items():
        classes = any("k" in core for core in spec.signature.inputs)
        text = _ENTRIES if name == "axis" and not classes else _OPTIONS[name]
        if name == "axis" and called.new_axis:
            text = "Where the axis of the classes, which is new, is in the result."
        if name == "ignore_index" and spec.masks:
            text = _OF_ENTRIES
        if name in _OF_PRIMITIVES and not called.reduces:
            text = _OF_PRIMITIVES[name]
        yield item(f"`{name}` (default {spelled(default)}): {text}")


def returns(spec: Spec) -> Lines:
    """The shape and range of the result, and the other faces."""
    called = face(spec)
    span = f"in {spec.data['output']['range']}"
    core = spec.data["output"]["shape"].strip("()")
    if called.reduces:
        yield wrapped(
            f'A scalar, or with reduction="none" the loss of each example, shape (...), {span}; '
            "in the dtype that the differentiated inputs promote to."
        )
    else:
        shape = f"(..., {core})" if core else "(...)"
        dtype = "that is chosen" if spec.chooses_dtype else "of the inputs"
        yield wrapped(f"An array of shape {shape}, {span}, in the dtype {dtype}.")
    faces = list(_faces(called))
    yield from ["", *faces] if faces else []


def _faces(called: Face) -> Lines:
    name, arguments = called.name, ", ".join((*called.inputs, "..."))
    wrt = " or ".join(f'"{known}"' for known in called.differentiable)
    seed = "" if called.reduces else ", cotangent=None"
    if called.differentiable:
        yield item(f"`{name}.grad({arguments}, wrt=…{seed})`: the gradient by {wrt}, or a tuple.")
        yield item(f"`{name}.value_and_grad({arguments}, wrt=…{seed})`: both at once.")
    if called.curved:
        known = " or ".join(f'"{n}"' for n in called.curved)
        yield item(f"`{name}.hessian_diag({arguments}, wrt=…)`: the curvature by {known}.")
    if called.reduces:
        yield item(f"`{name}.sum_and_weight({arguments})`: (Σwℓ, Σw), which adds up over batches.")


def gradient(spec: Spec) -> Lines:
    """The gradient by each differentiable input."""
    if spec.has_vector_output and spec.differentiable:
        yield wrapped("Of Σ cotangent · result, where cotangent is 1 unless given.")
        yield ""
    yield from _derivatives(spec.data["gradient"])


def curvature(spec: Spec) -> Lines:
    """The diagonal of the Hessian by each input that has one."""
    yield from _derivatives(spec.data.get("hessian_diag", {}))


def _derivatives(table: Mapping[str, Mapping[str, str]]) -> Lines:
    for i, (name, entry) in enumerate(table.items()):
        yield from ("",) * (i > 0)
        yield f"By `{name}`:"
        yield ""
        yield from _formula(entry)


def kinks(spec: Spec) -> Lines:
    """Where a derivative jumps, within which bounds, and what is chosen there."""
    for kink in spec.data.get("kinks", []):
        if "free" in kink:
            by = ", ".join(f"`{name}`" for name in kink["interval"])
            yield item(f"By {by}: {kink['note']} Any subgradient may come, and each is right.")
            continue
        what = {"0": "function", "1": "gradient", "2": "curvature"}[kink["order"]]
        chosen = "; ".join(
            f"by `{name}` the gradient is {value}"
            if kink["order"] == "0"
            else f"by `{name}` it is {value}, of the permitted "
            f"[{kink['interval'][name][0]}, {kink['interval'][name][1]}]"
            for name, value in kink["chosen"].items()
        )
        yield item(f"Where `{kink['at']}` the {what} jumps: {chosen}. {kink['note']}")


def limits(spec: Spec) -> Lines:
    """What is due at infinite inputs."""
    for clause in spec.data.get("limits", []):
        due = {"the value": clause["value"]} if "value" in clause else {}
        for kind, what in (("gradient", "gradient"), ("hessian_diag", "curvature")):
            due |= {f"the {what} by `{n}`": v for n, v in clause.get(kind, {}).items()}
        note = f" {clause['note']}" if "note" in clause else ""
        yield item(f"Where `{' '.join(clause['at'].split())}`:{note}")
        for what, value in due.items():
            for line in said(f"{what} is", value):
                yield textwrap.indent(line, "  ")


def outside(spec: Spec) -> Lines:
    """What happens outside the domain, and to NaN."""
    yield wrapped(spec.data["outside"])
    if spec.chooses_dtype:
        return
    yield ""
    yield wrapped(
        "Wherever an input is NaN or outside its domain, that example's value and gradient are "
        "NaN. Within `lossapi.errors_on_invalid()` an input outside its domain is a DomainError "
        "that names the position."
    )


def empty(spec: Spec) -> Lines:
    """What happens where there is nothing to compute."""
    if face(spec).reduces:
        yield wrapped(
            "The mean over nothing (an empty batch, everything masked, weights that sum to 0) is "
            "0, and so is its gradient; the sum over nothing is 0."
        )
    else:
        yield "No examples give an empty result."


def errors(spec: Spec) -> Lines:
    """What is raised, before anything is computed."""
    called = face(spec)
    yield item("ArgumentError: an input is missing, or came twice.")
    weights = ", or a weight negative" if called.reduces else ""
    yield item(f"ParameterError: a parameter or option is unknown or outside its domain{weights}.")
    yield item("ShapeError: the shapes do not fit the signature " + spec.signature.text + ".")
    yield item("DTypeError: a dtype is not among those listed.")
    if any(entry["dtype"] == "labels" for entry in spec.inputs.values()):
        yield item("LabelError: a label is outside 0 … k-1 and is not ignore_index.")
    yield item(
        f"BackendError: the arrays are not of {', '.join(spec.libraries)}."
        if spec.libraries
        else "BackendError: the arrays belong to several libraries or devices."
    )
    if not spec.chooses_dtype:
        yield item("DomainError: within `errors_on_invalid()`, an input is outside its domain.")


def accuracy(spec: Spec) -> Lines:
    """The worst error that is guaranteed."""
    stated = spec.data["accuracy"]
    bounds = {"the value": stated["value"]}
    for kind, what in (("gradient", "gradient"), ("hessian_diag", "curvature")):
        bounds |= {f"the {what} by `{name}`": b for name, b in stated.get(kind, {}).items()}
    for what, bound in bounds.items():
        if "scale" in bound:
            yield from said(f"{what}: {bound['ulp']} ULP of the larger of it and", bound["scale"])
        else:
            yield item(f"{what}: {bound['ulp']} ULP")
    yield ""
    jax = "" if spec.libraries else " JAX, whose exp and log are less accurate, gets twice that."
    yield wrapped(
        f"Against the exact result at the exact inputs, in float64 and float32.{jax} bfloat16 and "
        "float16 are computed in float32 and rounded once, within 2 ULP."
    )
