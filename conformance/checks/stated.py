"""The properties that a specification states, each one a check that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np

from lossapi.domain import LABELS, Domain

from ..oracle import definition, formats
from ..oracle import exact as oracle
from ..oracle.trees import flat
from ..result import Result, Settings
from . import expected, relations, scoring, smoothness
from .cases import Case, Value
from .expected import VALUE
from .inquiry import Inquiry
from .probing import NoAnswerError, Probe, changed, combined, described

_COUNT = 128


def run(inquiry: Inquiry, settings: Settings) -> Iterator[Result]:
    """A result for each stated property."""
    probe = Probe(inquiry, settings.seed, equal=True, zeros=True)
    for key, stated in inquiry.spec.data["properties"].items():
        try:
            yield from _CHECKS[key](probe, stated)
        except NoAnswerError as silence:
            answer = silence.answer
            yield inquiry.result(f"stated/{key}", answer.outcome, answer.message)


def _convex(probe: Probe, names: list[str]) -> Iterator[Result]:
    for name in names:
        excess, middle = _bulge(probe, name)
        excess = np.where(np.isnan(excess), np.inf, excess)
        worst = int(np.argmax(excess))
        problem = ""
        if excess[worst] > 0:
            problem = f"lies above a chord along {name}"
        yield probe.verdict(f"convex_in/{name}", problem, middle[worst])


def _not_convex(probe: Probe, names: list[str]) -> Iterator[Result]:
    for name in names:
        excess, _ = _bulge(probe, name)
        problem = "" if np.any(excess > 0) else f"no segment along {name} lies above its chord"
        yield probe.verdict(f"not_convex_in/{name}", problem)


def _bulge(probe: Probe, name: str) -> tuple[np.ndarray, list[Case]]:
    """How far the loss lies above chords along one input, beyond rounding."""
    first = probe.cases(2 * _COUNT, probe.sets[0])
    second = [changed(case, **{name: probe.value(name)}) for case in first]
    shares = [probe.random.choice((0.25, 0.5, 0.75)) for _ in first]
    middle = [
        changed(a, **{name: combined(a.inputs[name], b.inputs[name], share)})
        for a, b, share in zip(first, second, shares, strict=True)
    ]
    low, high, between = np.split(probe.values(first + second + middle), 3)
    share = np.asarray(shares).reshape(-1, *(1,) * (low.ndim - 1))
    noise = probe.noise * (1.0 + abs(low) + abs(high))
    with np.errstate(invalid="ignore"):
        chord = share * low + (1 - share) * high
        excess = between - chord - noise
    # Nothing lies above an infinite chord, and between two opposite infinities there is none.
    excess = np.where(np.maximum(low, high) == np.inf, -np.inf, excess)
    return excess.reshape(len(first), -1).max(axis=1), middle


def _symmetric(probe: Probe, stated: bool) -> Iterator[Result]:
    one, other = probe.judged_inputs
    for parameters in probe.sets:
        cases = probe.cases(_COUNT, parameters)
        swapped = [changed(c, **{one: c.inputs[other], other: c.inputs[one]}) for c in cases]
        yield from _equal(probe, "symmetric", cases, swapped)


def _translation(probe: Probe, names: list[str]) -> Iterator[Result]:
    for parameters in probe.sets:
        cases = probe.cases(_COUNT, parameters)
        shifted = []
        for case in cases:
            shift = probe.random.choice((-3.0, -0.5, 1.0, 8.0))
            moved = {name: (np.asarray(case.inputs[name]) + shift).tolist() for name in names}
            shifted.append(changed(case, **moved))
        yield from _equal(probe, "translation_invariant", cases, shifted)


def _equal(probe: Probe, claim: str, cases: list[Case], others: list[Case]) -> Iterator[Result]:
    """The values at two lists of cases are the same, each within its bound."""
    a, b = np.split(probe.values(cases + others), 2)
    tolerance = probe.inquiry.tolerance(VALUE)
    worst, problem, where = -1.0, "", cases[0]
    for x, y, one, case in zip(a, b, cases, others, strict=True):
        pairs = list(zip(x.reshape(-1), y.reshape(-1), strict=True))
        errors = [
            formats.ulp_error(float(right), float(left), tolerance.form) for left, right in pairs
        ]
        if max(errors) > max(2 * tolerance.ulp, worst):
            # Each example has a size of its own; which, is asked only where it matters.
            for of in (one, case):
                scale = expected.due(probe.spec, of, VALUE, tolerance.form).scale
                scales = list(flat(scale)) if isinstance(scale, list) else [scale] * len(pairs)
                for i, (left, right) in enumerate(pairs):
                    error = formats.ulp_error(float(right), float(left), tolerance.form, scales[i])
                    errors[i] = min(errors[i], error)
        for error, (left, right) in zip(errors, pairs, strict=True):
            if error > max(2 * tolerance.ulp, worst):
                worst, where = error, case
                problem = f"{float(right)!r} where {float(left)!r} is due, {error:.3g} ULP off,"
    yield probe.verdict(_with_parameters(claim, cases[0]), problem, where)


def _lipschitz(probe: Probe, constants: dict[str, str]) -> Iterator[Result]:
    for parameters in probe.sets:
        for name, text in constants.items():
            cases = _wide(probe, parameters)
            slopes = probe.derivative(cases, "gradient", name).reshape(len(cases), -1)
            names = oracle.names(probe.spec, cases[0].inputs, parameters, None)
            constant = float(definition.evaluate(text, names, 30))
            norms = np.nan_to_num(np.sqrt((slopes**2).sum(axis=1)), nan=0.0)
            worst = int(np.argmax(norms))
            problem = ""
            if norms[worst] > constant * (1 + probe.noise):
                problem = f"the gradient by {name} is {norms[worst]!r}, above {constant!r},"
            elif norms[worst] < 0.9 * constant:
                problem = f"no gradient by {name} comes near {constant!r}, the largest,"
            yield probe.verdict(
                _with_parameters(f"lipschitz/{name}", cases[0]), problem, cases[worst]
            )


def _minimum(probe: Probe, stated: dict[str, str]) -> Iterator[Result]:
    tolerance = probe.inquiry.tolerance(VALUE)
    for parameters in probe.sets:
        cases = _wide(probe, parameters)
        found = probe.values(cases)
        problem, where, reached = "", cases[0], 0
        for case, got in zip(cases, found, strict=True):
            names = oracle.names(probe.spec, case.inputs, parameters, None)
            least = definition.evaluate(stated["value"], names, 60)
            if not formats.isfinite(least) or np.isnan(got):
                continue
            scale = expected.due(probe.spec, case, VALUE, tolerance.form).scale
            off = formats.ulp_error(float(got), least, tolerance.form, scale) > tolerance.ulp
            here = definition.holds(stated["at"], names, 60)
            reached += here
            if off and (here or got < least):
                due = formats.decimal(least, 17)
                problem = f"{float(got)!r}, where the minimum is {due},"
                where = case
        if not reached:
            problem = f"no input found where {stated['at']} holds"
        yield probe.verdict(_with_parameters("minimum", cases[0]), problem, where)


def _wide(probe: Probe, parameters: dict[str, float | None]) -> list[Case]:
    """Ordinary cases, cases with equal inputs, and cases at the ends of the domains."""
    cases = probe.cases(_COUNT, parameters)
    inputs = probe.spec.inputs
    for case in cases[: _COUNT // 2]:
        equal: dict[str, dict[str, Value]] = {name: {} for name in inputs}
        numbers = [name for name, entry in inputs.items() if entry["dtype"] != LABELS]
        for one, other in product(numbers, repeat=2):
            same = np.shape(case.inputs[one]) == np.shape(case.inputs[other])
            domain = probe.spec.domain(one, parameters)
            value = case.inputs[other]
            if one != other and same and all(x in domain for x in np.ravel(value).tolist()):
                equal[other][one] = value
                if one < other:
                    cases.append(changed(case, **{one: value}))
        # And all of them alike, where there are more than two.
        most = max(equal.values(), key=len)
        if len(most) > 1:
            cases.append(changed(case, **most))
    if probe.spec.signature.elementwise:
        extremes = (-np.inf, -100.0, -1.0, 0.0, 0.5, 1.0, 100.0, np.inf)
        choices = [
            [float(x) for x in extremes if x in probe.spec.domain(name, parameters)]
            for name in inputs
        ]
        for chosen in product(*choices):
            values = dict(zip(inputs, chosen, strict=True))
            cases.append(Case(described(values), values, parameters))
        return cases
    domains = {n: probe.spec.domain(n, parameters) for n in inputs if inputs[n]["shape"] != "()"}
    bounded = {n: domain for n, domain in domains.items() if _is_bounded(domain)}
    for i, case in enumerate(cases[: _COUNT // 2]):
        ends: dict[str, Value] = {}
        for n, domain in bounded.items():
            places = inputs[n]["shape"], domain.text
            alike = [ends[m] for m in ends if (inputs[m]["shape"], bounded[m].text) == places]
            # Of every other case the inputs lie at the same ends.
            drawn = _ends(probe, domain, np.shape(case.inputs[n]))
            ends[n] = alike[0] if alike and i % 2 else drawn
        cases.append(changed(case, **ends))
    return cases


def _is_bounded(domain: Domain) -> bool:
    return domain.low in domain and domain.high in domain and np.isfinite(domain.high - domain.low)


def _ends(probe: Probe, domain: Domain, shape: tuple[int, ...]) -> Value:
    """A vector of which each component lies at an end of the domain."""
    drawn = [probe.random.choice((domain.low, domain.high)) for _ in range(int(np.prod(shape)))]
    return np.reshape(drawn, shape).tolist()


def _monotone(probe: Probe, directions: dict[str, str]) -> Iterator[Result]:
    for name, direction in directions.items():
        cases = probe.cases(_COUNT, probe.sets[0])
        domain = probe.spec.domain(name)
        kept, raised = [], []
        for case in cases:
            value = np.asarray(case.inputs[name])
            step = np.zeros_like(value)
            step.flat[probe.random.randrange(value.size)] = probe.random.choice((0.25, 1.0))
            if all(x in domain for x in np.ravel(value + step).tolist()):
                kept.append(case)
                raised.append(changed(case, **{name: (value + step).tolist()}))
        low, high = np.split(probe.values(kept + raised), 2)
        with np.errstate(invalid="ignore"):
            rise = (high - low) * (1 if direction == "increasing" else -1)
            short = np.where(low == high, 0.0, rise + probe.noise * abs(low))
        short = short.reshape(len(kept), -1).min(axis=1)
        worst = int(np.argmin(short))
        problem = f"is not {direction} in {name}" if short[worst] < 0 else ""
        if not np.any(rise > 0):
            problem = f"does not change with {name}"
        yield probe.verdict(f"monotone/{name}", problem, kept[worst])


def _with_parameters(claim: str, case: Case) -> str:
    chosen = {k: v for k, v in case.parameters.items() if v is not None}
    return claim + "".join(f"/{name}={value!r}" for name, value in chosen.items())


_CHECKS: dict[str, Callable[..., Iterator[Result]]] = {
    "smoothness": smoothness.run,
    "convex_in": _convex,
    "not_convex_in": _not_convex,
    "symmetric": _symmetric,
    "translation_invariant": _translation,
    "lipschitz": _lipschitz,
    "minimum": _minimum,
    "monotone": _monotone,
    "proper": scoring.proper,
    "elicits": scoring.elicits,
    "wrong_minimisers": scoring.wrong_minimisers,
    "fisher": scoring.fisher,
    "relations": relations.run,
}
