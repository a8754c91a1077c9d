"""Sequences that a model samples: against the expectation over a whole small language."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import lossapi

FIRST = np.asarray([0.5, -1.0, 0.25])
"""Logits of the first token of three."""
SECOND = np.asarray([[0.0, 1.0, -0.5], [2.0, 0.25, 0.0], [-1.0, 0.5, 0.75]])
"""Logits of the second token, after each first one."""
REWARDS = {pair: (3 * pair[0] + pair[1] * pair[1]) / 7 for pair in product(range(3), repeat=2)}


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return np.asarray(lossapi.log_softmax(logits))


def log_probabilities(pair: tuple[int, int], first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.asarray([log_softmax(first)[pair[0]], log_softmax(second[pair[0]])[pair[1]]])


def expected_reward(first: np.ndarray, second: np.ndarray) -> float:
    """The mean reward over all nine sequences."""
    return sum(
        float(np.exp(log_probabilities(pair, first, second).sum())) * reward
        for pair, reward in REWARDS.items()
    )


@pytest.mark.parametrize("baseline", [0.0, 0.75])
def test_its_mean_gradient_is_that_of_minus_the_expected_reward(baseline: float) -> None:
    by_first, by_second = np.zeros(3), np.zeros((3, 3))
    for pair, reward in REWARDS.items():
        tokens = log_probabilities(pair, FIRST, SECOND)
        chance = np.exp(tokens.sum())
        slope = lossapi.reinforce_loss.grad(tokens, reward, baseline)
        one_hot = np.eye(3)
        by_first += chance * slope[0] * (one_hot[pair[0]] - np.exp(log_softmax(FIRST)))
        row = SECOND[pair[0]]
        by_second[pair[0]] += chance * slope[1] * (one_hot[pair[1]] - np.exp(log_softmax(row)))
    h = 1e-6
    for i in range(3):
        step = h * np.eye(3)[i]
        change = expected_reward(FIRST + step, SECOND) - expected_reward(FIRST - step, SECOND)
        assert by_first[i] == pytest.approx(-change / (2 * h), abs=1e-9)
        for j in range(3):
            step = h * np.outer(np.eye(3)[i], np.eye(3)[j])
            change = expected_reward(FIRST, SECOND + step) - expected_reward(FIRST, SECOND - step)
            assert by_second[i, j] == pytest.approx(-change / (2 * h), abs=1e-9)


def test_its_value_is_not_minus_the_expected_reward() -> None:
    mean = 0.0
    for pair, reward in REWARDS.items():
        tokens = log_probabilities(pair, FIRST, SECOND)
        mean += np.exp(tokens.sum()) * float(lossapi.reinforce_loss(tokens, reward))
    assert abs(mean + expected_reward(FIRST, SECOND)) > 0.5


def test_tokens_behind_the_end_have_no_part() -> None:
    tokens = np.asarray([[-0.5, -1.0, np.nan], [-0.25, -2.0, -0.125]])
    kept = np.asarray([[True, True, False], [True, True, True]])
    value, slope = lossapi.reinforce_loss.value_and_grad(tokens, [0.5, 1.0], class_where=kept)
    assert value == (0.75 + 2.375) / 2
    assert slope.tolist() == [[-0.25, -0.25, 0.0], [-0.5, -0.5, -0.5]]


def test_the_mean_over_tokens_is_that_of_the_tokens_that_are_there() -> None:
    tokens = np.asarray([[-0.5, -1.0, np.nan], [-0.25, -2.0, -0.125], [np.nan] * 3])
    kept = np.asarray([[True, True, False], [True, True, True], [False] * 3])
    value, slope = lossapi.reinforce_loss.value_and_grad(
        tokens, [0.5, 1.0, 2.0], normalize=True, class_where=kept, reduction="none"
    )
    assert value.tolist() == [0.75 / 2, 2.375 / 3, 0.0]
    assert slope.tolist() == [[-0.25, -0.25, 0.0], [-1 / 3] * 3, [0.0] * 3]


def test_the_risk_of_the_whole_language_is_the_expected_one() -> None:
    pairs = list(REWARDS)
    totals = np.asarray([log_probabilities(pair, FIRST, SECOND).sum() for pair in pairs])
    risks = np.asarray([-REWARDS[pair] for pair in pairs])
    due = -expected_reward(FIRST, SECOND)
    assert lossapi.minimum_risk_loss(totals, risks, alpha=1.0) == pytest.approx(due, rel=1e-14)
    # Sharpened beyond all bounds it is the risk of the likeliest sequence; flattened, their mean.
    sharp = lossapi.minimum_risk_loss(totals, risks, alpha=1e6)
    assert sharp == pytest.approx(risks[np.argmax(totals)])
    flat = lossapi.minimum_risk_loss(totals, risks, alpha=1e-12)
    assert flat == pytest.approx(risks.mean())


def test_a_step_down_the_risk_moves_chance_to_what_costs_less_and_takes_it_from_none() -> None:
    # Unnormalised, the gradient is p times a risk that is not negative: every chance would fall.
    totals, risks = np.asarray([-4.0, -5.0, -4.5]), np.asarray([0.75, 0.25, 0.5])
    slope = lossapi.minimum_risk_loss.grad(totals, risks, alpha=1.0)
    assert slope[0] > 0 > slope[1]
    assert slope.sum() == pytest.approx(0.0, abs=1e-17)


def test_the_schedule_is_the_formula_of_the_paper_where_that_does_not_overflow() -> None:
    steps, k = np.linspace(0.0, 60.0, 13), 8.0
    found = lossapi.scheduled_sampling_probability(steps, decay=k)
    np.testing.assert_allclose(found, k / (k + np.exp(steps / k)), rtol=1e-15)
    assert lossapi.scheduled_sampling_probability(0.0, decay=k) == k / (k + 1)
    half = lossapi.scheduled_sampling_probability(k * np.log(k), decay=k)
    assert half == pytest.approx(0.5, rel=1e-15)
    assert lossapi.scheduled_sampling_probability(1e300, decay=k) == 0.0


def test_the_other_schedules_are_those_of_the_paper() -> None:
    steps = np.linspace(0.0, 60.0, 13)
    found = lossapi.exponential_sampling_probability(steps, decay=0.875)
    np.testing.assert_allclose(found, 0.875**steps, rtol=1e-15)
    options = {"start": 0.75, "slope": 1 / 64, "floor": 0.125}
    found = lossapi.linear_sampling_probability(steps, **options)
    np.testing.assert_array_equal(found, np.maximum(0.125, 0.75 - steps / 64))
    last = (0.75 - 0.125) * 64
    slopes = lossapi.linear_sampling_probability.grad(np.asarray([last - 1e-9, last]), **options)
    np.testing.assert_array_equal(slopes, [-1 / 64, 0.0])
