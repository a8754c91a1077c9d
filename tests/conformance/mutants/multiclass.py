"""Mistakes that are plausible in losses of the family "multiclass"."""

from __future__ import annotations

from lossapi import class_axis
from lossapi import primitives as p
from lossapi.losses import registry
from tests.conformance.mutants.mutant import Mutant


def softmax_cross_entropy_multiplying(xp, logits, target, *, label_smoothing=0.0):
    return 0.0 - xp.sum(target * class_axis.log_softmax(xp, logits), axis=-1)


def sparse_slope_cancelling(xp, logits, labels, *, label_smoothing):
    right = xp.class_index(logits) == xp.expand_dims(labels, axis=-1)
    return class_axis.softmax(xp, logits) - xp.astype(right, logits.dtype)


def ordinal_from_log_sigmoid(xp, logits, labels):
    passed = xp.class_index(logits) < labels[..., None]
    surprise = -p.log_sigmoid(xp, logits)
    return xp.sum(surprise + xp.where(passed, 0.0, logits), axis=-1)


def ordinal_at_the_label(xp, logits, labels):
    return registry["ordinal_binary_cross_entropy"].kernel(xp, logits, labels + 1)


def cumulative_by_sigmoids(xp, score, thresholds, labels):
    ends = _padded(xp, thresholds)
    upper = p.sigmoid(xp, xp.take_class(ends, labels + 1) - score)
    return -xp.log(upper - p.sigmoid(xp, xp.take_class(ends, labels) - score))


def cumulative_width_from_the_score(xp, score, thresholds, labels):
    ends = _padded(xp, thresholds)
    a, b = xp.take_class(ends, labels + 1) - score, xp.take_class(ends, labels) - score
    return p.softplus(xp, -a) + p.softplus(xp, b) - xp.log(-xp.expm1(b - a))


def cumulative_slope_cancelling(xp, score, thresholds, labels):
    ends = _padded(xp, thresholds)
    a, b = xp.take_class(ends, labels + 1) - score, xp.take_class(ends, labels) - score
    return p.sigmoid(xp, -a) - p.sigmoid(xp, b)


def smoothed_over_absent_classes(xp, logits, labels, *, label_smoothing=0.0, class_where=None):
    whole = registry["sparse_softmax_cross_entropy"].kernel
    found = whole(xp, logits, labels, class_where=class_where)
    uniform = whole(xp, logits, labels, label_smoothing=1.0, class_where=class_where)
    if class_where is not None:
        count = xp.sum(xp.astype(class_where, logits.dtype), axis=-1)
        uniform = uniform * count / logits.shape[-1]
    return (1.0 - label_smoothing) * found + label_smoothing * uniform


def layer_without_bias(xp, features, weight, labels, bias, *, label_smoothing=0.0):
    layer = registry["linear_cross_entropy"].kernel
    return layer(xp, features, weight, labels, 0.0 * bias, label_smoothing=label_smoothing)


def layer_slopes_without_weights(xp, wrt, cotangent, *inputs, **parameters):
    pulled_back = registry["linear_cross_entropy"].pullback_kernel
    losses, gradients = pulled_back(xp, wrt, cotangent, *inputs, **parameters)
    _, plain = pulled_back(xp, wrt, xp.ones_like(cotangent), *inputs, **parameters)
    return losses, tuple(
        mine if name == "weight" else due
        for name, mine, due in zip(wrt, plain, gradients, strict=True)
    )


def _padded(xp, thresholds):
    infinite = xp.inf * xp.ones_like(thresholds[..., :1])
    return xp.concat([-infinite, thresholds, infinite], axis=-1)


MUTANTS = [
    Mutant(
        "one-hot times -inf",
        "softmax_cross_entropy",
        "stability",
        "grid/value/label_smoothing=0.0",
        kernel=softmax_cross_entropy_multiplying,
    ),
    Mutant(
        "softmax minus one-hot",
        "sparse_softmax_cross_entropy",
        "properties",
        "drawn/gradient/logits/label_smoothing=0.0",
        gradient=(("logits",), sparse_slope_cancelling),
    ),
    Mutant(
        "a log-sigmoid and the logit that it nearly is, as CORAL's code has them",
        "ordinal_binary_cross_entropy",
        "value",
        "very-confident-and-right/value",
        kernel=ordinal_from_log_sigmoid,
    ),
    Mutant(
        "the threshold above the label counted as passed",
        "ordinal_binary_cross_entropy",
        "value",
        "middle/value",
        kernel=ordinal_at_the_label,
    ),
    Mutant(
        "a difference of two sigmoids",
        "cumulative_link_loss",
        "value",
        "far-below/value",
        kernel=cumulative_by_sigmoids,
    ),
    Mutant(
        "the width of an interval from its ends' distances to a far score",
        "cumulative_link_loss",
        "value",
        "adjacent/value",
        kernel=cumulative_width_from_the_score,
    ),
    Mutant(
        "a slope that cancels in the middle",
        "cumulative_link_loss",
        "gradient",
        "nearly-centred/gradient/score",
        gradient=(("score",), cumulative_slope_cancelling),
    ),
    Mutant(
        "label smoothing spread over absent classes too",
        "sparse_softmax_cross_entropy",
        "shape",
        "left-out/a-class-each/value/label_smoothing=0.125",
        kernel=smoothed_over_absent_classes,
    ),
    Mutant(
        "a bias that is not added",
        "linear_cross_entropy",
        "value",
        "right/value",
        kernel=layer_without_bias,
    ),
    Mutant(
        "weights of the examples that do not reach the layer",
        "linear_cross_entropy",
        "reduction",
        "weights/mean",
        pullback=layer_slopes_without_weights,
    ),
]
