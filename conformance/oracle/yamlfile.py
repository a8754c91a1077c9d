"""YAML as this project writes it: numbers in quotes, true and false spelled out, no surprises."""

from __future__ import annotations

from typing import Any

import yaml

from lossapi.errors import SpecError

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one that is written in C, where PyYAML was built with it: some seconds for all losses."""
_PLAIN_TAGS = {
    "tag:yaml.org,2002:int": "number",
    "tag:yaml.org,2002:float": "number",
    "tag:yaml.org,2002:timestamp": "date",
    "tag:yaml.org,2002:null": "null",
}
# Read as truth values by some YAML 1.1 readers and as text by others.
_AMBIGUOUS = {"y", "n", "yes", "no", "on", "off"}


def read(text: str, origin: str) -> Any:
    """The document in a YAML text; ``SpecError`` with file and line where it is not plain enough.

    YAML 1.1 and 1.2 readers disagree about ``1e-5``, ``010``, ``no`` and ``1:30``, so what is not
    in quotes is text, ``true`` or ``false``.
    """
    loader = _LOADER(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise SpecError(f"{origin}: the file is empty")
        _refuse_traps(node, origin)
        return loader.construct_document(node)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = f"{origin}:{mark.line + 1}" if mark else origin
        reason = getattr(problem, "problem", None) or str(problem).splitlines()[0]
        raise SpecError(f"{line}: not YAML: {reason}") from None
    finally:
        loader.dispose()


def key(name: str) -> str:
    """A mapping's key, quoted where a reader could take it for a truth value."""
    return f'"{name}"' if name.lower() in _AMBIGUOUS else name


def _refuse_traps(node: yaml.Node, origin: str) -> None:
    place = f"{origin}:{node.start_mark.line + 1}"
    if isinstance(node, yaml.ScalarNode):
        _refuse_scalar(node, place)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_traps(item, origin)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            _refuse_traps(key, origin)
            if str(key.value) in seen:
                line = key.start_mark.line + 1
                raise SpecError(f"{origin}:{line}: the key {key.value!r} stands here twice")
            seen.add(str(key.value))
            _refuse_traps(value, origin)


def _refuse_scalar(node: yaml.ScalarNode, place: str) -> None:
    if node.style:
        return
    text = node.value
    if node.tag in _PLAIN_TAGS:
        kind = _PLAIN_TAGS[node.tag]
        raise SpecError(f'{place}: {text!r} is an unquoted {kind}; write "{text}"')
    boolean = node.tag == "tag:yaml.org,2002:bool" and text not in ("true", "false")
    if boolean or text.lower() in _AMBIGUOUS:
        raise SpecError(
            f"{place}: {text!r} is a truth value to some readers and text to others; write "
            f'"{text}" for the text, true or false for a truth value'
        )
