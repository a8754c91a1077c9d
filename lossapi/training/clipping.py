"""Gradients that are too long, or whose entries are too large, cut down."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

from ..binding import is_number
from ..errors import BackendError, DomainError, ParameterError
from .arguments import Arrays, beside, gathered, number, one_of, quiet, widened
from .trees import Tree, mapped

NONFINITE = ("propagate", "zero", "raise")


def global_norm(gradients: Any, *, p: float = 2.0) -> Any:
    """The p-norm of all gradients taken as one vector, (Σ|g|ᵖ)^(1/p), as an array of shape ().

    ``p`` is 1 or more, infinity for the largest magnitude. It is computed in float32 at least, in
    a unit in which no square overflows or underflows, so that it is right wherever it can be
    represented. It is 0 for no gradients, and infinity or NaN where a gradient is.

    >>> import numpy as np
    >>> from lossapi.training import global_norm
    >>> float(global_norm({"w": np.array([300, 0], np.float16), "b": np.float16(400)}))
    500.0
    """
    p = number("global_norm", "p", p, "[1, inf]", fixed=True)
    given = gathered("global_norm", ("gradients", gradients))
    with quiet(given.backend):
        return _Size(given, p).norm


def clip_by_global_norm(
    gradients: Tree, max_norm: Any, *, p: float = 2.0, nonfinite: str = "propagate"
) -> tuple[Tree, Any]:
    """Shorten gradients whose global norm is above ``max_norm``; give them and the norm before.

    The result is g · min(1, max_norm / ‖g‖): the direction is kept, gradients within the bound
    are returned as they are to the last bit, and zeros stay zeros (no 0/0, and no epsilon as in
    PyTorch, whose clipped gradients are a millionth short). The norm is that of `global_norm`;
    where it overflows although each entry is finite, the gradients are still clipped rightly.

    ``max_norm`` is a number above 0, or an array that is one. ``nonfinite`` says what to do where
    an entry is infinite or NaN, so that there is no direction: "propagate" makes all entries NaN,
    so that the step cannot look sound; "zero" makes all 0, a step that does nothing and runs
    under ``jax.jit``; "raise" raises ``DomainError``, where values can be looked at.

    R. Pascanu, T. Mikolov, Y. Bengio, On the difficulty of training recurrent neural networks,
    2013, arXiv:1211.5063.

    >>> import numpy as np
    >>> from lossapi.training import clip_by_global_norm
    >>> clipped, norm = clip_by_global_norm([np.array([3.0]), np.array([4.0])], max_norm=2.5)
    >>> [float(g[0]) for g in clipped], float(norm)
    ([1.5, 2.0], 5.0)
    """
    name = "clip_by_global_norm"
    max_norm = number(name, "max_norm", max_norm, "(0, inf]")
    p = number(name, "p", p, "[1, inf]", fixed=True)
    nonfinite = one_of(name, "nonfinite", nonfinite, NONFINITE)
    given = gathered(name, ("gradients", gradients))
    if nonfinite == "raise":
        _check_finite(name, given)
    xp = given.backend.xp
    with quiet(given.backend):
        size = _Size(given, p)
        if size.peak is None:
            return gradients, size.norm
        bound = beside(given.backend, max_norm, size.norm)
        lost = xp.full_like(bound, 0.0 if nonfinite == "zero" else float("nan"))

        def clip(leaf: Any) -> Any:
            array = given.array(leaf)
            wide = xp.astype(array, given.computing)
            # In that unit a norm that overflows shortens them too.
            shortened = (wide / size.unit) * (bound / size.divisor)
            kept = xp.where(size.norm <= bound, wide, shortened)
            return xp.astype(xp.where(size.is_finite, kept, lost), array.dtype)

        return mapped(clip, gradients), size.norm


def clip_by_value(gradients: Tree, minimum: Any, maximum: Any) -> Tree:
    """Each entry moved to the nearest number from ``minimum`` to ``maximum``; NaN stays NaN.

    Unlike `clip_by_global_norm` this turns the direction. Either bound may be infinite.

    >>> import numpy as np
    >>> from lossapi.training import clip_by_value
    >>> clip_by_value({"w": np.array([-3.0, 0.5, float("inf")])}, -1.0, 1.0)["w"].tolist()
    [-1.0, 0.5, 1.0]
    """
    name = "clip_by_value"
    minimum = number(name, "minimum", minimum, "[-inf, inf]")
    maximum = number(name, "maximum", maximum, "[-inf, inf]")
    if is_number(minimum) and is_number(maximum) and minimum > maximum:
        raise ParameterError(
            f"{name}: minimum is {minimum!r} and maximum {maximum!r}; accepted is a minimum that "
            f"is not above the maximum. Exchange them."
        )
    given = gathered(name, ("gradients", gradients))
    backend = given.backend

    def clip(leaf: Any) -> Any:
        array = given.array(leaf)
        wide = widened(backend, array)
        low, high = beside(backend, minimum, wide), beside(backend, maximum, wide)
        above = backend.xp.where(wide < low, low, wide)
        return backend.xp.astype(backend.xp.where(above > high, high, above), array.dtype)

    with quiet(given.backend):
        return mapped(clip, gradients)


class _Size:
    """How long gradients are: a unit, the norm in that unit, and the norm."""

    def __init__(self, given: Arrays, p: float) -> None:
        backend, xp = given.backend, given.backend.xp
        wide = [xp.astype(array, given.computing) for array in given.arrays]
        magnitudes = [xp.abs(array) for array in wide if 0 not in array.shape]
        self.peak = reduce(xp.maximum, map(xp.max, magnitudes)) if magnitudes else None
        """The largest magnitude; None where there is no entry."""
        if self.peak is None:
            self.norm = wide[0].sum() if wide else backend.asarray(0.0)
            return
        self.is_finite = xp.isfinite(self.peak)
        if p == 2:
            self.unit = self._power_of_two(given)
            sums = [backend.sum((array / self.unit) ** 2) for array in magnitudes]
            self.stretch = xp.sqrt(reduce(xp.add, sums))
        else:
            one = xp.ones_like(self.peak)
            self.unit = xp.where(self.is_finite & (self.peak > 0), self.peak, one)
            sums = [backend.sum((array / self.unit) ** p) for array in magnitudes * (p < math.inf)]
            self.stretch = reduce(xp.add, sums) ** (1 / p) if sums else self.peak / self.unit
        self.divisor = xp.where(
            self.is_finite & (self.stretch > 0), self.stretch, xp.ones_like(self.stretch)
        )
        self.norm = xp.where(self.is_finite, self.unit * self.stretch, self.peak)

    def _power_of_two(self, given: Arrays) -> Any:
        """A unit in which no square overflows or underflows, and dividing by which is exact."""
        backend, peak = given.backend, self.peak
        units = _UNITS[backend.dtype_name(peak)]
        unit = backend.xp.full_like(peak, units[-1][1])
        for above, power in reversed(units[:-1]):
            unit = backend.xp.where(peak > above, backend.xp.full_like(peak, power), unit)
        return backend.xp.where(self.is_finite, unit, backend.xp.ones_like(unit))


_UNITS = {
    "float32": ((2.0**40, 2.0**80), (2.0**-30, 1.0), (2.0**-90, 2.0**-60), (0.0, 2.0**-120)),
    "float64": ((2.0**400, 2.0**700), (2.0**-300, 1.0), (2.0**-700, 2.0**-500), (0.0, 2.0**-900)),
}
"""From which largest magnitude on which unit serves."""


def _check_finite(name: str, given: Arrays) -> None:
    backend = given.backend
    for place, array in zip(given.places, given.arrays, strict=True):
        if not backend.is_visible(array):
            raise BackendError(
                f"{name}: nonfinite is 'raise', but the values of {place} cannot be looked at "
                f"here (they are traced, lazy, or on a device); accepted are 'propagate' and "
                f"'zero'."
            )
        import numpy as np

        values = backend.to_numpy(array)
        wrong = ~np.isfinite(values)
        if wrong.any():
            first = tuple(int(i) for i in np.argwhere(wrong)[0])
            where = f"[{', '.join(map(str, first))}]" if first else ""
            raise DomainError(
                f"{name}: {place}{where} is {values[first]}, one of {wrong.sum()} entries that are "
                f"infinite or NaN; accepted are finite gradients. Look for what overflows, lower "
                f"the loss scale, or give nonfinite='zero' to leave such a step out."
            )
