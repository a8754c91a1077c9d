"""Loss files: finding, reading and checking them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import jsonschema

from lossapi.domain import LABELS, MASK, Domain
from lossapi.errors import SpecError
from lossapi.loss import CLASS_PREDICTIONS, LINEAR_PREDICTION
from lossapi.signature import Signature
from lossapi.signature import parse as parse_signature

from . import formats, rules, yamlfile

Data = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Spec:
    """A loss file that has been read and found well formed."""

    data: dict[str, Any]
    origin: str
    declared: bool = False
    """Whether its definitions are those that somebody declares instead of the file's own."""

    @property
    def name(self) -> str:
        """The name of the loss."""
        return str(self.data["name"])

    @property
    def family(self) -> str:
        """The family the loss belongs to, and the folder its files lie in."""
        return str(self.data["family"])

    @cached_property
    def signature(self) -> Signature:
        """The core dimensions of inputs and output."""
        return parse_signature(self.data["signature"])

    @cached_property
    def inputs(self) -> dict[str, dict[str, Any]]:
        """Each input's shape, domain, dtype, whether it is differentiable, and meaning."""
        return dict(self.data["inputs"])

    @cached_property
    def parameters(self) -> dict[str, dict[str, Any]]:
        """Each parameter's default, domain and meaning."""
        return dict(self.data.get("parameters", {}))

    def domain(self, name: str, parameters: Data | None = None) -> Domain:
        """The domain of an input; where a switch decides, under these parameters or the default."""
        written = _domain(self.inputs[name]["domain"])
        if written.switch is None:
            return written
        default = {written.switch: self.parameters[written.switch]["default"] == "true"}
        return written.under(default | dict(parameters or {}))

    @cached_property
    def masks(self) -> dict[str, str]:
        """By core dimension the input that leaves out entries along it."""
        cores = zip(self.inputs, self.signature.inputs, strict=True)
        return {core[0]: name for name, core in cores if self.inputs[name]["domain"] == MASK}

    @cached_property
    def sizes(self) -> dict[str, str]:
        """The core dimension of the output that each parameter without a default is the size of."""
        return {name: entry["size"] for name, entry in self.parameters.items() if "size" in entry}

    @property
    def chooses_dtype(self) -> bool:
        """Whether the dtype of the result is an option, as no input is of a floating dtype."""
        return all(entry["dtype"] == LABELS for entry in self.inputs.values())

    @cached_property
    def points(self) -> list[dict[str, Any]]:
        """The test points, numbers still as tokens."""
        return list(self.data["points"])

    @cached_property
    def differentiable(self) -> tuple[str, ...]:
        """The inputs that have a gradient."""
        return tuple(name for name, entry in self.inputs.items() if entry["differentiable"])

    @property
    def libraries(self) -> tuple[str, ...]:
        """The array libraries that it is for; all, if there are none."""
        return tuple(self.data.get("libraries", []))

    @property
    def over_classes(self) -> bool:
        """Whether it judges predictions over classes against labels or their distribution."""
        first, *others = self.inputs
        if tuple(self.inputs)[:3] == LINEAR_PREDICTION:
            return True
        judged = others[:1] in (["labels"], ["target"])  # not logits of a teacher, say
        return judged and first in CLASS_PREDICTIONS and self.signature.inputs[0] == ("k",)

    @property
    def class_mask(self) -> str:
        """The option that leaves classes out, if there is one; `where` leaves examples out."""
        if not self.data.get("class_mask", False):
            return ""
        return "where" if self.family == "primitive" else "class_where"

    @property
    def has_vector_output(self) -> bool:
        """Whether one example's output is a vector, so that its gradient takes a cotangent."""
        return bool(self.signature.output)


def spec_names() -> list[str]:
    """The name of every loss that has a file, in alphabetical order."""
    return sorted(_files())


def load_spec(name: str) -> Spec:
    """Read one loss's file; ``SpecError`` where there is none or it is malformed."""
    files = _files()
    if name not in files:
        raise SpecError(
            f"{name}: no such loss; the losses are {', '.join(sorted(files)) or 'none'}"
        )
    family, file = files[name]
    spec = _parse_cached(file.read_text(encoding="utf-8"), f"spec/losses/{family}/{name}.yaml")
    if spec.name != name:
        raise SpecError(f"{spec.origin}: name: got {spec.name!r}; the file's name says {name!r}")
    if spec.family != family:
        raise SpecError(f"{spec.origin}: family: got {spec.family!r}; the folder says {family!r}")
    return spec


def load_file(path: Path) -> Spec:
    """Read a loss file that lies anywhere."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise SpecError(f"{path}: cannot be read: {problem}") from None
    return parse_spec(text, str(path))


def parse_spec(text: str, origin: str) -> Spec:
    """Read a loss file's text; ``origin`` names it in errors."""
    data = yamlfile.read(text, origin)
    problem = jsonschema.exceptions.best_match(_validator().iter_errors(data))
    if problem is not None:
        raise SpecError(f"{origin}: {told(problem)}")
    spec = Spec(data, origin)
    rules.check(data, origin, flags())
    return spec


def flags() -> dict[str, dict[str, str]]:
    """Every flag that a point may have, with its meaning and effect."""
    return _flags(_root().joinpath("flags.yaml").read_text(encoding="utf-8"))


@lru_cache(maxsize=256)
def _domain(text: str) -> Domain:
    return Domain(text)


@lru_cache(maxsize=2)
def _flags(text: str) -> dict[str, dict[str, str]]:
    return dict(yamlfile.read(text, "spec/flags.yaml"))


@lru_cache(maxsize=512)
def _parse_cached(text: str, origin: str) -> Spec:
    return parse_spec(text, origin)


@lru_cache(maxsize=1)
def _validator() -> Any:
    schema = json.loads(_root().joinpath("schema.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema)


def _root() -> Traversable:
    return resources.files("lossapi.spec")


def _files() -> dict[str, tuple[str, Traversable]]:
    found: dict[str, tuple[str, Traversable]] = {}
    losses = _root().joinpath("losses")
    if not losses.is_dir():
        return found
    for family in losses.iterdir():
        for file in family.iterdir() if family.is_dir() else ():
            if not file.name.endswith(".yaml"):
                continue
            name = file.name.removesuffix(".yaml")
            if name in found:
                raise SpecError(f"{name}: in two families, {found[name][0]} and {family.name}")
            found[name] = (family.name, file)
    return found


def told(problem: Any) -> str:
    """Where a document breaks its schema, what came and what is accepted."""
    return f"{_key(problem)}: {_what(problem)}"


def _key(problem: Any) -> str:
    path = ""
    for part in problem.absolute_path:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.lstrip(".") or "the file"


def _what(problem: Any) -> str:
    """What came and what is accepted, in one line."""
    got, wanted = problem.instance, problem.validator_value
    match problem.validator:
        case "additionalProperties" if wanted is False:
            known = ", ".join(sorted(problem.schema.get("properties", {})))
            extra = ", ".join(sorted(set(got) - set(problem.schema.get("properties", {}))))
            return f"unknown key {extra}; the keys here are {known}"
        case "required":
            missing = ", ".join(key for key in wanted if key not in got)
            return f"missing {missing}"
        case "type":
            return f"got {_short(got)}; accepted is a {_TYPES.get(wanted, wanted)}"
        case "enum":
            return f"got {_short(got)}; accepted are {', '.join(map(str, wanted))}"
        case "const":
            return f"got {_short(got)}; accepted is {json.dumps(wanted)}"
        case "pattern" | "anyOf" if isinstance(got, str) and "points" in problem.absolute_path:
            return _token(got)
        case "pattern":
            return f"got {_short(got)}; accepted is text matching {wanted}"
        case "minItems" | "minLength" | "minProperties":
            return f"got {_short(got)}; at least {wanted} needed"
        case "maxItems":
            return f"got {_short(got)}; at most {wanted} accepted"
        case "uniqueItems":
            return f"got {_short(got)}; each may stand there once"
    return str(problem.message).replace("\n", " ")


def _token(text: str) -> str:
    try:
        formats.parse(text)
    except ValueError as problem:
        return str(problem)
    return f"got {_short(text)}"


_TYPES = {"object": "mapping", "array": "list", "boolean": "true or false"}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
