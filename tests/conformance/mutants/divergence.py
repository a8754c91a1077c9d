"""Mistakes that are plausible in losses of the family "divergence"."""

from __future__ import annotations

from lossapi import primitives as p
from lossapi import transport_program
from lossapi.losses import registry
from tests.conformance.mutants.mutant import Mutant


def wasserstein_to_the_power(
    xp, prediction, target, *, p=1.0, prediction_weights=None, target_weights=None
):
    weights = {"prediction_weights": prediction_weights, "target_weights": target_weights}
    original = registry["wasserstein_distance_1d"].kernel
    return original(xp, prediction, target, p=p, **weights) ** p


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


def bottleneck_of_the_other_sign(xp, cross_entropy, kl, *, beta=0.001):
    return cross_entropy - beta * kl


_OF_TRANSPORT = ("a", "b", "cost")

MUTANTS = [
    Mutant(
        "the power of the Wasserstein distance",
        "wasserstein_distance_1d",
        "value",
        "quadratic/value",
        kernel=wasserstein_to_the_power,
    ),
    Mutant(
        "masses that are not divided by their sum",
        "wasserstein_distance",
        "value",
        "three-by-two/value",
        kernel=transport_undivided,
    ),
    Mutant(
        "one set of prices for all places without mass",
        "wasserstein_distance",
        "gradient",
        "massless-places/gradient/b",
        gradient=(_OF_TRANSPORT, transport_prices_that_hold_together),
    ),
    Mutant(
        "a plan that moves everything everywhere",
        "wasserstein_distance",
        "gradient",
        "two-by-two/gradient/cost",
        gradient=(_OF_TRANSPORT, transport_plan_of_independence),
    ),
    Mutant(
        "no plan at all where any would do",
        "wasserstein_distance",
        "gradient",
        "two-plans/gradient/cost",
        gradient=(_OF_TRANSPORT, transport_plan_twice),
    ),
    Mutant(
        "two entropies subtracted",
        "kl_divergence",
        "properties",
        "drawn/value/log_prediction=False/log_target=False",
        kernel=kl_by_logarithms,
    ),
    Mutant(
        "0 times the logarithm of a class that neither distribution knows",
        "kl_divergence",
        "value",
        "log-both-masked/value",
        kernel=kl_of_logarithms_subtracted,
    ),
    Mutant(
        "two divergences whose linear terms cancel",
        "js_divergence",
        "value",
        "last-bits-unequal/value",
        kernel=js_by_divergences,
    ),
    Mutant(
        "a code that is paid for what it keeps",
        "information_bottleneck_loss",
        "value",
        "default/value",
        kernel=bottleneck_of_the_other_sign,
    ),
]
