"""What a loss file must satisfy beyond its schema: the parts must fit each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lossapi.domain import INCREASING, LABELS, MASK, SWITCH, Domain
from lossapi.errors import SpecError
from lossapi.signature import length, measure
from lossapi.signature import parse as parse_signature

from . import definition, formats, relation
from .definition import DefinitionError
from .trees import flat

Data = Mapping[str, Any]
SIZES = "{1, 2, ...}"


def check(data: Data, origin: str, flags: Iterable[str]) -> None:
    """Raise ``SpecError`` for the first part that does not fit the others."""
    for rule in (_signature, _domains, _derivatives, _definitions, _properties):
        for key, problem in rule(data):
            raise SpecError(f"{origin}: {key}: {problem}")
    for key, problem in _points(data, set(flags)):
        raise SpecError(f"{origin}: {key}: {problem}")
    for key, problem in _equivalents(data):
        raise SpecError(f"{origin}: {key}: {problem}")


Problems = Iterator[tuple[str, str]]


def _signature(data: Data) -> Problems:
    try:
        signature = parse_signature(data["signature"])
    except ValueError as problem:
        yield "signature", str(problem)
        return
    shapes = [f"({','.join(core)})" for core in signature.inputs]
    written = [entry["shape"] for entry in data["inputs"].values()]
    if shapes != written:
        yield "inputs", f"got shapes {written}; the signature {signature.text} has {shapes}"
    output = f"({','.join(signature.output)})"
    if data["output"]["shape"] != output:
        yield "output.shape", f"got {data['output']['shape']}; the signature has {output}"
    sized = [entry["size"] for entry in data.get("parameters", {}).values() if "size" in entry]
    if sorted(sized) != sorted(_named(signature.output) - _named(*signature.inputs)):
        yield "parameters", f"sizes are {_list(sized)}; due are the output's that no input has"
    both = sorted(set(data["inputs"]) & set(data.get("parameters", {})))
    if both:
        yield "parameters", f"{', '.join(both)} is an input already"


def _named(*cores: tuple[str, ...]) -> set[str]:
    """The dimensions whose size is not fixed."""
    names = (name.removesuffix("-1") for core in cores for name in core)
    return {name for name in names if not name.isdigit()}


def _domains(data: Data) -> Problems:
    for kind in ("inputs", "parameters"):
        for name, entry in data.get(kind, {}).items():
            key = f"{kind}.{name}.domain"
            try:
                Domain(entry["domain"])
            except ValueError as problem:
                yield key, str(problem)
                continue
            if entry["domain"] in (INCREASING, MASK) and not (
                kind == "inputs" and _is_row(entry["shape"])
            ):
                yield key, f"got {entry['domain']}; only an input that is a vector is that"
            if not _chosen_rightly(data, kind, entry["domain"]):
                yield key, f"got {entry['domain']}; a switch among the parameters may choose"
            if kind == "inputs" and (entry["domain"] == LABELS) != (entry["dtype"] == LABELS):
                yield key, f"got {entry['domain']}; dtype labels and domain labels go together"
            if kind == "inputs" and entry["dtype"] == LABELS and entry["differentiable"]:
                yield f"inputs.{name}.differentiable", "got true; labels have no gradient"
            if kind == "inputs" and entry["dtype"] == "floating" and not entry["differentiable"]:
                yield f"{key[:-7]}.dtype", "got floating; without a gradient it is a target"
            if "size" in entry and entry["domain"] != SIZES:
                yield key, f"got {entry['domain']}; a size is in {SIZES}"
            if kind == "parameters" and ("default" in entry) == ("size" in entry):
                yield f"parameters.{name}", "has either a default, or a size and must be given"
            elif kind == "parameters" and "default" in entry:
                yield from _parameter(entry["default"], entry, f"parameters.{name}.default")
    try:
        Domain(data["output"]["range"])
    except ValueError as problem:
        yield "output.range", str(problem)


def _chosen_rightly(data: Data, kind: str, text: str) -> bool:
    """Whether a domain is the same for all parameters, or that of an input which a switch picks."""
    switch = Domain(text).switch
    decides = data.get("parameters", {}).get(switch, {}).get("domain") == SWITCH
    return switch is None or (kind == "inputs" and decides)


def _is_row(shape: str) -> bool:
    return shape != "()" and "," not in shape


def _parameter(tokens: Any, entry: Data, key: str) -> Problems:
    if tokens == "none":
        if entry.get("default") != "none":
            yield key, "got none; accepted is a number, as there is no default of none"
        return
    domain = Domain(entry["domain"])
    if domain.is_switch or tokens in ("true", "false"):
        if not domain.is_switch or tokens not in ("true", "false"):
            yield key, f"got {tokens}; the domain is {entry['domain']}"
        return
    if ("shape" in entry) != isinstance(tokens, list):
        due = f"a list, of shape {entry['shape']}" if "shape" in entry else "one number"
        yield key, f"got {tokens}; accepted is {due}"
        return
    for token in flat(tokens):
        try:
            number = formats.parse(token)
        except ValueError as problem:
            yield key, str(problem)
            continue
        if number not in domain:
            yield key, f"got {token}; the domain is {entry['domain']}"


def _derivatives(data: Data) -> Problems:
    smooth = [name for name, entry in data["inputs"].items() if entry["differentiable"]]
    accuracy = data["accuracy"]
    if sorted(data["gradient"]) != sorted(smooth):
        yield "gradient", f"got {_list(data['gradient'])}; differentiable are {_list(smooth)}"
    curved = data.get("hessian_diag", {})
    if not set(curved) <= set(smooth):
        yield "hessian_diag", f"got {_list(curved)}; differentiable are {_list(smooth)}"
    for kind, names in (("gradient", smooth), ("hessian_diag", curved)):
        bounded = accuracy.get(kind, {})
        if sorted(bounded) != sorted(names):
            yield f"accuracy.{kind}", f"got {_list(bounded)}; {kind} has {_list(names)}"
    for i, kink in enumerate(data.get("kinks", [])):
        allowed = curved if kink["order"] == "2" else smooth
        if not set(kink["interval"]) <= set(allowed):
            yield f"kinks[{i}].interval", f"got {_list(kink['interval'])}; known {_list(allowed)}"
        if sorted(kink["chosen"]) != sorted(kink["interval"]):
            yield (
                f"kinks[{i}].chosen",
                f"got {_list(kink['chosen'])}; interval has {_list(kink['interval'])}",
            )
    for i, clause in enumerate(data.get("limits", [])):
        if not {"value", "gradient", "hessian_diag"} & set(clause):
            yield f"limits[{i}]", "has no value, gradient or hessian_diag; give at least one"
        for kind, allowed in (("gradient", smooth), ("hessian_diag", list(curved))):
            if not set(clause.get(kind, {})) <= set(allowed):
                yield f"limits[{i}].{kind}", f"got {_list(clause[kind])}; known {_list(allowed)}"


def _definitions(data: Data) -> Problems:
    for key, text, names in _expressions(data):
        try:
            definition.check(text, names)
        except DefinitionError as problem:
            yield key, str(problem)


def _expressions(data: Data) -> Iterator[tuple[str, str, set[str]]]:
    """Every expression in the file: its key, its text, and the names it may read."""
    parameters = set(data.get("parameters", {}))
    names = parameters | set(data["inputs"])
    slopes = names | ({"cotangent"} if data["output"]["shape"] != "()" else set())
    yield "formula.definition", data["formula"]["definition"], names
    for kind in ("gradient", "hessian_diag"):
        for name, entry in data.get(kind, {}).items():
            yield f"{kind}.{name}.definition", entry["definition"], slopes
    yield from _kinks_and_limits(data, names, slopes)
    accuracy = data["accuracy"]
    bounds = {"accuracy.value": accuracy["value"]} | {
        f"accuracy.{kind}.{name}": bound
        for kind in ("gradient", "hessian_diag")
        for name, bound in accuracy.get(kind, {}).items()
    }
    for key, bound in bounds.items():
        if "scale" in bound:
            known = names if key == "accuracy.value" else slopes
            yield f"{key}.scale", bound["scale"], known | {"tiny"}
    for name, text in data["properties"].get("lipschitz", {}).items():
        # A constant may depend on how many entries an input has, and not on what they are.
        lengths = re.compile(rf"\blen\(({'|'.join(data['inputs'])})\)")
        yield f"properties.lipschitz.{name}", lengths.sub("1", text), parameters
    for part, text in data["properties"].get("minimum", {}).items():
        yield f"properties.minimum.{part}", text, names


def _kinks_and_limits(
    data: Data, names: set[str], slopes: set[str]
) -> Iterator[tuple[str, str, set[str]]]:
    for i, kink in enumerate(data.get("kinks", [])):
        yield f"kinks[{i}].at", kink["at"], names
        for name, ends in kink["interval"].items():
            for end, text in enumerate(ends):
                yield f"kinks[{i}].interval.{name}[{end}]", text, slopes
        for name, text in kink["chosen"].items():
            yield f"kinks[{i}].chosen.{name}", text, slopes
    for i, clause in enumerate(data.get("limits", [])):
        yield f"limits[{i}].at", clause["at"], names
        if "value" in clause:
            yield f"limits[{i}].value", clause["value"], names
        for kind in ("gradient", "hessian_diag"):
            for name, text in clause.get(kind, {}).items():
                yield f"limits[{i}].{kind}.{name}", text, slopes


def _properties(data: Data) -> Problems:
    known = set(data["inputs"])
    for key in ("convex_in", "not_convex_in", "translation_invariant", "lipschitz", "monotone"):
        named = data["properties"].get(key, [])
        if not set(named) <= known:
            yield f"properties.{key}", f"got {_list(named)}; the inputs are {_list(known)}"
    for i, entry in enumerate(data["properties"].get("wrong_minimisers", [])):
        own, parameters = set(entry.get("parameters", {})), set(data.get("parameters", {}))
        if not own <= parameters:
            problem = f"got {_list(own)}; the parameters are {_list(parameters)}"
            yield f"properties.wrong_minimisers[{i}].parameters", problem
    for i, text in enumerate(data["properties"].get("relations", [])):
        try:
            relation.read(text, [*data["inputs"], *data.get("parameters", {})])
        except DefinitionError as problem:
            yield f"properties.relations[{i}]", str(problem)


def _points(data: Data, flags: set[str]) -> Problems:
    seen: set[str] = set()
    used: set[str] = set()
    for i, point in enumerate(data["points"]):
        key = f"points[{i}] ({point['id']})"
        if point["id"] in seen:
            yield key, f"the id {point['id']} stands there twice; ids are unique"
        seen.add(point["id"])
        if not set(point["flags"]) <= flags:
            unknown = _list(set(point["flags"]) - flags)
            yield f"{key}.flags", f"got {unknown}; the flags in flags.yaml are {_list(flags)}"
        used |= set(point["flags"])
        for where, problem in _point(data, point):
            yield f"{key}.{where}", problem
    for hazard in data["hazards"]:
        if hazard not in flags:
            yield "hazards", f"got {hazard}; the flags in flags.yaml are {_list(flags)}"
        if hazard not in used:
            yield "hazards", f"{hazard} has no point; give at least one point that flag"


def _point(data: Data, point: Data) -> Problems:
    signature = parse_signature(data["signature"])
    inputs, parameters = data["inputs"], data.get("parameters", {})
    if sorted(point["inputs"]) != sorted(inputs):
        yield "inputs", f"got {_list(point['inputs'])}; the inputs are {_list(inputs)}"
        return
    sizes: dict[str, int] = {}
    for name, entry in parameters.items():
        if "size" in entry:
            token = point.get("parameters", {}).get(name, "none")
            if wrong := list(_parameter(token, entry, f"parameters.{name}")):
                yield from wrong
                return
            sizes[entry["size"]] = int(formats.parse(token))
    for (name, entry), core in zip(inputs.items(), signature.inputs, strict=True):
        yield from _tokens(point["inputs"][name], entry, core, sizes, f"inputs.{name}")
    for name, token in point.get("parameters", {}).items():
        if name not in parameters:
            yield "parameters", f"got {name}; the parameters are {_list(parameters)}"
            continue
        yield from _parameter(token, parameters[name], f"parameters.{name}")
        if isinstance(token, list) and "shape" in parameters[name]:
            due = length(parameters[name]["shape"].strip("()"), sizes)
            if len(token) != due:
                yield f"parameters.{name}", f"got {len(token)} numbers; {due} are due"
    if "cotangent" in point:
        if not signature.output:
            yield "cotangent", "the output is one number; only vector outputs take a cotangent"
        entry = {"dtype": "floating", "domain": "[-inf, inf]"}
        yield from _tokens(point["cotangent"], entry, signature.output, sizes, "cotangent")


def _tokens(
    tokens: Any, entry: Data, core: tuple[str, ...], sizes: dict[str, int], key: str
) -> Problems:
    """What is wrong with one input's tokens: their nesting, their number, their spelling."""
    if core:
        if not isinstance(tokens, list):
            yield key, f"got one number; the shape is ({','.join(core)})"
            return
        known = measure(core[0], len(tokens), sizes)
        if known != len(tokens):
            yield key, f"got {len(tokens)} entries; elsewhere {core[0]} is {known}"
        for i, item in enumerate(tokens):
            yield from _tokens(item, entry, core[1:], sizes, f"{key}[{i}]")
        return
    if isinstance(tokens, list):
        yield key, "got a list; one number is due"
        return
    try:
        number = formats.parse(tokens)
    except ValueError as problem:
        yield key, str(problem)
        return
    if entry["dtype"] == LABELS and not float(number).is_integer():
        yield key, f"got {tokens}; a label is an integer"


def _equivalents(data: Data) -> Problems:
    ids = {point["id"] for point in data["points"]}
    for i, peer in enumerate(data["equivalents"]):
        key = f"equivalents[{i}]"
        if peer["relation"] == "differs" and "because" not in peer:
            yield key, "missing because; a peer that differs needs the reason"
        if peer["relation"] == "same" and "because" in peer:
            yield f"{key}.because", "given for a peer that is the same; leave it out"
        if peer["relation"] == "differs" and "at" not in peer:
            yield key, "missing at; name the points at which the peer differs"
        unknown = set(peer.get("at", [])) - ids
        if unknown:
            yield f"{key}.at", f"got {_list(unknown)}; that is no point's id"


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
