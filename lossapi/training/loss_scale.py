"""Losses scaled up so that gradients in half precision do not underflow, and back."""

from __future__ import annotations

from functools import reduce
from typing import Any, NamedTuple

from .. import backend as backends
from ..binding import is_number
from ..errors import ParameterError, ShapeError
from .arguments import as_array, beside, gathered, number, quiet, widened
from .trees import Tree, check_same, mapped

LARGEST = 2.0**127
"""The largest power of two in float32."""
_DOMAINS = {
    "scale": "(0, inf)",
    "growth_factor": "(1, inf)",
    "backoff_factor": "(0, 1)",
    "growth_interval": "{1, 2, ...}",
    "minimum": "(0, inf)",
    "maximum": "(0, inf)",
    "finite_steps": "{0, 1, ...}",
}


class DynamicLossScale(NamedTuple):
    """The scale of a loss, which follows what the gradients bear; a state that never changes.

    `update` gives the next state: after a step whose gradients were not all finite the scale times
    ``backoff_factor``, and that step is to be left out; after ``growth_interval`` finite steps in
    a row the scale times ``growth_factor``. It stays from ``minimum`` to ``maximum``. The numbers
    are those of PyTorch's GradScaler. Powers of two keep scaling exact.

    It is a named tuple, so that ``jax.jit``, ``jax.lax.scan`` and ``torch.compile`` take and give
    it, and it can be saved with the parameters. Its numbers are checked when it is used::

        state = DynamicLossScale()
        # in a step: differentiate scale_loss(loss, state), then
        gradients = unscale_gradients(gradients, state)
        finite = all_finite(gradients)
        parameters = select_tree(finite, updated, parameters)  # or: if finite: ...
        state = state.update(finite)

    P. Micikevicius et al., Mixed precision training, 2018, arXiv:1710.03740.

    >>> from lossapi.training import DynamicLossScale
    >>> DynamicLossScale(scale=1024.0).update(False).scale
    512.0
    """

    scale: Any = 2.0**16
    growth_factor: Any = 2.0
    backoff_factor: Any = 0.5
    growth_interval: Any = 2000
    minimum: Any = 1.0
    maximum: Any = LARGEST
    finite_steps: Any = 0

    def update(self, finite: Any) -> DynamicLossScale:
        """The state after a step whose gradients were all finite, or not."""
        name = "DynamicLossScale.update"
        _check(self)
        backend = _checked(name, "finite", finite)
        if backend is None or backend.name == "numpy":
            finite = bool(finite)
            if all(is_number(value) for value in self):
                return self._seen(finite)
            backend = backends.find(name, zip(self._fields, self, strict=True))
            like = next(value for value in self if not is_number(value))
            finite = backend.asarray(finite, like=like)
        return self._unseen(backend, finite)

    def _seen(self, finite: bool) -> DynamicLossScale:
        if not finite:
            return self._after(max(self.scale * self.backoff_factor, self.minimum), 0)
        if self.finite_steps + 1 < self.growth_interval:
            return self._after(self.scale, self.finite_steps + 1)
        return self._after(min(self.scale * self.growth_factor, self.maximum), 0)

    def _unseen(self, backend: backends.Backend, finite: Any) -> DynamicLossScale:
        """The same where values are not looked at."""
        xp = backend.xp
        scale, growth, backoff, interval, minimum, maximum, steps = (
            backend.asarray(value, like=finite) if is_number(value) else value for value in self
        )
        grows = steps + 1 >= interval
        grown, backed = scale * growth, scale * backoff
        grown = xp.where(grown > maximum, maximum, grown)
        backed = xp.where(backed < minimum, minimum, backed)
        after = xp.where(finite, xp.where(grows, grown, scale), backed)
        count = xp.where(finite & ~grows, steps + 1, xp.zeros_like(steps))
        return self._after(after, count)

    def _after(self, scale: Any, finite_steps: Any) -> DynamicLossScale:
        return self._replace(scale=scale, finite_steps=finite_steps)


def scale_loss(loss: Tree, scale: Any) -> Tree:
    """The loss, or a tree of losses, times a scale: a number, or a `DynamicLossScale`.

    A loss of float16 or bfloat16 is scaled, and returned, in float32, where 65536 is a number.
    For a power of two the result is exact.

    >>> from lossapi.training import scale_loss
    >>> scale_loss(0.375, 1024.0)
    384.0
    """
    factor = _factor("scale_loss", scale)
    given = gathered("scale_loss", ("loss", loss))

    def scaled(leaf: Any) -> Any:
        if is_number(leaf) and is_number(factor):
            return leaf * factor
        wide = widened(given.backend, given.array(leaf))
        return wide * beside(given.backend, factor, wide)

    with quiet(given.backend):
        return mapped(scaled, loss)


def unscale_gradients(gradients: Tree, scale: Any) -> Tree:
    """The gradients of a scaled loss over its scale: a number, or a `DynamicLossScale`.

    Gradients of float16 or bfloat16 come back as float32: in their own dtype they would underflow
    again, which the scale was there to prevent. For a power of two the result is exact, unless it
    is subnormal. Infinities and NaN stay, for `all_finite` to find.

    >>> import numpy as np
    >>> from lossapi.training import unscale_gradients
    >>> unscale_gradients([np.float16(3.0)], 2.0**26)
    [np.float32(4.4703484e-08)]
    """
    factor = _factor("unscale_gradients", scale)
    given = gathered("unscale_gradients", ("gradients", gradients))

    def unscaled(leaf: Any) -> Any:
        wide = widened(given.backend, given.array(leaf))
        return wide / beside(given.backend, factor, wide)  # 1 / scale could be subnormal

    with quiet(given.backend):
        return mapped(unscaled, gradients)


def all_finite(tree: Any) -> Any:
    """Whether no entry of any array is infinite or NaN, as a bool array of shape ()."""
    given = gathered("all_finite", ("tree", tree))
    xp = given.backend.xp
    found = [xp.all(xp.isfinite(array)) for array in given.arrays]
    return reduce(xp.logical_and, found) if found else given.backend.asarray(True)


def select_tree(condition: Any, new: Tree, old: Tree) -> Tree:
    """The new tree where the condition holds, else the old one: a step taken, or left out.

    Both are computed; an array as the condition is not looked at, as under ``jax.jit``.
    """
    name = "select_tree"
    check_same(name, "new", new, "old", old)
    if _checked(name, "condition", condition) is None:
        return new if condition else old
    given = gathered(name, ("condition", condition), ("new", new), ("old", old), floating=False)
    backend = given.backend

    def select(leaf: Any, other: Any) -> Any:
        if other is None:
            raise ShapeError(
                f"{name}: old has None where new has an array; accepted are trees with the same "
                f"arrays."
            )
        beside = [x for x in (leaf, other) if not is_number(x)]
        whole = isinstance(leaf, int) and isinstance(other, int)
        if whole or not beside:
            return backend.xp.where(
                condition, *(backend.asarray(x, like=condition) for x in (leaf, other))
            )
        return backend.xp.where(condition, *(as_array(backend, x, beside) for x in (leaf, other)))

    return mapped(select, new, old)


def _check(state: DynamicLossScale) -> None:
    """Raise for a plain number that is none for its field, when the state is used.

    Not when it is made: JAX makes states of whatever it maps the leaves of one to.
    """
    name = "DynamicLossScale"
    for (key, domain), value in zip(_DOMAINS.items(), state, strict=True):
        number(name, key, value, domain)
    ends = (state.minimum, state.scale, state.maximum)
    if all(map(is_number, ends)) and not state.minimum <= state.scale <= state.maximum:
        raise ParameterError(
            f"{name}: scale is {state.scale!r}, minimum {state.minimum!r} and maximum "
            f"{state.maximum!r}; accepted is a scale from the minimum to the maximum."
        )


def _factor(name: str, scale: Any) -> Any:
    if isinstance(scale, DynamicLossScale):
        _check(scale)
        return scale.scale
    return number(name, "scale", scale, "(0, inf)")


def _checked(function: str, name: str, value: Any) -> backends.Backend | None:
    """The library of an array that is one bool; None for True and False."""
    if isinstance(value, bool):
        return None
    backend = backends.find(function, [(name, value)])
    if getattr(value, "ndim", 1) or not backend.dtype_name(value).startswith("bool"):
        raise ParameterError(
            f"{function}: {name} is {value!r}; accepted is True or False, or a bool array of "
            f"shape (), as all_finite(gradients) gives."
        )
    return backend
