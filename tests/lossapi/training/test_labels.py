"""Soft labels, and weights from how often each label comes."""

from __future__ import annotations

import numpy as np
import pytest

import lossapi
from lossapi.training import class_weights, sampling_weights, smooth_labels

ONE_HOT = np.eye(4)[[2, 0, 3]]


def test_vectors_are_mixed_with_the_uniform_one_and_still_sum_to_one(library):
    target = library.asarray(ONE_HOT)
    smooth = library.to_numpy(smooth_labels(target, 0.25))
    np.testing.assert_array_equal(smooth, 0.75 * ONE_HOT + 0.0625)
    assert smooth.dtype == np.float32
    across = library.to_numpy(smooth_labels(library.asarray(ONE_HOT.T), 0.25, axis=0))
    np.testing.assert_array_equal(across, smooth.T)


def test_labels_become_vectors_first(library):
    labels = library.asarray([2, 0, 3], "int64")
    smooth = library.to_numpy(smooth_labels(labels, 0.25, num_classes=4))
    np.testing.assert_array_equal(smooth, 0.75 * ONE_HOT + 0.0625)
    across = library.to_numpy(smooth_labels(labels, 0.25, num_classes=4, axis=0))
    np.testing.assert_array_equal(across, smooth.T)


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_a_binary_target_is_mixed_with_one_half(library, dtype):
    target = library.asarray([1, 0, 1], dtype)
    smooth = library.to_numpy(smooth_labels(target, 0.25, binary=True))
    assert smooth.tolist() == [0.875, 0.125, 0.875]


def test_another_distribution_takes_the_place_of_the_uniform_one():
    smooth = smooth_labels(ONE_HOT, 0.5, distribution=[0.5, 0.25, 0.25, 0.0])
    np.testing.assert_array_equal(smooth[0], [0.25, 0.125, 0.625, 0.0])
    flat = smooth_labels(ONE_HOT.T, 0.5, distribution=[0.5, 0.25, 0.25, 0.0], axis=0)
    np.testing.assert_array_equal(flat, smooth.T)


def test_none_and_all_of_it():
    np.testing.assert_array_equal(smooth_labels(ONE_HOT, 0.0), ONE_HOT)
    np.testing.assert_array_equal(smooth_labels(ONE_HOT, 1), np.full((3, 4), 0.25))


def test_it_is_what_the_loss_means_by_label_smoothing():
    logits = np.random.default_rng(1).normal(size=(3, 4))
    soft = lossapi.softmax_cross_entropy(logits, smooth_labels(ONE_HOT, 0.1))
    own = lossapi.softmax_cross_entropy(logits, ONE_HOT, label_smoothing=0.1)
    assert soft == pytest.approx(own, rel=1e-15)


def test_it_agrees_with_optax():
    optax = pytest.importorskip("optax")
    theirs = optax.smooth_labels(ONE_HOT.astype(np.float32), 0.1)
    ours = smooth_labels(ONE_HOT.astype(np.float32), 0.1)
    np.testing.assert_allclose(ours, theirs, rtol=2e-7)


def test_it_runs_under_jit_with_an_amount_that_is_traced():
    jax = pytest.importorskip("jax")
    smooth = jax.jit(lambda y, a: smooth_labels(y, a, num_classes=3))(jax.numpy.asarray([1]), 0.75)
    assert smooth.tolist() == [[0.25, 0.5, 0.25]]


def test_the_three_schemes_by_hand(library):
    labels = library.asarray([[0] * 10, [0] * 9 + [1]], "int32")

    def weights(scheme, **options):
        found = class_weights(labels, num_classes=2, scheme=scheme, **options)
        return library.to_numpy(found).tolist()

    assert weights("inverse") == pytest.approx([20 / 19, 20.0], rel=1e-6)
    assert weights("balanced") == pytest.approx([10 / 19, 10.0], rel=1e-6)
    effective = [(1 - 0.5) / (1 - 0.5**19), 1.0]
    scaled = [2 * w / sum(effective) for w in effective]
    assert weights("effective_number", beta=0.5) == pytest.approx(scaled, rel=1e-6)


def test_the_limits_of_the_effective_number():
    counts = np.array([1000.0, 100.0, 1.0])
    assert class_weights(counts=counts, scheme="effective_number", beta=0).tolist() == [1, 1, 1]
    near_one = class_weights(counts=counts, scheme="effective_number", beta=1 - 2.0**-50)
    inverse = class_weights(counts=counts, scheme="inverse")
    np.testing.assert_allclose(near_one / near_one[2], inverse / inverse[2], rtol=1e-12)


def test_balanced_is_what_scikit_learn_means_by_it():
    sklearn = pytest.importorskip("sklearn.utils.class_weight")
    labels = np.random.default_rng(2).choice(4, 200, p=[0.6, 0.3, 0.07, 0.03])
    theirs = sklearn.compute_class_weight("balanced", classes=np.arange(4), y=labels)
    np.testing.assert_allclose(class_weights(labels, num_classes=4), theirs, rtol=1e-15)


def test_balanced_weights_leave_the_mean_weight_of_examples_at_one():
    labels = np.array([0, 0, 0, 0, 1, 1, 2])
    assert class_weights(labels, num_classes=3)[labels].mean() == pytest.approx(1.0)


def test_a_class_without_examples_is_an_error_or_has_no_weight():
    labels = np.array([0, 2, 2])
    with pytest.raises(lossapi.ParameterError, match=r"no example of class 1, 3; .*absent='zero'"):
        class_weights(labels, num_classes=4)
    for scheme in ("balanced", "inverse", "effective_number"):
        found = class_weights(labels, num_classes=4, scheme=scheme, absent="zero")
        assert [w == 0 for w in found] == [False, True, False, True]
        assert np.isfinite(found).all()


@pytest.mark.parametrize("scheme", ["balanced", "inverse", "effective_number"])
def test_of_no_examples_all_weights_are_zero(scheme):
    found = class_weights(np.zeros(0, int), num_classes=3, scheme=scheme, absent="zero")
    assert found.tolist() == [0.0, 0.0, 0.0]
    assert sampling_weights(np.zeros(0, int), num_classes=3).shape == (0,)


def test_under_jit_a_class_without_examples_has_the_weight_nan():
    jax = pytest.importorskip("jax")
    weigh = jax.jit(lambda labels: class_weights(labels, num_classes=2))
    found = weigh(jax.numpy.asarray([0, 0]))
    assert found[0] == 0.5
    assert np.isnan(found[1])


def test_ignored_labels_are_not_counted(library):
    labels = library.asarray([0, -100, 1, 0, 1, -100], "int64")
    found = class_weights(labels, num_classes=2, ignore_index=-100)
    assert library.to_numpy(found).tolist() == [1.0, 1.0]
    drawn = sampling_weights(labels, num_classes=2, ignore_index=-100)
    assert library.to_numpy(drawn).tolist() == [0.25, 0.0, 0.25, 0.25, 0.25, 0.0]


def test_classes_are_drawn_equally_often(library):
    labels = library.asarray([[0, 0, 1], [0, 2, 0]], "int64")
    found = library.to_numpy(sampling_weights(labels, num_classes=4))
    third = 1 / 3
    expected = [[third / 4, third / 4, third], [third / 4, third, third / 4]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(("power", "ratio"), [(0.0, 1.0), (0.5, 2.0), (1.0, 4.0), (600.0, np.inf)])
def test_the_power_says_how_far_the_balance_goes(power, ratio):
    found = sampling_weights(np.array([0, 0, 0, 0, 1]), num_classes=2, power=power)
    assert found.sum() == pytest.approx(1.0)
    with np.errstate(divide="ignore"):
        assert found[4] / found[0] == pytest.approx(ratio) or found[0] < 1e-300


def test_they_are_probabilities_for_numpy_to_draw_by():
    labels = np.array([0] * 90 + [1] * 10)
    random = np.random.default_rng(3)
    drawn = random.choice(labels, 4000, p=sampling_weights(labels, num_classes=2))
    assert abs(drawn.mean() - 0.5) < 0.03


MISTAKES = [
    (smooth_labels, (ONE_HOT, 1.5), {}, lossapi.ParameterError, ("alpha is 1.5", "[0, 1]")),
    (smooth_labels, ([1, 2], 0.1), {}, lossapi.ArgumentError, ("num_classes", "binary=True")),
    (smooth_labels, ([1, 4], 0.1), {"num_classes": 3}, lossapi.LabelError, ("target[1] is 4",)),
    (smooth_labels, ([1, 4], 0.1), {"binary": True}, lossapi.LabelError, ("target[1] is 4",)),
    (smooth_labels, (ONE_HOT, 0.1), {"num_classes": 4}, lossapi.ArgumentError, ("float64",)),
    (smooth_labels, (ONE_HOT, 0.1), {"axis": 2}, lossapi.ShapeError, ("axis is 2", "(3, 4)")),
    (smooth_labels, (0.5, 0.1), {}, lossapi.ShapeError, ("shape ()", "binary=True")),
    (smooth_labels, (ONE_HOT, 0.1), {"distribution": [1.0]}, lossapi.ShapeError, ("(1,)", "(4,)")),
    (class_weights, (), {}, lossapi.ArgumentError, ("neither came", "counts=")),
    (class_weights, ([0],), {}, lossapi.ArgumentError, ("num_classes is missing",)),
    (class_weights, ([0, 2],), {"num_classes": 2}, lossapi.LabelError, ("labels[1] is 2",)),
    (class_weights, ([0.5],), {"num_classes": 2}, lossapi.DTypeError, ("float64", "integer")),
    (class_weights, (), {"counts": [[1]]}, lossapi.ShapeError, ("(1, 1)", "(K,)")),
    (class_weights, (), {"counts": [1, -1]}, lossapi.ParameterError, ("counts[1] is -1",)),
    (
        class_weights,
        ([0],),
        {"num_classes": 1, "scheme": "sqrt"},
        lossapi.ParameterError,
        ("scheme is 'sqrt'", "'balanced', 'inverse', 'effective_number'"),
    ),
    (
        sampling_weights,
        ([0],),
        {"num_classes": 1, "power": -1},
        lossapi.ParameterError,
        ("power is -1", "[0, inf)"),
    ),
]


@pytest.mark.parametrize(("call", "given", "options", "error", "parts"), MISTAKES)
def test_a_mistake_is_told_with_what_is_accepted(call, given, options, error, parts):
    with pytest.raises(error) as told:
        call(*given, **options)
    for part in (call.__name__, *parts):
        assert part in str(told.value)
