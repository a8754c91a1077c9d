"""Mistakes that are plausible in losses of the family "binary"."""

from __future__ import annotations

from lossapi.losses import registry
from tests.conformance.mutants.mutant import Mutant


def binary_cross_entropy_clamped(xp, probabilities, target, *, epsilon=0.0):
    q = xp.where(
        probabilities < 1e-7, 1e-7, xp.where(probabilities > 1 - 1e-7, 1 - 1e-7, probabilities)
    )
    return 0.0 - (target * xp.log(q) + (1.0 - target) * xp.log(1.0 - q))


def hinge_swallowing_nan(xp, logits, target, *, margin=1.0):
    shortfall = margin - target * logits
    return xp.where(shortfall > 0, shortfall, 0.0)


def squared_hinge_margin_one(xp, logits, target, *, margin=1.0):
    shortfall = 1.0 - target * logits
    short = xp.where(shortfall <= 0, 0.0, shortfall)
    return short * short


def focal_balance_swapped(xp, logits, target, *, alpha=None, gamma=2.0):
    swapped = None if alpha is None else 1.0 - alpha
    original = registry["sigmoid_focal_loss"].kernel
    return original(xp, logits, target, alpha=swapped, gamma=gamma)


def hinge_slope_at_margin(xp, logits, target, *, margin):
    shortfall = margin - target * logits
    return xp.where(shortfall >= 0, -target, 0.0 * shortfall)


MUTANTS = [
    Mutant(
        "probabilities clamped to 1e-7",
        "binary_cross_entropy",
        "stability",
        "grid/value/epsilon=0.0",
        kernel=binary_cross_entropy_clamped,
    ),
    Mutant(
        "a comparison that swallows NaN",
        "hinge_loss",
        "stability",
        "grid/value/margin=1.0",
        kernel=hinge_swallowing_nan,
    ),
    Mutant(
        "a parameter ignored",
        "squared_hinge_loss",
        "properties",
        "drawn/value/margin=2.0",
        kernel=squared_hinge_margin_one,
    ),
    Mutant(
        "focal alpha on the wrong side",
        "sigmoid_focal_loss",
        "properties",
        "drawn/value/alpha=0.25/gamma=2.0",
        kernel=focal_balance_swapped,
    ),
    Mutant(
        "the hinge at its margin",
        "hinge_loss",
        "gradient",
        "kink-positive/gradient/logits",
        gradient=(("logits",), hinge_slope_at_margin),
    ),
]
