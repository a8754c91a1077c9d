"""Contenders are timed alike, whoever is the first and whoever comes before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest

from benchmarks import timing


class Machine:
    """A clock, and calls that let it go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.calls: list[str] = []
        monkeypatch.setitem(timing.CLOCKS, "of the machine", lambda: self.now)

    def call(self, name: str, warm: float, cold: float = 0.0) -> Callable[[], None]:
        """A call, and how much longer it takes where another came before."""

        def called() -> None:
            self.now += warm
            if self.calls[-1:] != [name]:
                self.now += cold
            self.calls.append(name)

        return called

    def turns(self) -> list[str]:
        """Who had a turn after whom."""
        return [name for k, name in enumerate(self.calls) if self.calls[k - 1 : k] != [name]]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def budget(rounds: int) -> timing.Budget:
    return timing.Budget(0.0, rounds, "of the machine")


def test_a_call_that_was_slow_once_is_repeated_as_often_as_others(machine: Machine) -> None:
    calls = {name: machine.call(name, 1e-5, 1e-4) for name in ("first", "second")}
    first, slow = calls["first"], [1e-3]

    def slow_once() -> None:
        machine.now += slow.pop() if slow else 0.0
        first()

    found, _ = timing.medians({"first": slow_once, "second": calls["second"]}, budget(5))
    assert found["first"] == pytest.approx(found["second"], rel=0.05)
    assert found["first"] == pytest.approx(1e-5, rel=0.1)


def test_a_turn_lasts_long_enough(machine: Machine) -> None:
    timing.medians({"short": machine.call("short", 1e-6)}, budget(1))
    assert machine.now > 2 * timing.TURN
    before = len(machine.calls)
    timing.medians({"long": machine.call("long", 1.0)}, budget(3))
    assert len(machine.calls) == before + 4


def test_everyone_follows_everyone(machine: Machine) -> None:
    timing.medians({name: machine.call(name, 1.0) for name in "abcd"}, budget(51))
    after = Counter(pairwise(machine.turns()))
    for one in "abcd":
        shares = [after[other, one] for other in "abcd" if other != one]
        assert min(shares) > sum(shares) / 6, f"{one} follows {dict(after)}"
