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


def discriminator_smoothed_on_both_sides(xp, real_logits, fake_logits, *, label_smoothing=0.0):
    own = registry["gan_discriminator_loss"].kernel
    real = own(xp, real_logits, 0.0 * fake_logits, label_smoothing=label_smoothing)
    fake = own(xp, -fake_logits, 0.0 * real_logits, label_smoothing=label_smoothing)
    return real + fake - 2.0 * np.log(2.0)


def generator_by_logarithm_of_sigmoid(xp, fake_logits, *, saturating=False):
    probability = p.sigmoid(xp, fake_logits)
    return xp.log(1.0 - probability) if saturating else -xp.log(probability)


def critic_upside_down(xp, real_scores, fake_scores):
    return registry["wgan_critic_loss"].kernel(xp, fake_scores, real_scores)


def generator_of_the_critics_sign(xp, fake_scores):
    return 1.0 * fake_scores


def least_squares_of_all_samples(xp, real_scores, fake_scores, *, real_target=1.0, fake_target=0.0):
    real, fake = real_scores - real_target, fake_scores - fake_target
    total = xp.sum(real * real, axis=-1) + xp.sum(fake * fake, axis=-1)
    return 0.5 * total / (real.shape[-1] + fake.shape[-1])


def least_squares_undivided(xp, fake_scores, *, generator_target=1.0):
    return (fake_scores - generator_target) ** 2


def penalty_on_both_sides(xp, gradients, *, center=1.0, weight=10.0, one_sided=False):
    return registry["gradient_penalty"].kernel(xp, gradients, center=center, weight=weight)


def penalty_by_plain_norm(xp, gradients, *, center, weight, one_sided):
    size = xp.sqrt(xp.sum(gradients * gradients, axis=-1, keepdims=True))
    return 2.0 * weight * (size - center) * gradients / size


def policy_multiplying_infinity(xp, log_probabilities, advantages):
    return -advantages * log_probabilities


def value_squared_before_it_is_scaled(xp, values, returns, *, scale=1.0):
    residual = values - returns
    return scale * (residual * residual)


def entropy_added(
    xp, policy_losses, value_losses, entropies, *, value_weight=0.5, entropy_weight=0.01
):
    return policy_losses + value_weight * value_losses + entropy_weight * entropies


def bottleneck_of_the_other_sign(xp, cross_entropy, kl, *, beta=0.001):
    return cross_entropy - beta * kl


def regularizer_that_sharpens(xp, logits, *, weight=0.01):
    return -registry["entropy_regularizer"].kernel(xp, logits, weight=weight)


def ranking_by_rounded_difference(xp, first, second, target, *, margin=0.0):
    short = margin - target * (first - second)
    return xp.where(short > 0, short, p.zero(xp, short))


def preference_of_rounded_scores(xp, positive_score, negative_score):
    return p.softplus(xp, negative_score - positive_score)


def pairs_not_divided(xp, scores, relevance, *, margin=1.0, class_where=None):
    ordered = relevance[..., :, None] > relevance[..., None, :]
    short = margin - (scores[..., :, None] - scores[..., None, :])
    return xp.sum(xp.sum(xp.where(ordered & (short > 0), short, 0.0), axis=-1), axis=-1)


def listnet_of_plain_relevance(xp, scores, relevance, *, temperature=1.0, class_where=None):
    return xp.sum(0.0 - relevance * class_axis.log_softmax(xp, scores), axis=-1)


def warp_not_divided_by_rank(xp, positive_score, negative_scores, *, margin=1.0):
    short = margin - (positive_score[..., None] - negative_scores)
    rank = xp.sum(xp.where(short > 0, 1.0, 0.0 * short), axis=-1)
    return rank * registry["warp_loss"].kernel(xp, positive_score, negative_scores, margin=margin)


def reinforce_of_the_mean_token(xp, log_probabilities, rewards, baseline=0.0, *, class_where=None):
    mean = xp.sum(log_probabilities, axis=-1) / log_probabilities.shape[-1]
    return -(rewards - baseline) * mean


def risk_of_raw_probabilities(xp, log_probabilities, risks, *, alpha=0.005, class_where=None):
    return xp.sum(xp.exp(alpha * log_probabilities) * risks, axis=-1)


def schedule_overflowing(xp, step, *, decay=1000.0):
    return decay / (decay + xp.exp(step / decay))


def sum_multiplying_infinity(xp, losses, task_weights):
    return xp.sum(losses * task_weights, axis=-1)


def uncertainty_without_a_logarithm_each(xp, losses, log_variances, *, task_scales=None):
    scales = 0.5 if task_scales is None else task_scales
    total = xp.sum(scales * losses * xp.exp(-log_variances), axis=-1)
    return total + 0.5 * log_variances[..., 0]


def gradnorm_of_rates(xp, gradient_norms, loss_ratios, *, alpha=1.5):
    return registry["gradnorm_loss"].kernel(xp, gradient_norms, 1.0 / loss_ratios, alpha=alpha)


def gradnorm_whose_targets_move(xp, gradient_norms, loss_ratios, *, alpha):
    _, slope = registry["gradnorm_loss"].gradients["gradient_norms"]
    sign = slope(xp, gradient_norms, loss_ratios, alpha=alpha)
    level = xp.sum(loss_ratios, axis=-1, keepdims=True) / loss_ratios.shape[-1]
    moved = sign * (loss_ratios / level) ** alpha
    return sign - xp.sum(moved, axis=-1, keepdims=True) / loss_ratios.shape[-1]


def contrastive_with_the_papers_labels(xp, distance, target, *, margin=1.0):
    return registry["contrastive_loss"].kernel(xp, distance, 1.0 - target, margin=margin)


def cosine_from_one(xp, u, v):
    lengths = [xp.sqrt(xp.sum(x * x, axis=-1)) for x in (u, v)]
    return 1.0 - xp.sum(u * v, axis=-1) / (lengths[0] * lengths[1])


def triplet_swap_forgotten(
    xp, anchor, positive, negative, *, margin=1.0, p=2.0, squared=False, swap=False, soft=False
):
    original, options = registry["triplet_margin_loss"].kernel, {"squared": squared, "soft": soft}
    return original(xp, anchor, positive, negative, margin=margin, p=p, **options)


def triplet_with_epsilon(
    xp, anchor, positive, negative, *, margin=1.0, p=2.0, squared=False, swap=False, soft=False
):
    original = registry["triplet_margin_loss"].kernel
    options = {"margin": margin, "p": p, "squared": squared, "swap": swap, "soft": soft}
    return original(xp, anchor + 1e-6, positive, negative, **options)


def center_without_half(xp, features, labels, centers):
    return 2.0 * registry["center_loss"].kernel(xp, features, labels, centers)


def info_nce_only_one_way(xp, query, key, *, temperature=0.07, symmetric=False, normalize=True):
    original = registry["info_nce_loss"].kernel
    return original(xp, query, key, temperature=temperature, normalize=normalize)


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


def cosine_embedding_without_margin(xp, u, v, target, *, margin=0.0):
    return registry["cosine_embedding_loss"].kernel(xp, u, v, target, margin=0.0)


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
