"""Which loss for which problem: the hand-written table checked, and written for the runtime."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any

import jsonschema

from lossapi.domain import Domain
from lossapi.errors import SpecError

from ..oracle import specfile, yamlfile
from . import remarks

ORIGIN = "spec/selection.yaml"
Data = Mapping[str, Any]


def render() -> str:
    """The table as JSON, with numbers and whole citations."""
    data = load()
    problems = {
        name: {**problem, "choices": [_written(choice) for choice in problem["choices"]]}
        for name, problem in data["problems"].items()
    }
    told = {"scales": data["scales"], "problems": problems}
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def path() -> Path:
    """Where the JSON lies."""
    return _folder() / "selection.json"


def build() -> Path:
    """Write the JSON."""
    path().write_bytes(render().encode())
    return path()


def verify() -> list[str]:
    """What is wrong with the table, or with the JSON: missing, or not what would be written."""
    try:
        due = render().encode()
    except SpecError as problem:
        return [str(problem)]
    if not path().is_file():
        return ["spec/selection.json is missing; run `lossapi spec build`"]
    if path().read_bytes() != due:
        return ["spec/selection.json is stale; run `lossapi spec build`"]
    return []


def load() -> dict[str, Any]:
    """The hand-written table; ``SpecError`` where it is malformed."""
    return parse((_folder() / "selection.yaml").read_text("utf-8"))


def parse(text: str) -> dict[str, Any]:
    """The table in a text; ``SpecError`` for the first part that is wrong."""
    data: dict[str, Any] = yamlfile.read(text, ORIGIN)
    schema = json.loads((_folder() / "selection.schema.json").read_text("utf-8"))
    problem = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(schema).iter_errors(data)
    )
    if problem is not None:
        raise SpecError(f"{ORIGIN}: {specfile.told(problem)}")
    for place, wrong in _misfits(data):
        raise SpecError(f"{ORIGIN}: {place}: {wrong}")
    return data


def _misfits(data: Data) -> Iterator[tuple[str, str]]:
    names = specfile.spec_names()
    for name, problem in data["problems"].items():
        place = f"problems.{name}"
        for question, scale in problem["asks"].items():
            if scale not in data["scales"]:
                known = ", ".join(data["scales"])
                yield f"{place}.asks.{question}", f"got {scale}; the scales are {known}"
                return
        answers = {q: list(data["scales"][s]["answers"]) for q, s in problem["asks"].items()}
        for number, choice in enumerate(problem["choices"]):
            here = f"{place}.choices[{number}]"
            if choice["loss"] not in names:
                yield f"{here}.loss", f"got {choice['loss']}; there is no such loss"
                return
            yield from _misfits_of(choice, answers, here)
        for given in product(*answers.values()):
            case = dict(zip(answers, given, strict=True))
            if not any(holds(choice, case) for choice in problem["choices"]):
                told = ", ".join(f"{q}: {a}" for q, a in case.items())
                yield f"{place}.choices", f"there is none for {told}"


def _misfits_of(
    choice: Data, answers: Mapping[str, list[str]], here: str
) -> Iterator[tuple[str, str]]:
    for question, accepted in choice.get("when", {}).items():
        known = answers.get(question, [])
        for answer in accepted:
            if answer not in known:
                listed = ", ".join(known) or f"none, as {question} is not asked"
                yield f"{here}.when.{question}", f"got {answer}; the answers are {listed}"
    spec = specfile.load_spec(choice["loss"])
    for name, token in choice.get("parameters", {}).items():
        if name not in spec.parameters:
            listed = ", ".join(spec.parameters) or "none"
            yield f"{here}.parameters", f"got {name}; those of {spec.name} are {listed}"
            continue
        domain = Domain(spec.parameters[name]["domain"])
        try:
            fits = _value(token) in domain
        except ValueError:
            fits = False
        if not fits:
            yield f"{here}.parameters.{name}", f"got {token}; the domain is {domain.text}"
    if _reference(choice) is None:
        yield f"{here}.source", f"got {choice['source']}; no specification refers to it"


def holds(choice: Data, case: Mapping[str, str]) -> bool:
    """Whether a choice is one for these answers."""
    return all(case[question] in accepted for question, accepted in choice.get("when", {}).items())


def _written(choice: Data) -> dict[str, Any]:
    source = _reference(choice)
    assert source is not None  # it has been checked
    return {
        "loss": choice["loss"],
        "when": choice.get("when", {}),
        "parameters": {n: _value(token) for n, token in choice.get("parameters", {}).items()},
        "reason": choice["reason"],
        "source": remarks.citation(source, with_note=False),
    }


def _reference(choice: Data) -> dict[str, str] | None:
    """The reference that a choice names, of its own loss or else of another one."""
    for name in (choice["loss"], *specfile.spec_names()):
        for source in specfile.load_spec(name).data["references"]:
            if choice["source"] in (source.get(key) for key in ("doi", "arxiv", "url", "title")):
                found: dict[str, str] = source
                return found
    return None


def _value(token: str) -> float | bool:
    return token == "true" if token in ("true", "false") else float(token)


def _folder() -> Path:
    return Path(str(resources.files("lossapi.spec")))
