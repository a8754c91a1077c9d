"""Asking a subject, and writing down what came of it."""

from __future__ import annotations

import math
import traceback
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lossapi.domain import Domain

from ..oracle import exact as oracle
from ..oracle import formats
from ..oracle.formats import FORMATS, Format
from ..oracle.specfile import Spec
from ..oracle.trees import flat
from ..result import UNJUDGED, Outcome, Result, Settings
from ..subject import CrashError, Refusal, Request, Response, Subject, Unsupported
from . import expected
from .cases import Array, Case, computing, reduces, smallest_normal, stacked
from .expected import Quantity
from .judging import Tolerance, Verdict, judge_components, show, within

ONE_PER_CENT = 0.01
_FLUSHED = 16
"""What a library flushes to zero on the way may come out this many times as large."""
_ONE_IN = 16
"""Of what costs a compilation each, a run that is not thorough asks one in so many."""
_ONE_IN_OF_HALVES = 32
"""And fewer in the half formats, whose programs are those of float32 between two conversions: there
the first one is asked for a function, elsewhere for each check of it."""
_PROTOCOL = Path(__file__).parents[1] / "protocol"
ROWS = 512
"""The size of the batches in which a library that compiles is asked."""


@dataclass(frozen=True)
class Answer:
    """What a subject said: a response, or why there is none."""

    response: Response | None = None
    outcome: Outcome = "pass"
    message: str = ""
    error: Exception | None = None

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The arrays of a response that came."""
        return self.response.arrays if self.response else ()

    @property
    def is_refusal(self) -> bool:
        """Whether the subject raised an error of its own, which a crash is not."""
        return self.outcome == "error" and not isinstance(self.error, CrashError)

    @property
    def refused(self) -> Mapping[int, Refusal]:
        """The examples that an error came of, and what it said."""
        return self.response.refused if self.response else {}


_SPARED = Answer(outcome="spared", message="would be compiled anew; ask with --thorough")


@dataclass(frozen=True)
class Inquiry:
    """One subject, one loss, one dtype, one kind of check."""

    subject: Subject
    spec: Spec
    check: str
    dtype: str
    settings: Settings = field(default_factory=Settings)
    _programs: set[str] = field(default_factory=set)

    @property
    def form(self) -> Format:
        """The format of the dtype."""
        return FORMATS[self.dtype]

    # --- asking

    def request(
        self,
        cases: list[Case],
        want: str = "value",
        wrt: tuple[str, ...] = (),
        options: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Request:
        """A request for cases of one group, each example's own result unless reduced."""
        given: dict[str, Any] = {"reduction": "none"} if reduces(self.spec) else {}
        if want == "sum_and_weight":
            given = {}
        transform = self.subject.traits.transforms.get(more.get("transform", ""), "")
        differentiated = want != "value" or transform in ("gradient", "directional", "hessian")
        if self.spec.has_vector_output and differentiated:
            given["cotangent"] = np.asarray([case.cotangent for case in cases], dtype=np.float64)
        if self.spec.chooses_dtype:
            given["dtype"] = self.dtype
        given |= dict(options or {})
        parameters = {k: v for k, v in cases[0].parameters.items() if v is not None}
        inputs = stacked(self.spec, cases)
        return Request(self.spec.name, inputs, self.dtype, parameters, given, want, wrt, **more)

    def ask(self, request: Request, *, spare: bool = True) -> Answer:
        """The subject's answer; an exception becomes the outcome ``error``.

        A library that compiles is spared most of what it would have to compile anew, unless the
        run is thorough or a hunt; which, is drawn from the seed.
        """
        if spare and self._is_spared(request):
            return _SPARED
        try:
            return Answer(self.subject.run(request))
        except Unsupported as reason:
            return Answer(outcome="unsupported", message=str(reason), error=reason)
        except Exception as error:
            message = f"{type(error).__name__}: {error}{_origin(error)}"
            return Answer(outcome="error", message=message, error=error)

    def _is_spared(self, request: Request) -> bool:
        """Whether it needs a new program, and is not among those that are asked."""
        thorough = self.settings.thorough or self.settings.hunt
        if thorough or request.transform not in self.subject.traits.compiled:
            return False
        program = _program(request, by_value=not self.spec.signature.elementwise)
        compiled = _compiled_for(self.subject, self.spec)
        drawn = zlib.crc32(f"{self.settings.seed} {self.check} {self.dtype} {program}".encode())
        is_half = self.form.precision < 24
        one_in = _ONE_IN_OF_HALVES if is_half else _ONE_IN
        is_first = self.dtype not in compiled if is_half else not self._programs
        if program not in compiled and not is_first and drawn % one_in:
            return True
        self._programs.add(program)
        compiled.update((program, self.dtype))
        return False

    def ask_rows(self, request: Request) -> Answer:
        """The answer to a request of single examples along the first axis.

        A library that compiles is asked in batches of one size, filled up with the last example:
        so it compiles once for all of them, and for other checks too.
        """
        traits = self.subject.traits
        if request.transform not in traits.compiled and not traits.one_size:
            return self.ask(request)
        count = len(next(iter(request.inputs.values())))
        answers = []
        for start in range(0, count, ROWS):
            answer = self.ask(_rows(request, start, count))
            if answer.response is None or any(a.shape[:1] != (ROWS,) for a in answer.arrays):
                return answer
            answers.append(answer)
        joined = zip(*(answer.arrays for answer in answers), strict=True)
        arrays = tuple(np.concatenate(parts)[:count] for parts in joined)
        refused = {ROWS * k + i: r for k, a in enumerate(answers) for i, r in a.refused.items()}
        response = answers[0].response
        return replace(
            answers[0], response=response and replace(response, arrays=arrays, refused=refused)
        )

    def defined(self, cases: list[Case]) -> list[Case]:
        """The cases at which a result is due of this subject.

        What comes of an input outside its domain is asked of those that claim to refuse it; of
        somebody's plain functions the points of the specification are enough.
        """
        if self.subject.traits.strict:
            return cases
        return [
            case
            for case in cases
            if oracle.in_domain(self.spec, case.inputs, case.parameters)
            or any(map(math.isnan, case.numbers))
        ]

    # --- judging

    def tolerance(self, quantity: Quantity, times: float = 1.0, least: float = 0.0) -> Tolerance:
        """What the specification allows, ``times`` as much, ``least`` as the smallest bound."""
        traits = self.subject.traits
        allowed = expected.bound(self.spec, quantity, self.form, traits.accuracy_factor)
        floor = 0.0
        if traits.flushes_subnormals:
            floor = _FLUSHED * smallest_normal(computing(self.form))
        low, high = self.range if quantity.kind == "value" else (-math.inf, math.inf)
        return Tolerance(self.form, max(allowed * times, least), floor, low, high)

    @property
    def range(self) -> tuple[float, float]:
        """The least and the largest value of the loss."""
        domain = Domain(self.spec.data["output"]["range"])
        return domain.low, domain.high

    def verdict(
        self, case: Case, quantity: Quantity, got: Array, tolerance: Tolerance | None = None
    ) -> Verdict:
        """One example's result against what is due, where that is wrong looked at twice."""
        tolerance = tolerance or self.tolerance(quantity)
        found = self._verdict(case, quantity, got, tolerance)
        if found.ulp and self._at_will(case, quantity, got, tolerance):
            return found._replace(ok=True, ulp=0.0)
        return found if found.ok else self._verdict(case, quantity, got, tolerance, sure=True)

    def _at_will(self, case: Case, quantity: Quantity, got: Array, tolerance: Tolerance) -> bool:
        """Whether the case lies at a kink at which every subgradient is right, and this is one."""
        interval = expected.permitted(self.spec, case, quantity, free=True)
        if interval is None:
            return False
        scale = expected.due(self.spec, case, quantity, self.form).scale
        return within(got, interval, tolerance, scale)

    def _verdict(
        self,
        case: Case,
        quantity: Quantity,
        got: Array,
        tolerance: Tolerance,
        *,
        sure: bool = False,
    ) -> Verdict:
        flushes = self.subject.traits.flushes_subnormals
        due = expected.due(self.spec, case, quantity, self.form, flushes=flushes, sure=sure)
        scale = expected.cancelled(self.spec, case, due.scale) if tolerance.own else due.scale
        if tolerance.floor:
            tolerance = tolerance._replace(floor=tolerance.floor * self._factor(case))
        found = judge_components(got, due.exact, scale, tolerance)
        if found.ok or not flushes:
            return found
        normal = smallest_normal(computing(self.form))
        tiny = normal * 2.0**self.form.precision
        if any(0 < abs(x) < tiny for x in case.numbers):
            # Sums and differences of such numbers are flushed: right to one per cent is right, and
            # so is the zero that a flushed difference leaves, in a vector at the same place.
            if not np.any(got):
                return found._replace(ok=True, ulp=0.0)
            due = due._replace(exact=_zeroed(due.exact, got, case, tiny))
            per_cent = ONE_PER_CENT * 2.0**self.form.precision
            tolerance = tolerance._replace(ulp=max(tolerance.ulp, per_cent))
            found = judge_components(got, due.exact, scale, tolerance)
        # A library that reads subnormal inputs as zero is right about the zero.
        flushed = _flushed(case, normal)
        if found.ok or flushed is None:
            return found
        other = expected.due(self.spec, flushed, quantity, self.form, flushes=True, sure=sure)
        second = judge_components(got, other.exact, other.scale, tolerance)
        return second if second.ok else found

    def _factor(self, case: Case) -> float:
        """What a flushed probability may be multiplied by: the weights of all classes, or 1."""
        if self.spec.signature.elementwise:
            return 1.0
        targets = [n for n, entry in self.spec.inputs.items() if entry["dtype"] == "target"]
        given = [*(case.inputs[name] for name in targets), case.cotangent]
        weights = [abs(float(x)) for value in given if value is not None for x in flat(value)]
        return max(1.0, sum(x for x in weights if math.isfinite(x)))

    # --- writing down

    def result(
        self, case: str, outcome: Outcome = "pass", message: str = "", **more: Any
    ) -> Result:
        """A result of this inquiry."""
        return Result(self.spec.name, self.check, case, self.dtype, outcome, message, **more)

    def unanswered(self, case: str, answer: Answer, request: Request) -> Result:
        """The result where no response came."""
        shown = self.subject.reproduce(request) if answer.outcome == "error" else ""
        return self.result(case, answer.outcome, answer.message, reproduce=shown)

    def judged(
        self,
        case: Case,
        quantity: Quantity,
        verdict: Verdict,
        request: Request,
        name: str | None = None,
    ) -> Result:
        """The result of a verdict, with all that is needed to look into a failure."""
        name = name or f"{case.id}/{quantity.label}"
        if verdict.ok:
            return self.result(name, ulp=verdict.ulp, flags=case.flags, note=case.note)
        due = expected.due(self.spec, case, quantity)
        return self.result(
            name,
            "fail",
            f"{quantity.words} is {verdict.problem}",
            ulp=verdict.ulp,
            flags=case.flags,
            note=case.note,
            expected=shown_value(due.exact) if isinstance(due.exact, list) else show(verdict.due),
            got=repr(verdict.got),
            reproduce=self.subject.reproduce(single(request, 0)),
        )

    def judged_batch(
        self,
        cases: list[Case],
        quantity: Quantity,
        array: Array,
        request: Request,
        tolerance: Tolerance | None = None,
        name: str = "{id}/{label}",
        refused: Mapping[int, Refusal] | None = None,
    ) -> Iterator[Result]:
        """A result for each example of a batch; a refused one is NaN, and right where that is.

        A crash is never right.
        """
        tolerance = tolerance or self.tolerance(quantity)
        if len(array) != len(cases) if array.shape else True:
            text = f"{quantity.words} of {len(cases)} examples has shape {array.shape}"
            yield self.result(name.format(id="batch", label=quantity.label), "fail", text)
            return
        for i, case in enumerate(cases):
            title = name.format(id=case.id, label=quantity.label)
            verdict = self.verdict(case, quantity, array[i], tolerance)
            asked = request if verdict.ok else single(request, i, len(cases))
            result = self.judged(case, quantity, verdict, asked, title)
            refusal = refused.get(i) if refused else None
            if refusal is not None and refusal.crash:
                shown = self.subject.reproduce(single(request, i, len(cases)))
                result = self.result(title, "error", refusal.message, reproduce=shown)
            elif refusal is not None and not verdict.ok:
                result = replace(result, message=f"{quantity.words} is refused: {refusal.message}")
            yield result

    def summarised(self, name: str, results: Iterable[Result]) -> Result | None:
        """Many results as one: the worst of them, and how many are as bad; None for none."""
        found = list(results)
        if not found:
            return None
        order = ("error", "fail", "pass", *UNJUDGED)
        outcome = min((result.outcome for result in found), key=order.index)
        alike = [result for result in found if result.outcome == outcome]
        worst = max(alike, key=lambda result: -1.0 if result.ulp is None else result.ulp)
        if outcome in ("pass", *UNJUDGED):
            note = f"{len(found)} inputs" if outcome == "pass" else ""
            return replace(worst, case=name, note=note, flags=())
        count = f"{len(alike)} of {len(found)} inputs; the worst, {worst.case}: "
        return replace(worst, case=name, message=count + worst.message)


def _origin(error: Exception) -> str:
    """Where an error was raised; what a harness answered was not raised in this process."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return "" if Path(place.filename).parent == _PROTOCOL else f" (raised in {place.name})"


def _program(request: Request, *, by_value: bool) -> str:
    """What a compiler sees of a request: no values in arrays, parameters by value or by name."""
    arrays = {name: (a.shape, request.dtype_of(name, a)) for name, a in request.arrays().items()}
    plain = request.plain()
    if not by_value:
        plain |= {name: type(plain[name]) for name in request.parameters if name in plain}
    return repr((arrays, plain, request.want, request.wrt, request.transform, request.strict))


_latest: list[tuple[Subject, Spec, set[str]]] = []


def _compiled_for(subject: Subject, spec: Spec) -> set[str]:
    """What this subject has compiled for this function, in whichever check."""
    if not _latest or _latest[0][0] is not subject or _latest[0][1] is not spec:
        _latest[:] = [(subject, spec, set())]
    return _latest[0][2]


def _rows(request: Request, start: int, count: int) -> Request:
    """As many examples of a request as a batch has, from one on; the last one repeated."""
    places = np.minimum(np.arange(start, start + ROWS), count - 1)
    return request.rows(count, lambda array: array[places])


def single(request: Request, i: int, count: int = 0) -> Request:
    """The request for one example of a batch; as it is where the batch is not along axis 0."""
    return request.rows(count, lambda array: array[i : i + 1]) if count else request


def _zeroed(exact: Any, got: Array, case: Case, tiny: float) -> Any:
    """What is due, with 0 for 0 where a vector among the inputs has a tiny number."""
    if got.ndim != 1:
        return exact
    vectors = [x for x in case.inputs.values() if np.shape(x) == got.shape]
    return [
        0.0 if not number and any(0 < abs(x[i]) < tiny for x in vectors) else entry
        for i, (number, entry) in enumerate(zip(got, exact, strict=True))
    ]


def _flushed(case: Case, normal: float) -> Case | None:
    """The case with zeros for subnormal inputs; None where there are none."""
    if not any(0 < abs(x) < normal for x in case.numbers):
        return None

    def flush(value: Any) -> Any:
        if isinstance(value, list):
            return [flush(item) for item in value]
        return 0.0 if 0 < abs(value) < normal else value

    inputs = {name: flush(value) for name, value in case.inputs.items()}
    return replace(case, inputs=inputs, known={})


def shown_value(value: Any) -> str:
    """A number or the first of a vector's, as a message shows them."""
    if isinstance(value, list):
        items = [shown_value(item) for item in value[:8]]
        return f"[{', '.join(items)}{', …' if len(value) > 8 else ''}]"
    return formats.decimal(value, 12)
