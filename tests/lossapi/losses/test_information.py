"""What information theory says of tables and channels, beyond what one relation can state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossapi

Array = np.ndarray[Any, Any]
NOISE = 1e-14
COUNT = 300


def distribution(draw: np.random.Generator, *shape: int) -> Array:
    """Distributions over the last axis, most of them uneven and some with zeros."""
    weights = draw.random(shape) ** draw.choice((0.5, 1.0, 8.0))
    weights = np.where(draw.random(shape) < 0.2, 0.0, weights)
    weights[..., 0] += 1e-9
    found: Array = weights / weights.sum(axis=-1, keepdims=True)
    return found


def table(draw: np.random.Generator, rows: int, columns: int) -> Array:
    """A joint distribution."""
    return distribution(draw, rows * columns).reshape(rows, columns)


def test_information_in_common_is_what_the_joint_entropy_lacks() -> None:
    draw = np.random.default_rng(1)
    for rows, columns in ((2, 2), (2, 5), (4, 3), (1, 6), (8, 8)):
        tables = np.stack([table(draw, rows, columns) for _ in range(COUNT)])
        # A sum of rounded cells may exceed 1, which is no probability.
        marginals = (np.minimum(tables.sum(axis), 1.0) for axis in (-1, -2))
        apart = sum(lossapi.entropy(x, base=2.0, reduction="none") for x in marginals)
        together = lossapi.entropy(tables.reshape(COUNT, -1), base=2.0, reduction="none")
        found = lossapi.mutual_information(tables, base=2.0, reduction="none")
        np.testing.assert_allclose(found, apart - together, rtol=0, atol=NOISE)


def test_information_in_common_is_the_divergence_from_independence() -> None:
    draw = np.random.default_rng(2)
    for _ in range(COUNT):
        joint = table(draw, 3, 4)
        independent = joint.sum(-1, keepdims=True) * joint.sum(-2, keepdims=True)
        due = lossapi.kl_divergence(independent.reshape(-1), joint.reshape(-1))
        assert abs(lossapi.mutual_information(joint) - due) < NOISE


def test_the_order_of_variables_and_of_their_values_does_not_matter() -> None:
    draw = np.random.default_rng(3)
    for _ in range(COUNT):
        joint = table(draw, 3, 5)
        due = lossapi.mutual_information(joint)
        shuffled = joint[draw.permutation(3)][:, draw.permutation(5)]
        for other in (joint.T, shuffled):
            assert abs(lossapi.mutual_information(other) - due) < NOISE


def test_processing_loses_information() -> None:
    draw = np.random.default_rng(4)
    lost = []
    for _ in range(COUNT):
        sent = distribution(draw, 4)
        first, second = distribution(draw, 4, 5), distribution(draw, 5, 3)
        received = sent @ first
        known = lossapi.mutual_information(sent[:, None] * first)
        passed_on = lossapi.mutual_information(received[:, None] * second)
        end_to_end = lossapi.mutual_information(sent[:, None] * (first @ second))
        lost.append(min(known, passed_on) - end_to_end)
    assert min(lost) > -NOISE
    assert max(lost) > 0.1


def test_a_channel_without_noise_passes_everything_on() -> None:
    sent = np.array([0.5, 0.25, 0.125, 0.125])
    joint = sent[:, None] * np.eye(4)[[2, 0, 3, 1]]
    assert lossapi.mutual_information(joint, base=2.0) == lossapi.entropy(sent, base=2.0) == 1.75


@pytest.mark.parametrize("shape", [(3,), (3, 2)])
def test_a_masked_table_outside_the_domain_is_no_error(shape: tuple[int, ...]) -> None:
    joint = np.full((*shape, 2, 3), 1 / 6)
    keep = np.ones(shape, dtype=bool)
    keep[-1] = False
    joint[-1, ..., 1, 2] = 1.5
    with lossapi.errors_on_invalid():
        value = lossapi.mutual_information(joint, where=keep)
        assert value == lossapi.mutual_information(joint, weights=keep)
        assert abs(value) < NOISE
        with pytest.raises(lossapi.DomainError, match=r"joint\[2, .*1, 2\] is 1\.5"):
            lossapi.mutual_information(joint)
        with pytest.raises(lossapi.DomainError, match="joint"):
            lossapi.mutual_information(joint, where=~keep)


def test_js_divergence_reaches_its_bound_only_without_a_common_class() -> None:
    apart = lossapi.js_divergence([0.25, 0.75, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5], base=2.0)
    common = lossapi.js_divergence([0.25, 0.75, 0.0, 0.0], [0.0, 1e-6, 0.5, 0.5 - 1e-6], base=2.0)
    assert apart == 1.0
    assert common < 1.0


def test_the_root_of_js_divergence_obeys_the_triangle_inequality() -> None:
    draw = np.random.default_rng(5)
    a, b, c = (distribution(draw, COUNT, 4) for _ in range(3))
    ab, bc, ac = (
        np.sqrt(lossapi.js_divergence(x, y, reduction="none")) for x, y in ((a, b), (b, c), (a, c))
    )
    assert np.all(ac <= ab + bc + NOISE)
