"""What a loss is minimised by: proper scoring of probabilities, and the statistic it elicits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from lossapi.domain import LABELS

from ..oracle import exact as oracle
from ..oracle import formats
from ..result import Result
from .cases import Array, Case, Value, stacked
from .hazards import CLASSES
from .probing import Probe, changed, described

_BINARY_STEPS = 64
_SIMPLEX_STEPS = 16
_BINARY_TRUTHS = (0.125, 0.25, 0.6875, 0.9375)


def proper(probe: Probe, stated: str) -> Iterator[Result]:
    """Whether the true distribution, and nothing else, has the least expected loss."""
    strays = [(truth, found) for truth, found in _best_predictions(probe) if found != [truth]]
    problem = ""
    if stated == "strictly" and strays:
        truth, found = strays[0]
        problem = f"under the distribution {truth} the expected loss is least at {found}"
    if stated == "no" and not strays:
        problem = "every distribution tried was its own best prediction"
    yield probe.verdict("proper", problem)


def wrong_minimisers(probe: Probe, stated: list[dict[str, Any]]) -> Iterator[Result]:
    """Whether a score that is not proper is least where that is stated, and not at the truth."""
    first, target = list(probe.spec.inputs)[:2]
    outcomes = sorted(probe.spec.domain(target).values or (0.0, 1.0))
    # At this distance the expected loss has risen by more than rounding.
    beside = 2.0 ** (-3 * probe.inquiry.form.precision // 8)
    for entry in stated:
        truth, wrong = float(entry["truth"]), float(entry["prediction"])
        own = {name: float(token) for name, token in entry.get("parameters", {}).items()}
        parameters = {**oracle.defaults(probe.spec), **own}
        tried = [wrong, truth, wrong - beside, wrong + beside, *_binary()[0]]
        cases = [
            _case({first: _prediction(probe, first, p), target: y}, parameters)
            for p in tried
            for y in outcomes
        ]
        means = probe.values(cases).reshape(len(tried), 2) @ np.asarray([1.0 - truth, truth])
        problem, best = "", tried[means.argmin()]
        if best != wrong:
            problem = (
                f"under the chance {truth} the expected loss is less at {best} than at {wrong}"
            )
        elif best == truth:
            problem = f"{truth} is the truth itself"
        chosen = "".join(f"/{name}={value!r}" for name, value in own.items())
        yield probe.verdict(f"wrong_minimisers/{truth}{chosen}", problem)


def fisher(probe: Probe, stated: bool | str) -> Iterator[Result]:
    """Whether the curvature is the expected squared gradient, outcomes drawn from the model."""
    first, target = probe.judged_inputs
    cases = probe.cases(64, probe.sets[0])
    if stated == "poisson":  # the rates are up to e^2
        cases = [changed(case, **{first: case.inputs[first] / 32}) for case in cases]
    drawn = {"poisson": _counts, "gaussian": _normal}.get(str(stated), _classes)
    curvature = probe.derivative(cases, "hessian_diag", first)
    mean = np.zeros_like(curvature)
    for outcomes, chance in drawn(probe, stacked(probe.spec, cases)):
        judged = [changed(c, **{target: y}) for c, y in zip(cases, outcomes, strict=True)]
        mean = mean + chance * probe.derivative(judged, "gradient", first) ** 2
    off = abs(curvature - mean) - probe.noise * (1.0 + abs(curvature))
    worst = int(np.argmax(off.reshape(len(cases), -1).max(axis=1)))
    problem = "the curvature is not the expected squared gradient" if off.max() > 0 else ""
    yield probe.verdict("fisher", problem, cases[worst])


def _classes(probe: Probe, inputs: dict[str, Array]) -> Iterator[tuple[list[Value], Array]]:
    """Each class, for every example, and its chance under the softmax of the logits."""
    names = list(inputs)
    logits, count = inputs[names[0]], len(inputs[names[0]])
    binary = probe.spec.signature.elementwise
    full = np.stack([np.zeros_like(logits), logits], axis=-1) if binary else logits
    chances = np.exp(full - full.max(axis=-1, keepdims=True))
    chances /= chances.sum(axis=-1, keepdims=True)
    labelled = probe.spec.inputs[names[1]]["dtype"] == LABELS
    for k in range(full.shape[-1]):
        outcome: Value = k if binary or labelled else np.eye(full.shape[-1])[k].tolist()
        yield [outcome] * count, chances[..., k] if binary else chances[..., k, None]


def _counts(_: Probe, inputs: dict[str, Array]) -> Iterator[tuple[list[Value], Array]]:
    """Each count, and its chance where the prediction is the logarithm of the rate."""
    log_rate = inputs[next(iter(inputs))]
    for k in range(64):  # more have a chance below 1e-35
        chance = np.exp(k * log_rate - np.exp(log_rate) - math.lgamma(k + 1))
        yield [float(k)] * len(log_rate), chance


def _normal(probe: Probe, inputs: dict[str, Array]) -> Iterator[tuple[list[Value], Array]]:
    """Nodes and weights of a quadrature that is exact up to the seventh power of the residual."""
    mean, variance = list(inputs.values())[:2]
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        yield _rounded(probe, (mean + node * np.sqrt(variance)).tolist()), np.asarray(weight)


def elicits(probe: Probe, stated: str) -> Iterator[Result]:
    """Whether the statistic of a sample minimises the mean loss over the sample."""
    if not probe.spec.signature.elementwise:
        strays = [truth for truth, found in _best_predictions(probe) if truth not in found]
        problem = f"the mean {strays[0]} has not the least mean loss" if strays else ""
        yield probe.verdict(f"elicits/{stated}", problem)
        return
    first, target = probe.judged_inputs
    others = _others(probe, first, target)
    domain = probe.spec.domain(target)
    bounded = domain.high == 1.0
    if bounded:
        sample, steps = [0.0, 1.0, 1.0, 0.25, 1.0], np.arange(1, 64) / 64
    elif domain.low == 0.0:  # counts
        sample, steps = [0.0, 1.0, 1.0, 2.0, 4.0], np.arange(1, 161) / 16
    else:
        sample, steps = [-2.5, -1.0, 0.25, 3.0, 7.75], np.arange(-160, 161) / 16
    for parameters in probe.sets if stated == "quantile" else probe.sets[:1]:
        best = _statistic(stated, sample, parameters)
        tried = [best, *steps.tolist()]
        predictions = [_prediction(probe, first, c) for c in tried]
        if parameters.get("log_input"):
            predictions = _rounded(probe, np.log(tried).tolist())
        cases = [
            _case({first: prediction, target: y, **others}, parameters)
            for prediction in predictions
            for y in sample
        ]
        means = probe.values(cases).reshape(len(tried), len(sample)).mean(axis=1)
        noise = probe.noise * (1.0 + abs(means[0]))
        far = abs(np.asarray(tried) - best) >= (0.25 if bounded else 4.0)
        problem = ""
        if means.min() < means[0] - noise:
            problem = (
                f"{tried[int(means.argmin())]} has a smaller mean loss than the {stated} {best}"
            )
        elif means[far].min() <= means[0] + noise:
            problem = f"the mean loss does not single out the {stated} {best}"
        chosen = "".join(f"/{k}={v!r}" for k, v in parameters.items() if v is not None)
        yield probe.verdict(f"elicits/{stated}{chosen}", problem)


def _others(probe: Probe, *judged: str) -> dict[str, Value]:
    """A plain number for every input but the prediction and its target, such as a scale of 1."""
    domains = {name: probe.spec.domain(name) for name in probe.spec.inputs}
    return {
        name: 1.0 if 1.0 in domain else domain.harmless
        for name, domain in domains.items()
        if name not in judged
    }


def _statistic(name: str, sample: list[float], parameters: dict[str, float | None]) -> float:
    if name == "mean":
        return math.fsum(sample) / len(sample)
    share = 0.5 if name == "median" else float(parameters["quantile"] or 0.0)
    return float(np.quantile(sample, share, method="inverted_cdf"))


def _best_predictions(probe: Probe) -> list[tuple[Value, list[Value]]]:
    """For some true distributions, the predictions of least expected loss on a grid."""
    predictions, truths = _binary() if probe.spec.signature.elementwise else _simplex()
    losses = _outcome_losses(probe, predictions)
    found = []
    for truth in truths:
        chances = np.asarray([1.0 - truth, truth] if isinstance(truth, float) else truth)
        means = losses @ chances
        least = means <= means.min() + probe.noise * abs(means).min()
        found.append((truth, [p for p, best in zip(predictions, least, strict=True) if best]))
    return found


def _binary() -> tuple[list[Value], list[Value]]:
    steps = range(1, _BINARY_STEPS)
    return [k / _BINARY_STEPS for k in steps], list(_BINARY_TRUTHS)


def _simplex() -> tuple[list[Value], list[Value]]:
    steps = range(1, _SIMPLEX_STEPS)
    grid = [
        [i / _SIMPLEX_STEPS, j / _SIMPLEX_STEPS, 1 - (i + j) / _SIMPLEX_STEPS]
        for i, j in product(steps, steps)
        if i + j < _SIMPLEX_STEPS
    ]
    return grid, [grid[0], grid[len(grid) // 3], grid[len(grid) // 2], grid[-1]]


def _outcome_losses(probe: Probe, predictions: list[Value]) -> Array:
    """The loss of each prediction under each outcome."""
    first, target = list(probe.spec.inputs)[:2]
    entry = probe.spec.inputs[target]
    outcomes: list[Value]
    if probe.spec.signature.elementwise:
        outcomes = list(probe.spec.domain(target).values or (0.0, 1.0))
    elif entry["dtype"] == LABELS:
        outcomes = list(range(CLASSES))
    else:
        outcomes = np.eye(CLASSES).tolist()
    others = _others(probe, first, target)
    cases = [
        _case({first: _prediction(probe, first, p), target: y, **others}, probe.sets[0])
        for p in predictions
        for y in outcomes
    ]
    return probe.values(cases).reshape(len(predictions), len(outcomes))


def _prediction(probe: Probe, name: str, probability: Value) -> Value:
    """A probability as the loss takes it: as it is, as its logarithm, or as logits."""
    if name not in ("logits", "log_probabilities"):
        return probability
    if isinstance(probability, list):
        return _rounded(probe, np.log(probability).tolist())
    return _rounded(probe, [math.log(probability / (1.0 - probability))])[0]


def _rounded(probe: Probe, numbers: list[float]) -> list[float]:
    return [formats.round_to(x, probe.inquiry.form) for x in numbers]


def _case(inputs: dict[str, Value], parameters: dict[str, float | None]) -> Case:
    return Case(described(inputs), inputs, parameters)
