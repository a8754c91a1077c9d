"""What reduced losses and their gradients must be, in exact arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from ..oracle.trees import flat
from ..result import Result
from ..subject import Request
from . import expected
from .cases import Array, Case, stacked
from .expected import VALUE, Quantity
from .inquiry import Answer, Inquiry
from .judging import Tolerance, judge

Weights = Sequence[Fraction | float]
SLACK = 8
"""ULP of the largest sum that a handful of additions and a division may cost."""


class Sized(NamedTuple):
    """An exact number, and the size of the terms that it is the sum of."""

    exact: Fraction
    size: Fraction


class Batch:
    """Some examples of one loss with their exact losses and gradients."""

    def __init__(self, inquiry: Inquiry, cases: list[Case]) -> None:
        self.inquiry, self.cases = inquiry, cases
        self.names = [str(q.wrt) for q in expected.quantities(inquiry.spec, "gradient")]
        self._losses = [self._sized(case, VALUE)[0] for case in cases]
        self._slopes = {
            name: [self._sized(case, Quantity("gradient", name)) for case in cases]
            for name in self.names
        }

    def _sized(self, case: Case, quantity: Quantity) -> list[Sized]:
        due = expected.due(self.inquiry.spec, case, quantity, self.inquiry.form)
        numbers = [fraction(x) for x in flat(due.exact)]
        scales = (
            list(flat(due.scale)) if isinstance(due.scale, list) else [due.scale] * len(numbers)
        )
        return [
            Sized(x, abs(x) if scale is None else max(abs(x), fraction(scale)))
            for x, scale in zip(numbers, scales, strict=True)
        ]

    # --- what is due

    def value(self, weights: Weights, reduction: str) -> list[Sized]:
        """The reduced loss, as a list of one; every example's own without reduction."""
        terms = [
            Sized(Fraction(w) * loss.exact, Fraction(w) * loss.size) if w else Sized(_0, _0)
            for w, loss in zip(weights, self._losses, strict=True)
        ]
        if reduction == "none":
            return terms
        share = _share(weights, reduction)
        total = Sized(sum((t.exact for t in terms), _0), sum((t.size for t in terms), _0))
        return [Sized(total.exact * share, total.size * share)]

    def slope(self, name: str, weights: Weights, reduction: str) -> list[list[Sized]]:
        """The gradient of the reduced loss by one input, a list for each example."""
        share = _share(weights, reduction)
        return [
            [Sized(Fraction(w) * share * g.exact, Fraction(w) * share * g.size) for g in slopes]
            for w, slopes in zip(weights, self._slopes[name], strict=True)
        ]

    # --- asking and judging

    def request(self, want: str, options: Mapping[str, Any], **more: Any) -> Request:
        """A request for the batch, by all inputs where a derivative is wanted."""
        wrt = tuple(self.names) if want in ("gradient", "value_and_grad") else ()
        return self.inquiry.request(self.cases, want, more.pop("wrt", wrt), options, **more)

    def judged(
        self, name: str, weights: Weights, reduction: str, request: Request
    ) -> Iterator[Result]:
        """One result: value and gradients of the whole batch, as far as they are wanted.

        Of a subject that gives no gradient the value is judged alone.
        """
        answer = self.inquiry.ask(request)
        if answer.outcome == "unsupported" and request.want == "value_and_grad":
            request = replace(request, want="value", wrt=())
            answer = self.inquiry.ask(request)
        if answer.response is None:
            yield self.inquiry.unanswered(name, answer, request)
            return
        due: list[tuple[str, Quantity, list[Sized]]] = []
        if request.want.startswith("value") and request.transform is None:
            due.append(("the value", VALUE, self.value(weights, reduction)))
        if request.want != "value" or request.transform is not None:
            for wrt in request.wrt:
                slopes = self.slope(wrt, weights, reduction)
                entries = [entry for row in slopes for entry in row]
                due.append((f"the gradient by {wrt}", Quantity("gradient", wrt), entries))
        yield self.compared(name, due, answer, request)

    def compared(
        self,
        name: str,
        due: Sequence[tuple[str, Quantity, list[Sized]]],
        answer: Answer,
        request: Request,
    ) -> Result:
        """The worst of the numbers that came against those that are due."""
        worst, shown = None, ""
        for (what, quantity, entries), array in zip(due, answer.arrays, strict=True):
            numbers = array.reshape(-1)
            if len(numbers) != len(entries):
                problem = f"{what} has shape {array.shape}; {len(entries)} numbers are due"
                return self._failed(name, problem, request)
            tolerance = self.tolerance(quantity)
            for i, (number, entry) in enumerate(zip(numbers, entries, strict=True)):
                verdict = judge(float(number), entry.exact, entry.size, tolerance)
                if not entry.size and number != 0:
                    verdict = verdict._replace(ok=False, ulp=math.inf)
                if worst is None or verdict.worse_than > worst.worse_than:
                    worst, place = verdict, f"[{i}]" if len(entries) > 1 else ""
                    shown = f"{what}{place} is {verdict.got!r} where {float(entry.exact)!r} is due"
        if worst is None or worst.ok:
            return self.inquiry.result(name, ulp=worst.ulp if worst else None)
        return self._failed(name, shown, request, worst.ulp, float(worst.due), worst.got)

    def _failed(
        self,
        name: str,
        problem: str,
        request: Request,
        ulp: float | None = None,
        due: float | None = None,
        got: float | None = None,
    ) -> Result:
        return self.inquiry.result(
            name,
            "fail",
            problem,
            ulp=ulp,
            expected="" if due is None else repr(due),
            got="" if got is None else repr(got),
            reproduce=self.inquiry.subject.reproduce(request),
        )

    def tolerance(self, quantity: Quantity) -> Tolerance:
        """The stated bound, and what the reduction may add."""
        stated = self.inquiry.tolerance(quantity)
        return stated._replace(ulp=stated.ulp + SLACK, low=-math.inf, high=math.inf)

    def inputs(self) -> dict[str, Array]:
        """The inputs as arrays."""
        return stacked(self.inquiry.spec, self.cases)


_0 = Fraction(0)
_FAR = 10_000
"""No format has a number below two to minus this power, nor the product of several."""


def _share(weights: Weights, reduction: str) -> Fraction:
    """What the weighted sum is multiplied by; the mean over nothing is 0."""
    if reduction != "mean":
        return Fraction(1)
    total = sum((Fraction(w) for w in weights), _0)
    return 1 / total if total else _0


def fraction(x: Any) -> Fraction:
    """A finite exact number as a fraction; 0 for what no sum of numbers of a format can show."""
    if hasattr(x, "_mpf_"):
        sign, mantissa, exponent, bits = x._mpf_
        if exponent + bits < -_FAR:  # exp(-1e10) as a fraction would fill the memory
            return _0
        return (-1 if sign else 1) * int(mantissa) * Fraction(2) ** int(exponent)
    return Fraction(x)


def as_array(weights: Weights) -> Array:
    """Weights as the float array that a request carries."""
    return np.asarray([float(w) for w in weights], dtype=np.float64)
