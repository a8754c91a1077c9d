"""Ordinary inputs whose sums and mixtures are exact, and the numbers a subject gives at them."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from lossapi.domain import LABELS, Domain

from ..oracle import formats
from ..oracle.trees import flat
from ..result import Result
from . import expected
from .cases import Array, Case, Value, core_shape, core_sizes, fitted, labelled, nested, shape_of
from .hazards import CLASSES, parameter_sets
from .inquiry import Answer, Inquiry

DISTRIBUTIONS = ("(k)", "(k,l)")
"""Shapes over classes, of one variable or two; probabilities in them sum to one."""
_UNIT = 64
"""Inputs are whole multiples of one over this, so that halves and quarters of them are exact."""


class NoAnswerError(Exception):
    """The subject did not answer; carries what it said instead."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.message)
        self.answer = answer


class Probe:
    """Asks for values and gradients of many ordinary cases at once."""

    def __init__(
        self, inquiry: Inquiry, seed: int, *, equal: bool = False, zeros: bool = False
    ) -> None:
        """`equal` gives all core dimensions one size; `zeros` puts some among probabilities."""
        self.inquiry, self.spec = inquiry, inquiry.spec
        self.sizes = core_sizes(inquiry.spec, CLASSES, equal=equal)
        self.zeros = zeros
        self.random = random.Random(f"{seed} {inquiry.spec.name}")
        self.noise = 2.0 ** (10 - inquiry.form.precision)
        """Relative differences below this are rounding."""

    @property
    def judged_inputs(self) -> tuple[str, str]:
        """The prediction and what it is held against: the target, or the second input."""
        first, second, *_ = self.spec.inputs
        return first, "target" if "target" in self.spec.inputs else second

    @property
    def ordinary_sets(self) -> list[dict[str, float | None]]:
        """The default parameters, and others that combine with the inputs without rounding."""
        default, *others = parameter_sets(self.spec, self.inquiry.form)
        return [default, *(other for other in others if all(map(_is_ordinary, other.values())))]

    @property
    def sets(self) -> list[dict[str, float | None]]:
        """The default parameters, and one set of others."""
        return self.ordinary_sets[:2]

    def values(self, cases: list[Case]) -> Array:
        """The value at each case."""
        return self._asked(cases, "value", ())

    def derivative(self, cases: list[Case], kind: str, name: str) -> Array:
        """The gradient or curvature of each case by one input."""
        return self._asked(cases, kind, (name,))

    def _asked(self, cases: list[Case], want: str, wrt: tuple[str, ...]) -> Array:
        answer = self.inquiry.ask_rows(self.inquiry.request(cases, want, wrt))
        if answer.response is None:
            raise NoAnswerError(answer)
        return answer.arrays[0]

    # --- inputs

    def cases(
        self, count: int, parameters: Mapping[str, float | None], *, finite: bool = False
    ) -> list[Case]:
        """Random ordinary cases; probabilities and targets of K classes sum to one.

        What masks leave may have no finite loss, such as labels that fit into no steps: with
        `finite` there are none of these.
        """
        given = fitted(self.spec, parameters, self.sizes)
        found = [self._case(given) for _ in range(count)]
        while finite and self.spec.masks and (odd := list(filter(self._is_infinite, found))):
            found = [self._case(given) if case in odd else case for case in found]
        return found

    def _is_infinite(self, case: Case) -> bool:
        value = expected.due(self.spec, case, expected.VALUE).exact
        return not all(map(formats.isfinite, flat(value)))

    def _case(self, parameters: dict[str, Any]) -> Case:
        inputs = {name: self.value(name, parameters) for name in self.spec.inputs}
        cotangent = None
        if self.spec.has_vector_output:
            shape = core_shape(self.spec.signature.output, self.sizes)
            cotangent = np.resize([1.0, -0.5, 2.0], shape).tolist()
        return Case(described(inputs), inputs, parameters, cotangent)

    def value(self, name: str, parameters: Mapping[str, float | None] | None = None) -> Value:
        """A random ordinary value of one input, by default under the default parameters."""
        entry = self.spec.inputs[name]
        domain = self.spec.domain(name, parameters)
        if entry["dtype"] == LABELS:
            return labelled(self.spec, name, self.sizes, lambda: self.random.randrange(CLASSES))
        if entry["shape"] == "()":
            return self._number(domain)
        shape = shape_of(self.spec, name, self.sizes)
        size = math.prod(shape)
        shares = domain.high == 1.0 or (entry["dtype"] == "target" and domain.low == 0.0)
        if shares and entry["shape"] in DISTRIBUTIONS:
            return nested(self._distribution(size, zeros=self.zeros and 0.0 in domain), shape)
        numbers = [self._number(domain) for _ in range(size)]
        while domain.is_increasing and not domain.holds(numbers):
            numbers = sorted(self._number(domain) for _ in range(size))
        return nested(numbers, shape)

    def _distribution(self, size: int, *, zeros: bool) -> list[float]:
        """Shares that sum to one; of every other draw some may be 0, up to all but one."""
        count = self.random.randint(1, size) if zeros and self.random.random() < 0.5 else size
        cuts = sorted(self.random.sample(range(1, _UNIT), count - 1))
        shares = [(b - a) / _UNIT for a, b in pairwise([0, *cuts, _UNIT])]
        shares += [0.0] * (size - count)
        self.random.shuffle(shares)
        return shares

    def _number(self, domain: Domain) -> float:
        if domain.values is not None:
            return self.random.choice(domain.values)
        if domain.high == 1.0:
            ends = [x for x in (0.0, 1.0) if x in domain]
            if self.zeros and ends and self.random.random() < 0.25:
                return self.random.choice(ends)
            return self.random.randrange(1, _UNIT) / _UNIT
        wide = self.random.choice((1, 1, 4, 16))
        low = 1 if domain.low == 0.0 else -_UNIT
        high = -1 if domain.high == 0.0 else _UNIT
        return self.random.randint(low, high) * wide / (_UNIT / 4)

    # --- results

    def verdict(self, claim: str, problem: str = "", case: Case | None = None) -> Result:
        """The result on a claim; it fails where there is a problem, shown at a case."""
        if not problem:
            return self.inquiry.result(f"stated/{claim}")
        shown = ""
        if case is not None:
            problem = f"{problem} at {case.id}"
            shown = self.inquiry.subject.reproduce(self.inquiry.request([case]))
        return self.inquiry.result(f"stated/{claim}", "fail", problem, reproduce=shown)


def _is_ordinary(x: float | None) -> bool:
    return x is None or (abs(x) <= 16 and float(x * _UNIT).is_integer())


def changed(case: Case, **inputs: Value) -> Case:
    """The case with other inputs."""
    found = {**case.inputs, **inputs}
    return replace(case, id=described(found), inputs=found, known={})


def described(inputs: Mapping[str, Any]) -> str:
    """The inputs in a line."""
    return ", ".join(f"{name}={value!r}" for name, value in inputs.items())


def combined(a: Value, b: Value, share: float) -> Value:
    """share * a + (1 - share) * b, component by component."""
    mixed = share * np.asarray(a) + (1.0 - share) * np.asarray(b)
    return mixed.tolist()
