"""What a function says of itself: its call signature, its reference page, its specification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import MissingExtraError

if TYPE_CHECKING:
    import inspect
    from importlib.resources.abc import Traversable

    from .loss import Function

DEFAULTS = {
    "axis": -1,
    "class_weights": None,
    "class_where": None,
    "dtype": None,
    "ignore_index": None,
    "reduction": "mean",
    "weights": None,
    "where": None,
}
"""The options of a call with their defaults, in the order in which they are shown."""


class Documentation:
    """The ``__doc__`` of a function object: its reference page; of its class: the class's own."""

    def __init__(self, of_class: str | None) -> None:
        self._of_class = of_class

    def __get__(self, function: Function | None, owner: type) -> str | None:
        return self._of_class if function is None else page(function.__name__, function.summary)


def page(name: str, summary: str) -> str:
    """The reference page, which is generated from the specification and installed as text."""
    found = _spec_folder() / "reference" / f"{name}.md"
    return found.read_text("utf-8") if found.is_file() else summary


def _spec_folder() -> Traversable:
    from importlib.resources import files  # 8 ms, which an import of lossapi need not pay

    return files("lossapi.spec")


def call_signature(function: Function) -> inspect.Signature:
    """The signature of a call: inputs, parameters, options."""
    from inspect import Parameter, Signature

    inputs = [
        Parameter(
            name,
            Parameter.POSITIONAL_OR_KEYWORD,
            default=function.defaults.get(name, Parameter.empty),
        )
        for name in function.inputs
    ]
    options = {name: DEFAULTS[name] for name in DEFAULTS if name in function.options}
    keywords = [
        Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if default is ... else default,
        )
        for name, default in {**function.parameters, **options}.items()
    ]
    return Signature([*inputs, *keywords])


def load(function: Function) -> Any:
    """The specification of a function as a mapping; needs PyYAML."""
    try:
        import yaml
    except ImportError:
        raise MissingExtraError(
            "reading a specification needs PyYAML; install it with: pip install 'lossapi[check]'"
        ) from None
    for family in (_spec_folder() / "losses").iterdir():
        found = family / f"{function.__name__}.yaml"
        if found.is_file():
            return yaml.safe_load(found.read_text("utf-8"))
    raise FileNotFoundError(f"{function.__name__} has no specification")
