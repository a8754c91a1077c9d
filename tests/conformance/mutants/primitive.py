"""Mistakes that are plausible in primitives."""

from __future__ import annotations

from lossapi import class_axis
from lossapi import primitives as p
from lossapi.losses import registry
from tests.conformance.mutants.mutant import Mutant


def softplus_overflowing(xp, x):
    return xp.log(1.0 + xp.exp(x))


def softplus_with_log(xp, x):
    return xp.where(x > 0, x, 0.0) + xp.log(1.0 + xp.exp(xp.where(x > 0, -x, x)))


def sigmoid_overflowing(xp, x):
    return xp.exp(x) / (1.0 + xp.exp(x))


def hard_triplets_of_all_that_tie(xp, distances, same):
    every = registry["batch_all_triplets"].kernel(xp, distances, same)
    gap = distances[..., :, :, None] - distances[..., :, None, :]
    worst = xp.max(xp.where(every > 0, gap, -xp.inf), axis=(-2, -1), keepdims=True)
    return every * xp.astype(gap == worst, distances.dtype)


def semi_hard_with_hard_ones(xp, distances, same, *, margin=1.0):
    every = registry["batch_all_triplets"].kernel(xp, distances, same)
    near = distances[..., :, None, :] < distances[..., :, :, None] + margin
    return every * xp.astype(near, distances.dtype)


def center_step_along_the_gradient(xp, features, assignments, centers, *, alpha=0.5):
    count = xp.matrix_transpose(xp.sum(assignments, axis=-2, keepdims=True))
    total = xp.matmul(xp.matrix_transpose(assignments), features)
    return centers - alpha * (count * centers - total)


def one_hot_counted_from_one(xp, labels, *, num_classes):
    return registry["one_hot"].kernel(xp, labels - 1, num_classes=num_classes)


def distance_with_epsilon(xp, a, b, *, p=2.0, squared=False):
    return registry["pairwise_distance"].kernel(xp, a + 1e-6, b, p=p, squared=squared)


def sigmoid_bend_of_other_sign(xp, x):
    probability, complement = p.sigmoid_pair(xp, x)
    return probability * complement * xp.tanh(0.5 * x)


def softmax_masked_after(xp, logits, *, temperature=1.0, class_where=None):
    return class_axis.only(xp, class_where, class_axis.softmax(xp, logits, temperature))


def decay_by_an_exponential(xp, step, *, decay=0.999):
    return xp.exp(step * xp.log(decay + xp.zeros_like(step)))


def line_below_its_floor(xp, step, *, start=1.0, slope=0.0001, floor=0.0):
    left = start - slope * step
    return xp.where(left > 0, left, p.zero(xp, left))


def schedule_overflowing(xp, step, *, decay=1000.0):
    return decay / (decay + xp.exp(step / decay))


MUTANTS = [
    Mutant(
        "log(1 + exp(x)) overflows",
        "softplus",
        "stability",
        "grid/value",
        kernel=softplus_overflowing,
    ),
    Mutant(
        "log in place of log1p",
        "softplus",
        "stability",
        "grid/value",
        kernel=softplus_with_log,
    ),
    Mutant(
        "exp(x) / (1 + exp(x))",
        "sigmoid",
        "stability",
        "grid/value",
        kernel=sigmoid_overflowing,
    ),
    Mutant(
        "all of the hardest triplets that tie",
        "batch_hard_triplets",
        "value",
        "tied/value",
        kernel=hard_triplets_of_all_that_tie,
    ),
    Mutant(
        "negatives within the margin, nearer ones too",
        "semi_hard_triplets",
        "value",
        "three/value",
        kernel=semi_hard_with_hard_ones,
    ),
    Mutant(
        "centres that follow the gradient of their loss",
        "center_update",
        "value",
        "two-classes/value",
        kernel=center_step_along_the_gradient,
    ),
    Mutant(
        "labels that count from one",
        "one_hot",
        "value",
        "middle-of-three/value",
        kernel=one_hot_counted_from_one,
    ),
    Mutant(
        "an epsilon in every difference",
        "pairwise_distance",
        "value",
        "same/value",
        kernel=distance_with_epsilon,
    ),
    Mutant(
        "a curvature of the wrong sign",
        "sigmoid",
        "properties",
        "drawn/hessian_diag/x",
        curvature=(("x",), sigmoid_bend_of_other_sign),
    ),
    Mutant(
        "probabilities masked after they were normalised",
        "softmax",
        "shape",
        "left-out/one-class/value/temperature=1.0",
        kernel=softmax_masked_after,
    ),
    Mutant(
        "an exponential that enlarges what a logarithm was rounded by",
        "exponential_sampling_probability",
        "value",
        "small-probability/value",
        kernel=decay_by_an_exponential,
    ),
    Mutant(
        "a line that falls to 0",
        "linear_sampling_probability",
        "value",
        "floored/value",
        kernel=line_below_its_floor,
    ),
    Mutant(
        "an exponential of the steps that overflows",
        "scheduled_sampling_probability",
        "value",
        "exponential-overflows/value",
        kernel=schedule_overflowing,
    ),
]
