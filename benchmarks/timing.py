"""Time per call of several contenders, in rounds in which each has its turn."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

CLOCKS = {"wall": perf_counter, "cpu": process_time}
"""Time that passed, or time that a processor worked for us: what others take does not count."""

TURN = 2e-3
"""Seconds that a turn lasts at least: short calls are repeated within it."""
MOST_ROUNDS = 51


class Budget(NamedTuple):
    """How long one comparison may take, and how few rounds make a median."""

    seconds: float
    rounds: int
    clock: str = "wall"


FULL, QUICK = Budget(1.0, 5), Budget(0.15, 3)


def medians(calls: dict[str, Callable[[], Any]], budget: Budget) -> tuple[dict[str, float], int]:
    """The median seconds a call of each, and the number of rounds; all have run once before."""
    clock = CLOCKS[budget.clock]
    repeats, one_round = {}, 0.0
    for name, call in calls.items():
        repeats[name], taken = _repeats(clock, call)
        one_round += taken
    rounds = min(MOST_ROUNDS, max(budget.rounds, int(budget.seconds / max(one_round, 1e-7))))
    times: dict[str, list[float]] = {name: [] for name in calls}
    order, shuffle = list(calls), random.Random(0).shuffle
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name in order:
                times[name].append(_turn(clock, calls[name], repeats[name]))
            shuffle(order)  # nobody always follows the same neighbour, whose work may slow it down
    finally:
        gc.enable()
    return {name: median(taken) for name, taken in times.items()}, rounds


def _repeats(clock: Callable[[], float], call: Callable[[], Any]) -> tuple[int, float]:
    """How often to call in a turn, and how long such a turn takes."""
    repeats, taken = 1, _turn(clock, call, 1)
    # A first call finds its caches cold: with fewer repeats every turn would bear more of that.
    while taken < TURN and (repeats == 1 or repeats * taken < TURN / 2):
        repeats *= 2
        taken = _turn(clock, call, repeats)
    repeats = max(1, round(TURN / taken))
    return repeats, repeats * taken


def _turn(clock: Callable[[], float], call: Callable[[], Any], repeats: int) -> float:
    start = clock()
    for _ in range(repeats):
        call()
    return (clock() - start) / repeats
