"""The curve of a loss along one of its inputs, with its slope and its kinks."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..domain import Domain
from ..errors import ArgumentError, ParameterError, ShapeError
from ..loss import Function, Loss
from .drawing import Axes, axes_or_new
from .kinks import jumps, sides

STYLES = {
    "values": ("-", "loss (solid)"),
    "gradient": ("--", "gradient (dashed)"),
    "curvature": (":", "curvature (dotted)"),
}
FACES = tuple(STYLES)


class Kink(NamedTuple):
    """Where a loss is not smooth, and what jumps there: from which value to which.

    ``order`` is 0 for a jump of the loss itself, 1 for one of its slope, 2 for one of its
    curvature.
    """

    at: float
    order: int
    before: float
    behind: float


@dataclass(frozen=True, eq=False)
class LossCurve:
    """A loss, its gradient and its curvature at points along one input.

    ``gradient`` and ``curvature`` are None where the loss has none for that input; ``given`` are
    the parameters and other inputs that were named.
    """

    loss: str
    input: str
    points: Any
    values: Any
    gradient: Any
    curvature: Any
    kinks: tuple[Kink, ...]
    given: dict[str, Any] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """The parameters and inputs that were given, as they are written."""
        return ", ".join(f"{name}={value:g}" for name, value in self.given.items())

    def plot(
        self,
        axes: Axes | None = None,
        *,
        what: tuple[str, ...] = FACES[:2],
        label: str | None = None,
    ) -> Axes:
        """Draw the loss, its gradient dashed, its curvature dotted, and dots at its kinks."""
        axes = axes_or_new(axes)
        label = (
            (f"{self.loss}({self.told})" if self.told else self.loss) if label is None else label
        )
        colour = None
        drawn: list[str] = []
        for order, (face, style) in enumerate(STYLES.items()):
            numbers = getattr(self, face)
            if face not in what or numbers is None:
                continue
            x, y = _broken(self.points, numbers, self.kinks, order)
            (line,) = axes.plot(x, y, style[0], color=colour, label="" if drawn else label)
            colour = line.get_color()
            drawn.append(style[1])
            self._mark(axes, order, colour)
        axes.set_xlabel(self.input)
        axes.set_ylabel(", ".join(drawn))
        if label:
            axes.legend()
        return axes

    def _mark(self, axes: Axes, order: int, colour: Any) -> None:
        """Dots where a line bends or breaks: both ends of a jump, one for a bend."""
        for kink in self.kinks:
            if kink.order == order:
                ends = [kink.before, kink.behind]
                axes.plot([kink.at] * 2, ends, "o", color=colour, markersize=4)
            elif kink.order == order + 1:
                height = float(np.interp(kink.at, self.points, getattr(self, FACES[order])))
                axes.plot([kink.at], [height], "o", color=colour, markersize=4)


def loss_curve(
    loss: Function, points: Any = None, *, wrt: str | None = None, **given: Any
) -> LossCurve:
    """The values, gradients, curvatures and kinks of an elementwise loss along one input.

    ``points`` are increasing numbers of the input ``wrt``, the first one if left out; without
    them 401 from -4 to 4, or within the input's domain. Other inputs and parameters are numbers
    given by name. An input that is left out is 0 where it may be any number, else the largest
    number of its domain, or one above the least if there is no largest.

    Kinks are found from the loss alone, by halving each interval of points down to neighbouring
    floats: a jump of the loss, its gradient or its curvature that is left there is one. Of two
    kinks of one order between the same neighbouring points one is found.

    >>> import lossapi
    >>> from lossapi.diagnostics import loss_curve
    >>> curve = loss_curve(lossapi.quantile_loss, quantile=0.75, target=1.0)
    >>> curve.kinks
    (Kink(at=1.0, order=1, before=-0.75, behind=0.25),)
    """
    name = "loss_curve"
    _check_elementwise(name, loss)
    wrt = loss.inputs[0] if wrt is None else wrt
    if wrt not in loss.inputs:
        raise ParameterError(
            f"{name}: wrt is {wrt!r}; accepted are the inputs of {loss.__name__}, "
            f"{', '.join(loss.inputs)}."
        )
    inputs = {key: given.pop(key) for key in loss.inputs if key in given and key != wrt}
    if wrt in given:
        raise ArgumentError(f"{name}: {wrt} came by name; accepted are its numbers as points.")
    told = {**inputs, **given}
    _check_numbers(name, told)
    for key in loss.inputs:
        if key != wrt and key not in inputs:
            inputs[key] = loss.defaults.get(key, usual(loss.domains[key]))
    along = _points(name, loss.domains[wrt], points)
    options = {**given, "reduction": "none"} if isinstance(loss, Loss) else given

    def face(method: Any, **more: Any) -> Any:
        def curve(x: Any) -> Any:
            return np.asarray(method(**{**inputs, wrt: x}, **options, **more))

        return curve

    faces = [face(loss)]
    if wrt in loss.differentiable:
        faces.append(face(loss.grad, wrt=wrt))
        if wrt in loss.curvatures:
            faces.append(face(loss.hessian_diag, wrt=wrt))
    numbers = [curve(along) for curve in faces]
    kinks: list[Kink] = []
    for order, curve in enumerate(faces):
        known = [kink.at for kink in kinks]
        new = [at for at in jumps(curve, along) if not any(math.isclose(at, k) for k in known)]
        found = [Kink(at, order, *sides(curve, at)) for at in new]
        # Beside the end of a domain there is nothing to jump from.
        kinks += [k for k in found if not math.isnan(k.before) and not math.isnan(k.behind)]
    values, gradient, curvature = (*numbers, None, None)[: len(FACES)]
    kinks.sort()
    return LossCurve(loss.__name__, wrt, along, values, gradient, curvature, tuple(kinks), told)


def usual(domain: Domain) -> float:
    """A number for an input that nobody gave: 0, the largest, or one above the least."""
    if domain.is_everything:
        return 0.0
    if math.isfinite(domain.high):
        return domain.high if domain.high in domain else domain.harmless
    return domain.low + 1.0 if math.isfinite(domain.low) else 0.0


def _check_elementwise(name: str, loss: Any) -> None:
    if not isinstance(loss, Function):
        raise ArgumentError(
            f"{name}: loss is {loss!r}; accepted is a loss of lossapi, such as lossapi.huber_loss."
        )
    if not loss.signature.elementwise or loss.labelled or loss.parameter_cores:
        raise ShapeError(
            f"{name}: {loss.__name__} has the signature {loss.signature.text}; accepted are losses "
            f"of numbers, whose curve has one axis, such as huber_loss. For others see "
            f"loss_landscape_1d."
        )


def _check_numbers(name: str, given: dict[str, Any]) -> None:
    for key, value in given.items():
        if not isinstance(value, bool | int | float):
            raise ParameterError(
                f"{name}: {key} is {value!r}, a {type(value).__name__}; accepted is a number, one "
                f"for a curve."
            )


def _points(name: str, domain: Domain, points: Any) -> Any:
    if points is None:
        low, high = max(domain.low, -4.0), min(domain.high, 4.0)
        return np.linspace(low, high if high > low else low + 4.0, 401)
    along = np.asarray(points, dtype=np.float64)
    if along.ndim != 1 or along.size < 2 or not (np.diff(along) > 0).all():
        raise ShapeError(
            f"{name}: points has shape {along.shape}; accepted are two or more numbers in one "
            f"dimension that increase, as from numpy.linspace."
        )
    return along


def _broken(points: Any, numbers: Any, kinks: tuple[Kink, ...], order: int) -> tuple[Any, Any]:
    """The line of one face with a gap at each jump, up to its two sides."""
    x, y = list(points), list(numbers)
    for kink in reversed(kinks):
        if kink.order > order:
            continue
        place = int(np.searchsorted(x, kink.at))
        until = place + (place < len(x) and x[place] == kink.at)
        before, behind = kink.before, kink.behind
        if kink.order < order:  # what jumps there is another face; this one goes on as it was
            before, behind = y[max(place - 1, 0)], y[min(until, len(y) - 1)]
        x[place:until] = [kink.at] * 3
        y[place:until] = [before, math.nan, behind]
    return np.asarray(x), np.asarray(y)
