"""What is due, and how far off a result may be."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from ..oracle import definition, formats
from ..oracle import exact as oracle
from ..oracle.formats import FORMATS, Format
from ..oracle.specfile import Spec
from ..oracle.trees import flat, mapped
from .cases import Case, Value, computing, smallest_normal

Kind = Literal["value", "gradient", "hessian_diag"]


class Quantity(NamedTuple):
    """The value, or a derivative with respect to one input."""

    kind: Kind
    wrt: str | None = None

    @property
    def label(self) -> str:
        """As it stands in the name of a case."""
        return self.kind if self.wrt is None else f"{self.kind}/{self.wrt}"

    @property
    def words(self) -> str:
        """As it stands in a sentence."""
        if self.kind == "value":
            return "the value"
        name = "gradient" if self.kind == "gradient" else "curvature"
        return f"the {name} by {self.wrt}"


VALUE = Quantity("value")


class Due(NamedTuple):
    """The exact result, and the size against which its error is judged where terms cancel."""

    exact: Value
    scale: Value | None
    sure: bool = False
    """Whether it was computed with so many digits that none can have hidden a cancellation."""


def quantities(spec: Spec, *kinds: Kind) -> list[Quantity]:
    """The quantities of these kinds that the specification defines."""
    found = [VALUE] if "value" in kinds else []
    for kind in ("gradient", "hessian_diag"):
        if kind in kinds:
            names = [name for name in spec.inputs if name in spec.data.get(kind, {})]
            found += [Quantity(kind, name) for name in names]
    return found


def bound(spec: Spec, quantity: Quantity, form: Format, factor: float) -> float:
    """The error in ULP that the specification allows a subject with this accuracy factor."""
    if form.precision < 24:
        return 2 * factor  # computed in float32, rounded once
    return float(_stated(spec, quantity)["ulp"]) * factor


def _stated(spec: Spec, quantity: Quantity) -> dict[str, str]:
    """What the specification says of the accuracy of a quantity."""
    entries = spec.data["accuracy"][quantity.kind]
    entry: dict[str, str] = entries if quantity.wrt is None else entries[quantity.wrt]
    return entry


# Exact results are the dearest part of a run: those of the latest specification serve all subjects
# and dtypes. A spec is held with its results, so that its id is not used again.
_store: dict[int, tuple[Spec, dict[tuple[Any, ...], Any]]] = {}


def _known(spec: Spec) -> dict[tuple[Any, ...], Any]:
    """What is known of this specification; what was known of another function is forgotten."""
    if id(spec) not in _store:
        for key in [key for key, (other, _) in _store.items() if other.name != spec.name]:
            del _store[key]
        _store[id(spec)] = spec, {}
    return _store[id(spec)][1]


def due(
    spec: Spec,
    case: Case,
    quantity: Quantity,
    form: Format | None = None,
    *,
    flushes: bool = False,
    sure: bool = False,
) -> Due:
    """The exact result of a case: from the golden file if it stands there, else computed.

    What is computed is right to 25 digits unless twice as many hid a cancellation; to be sure of a
    result that seems wrong takes more. The scale is that of a format, by default of float64; where
    a library `flushes` subnormal numbers, ``tiny`` is the number whose ULP is the smallest normal.
    """
    results = _known(spec)
    if form is None or "tiny" not in _stated(spec, quantity).get("scale", ""):
        form, flushes = FORMATS["float64"], False
    form = computing(form)
    tiny = smallest_normal(form) * (2.0 ** (form.precision - 1) if flushes else 1.0)
    key = (quantity, tiny, case.key)
    if key not in results or (sure and not results[key].sure):
        exact = _exact(spec, case, quantity, sure=sure)
        scale = oracle.scale(
            spec,
            quantity.kind,
            quantity.wrt,
            case.inputs,
            case.parameters,
            case.cotangent,
            tiny,
            fast=not sure,
        )
        results[key] = Due(exact, scale, sure)
    found: Due = results[key]
    return found


def _exact(spec: Spec, case: Case, quantity: Quantity, *, sure: bool) -> Value:
    """The exact result, which is the same for all formats."""
    golden = case.known.get((quantity.kind, quantity.wrt))
    if golden is not None:
        return golden
    results = _known(spec)
    key = (quantity, case.key)
    if key not in results or (sure and not results[key][1]):
        exact = oracle.exact(
            spec,
            quantity.kind,
            case.inputs,
            case.parameters,
            quantity.wrt,
            case.cotangent,
            fast=not sure,
        )
        results[key] = exact, sure
    return results[key][0]


def cancelled(spec: Spec, case: Case, scale: Value | None) -> Value:
    """The scale of a derivative that a library finds by differentiating the value.

    The terms that cancel in it are as large as value over input: a written gradient may avoid them
    where the derivative of a good value formula can't (cross entropy where p is close to y).
    """
    values = [abs(x) for x in flat(due(spec, case, VALUE).exact)]
    if case.cotangent is not None:
        values = [x * abs(c) for x, c in zip(values, flat(case.cotangent), strict=True)]
    if not all(formats.isfinite(x) for x in values):
        return scale
    largest = max([1.0, *(abs(x) for x in case.numbers if abs(x) < float("inf"))])
    size = sum(values) / largest
    if isinstance(scale, list):
        return mapped(scale, lambda entry: max(entry, size))
    return size if scale is None or size > scale else scale


class Interval(NamedTuple):
    """The derivatives that a kink permits; one number may stand for all components."""

    low: Value
    high: Value


def permitted(spec: Spec, case: Case, quantity: Quantity, *, free: bool = False) -> Interval | None:
    """The interval that a kink at this case gives a derivative; None where there is no kink.

    With `free`, only that of a kink at which none of the interval is to be preferred.
    """
    orders = "01" if quantity.kind == "gradient" else "2"
    return _at_kink(spec, case, str(quantity.wrt), orders, free=free)


def discontinuous(spec: Spec, case: Case, name: str) -> bool:
    """Whether the function itself jumps at this case as the input moves."""
    return _at_kink(spec, case, name, "0") is not None


def _at_kink(
    spec: Spec, case: Case, name: str, orders: str, *, free: bool = False
) -> Interval | None:
    """The interval by one input of the first kink of these orders at which the case lies."""
    kinks = [
        kink
        for kink in spec.data.get("kinks", [])
        if kink["order"] in orders and name in kink["interval"] and kink.get("free", False) >= free
    ]
    if not kinks:
        return None
    results = _known(spec)
    key = ("kink", orders, name, free, case.key)
    if key not in results:
        results[key] = None
        if oracle.in_domain(spec, case.inputs, case.parameters):
            names = oracle.names(spec, case.inputs, case.parameters, case.cotangent)
            held = (kink for kink in kinks if definition.holds(kink["at"], names, 60))
            if kink := next(held, None):
                ends = (definition.evaluate(end, names, 60) for end in kink["interval"][name])
                results[key] = Interval(*ends)
    found: Interval | None = results[key]
    return found
