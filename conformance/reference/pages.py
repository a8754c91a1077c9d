"""The reference pages, generated from the specification: what ``help`` prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import resources
from pathlib import Path

from ..oracle import golden, specfile
from ..oracle.specfile import Spec
from . import example, remarks, sections
from .face import face

_SECTIONS: dict[str, Callable[[Spec], Iterator[str]]] = {
    "Formula": sections.formula,
    "Inputs": sections.inputs,
    "Parameters": sections.parameters,
    "Options": sections.options,
    "Returns": sections.returns,
    "Gradient": sections.gradient,
    "Curvature": sections.curvature,
    "Kinks": sections.kinks,
    "Limits": sections.limits,
    "Outside the domain": sections.outside,
    "Empty input": sections.empty,
    "Errors": sections.errors,
    "Accuracy": sections.accuracy,
    "Properties": remarks.properties,
    "Equivalents": remarks.equivalents,
    "When to use it": remarks.use_when,
    "Notes": remarks.notes,
    "References": remarks.references,
}


def render(spec: Spec) -> str:
    """The page of one function; what it says of results comes from the golden file."""
    lines = [f"# {spec.data['title']}", "", sections.wrapped(spec.data["summary"]), ""]
    lines += [sections.block(sections.wrapped(face(spec).call, "    ")), "", "## Example", ""]
    lines += [sections.block("\n".join(example.lines(spec, golden.load_golden(spec.name))))]
    for title, section in _SECTIONS.items():
        body = list(section(spec))
        if body:
            lines += ["", f"## {title}", "", *body]
    return "\n".join(lines) + "\n"


def path(name: str) -> Path:
    """Where the page of a function lies."""
    return Path(str(resources.files("lossapi.spec"))) / "reference" / f"{name}.md"


def build(names: Iterable[str]) -> list[Path]:
    """Write the page of each function, and give the paths."""
    written = []
    for name in names:
        place = path(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(render(specfile.load_spec(name)).encode())
        written.append(place)
    return written


def verify(names: Iterable[str]) -> list[str]:
    """What is wrong with the pages: missing, or not what would be written."""
    problems = []
    for name in names:
        place, where = path(name), f"spec/reference/{name}.md"
        if not place.is_file():
            problems.append(f"{name}: {where} is missing; run `lossapi spec build {name}`")
        elif place.read_bytes() != render(specfile.load_spec(name)).encode():
            problems.append(f"{name}: {where} is stale; run `lossapi spec build {name}`")
    return problems


def leftovers() -> list[str]:
    """Pages of functions that have no specification any more."""
    known = set(specfile.spec_names())
    pages = path("x").parent
    found = sorted(page.stem for page in pages.glob("*.md")) if pages.is_dir() else []
    return [
        f"{name}: spec/reference/{name}.md has no loss file; delete it"
        for name in found
        if name not in known
    ]
