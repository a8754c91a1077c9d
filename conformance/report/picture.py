"""What ``lossapi plot`` draws: the curves of one loss, in a file that is whole or not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any

from lossapi.diagnostics.curves import FACES, loss_curve
from lossapi.diagnostics.drawing import new_figure
from lossapi.domain import Domain
from lossapi.errors import ParameterError
from lossapi.losses import registry

from ..finding import unknown
from .files import put

__all__ = ["FACES", "values", "write"]
MOST = 12
"""How many curves a picture may have."""


def values(loss: str, given: Sequence[str]) -> dict[str, list[float | bool]]:
    """The values of parameters and inputs from texts such as ``delta=0.5,1``."""
    function = registry[loss]
    domains = {**function.parameter_domains, **function.domains}
    found: dict[str, list[float | bool]] = {}
    for text in given:
        name, equals, numbers = text.partition("=")
        if not equals or not numbers:
            raise ParameterError(
                f"--param is {text!r}; accepted is NAME=VALUE, or several values as NAME=1,2,5"
            )
        if name not in domains:
            raise ParameterError(f"{loss}: {unknown('parameter or input', name, list(domains))}")
        if name in found:
            raise ParameterError(f"--param {name} came twice; give its values as {name}=1,2,5")
        found[name] = [_value(loss, name, part, domains[name]) for part in numbers.split(",")]
    return found


def write(
    loss: str,
    given: Mapping[str, Sequence[float | bool]],
    wrt: str | None,
    ends: tuple[float, float] | None,
    faces: Sequence[str],
    place: Path,
) -> None:
    """Draw a curve for each set of values, and put the picture in its place when it is done."""
    cases = [dict(zip(given, case, strict=True)) for case in product(*given.values())]
    if len(cases) > MOST:
        raise ParameterError(
            f"{len(cases)} curves are more than a picture holds; accepted are up to {MOST}, so "
            f"give fewer values"
        )
    figure = new_figure()
    kind = _kind(place, figure)
    axes = figure.subplots()
    points = None if ends is None else _points(*ends)
    for case in cases:
        curve = loss_curve(registry[loss], points, wrt=wrt, **case)
        missing = [face for face in faces if getattr(curve, face) is None]
        if missing:
            raise ParameterError(
                f"{loss} has no {missing[0]} along {curve.input}; accepted are "
                f"{', '.join(f for f in FACES if getattr(curve, f) is not None)}"
            )
        curve.plot(axes, what=tuple(faces), label=curve.told)
    axes.set_title(loss)
    drawn = BytesIO()
    figure.savefig(drawn, format=kind, metadata={"Date": None} if kind == "svg" else None)
    put(place, drawn.getvalue())


def _value(loss: str, name: str, text: str, domain: Domain) -> float | bool:
    if domain.is_switch and text in ("true", "false"):
        return text == "true"
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if domain.is_switch or number not in domain:
        accepted = "true or false" if domain.is_switch else f"a number in {domain.text}"
        raise ParameterError(f"{loss}: {name} is {text!r}; accepted is {accepted}")
    return number


def _points(low: float, high: float) -> Any:
    import numpy as np

    if not low < high or not np.isfinite(high - low):
        raise ParameterError(
            f"--range is {low:g} {high:g}; accepted are two finite numbers, the smaller one first"
        )
    return np.linspace(low, high, 401)


def _kind(place: Path, figure: Any) -> str:
    """The format that a file's name asks for."""
    known: list[str] = sorted(figure.canvas.get_supported_filetypes())
    kind = place.suffix.removeprefix(".").lower()
    if kind not in known:
        raise ParameterError(
            f"{place} names no format that can be written; accepted are names that end in "
            f"{', '.join('.' + one for one in known)}"
        )
    return kind
