"""The axes to draw on; matplotlib is asked for only here."""

from __future__ import annotations

from typing import Any

from ..errors import MissingExtraError

Axes = Any
"""A ``matplotlib.axes.Axes``; no type of a library that may be missing."""


def axes_or_new(axes: Axes | None) -> Axes:
    """These axes, or those of a new figure of pyplot."""
    if axes is not None:
        return axes
    check_installed()
    from matplotlib import pyplot

    return pyplot.subplots(layout="constrained")[1]


def new_figure(width: float = 7.0, height: float = 4.5) -> Any:
    """A figure that no window will show, to be saved."""
    check_installed()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", dpi=150)


def check_installed() -> None:
    """Raise, and say what to install, where matplotlib is missing."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise MissingExtraError(
            "drawing needs matplotlib, which is not installed; install it with: "
            "pip install 'lossapi[plot]'"
        ) from None
