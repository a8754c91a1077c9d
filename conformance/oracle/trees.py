"""Numbers and nested lists of them, treated alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

Tree = Any
"""A leaf, or a list of trees."""
Path = tuple[int, ...]
"""The indices that lead to a leaf; none for a tree that is a leaf itself."""


def flat(tree: Tree) -> Iterator[Any]:
    """Every leaf, in order."""
    if isinstance(tree, list | tuple):
        for item in tree:
            yield from flat(item)
    else:
        yield tree


def mapped(tree: Tree, function: Callable[[Any], Any]) -> Tree:
    """The same tree with a function of each leaf in its place."""
    if isinstance(tree, list | tuple):
        return [mapped(item, function) for item in tree]
    return function(tree)


def filled(shape: tuple[int, ...], leaf: Any) -> Tree:
    """A tree of this shape with the same leaf everywhere."""
    return [filled(shape[1:], leaf) for _ in range(shape[0])] if shape else leaf


def refilled(tree: Tree, leaves: Iterable[Any]) -> Tree:
    """A tree of the same shape with these leaves, in order."""
    left = iter(leaves)
    return mapped(tree, lambda _: next(left))


def paths(tree: Tree) -> Iterator[Path]:
    """The path to every leaf, in order."""
    if isinstance(tree, list | tuple):
        for i, item in enumerate(tree):
            for path in paths(item):
                yield (i, *path)
    else:
        yield ()


def get(tree: Tree, path: Path) -> Any:
    """The leaf at the end of a path."""
    for i in path:
        tree = tree[i]
    return tree


def replaced(tree: Tree, path: Path, leaf: Any) -> Tree:
    """A copy of the tree with another leaf at the end of a path."""
    if not path:
        return leaf
    copy = list(tree)
    copy[path[0]] = replaced(copy[path[0]], path[1:], leaf)
    return copy
