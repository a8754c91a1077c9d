"""How large the gradients of each layer are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..training.arguments import gathered
from .drawing import Axes, axes_or_new


@dataclass(frozen=True, eq=False)
class GradientFlow:
    """One entry for each array of the gradients, in their order.

    ``norm`` is its length, ``mean`` and ``largest`` those of the magnitudes of its entries,
    ``zeros`` the share of entries that are 0 and ``nonfinite`` the number of those that are
    infinite or NaN, which the others leave out.
    """

    names: tuple[str, ...]
    norm: Any
    mean: Any
    largest: Any
    zeros: Any
    nonfinite: Any

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw the mean and the largest magnitude by layer; a cross where some are not finite."""
        axes = axes_or_new(axes)
        places = np.arange(len(self.names))
        axes.bar(places, self.largest, color="tab:blue", alpha=0.35, label="largest |gradient|")
        axes.bar(places, self.mean, color="tab:blue", label="mean |gradient|")
        if self.nonfinite.any():
            bad = places[self.nonfinite > 0]
            axes.plot(bad, self.largest[bad], "rx", label="some infinite or NaN", clip_on=False)
        if (self.largest > 0).any():
            axes.set_yscale("log")
        axes.set_xticks(places, self.names, rotation=45, ha="right")
        axes.legend()
        return axes


def gradient_flow(gradients: Any) -> GradientFlow:
    """The size of the gradients of each layer, of a tree of arrays as a backward pass gives it.

    Gradients that vanish or explode from one end of a network to the other, layers that get none,
    and entries that are not finite show at once.

    >>> import numpy as np
    >>> from lossapi.diagnostics import gradient_flow
    >>> flow = gradient_flow({"first": {"w": np.array([3.0, -4.0])}, "last": [np.array([0.0])]})
    >>> flow.names, flow.norm.tolist(), flow.zeros.tolist()
    (('first.w', 'last.0'), [5.0, 0.0], [0.0, 1.0])
    """
    given = gathered("gradient_flow", ("gradients", gradients))
    rows = [_sizes(given.backend.to_numpy(array)) for array in given.arrays]
    norm, mean, largest, zeros, lost = np.asarray(rows, dtype=np.float64).reshape(-1, 5).T
    names = tuple(_name(place) for place in given.places)
    return GradientFlow(names, norm, mean, largest, zeros, lost.astype(np.int64))


def _sizes(array: Any) -> tuple[float, float, float, float, int]:
    magnitudes = np.abs(np.ravel(array).astype(np.float64))
    finite = magnitudes[np.isfinite(magnitudes)]
    if not finite.size:
        return 0.0, 0.0, 0.0, 0.0, magnitudes.size
    largest = float(finite.max())
    unit = largest or 1.0
    norm = unit * float(np.sqrt(np.sum((finite / unit) ** 2)))
    mean = unit * float(np.mean(finite / unit))
    zeros = float(np.mean(finite == 0))
    return norm, mean, largest, zeros, magnitudes.size - finite.size


def _name(place: str) -> str:
    """``gradients['first'][0]`` as ``first.0``; a lone array keeps the name of all."""
    inside = place.removeprefix("gradients")
    for mark in ("['", "[", "."):
        inside = inside.replace(mark, ".")
    return inside.replace("'", "").replace("]", "").lstrip(".") or place
