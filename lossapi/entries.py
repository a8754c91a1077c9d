"""Entries of an example that a mask or an ignored label leaves out, such as padding."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .axes import trail

if TYPE_CHECKING:
    from .loss import Function

Arrays = dict[str, Any]


def kept_entries(
    xp: Any, function: Function, arrays: Arrays, ignored: int | None, fill: Callable[[str], Any]
) -> Arrays:
    """The inputs with something harmless for entries that are left out, which masks then say."""
    if not function.masks:
        return arrays
    found = dict(arrays)
    for mask in function.masks.values():
        # Of a subnormal number that a library takes for 0, so that all that follows does.
        found[mask] = xp.where(found[mask] + found[mask] == 0, 0.0, found[mask])
    if ignored is not None and (mask := function.left_out_by(function.label)):
        found[mask] = xp.where(found[function.label] != ignored, found[mask], 0.0)
    for name in function.inputs:
        if mask := function.left_out_by(name):
            kept = trail(found[mask] != 0, function.cores[name] - 1)
            found[name] = xp.where(kept, found[name], fill(name))
    return found


def only_kept(
    function: Function,
    values: Callable[[str], Any],
    ignored: int | None,
    name: str,
    wrong: Any,
) -> Any:
    """What is wrong with an input among the entries that count, all as NumPy's arrays.

    `values` gives an input's, or None where they cannot be seen: then nothing is known to be wrong.
    """
    mask = function.left_out_by(name)
    if not mask or not wrong.any():
        return wrong
    kept = [(values(mask), 0)]
    if ignored is not None and function.left_out_by(function.label) == mask:
        kept.append((values(function.label), ignored))
    before = wrong.ndim
    for array, absent in kept:
        if array is None:
            return wrong & False
        wrong = wrong & trail(array != absent, function.cores[name] - 1)
    # What serves several examples is wrong where any of them keeps it.
    return wrong.any(axis=tuple(range(wrong.ndim - before)))


def both(first: Any, second: Any) -> Any:
    """Where both conditions hold, of which each may be None for one that always does."""
    if first is None or second is None:
        return second if first is None else first
    return first & second
