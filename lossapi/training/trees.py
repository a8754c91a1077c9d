"""Arrays in lists, tuples and dictionaries within one another: taken apart and put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from ..errors import ShapeError

Tree = TypeVar("Tree")


def leaves(name: str, tree: Any) -> Iterator[tuple[str, Any]]:
    """Everything in a tree that is no container, with its place, such as ``gradients['w'][0]``."""
    if tree is None:
        return
    if _is_container(tree):
        for key, part in _parts(tree):
            yield from leaves(name + _written(tree, key), part)
    else:
        yield name, tree


def mapped(change: Callable[..., Any], tree: Tree, *others: Any) -> Tree:
    """The tree with each leaf changed; the change also gets what the others have in its place.

    The others have been checked by `check_same`; where one has None it gets None.
    """
    found: Any = tree
    if tree is None:
        return tree
    if _is_container(tree):
        parts = [
            (key, mapped(change, part, *(None if o is None else _part(o, key) for o in others)))
            for key, part in _parts(tree)
        ]
        found = _like(tree, parts)
    else:
        found = change(tree, *others)
    made: Tree = found
    return made


def check_same(function: str, name: str, tree: Any, other_name: str, other: Any) -> None:
    """Raise unless another tree has containers where this one has, and leaves or None at leaves."""
    if other is None:
        return
    if not (_is_container(tree) or _is_container(other) or tree is None):
        return
    keys, others = _keys(tree), _keys(other)
    if tree is None or keys is None or others is None or keys != others:
        raise ShapeError(
            f"{function}: {other_name} has {_told(other, others)} where {name} has "
            f"{_told(tree, keys)}; accepted is the same structure, with an array, or None, in the "
            f"place of each array."
        )
    for key, part in _parts(tree):
        more = _written(tree, key)
        check_same(function, name + more, part, other_name + more, _part(other, key))


def _is_container(value: Any) -> bool:
    return isinstance(value, list | tuple | Mapping)


def _parts(tree: Any) -> list[tuple[Any, Any]]:
    return list(tree.items() if isinstance(tree, Mapping) else enumerate(tree))


def _part(tree: Any, key: Any) -> Any:
    return tree[key]


def _keys(tree: Any) -> set[Any] | None:
    """What names the parts; the same for a list and a tuple of one length."""
    return {key for key, _ in _parts(tree)} if _is_container(tree) else None


def _written(tree: Any, key: Any) -> str:
    fields = getattr(tree, "_fields", None)
    return f".{fields[key]}" if fields else f"[{key!r}]"


def _like(tree: Any, parts: list[tuple[Any, Any]]) -> Any:
    """A container of the same kind with other parts."""
    if isinstance(tree, Mapping):
        if hasattr(tree, "copy") and hasattr(tree, "__setitem__"):  # keeps what a subclass knows
            made = tree.copy()
            made.update(parts)
            return made
        return type(tree)(dict(parts))  # type: ignore[call-arg]
    values = [part for _, part in parts]
    return type(tree)(*values) if hasattr(tree, "_fields") else type(tree)(values)


def _told(tree: Any, keys: set[Any] | None) -> str:
    if keys is None:
        return "nothing" if tree is None else "one array"
    if isinstance(tree, Mapping):
        return f"a {type(tree).__name__} of {', '.join(sorted(map(repr, keys))) or 'nothing'}"
    return f"a {type(tree).__name__} of {len(keys)}"
