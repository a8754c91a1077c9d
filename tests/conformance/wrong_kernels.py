"""Kernels as they are plausibly written wrong; the mistake of each is named in `test_mutants`."""

from __future__ import annotations

import numpy as np

from lossapi import class_axis, special, transport_program
from lossapi import primitives as p
from lossapi.losses import registry


def magnitude(xp, x):
    return xp.where(x < 0, -x, x)


def slope_of_magnitude(xp, x):
    return xp.where(x > 0, 1.0, xp.where(x < 0, -1.0, 0.0 * x))


def softplus_overflowing(xp, x):
    return xp.log(1.0 + xp.exp(x))


def softplus_with_log(xp, x):
    return xp.where(x > 0, x, 0.0) + xp.log(1.0 + xp.exp(xp.where(x > 0, -x, x)))


def log_cosh_cancelling(xp, prediction, target):
    size = magnitude(xp, prediction - target)
    return size + xp.log1p(xp.exp(-2.0 * size)) - np.log(2.0)


def softmax_cross_entropy_multiplying(xp, logits, target, *, label_smoothing=0.0):
    return 0.0 - xp.sum(target * class_axis.log_softmax(xp, logits), axis=-1)


def binary_cross_entropy_clamped(xp, probabilities, target, *, epsilon=0.0):
    q = xp.where(
        probabilities < 1e-7, 1e-7, xp.where(probabilities > 1 - 1e-7, 1 - 1e-7, probabilities)
    )
    return 0.0 - (target * xp.log(q) + (1.0 - target) * xp.log(1.0 - q))


def sigmoid_overflowing(xp, x):
    return xp.exp(x) / (1.0 + xp.exp(x))


def hinge_swallowing_nan(xp, logits, target, *, margin=1.0):
    shortfall = margin - target * logits
    return xp.where(shortfall > 0, shortfall, 0.0)


def quantile_swapped(xp, prediction, target, *, quantile=0.5):
    residual = target - prediction
    return xp.where(residual >= 0, (1.0 - quantile) * residual, -quantile * residual)


def smooth_l1_unscaled(xp, prediction, target, *, beta=1.0):
    size = magnitude(xp, prediction - target)
    return xp.where(size < beta, 0.5 * size * size, size - 0.5 * beta)


def squared_hinge_margin_one(xp, logits, target, *, margin=1.0):
    shortfall = 1.0 - target * logits
    short = xp.where(shortfall <= 0, 0.0, shortfall)
    return short * short


def half_squared_overflowing(xp, prediction, target):
    residual = prediction - target
    return 0.5 * (residual * residual)


def kl_by_logarithms(xp, prediction, target, *, log_prediction=False, log_target=False):
    return xp.sum(p.xlogy(xp, target, target) - p.xlogy(xp, target, prediction), axis=-1)


def kl_of_logarithms_subtracted(xp, prediction, target, *, log_prediction=False, log_target=False):
    log_t = target if log_target else xp.log(target)
    log_q = prediction if log_prediction else xp.log(prediction)
    t = xp.exp(target) if log_target else target
    return xp.sum(xp.where(t == 0, 0.0, t) * (log_t - log_q), axis=-1)


def js_by_divergences(xp, prediction, target, *, base=None, target_share=0.5):
    mean = target_share * target + (1.0 - target_share) * prediction
    terms = target_share * target * p.log_ratio(xp, target, mean)
    terms = terms + (1.0 - target_share) * prediction * p.log_ratio(xp, prediction, mean)
    return xp.sum(p.in_base(xp, terms, base), axis=-1)


def absolute_by_root(xp, prediction, target):
    residual = prediction - target
    return xp.sqrt(residual * residual)


def absolute_slope_without_zero(xp, prediction, target):
    slope = xp.where(prediction - target >= 0, 1.0, -1.0) + 0.0 * (prediction - target)
    return slope, -slope


def absolute_slope_of_nowhere(xp, prediction, target):
    slope = xp.where(prediction == target, 2.0, slope_of_magnitude(xp, prediction - target))
    return slope, -slope


def hinge_slope_at_margin(xp, logits, target, *, margin):
    shortfall = margin - target * logits
    return xp.where(shortfall >= 0, -target, 0.0 * shortfall)


def huber_bend_closed(xp, prediction, target, *, delta):
    size = magnitude(xp, prediction - target)
    bend = xp.where(size <= delta, 1.0, 0.0 * size)
    return bend, bend


def sigmoid_bend_of_other_sign(xp, x):
    probability, complement = p.sigmoid_pair(xp, x)
    return probability * complement * xp.tanh(0.5 * x)


def sparse_slope_cancelling(xp, logits, labels, *, label_smoothing):
    right = xp.class_index(logits) == xp.expand_dims(labels, axis=-1)
    return class_axis.softmax(xp, logits) - xp.astype(right, logits.dtype)


def focal_balance_swapped(xp, logits, target, *, alpha=None, gamma=2.0):
    swapped = None if alpha is None else 1.0 - alpha
    original = registry["sigmoid_focal_loss"].kernel
    return original(xp, logits, target, alpha=swapped, gamma=gamma)


def tversky_weights_swapped(
    xp,
    probabilities,
    target,
    *,
    false_positive_weight=0.5,
    false_negative_weight=0.5,
    smooth=0.0,
    gamma=1.0,
):
    return registry["tversky_loss"].kernel(
        xp,
        probabilities,
        target,
        false_positive_weight=false_negative_weight,
        false_negative_weight=false_positive_weight,
        smooth=smooth,
        gamma=gamma,
    )


def softmax_masked_after(xp, logits, *, temperature=1.0, class_where=None):
    return class_axis.only(xp, class_where, class_axis.softmax(xp, logits, temperature))


def smoothed_over_absent_classes(xp, logits, labels, *, label_smoothing=0.0, class_where=None):
    whole = registry["sparse_softmax_cross_entropy"].kernel
    found = whole(xp, logits, labels, class_where=class_where)
    uniform = whole(xp, logits, labels, label_smoothing=1.0, class_where=class_where)
    if class_where is not None:
        count = xp.sum(xp.astype(class_where, logits.dtype), axis=-1)
        uniform = uniform * count / logits.shape[-1]
    return (1.0 - label_smoothing) * found + label_smoothing * uniform


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


def _padded(xp, thresholds):
    infinite = xp.inf * xp.ones_like(thresholds[..., :1])
    return xp.concat([-infinite, thresholds, infinite], axis=-1)


def student_by_two_log_gammas(xp, prediction, scale, degrees_of_freedom, target, *, full=True):
    n = degrees_of_freedom
    z = (prediction - target) / scale
    volume = special.lgamma(xp, 0.5 * n) - special.lgamma(xp, 0.5 * n + 0.5) + 0.5 * xp.log(0.5 * n)
    constant = 0.5 * np.log(2.0 * np.pi) if full else 0.0
    return 0.5 * (n + 1.0) * xp.log1p(z * z / n) + xp.log(scale) + volume + constant


def wasserstein_to_the_power(
    xp, prediction, target, *, p=1.0, prediction_weights=None, target_weights=None
):
    weights = {"prediction_weights": prediction_weights, "target_weights": target_weights}
    original = registry["wasserstein_distance_1d"].kernel
    return original(xp, prediction, target, p=p, **weights) ** p


def distance_with_epsilon(xp, a, b, *, p=2.0, squared=False):
    return registry["pairwise_distance"].kernel(xp, a + 1e-6, b, p=p, squared=squared)


def transport_undivided(xp, a, b, cost):
    return transport_program.solved(a, b, cost).value * xp.sum(a, axis=-1)


def transport_prices_that_hold_together(xp, a, b, cost):
    _, by_first, _, plan = transport_program.solved(a, b, cost)
    low = by_first * xp.sum(a, axis=-1, keepdims=True)
    prices = xp.min(cost - low[..., None], axis=-2)
    total = xp.sum(b, axis=-1, keepdims=True)
    return by_first, (prices - xp.sum(prices * b, axis=-1, keepdims=True) / total) / total, plan


def transport_plan_of_independence(xp, a, b, cost):
    first, second = (x / xp.sum(x, axis=-1, keepdims=True) for x in (a, b))
    _, by_first, by_second, _ = transport_program.solved(a, b, cost)
    return by_first, by_second, first[..., None] * second[..., None, :]


def transport_plan_twice(xp, a, b, cost):
    _, by_first, by_second, plan = transport_program.solved(a, b, cost)
    return by_first, by_second, 2.0 * plan


def one_hot_counted_from_one(xp, labels, *, num_classes):
    return registry["one_hot"].kernel(xp, labels - 1, num_classes=num_classes)


def mixture_of_densities(xp, mixture_logits, means, log_variances, target, *, full=True):
    residual = means - xp.expand_dims(target, axis=-1)
    cost = 0.5 * residual * residual * xp.exp(-log_variances) + 0.5 * log_variances
    density = xp.sum(class_axis.softmax(xp, mixture_logits) * xp.exp(-cost), axis=-1)
    return (0.5 * np.log(2.0 * np.pi) if full else 0.0) - xp.log(density)


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


def chain_with_transitions_turned(xp, emissions, tags, transitions, start, end, mask):
    turned = xp.matrix_transpose(transitions)
    return registry["linear_chain_crf_nll"].kernel(xp, emissions, tags, turned, start, end, mask)


def chain_that_ends_with_its_padding(xp, emissions, tags, transitions, start, end, mask):
    original = registry["linear_chain_crf_nll"].kernel
    whole = original(xp, emissions, tags, transitions, start, end, mask)
    last = mask[..., -1]
    open_end = original(xp, emissions, tags, transitions, start, xp.zeros_like(end), mask)
    return xp.where(last != 0, whole, open_end)


def chain_slopes_of_the_first_step_alone(xp, emissions, tags, transitions, start, end, mask):
    slopes = registry["linear_chain_crf_nll"].gradients["emissions"][1]
    by_emissions, *others = slopes(xp, emissions, tags, transitions, start, end, mask)
    return by_emissions, others[0], by_emissions[..., 0, :], others[2]


def ctc_that_merges_what_a_blank_should_part(
    xp, logits, labels, mask, label_mask, blank, *, zero_infinity=False
):
    repeated = xp.concat([xp.zeros_like(mask[..., :1]), label_mask[..., 1:]], axis=-1)
    same = xp.concat([labels[..., :1] < 0, labels[..., 1:] == labels[..., :-1]], axis=-1)
    merged = xp.where(same & (repeated != 0), 0.0, label_mask)
    original = registry["ctc_loss"].kernel
    return original(xp, logits, labels, mask, merged, blank, zero_infinity=zero_infinity)


def ctc_with_blank_first(xp, logits, labels, mask, label_mask, blank, *, zero_infinity=False):
    first = xp.zeros_like(blank)
    original = registry["ctc_loss"].kernel
    return original(xp, logits, labels, mask, label_mask, first, zero_infinity=zero_infinity)


def ctc_slopes_where_nothing_fits(xp, logits, labels, mask, label_mask, blank, *, zero_infinity):
    slopes = registry["ctc_loss"].gradients["logits"][1]
    given = slopes(xp, logits, labels, mask, label_mask, blank, zero_infinity=zero_infinity)
    nowhere = xp.all(xp.all(given == 0, axis=-1), axis=-1)[..., None, None]
    kept = mask[..., None] != 0
    return xp.where(nowhere & kept, class_axis.softmax(xp, logits), given)


def tokens_over_all_steps(xp, logits, labels, mask, *, label_smoothing=0.0, per_token=True):
    original = registry["token_cross_entropy"].kernel
    total = original(xp, logits, labels, mask, label_smoothing=label_smoothing, per_token=False)
    return total / mask.shape[-1] if per_token else total


def token_slopes_of_the_padding(xp, logits, labels, mask, *, label_smoothing, per_token):
    slopes = registry["token_cross_entropy"].gradients["logits"][1]
    every = xp.ones_like(mask)
    given = slopes(xp, logits, labels, every, label_smoothing=label_smoothing, per_token=False)
    count = xp.sum(mask, axis=-1)
    return given / xp.where(count == 0, 1.0, count)[..., None, None] if per_token else given
