"""What is aimed at, and how far a run is from it."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from math import prod
from typing import NamedTuple

from .cases import CASES, LAYERS, ROWS_BY_CLASSES
from .compare import ALONE, LOOP, OURS, Row
from .runs import label

FOURFOLD = ("huber_loss", "log_cosh", "sigmoid_focal_loss", "quantile_loss")
EXPONENTIAL = (
    *("log_cosh", "poisson_nll", "logistic_loss", "gaussian_nll", "binary_cross_entropy"),
    *("sigmoid_binary_cross_entropy", "sigmoid_focal_loss", "kl_divergence"),
    *("categorical_cross_entropy", "softmax_cross_entropy", "sparse_softmax_cross_entropy"),
)
"""Losses that compute exponentials or logarithms."""
TWOFOLD_ON_JAX = ("sigmoid_binary_cross_entropy", "sigmoid_focal_loss")
WIDE_LAYER = LAYERS[-1]
MIB = 2**20

Measure = Callable[[Row], float | None]


class Goal(NamedTuple):
    """Something to be measured in some rows of a run, and a bound on it."""

    text: str
    bound: str
    measure: Measure
    """None for rows of which it is not asked."""
    holds: Callable[[float], bool]
    why: str = ""
    """The heading in docs/findings.md under which it stands why rows miss it."""


class Outcome(NamedTuple):
    """How many rows reach a goal, and those that do not, with what was measured."""

    goal: Goal
    reached: int
    missed: list[tuple[Row, float]]


def outcomes(rows: list[Row]) -> Iterator[Outcome]:
    """What a run says of each goal of which it says anything."""
    for goal in GOALS:
        found = [(row, goal.measure(row)) for row in rows]
        measured = [(row, value) for row, value in found if value is not None]
        missed = [(row, value) for row, value in measured if not goal.holds(value)]
        if measured:
            yield Outcome(goal, len(measured) - len(missed), missed)


def described(row: Row, value: float) -> str:
    """One miss."""
    mode = " (value)" if row.mode == "value" else ""
    place = label(row.loss, row.shape) if row.shape not in LAYERS else row.library
    return f"{row.loss}{mode} {place} {row.dtype}: {value:.2f}"


def _at_least(text: str, least: float, measure: Measure, why: str = "") -> Goal:
    return Goal(text, f"≥ {least:g}", measure, lambda value: value >= least, why)


def _at_most(text: str, most: float, measure: Measure, why: str = "") -> Goal:
    return Goal(text, f"≤ {most:g}", measure, lambda value: value <= most, why)


def _goals() -> Iterator[Goal]:
    best = "time of the best peer over ours, value with gradient"
    for size, least in ((1, 0.8), (10**3, 1.0), (10**5, 1.2), (10**7, 2.0)):
        yield _at_least(
            f"NumPy, one thread, {size} entries: {best}",
            least,
            _numpy(_best, size, CASES.keys() - (FOURFOLD if size == 10**7 else ())),
            "NumPy: large arrays" if size >= 10**5 else "NumPy: small calls",
        )
    yield _at_least(
        f"NumPy, one thread, {10**7} entries, {', '.join(FOURFOLD)}: {best}",
        4.0,
        _numpy(_best, 10**7, FOURFOLD),
        "NumPy: float64",
    )
    for text, few, least, why in (
        ("ten classes", True, 3.0, "NumPy: ten classes"),
        ("more classes", False, 1.4, "NumPy: 1000 classes"),
    ):
        yield _at_least(
            f"NumPy, softmax cross entropies of {text}: {best}", least, _softmax(few), why
        )
    for text, alone in (("one thread", True), ("all threads", False)):
        yield _at_most(
            f"NumPy, {text}, {10**7} entries: MiB held beyond the results",
            4.0,
            _held(alone),
            "NumPy: two threads",
        )
    yield _at_most(
        f"NumPy, one thread, {10**7} entries: our time over that of the fused C loop, value with "
        "gradient",
        2.5,
        _numpy(_over_loop, 10**7, CASES),
        "NumPy: float64",
    )
    for computes, least in ((True, 1.5), (False, 1.0)):
        yield _at_least(
            f"NumPy, {10**7} entries: time of one thread over that of all, where exp or log is "
            f"{'' if computes else 'not '}computed",
            least,
            _threads(computes),
            "NumPy: two threads",
        )
    for size, least in ((10**3, 0.6), (10**5, 1.0), (10**7, 3.0)):
        yield _at_least(
            f"PyTorch in eager mode, one thread, {size} entries: time of torch.nn.functional over "
            "ours, forward and backward",
            least,
            _over("torch", "torch.nn.functional", _elementwise(size)),
            "PyTorch in eager mode",
        )
    yield _at_least(
        "PyTorch compiled: time of compiled torch.nn.functional over ours",
        1 / 1.05,
        _over("torch.compile", "torch.nn.functional", lambda row: row.shape not in LAYERS),
        "PyTorch compiled",
    )
    yield _at_least(
        "JAX under jit: time of optax over ours",
        0.95,
        _over("jax", "optax", lambda row: row.shape not in LAYERS, both_modes=True),
        "JAX",
    )
    yield _at_least(
        f"JAX under jit, {', '.join(TWOFOLD_ON_JAX)} from {10**5} entries on: time of optax over "
        "ours",
        2.0,
        _over(
            "jax",
            "optax",
            lambda row: row.loss in TWOFOLD_ON_JAX and prod(row.shape) >= 10**5,
            both_modes=True,
        ),
    )
    layer = "x".join(map(str, WIDE_LAYER))
    yield _at_least(
        f"linear_cross_entropy, {layer}: time of the dense form over ours, value with gradient",
        0.9,
        lambda row: _dense(row, row.ratios),
        "JAX",
    )
    yield _at_least(
        f"linear_cross_entropy, {layer}: memory of the dense form over ours, value with gradient",
        4.0,
        _dense_memory,
    )


def _best(row: Row) -> float | None:
    return min(row.ratios.values()) if row.ratios else None


def _held(alone: bool) -> Measure:
    def found(row: Row) -> float | None:
        own = _is(row, "numpy", 10**7) and (row.threads == 1) == alone
        return row.memory[OURS] / MIB if own and OURS in row.memory else None

    return found


def _over_loop(row: Row) -> float | None:
    return row.seconds[OURS] / row.floor[LOOP] if LOOP in row.floor else None


def _is(row: Row, library: str, size: int) -> bool:
    return row.library == library and _elementwise(size)(row)


def _elementwise(size: int) -> Callable[[Row], bool]:
    def is_so(row: Row) -> bool:
        own = CASES[row.loss].shapes not in (ROWS_BY_CLASSES, LAYERS)
        return own and prod(row.shape) == size

    return is_so


def _numpy(measure: Measure, size: int, losses: Container[str]) -> Measure:
    def found(row: Row) -> float | None:
        alone = row.threads == 1 and row.mode == "value_and_grad"
        own = alone and row.loss in losses and _is(row, "numpy", size)
        return measure(row) if own else None

    return found


def _softmax(few: bool) -> Measure:
    def found(row: Row) -> float | None:
        own = CASES[row.loss].shapes == ROWS_BY_CLASSES and row.library == "numpy"
        own = own and row.threads == 1 and row.mode == "value_and_grad"
        return _best(row) if own and (row.shape == ROWS_BY_CLASSES[0]) == few else None

    return found


def _threads(computes: bool) -> Measure:
    def found(row: Row) -> float | None:
        own = _is(row, "numpy", 10**7) and (row.loss in EXPONENTIAL) == computes
        return row.floor[ALONE] / row.seconds[OURS] if own and ALONE in row.floor else None

    return found


def _over(
    library: str, peer: str, which: Callable[[Row], bool], *, both_modes: bool = False
) -> Measure:
    def found(row: Row) -> float | None:
        own = row.library == library and row.threads == 1 and which(row)
        own = own and (both_modes or row.mode == "value_and_grad")
        return row.ratios.get(peer) if own else None

    return found


def _dense(row: Row, of: dict[str, float]) -> float | None:
    if row.shape != WIDE_LAYER or row.mode != "value_and_grad" or row.threads != 1:
        return None
    return next((value for name, value in of.items() if name.startswith("dense")), None)


def _dense_memory(row: Row) -> float | None:
    dense = _dense(row, {name: float(size) for name, size in row.memory.items()})
    return None if dense is None else dense / max(row.memory[OURS], 1)


GOALS = tuple(_goals())
"""All goals, in the order of the page."""
