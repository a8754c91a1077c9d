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


LOGARITHMS = [(False, False), (True, False), (False, True), (True, True)]


def in_logarithms(probabilities: Any, logarithms: bool) -> Any:
    with np.errstate(divide="ignore"):
        return np.log(probabilities) if logarithms else np.asarray(probabilities)


@pytest.mark.parametrize(("of_prediction", "of_target"), LOGARITHMS)
def test_kl_divergence_knows_no_class_that_neither_side_knows(
    of_prediction: bool, of_target: bool
) -> None:
    prediction, target = [0.0, 0.25, 0.75], [0.0, 0.5, 0.5]
    due = lossapi.kl_divergence(prediction[1:], target[1:])
    arrays = in_logarithms(prediction, of_prediction), in_logarithms(target, of_target)
    switches = {"log_prediction": of_prediction, "log_target": of_target}
    wrt = ("prediction", "target")
    value, slopes = lossapi.kl_divergence.value_and_grad(*arrays, wrt=wrt, **switches)
    assert abs(value - due) < NOISE
    assert [slope[0] for slope in slopes] == [0.0, 0.0]


@pytest.mark.parametrize(("of_prediction", "of_target"), LOGARITHMS)
def test_kl_divergence_checks_what_its_switches_say(of_prediction: bool, of_target: bool) -> None:
    arrays = {
        "prediction": in_logarithms([0.25, 0.75], of_prediction),
        "target": in_logarithms([0.5, 0.5], of_target),
    }
    switches = {"log_prediction": of_prediction, "log_target": of_target}
    for name, logarithms in (("prediction", of_prediction), ("target", of_target)):
        wrong = {**arrays, name: -arrays[name]}
        assert np.isnan(lossapi.kl_divergence(**wrong, **switches))
        due = r"\[-inf, 0\]" if logarithms else r"\[0, 1\]"
        with lossapi.errors_on_invalid(), pytest.raises(lossapi.DomainError, match=due):
            lossapi.kl_divergence(**wrong, **switches)
    with lossapi.errors_on_invalid():
        lossapi.kl_divergence(**arrays, **switches)


def test_kl_divergence_of_an_impossible_class_is_infinite_however_unlikely_it_was() -> None:
    for prediction, of_prediction in (([-np.inf, 0.0], True), ([0.0, 1.0], False)):
        for likely in (-1.0, -200.0, -1e4, -1e300):
            arrays = np.asarray(prediction), np.asarray([likely, -0.5])
            switches = {"log_prediction": of_prediction, "log_target": True}
            value, slopes = lossapi.kl_divergence.value_and_grad(
                *arrays, wrt=("prediction", "target"), **switches
            )
            assert value == np.inf
            assert slopes[1][0] == np.inf
            assert of_prediction or slopes[0][0] == -np.inf


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


@pytest.mark.parametrize("share", [0.25, 0.5, 0.875])
def test_js_divergence_is_at_most_the_entropy_of_its_shares(share: float) -> None:
    most = lossapi.entropy([share, 1.0 - share])
    apart = lossapi.js_divergence([0.5, 0.5, 0.0], [0.0, 0.0, 1.0], target_share=share)
    assert abs(apart - most) < NOISE


def test_js_divergence_tends_to_kl_divergence_in_both_directions() -> None:
    draw = np.random.default_rng(6)
    a, b = (0.5 * distribution(draw, COUNT, 4) + 0.125 for _ in range(2))
    due = lossapi.kl_divergence(a, b, reduction="none")
    for share in (1e-12, 1e-200):
        of_target = lossapi.js_divergence(a, b, target_share=share, reduction="none") / share
        np.testing.assert_allclose(of_target, due, rtol=1e-10, atol=0)
    share = 2.0**-40
    swapped = lossapi.js_divergence(b, a, target_share=1.0 - share, reduction="none") / share
    np.testing.assert_allclose(swapped, due, rtol=1e-10, atol=0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("share", [5e-324, 1e-300, 1e-40, 1e-20, 1.0 - 2.0**-53])
def test_js_divergence_knows_no_nan_whatever_its_share(share: float, dtype: Any) -> None:
    smallest = float(np.finfo(dtype).smallest_subnormal)
    numbers = np.asarray([0.0, smallest, float(np.finfo(dtype).tiny), 0.25, 1.0], dtype=dtype)
    prediction, target = (x.reshape(-1, 1) for x in np.meshgrid(numbers, numbers))
    options = {"target_share": share, "reduction": "none"}
    assert np.all(lossapi.js_divergence(prediction, target, **options) >= 0)
    for derivative in (lossapi.js_divergence.grad, lossapi.js_divergence.hessian_diag):
        for found in derivative(prediction, target, wrt=("prediction", "target"), **options):
            assert not np.any(np.isnan(found))


def test_a_share_of_nothing_is_refused() -> None:
    for share in (0.0, 1.0):
        with pytest.raises(lossapi.ParameterError, match="target_share"):
            lossapi.js_divergence([0.5, 0.5], [0.25, 0.75], target_share=share)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_no_guess_errs_less_often_than_fano_allows(classes: int) -> None:
    draw = np.random.default_rng(6)
    shares = []
    for _ in range(COUNT):
        joint = table(draw, classes, 5)  # of the class and what is seen of it
        error = max(0.0, 1.0 - joint.max(axis=0).sum())
        guess = joint.argmax(axis=0)
        guessed = np.stack([joint[:, guess == k].sum(axis=1) for k in range(classes)], axis=1)
        bounds = []
        for known in (joint, guessed):
            given = np.minimum(known.sum(axis=0), 1.0)
            left = lossapi.entropy(known.reshape(-1)) - lossapi.entropy(given)
            bounds.append(lossapi.fano_lower_bound(max(0.0, left), classes=classes))
        by_seen, by_guess = bounds
        assert by_seen <= by_guess + NOISE
        assert by_guess <= error + 1e-12
        shares.append(by_seen / error if error > 0.01 else 0.0)
    assert max(shares) > 0.8


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_a_symmetric_channel_errs_as_often_as_fano_says(classes: int) -> None:
    for error in (0.001, 0.25, 0.4):
        row = np.full(classes, error / (classes - 1))
        row[0] = 1.0 - error
        left = lossapi.entropy(row)  # whatever was received
        assert lossapi.fano_lower_bound(left, classes=classes) == pytest.approx(error, rel=1e-12)


@pytest.mark.parametrize("temperature", [0.25, 1.0, 3.0])
def test_logsumexp_is_the_largest_free_energy_and_softmax_attains_it(temperature: float) -> None:
    draw = np.random.default_rng(7)
    logits = 2.0 * draw.standard_normal((COUNT, 4))

    def energy(p: Array) -> Array:
        entropy = lossapi.entropy(p, reduction="none")
        found: Array = (p * logits).sum(axis=-1) + temperature * entropy
        return found

    largest = temperature * lossapi.logsumexp(logits / temperature)
    best = lossapi.softmax(logits, temperature=temperature)
    np.testing.assert_allclose(energy(best), largest, rtol=1e-13)
    for _ in range(20):
        other = distribution(draw, COUNT, 4)
        # What is lacking is the divergence from the best, times the temperature.
        lacking = temperature * lossapi.kl_divergence(best, other, reduction="none")
        np.testing.assert_allclose(energy(other), largest - lacking, rtol=0, atol=1e-12)
        assert np.all(energy(other) <= largest + NOISE)
