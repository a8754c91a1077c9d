"""The sections of a reference page that place a function among others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..oracle.specfile import Spec
from .sections import item

Lines = Iterator[str]

_SMOOTH = {
    "C0": "Continuous; its gradient has jumps (C0).",
    "C1": "Once continuously differentiable; its curvature has jumps (C1).",
    "C2": "Twice continuously differentiable (C2).",
    "Cinf": "Smooth: it has derivatives of every order.",
}


def properties(spec: Spec) -> Lines:
    """What holds everywhere, each of which the conformance suite checks."""
    for name, stated in spec.data["properties"].items():
        yield item(_property(name, stated))


def _property(name: str, stated: Any) -> str:
    match name:
        case "smoothness":
            return _SMOOTH[stated]
        case "convex_in":
            return f"Convex in {_names(stated)}."
        case "not_convex_in":
            return f"Not convex in {_names(stated)}."
        case "symmetric":
            return f"{'S' if stated else 'Not s'}ymmetric in its inputs."
        case "translation_invariant":
            return f"Adding one constant to all of {_names(stated)} changes nothing."
        case "lipschitz":
            slopes = ", ".join(f"{bound} in `{key}`" for key, bound in stated.items())
            return f"Lipschitz continuous with constant {slopes}."
        case "minimum":
            return f"Its minimum {stated['value']} is attained where `{stated['at']}`."
        case "monotone":
            return f"Monotone: {', '.join(f'{way} in `{key}`' for key, way in stated.items())}."
        case "proper":
            kind = {"strictly": "A strictly proper", "no": "Not a proper"}.get(stated, "A proper")
            return f"{kind} scoring rule."
        case "elicits":
            return f"The expected loss is least at the {stated}."
    return _of_several(name, stated)


def _of_several(name: str, stated: Any) -> str:
    """Properties of the loss under a model, and beside other functions."""
    match name:
        case "fisher":
            return "Its curvature is the Fisher information: the model's expected squared gradient."
        case "wrong_minimisers":
            found = ", ".join(f"{x['prediction']} for {x['truth']}{_at(x)}" for x in stated)
            return f"The expected loss is least at a wrong probability: {found}."
        case "relations":
            return f"{'; '.join(f'`{text}`' for text in stated)}."
    return f"{name.replace('_', ' ').capitalize()}: {stated}."


def _at(stated: Any) -> str:
    """The parameters at which something is stated."""
    own = [f"{name} = {token}" for name, token in stated.get("parameters", {}).items()]
    return f" (at {', '.join(own)})" if own else ""


def equivalents(spec: Spec) -> Lines:
    """The same function in other libraries, and what is only alike."""
    for peer in spec.data["equivalents"]:
        relation = "the same" if peer["relation"] == "same" else f"differs: {peer['because']}"
        yield item(f"{peer['library']}: `{peer['call']}` — {relation}")


def use_when(spec: Spec) -> Lines:
    """When it is the right choice."""
    for sentence in spec.data["use_when"]:
        yield item(sentence)


def notes(spec: Spec) -> Lines:
    """Conventions, and where readers may have met others."""
    for sentence in spec.data["notes"]:
        yield item(sentence)


def references(spec: Spec) -> Lines:
    """Where it was published."""
    for source in spec.data["references"]:
        yield item(citation(source))


def citation(source: Mapping[str, str], with_note: bool = True) -> str:
    """A reference as one line."""
    places = [
        f"https://doi.org/{source['doi']}" if "doi" in source else "",
        f"https://arxiv.org/abs/{source['arxiv']}" if "arxiv" in source else "",
        source.get("url", ""),
    ]
    place = ", ".join(filter(None, places))
    note = f" {source['note']}" if with_note and "note" in source else ""
    text = f"{source['authors'].rstrip('.')}. {source['title'].rstrip('.')} ({source['year']})."
    return f"{text} {place}{note}".strip()


def _names(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
