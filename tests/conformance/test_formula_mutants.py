"""Formulas as they are misread or misprinted: each is noticed at a named point of its loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lossapi.conformance.backend_subject import BackendSubject
from lossapi.conformance.result import Result
from lossapi.loss import Function
from lossapi.losses import registry


def original(name: str) -> Any:
    return registry[name].kernel


def dice_without_the_factor_2(
    xp, probabilities, target, *, smooth_numerator=0.0, smooth_denominator=0.0, squared=False
):
    whole = original("dice_loss")(
        xp,
        probabilities,
        target,
        smooth_numerator=smooth_numerator,
        smooth_denominator=smooth_denominator,
        squared=squared,
    )
    return 1.0 - (1.0 - whole) / 2.0


def smoothing_terms_swapped(
    xp, probabilities, target, *, smooth_numerator=0.0, smooth_denominator=0.0, squared=False
):
    return original("dice_loss")(
        xp,
        probabilities,
        target,
        smooth_numerator=smooth_denominator,
        smooth_denominator=smooth_numerator,
        squared=squared,
    )


def dice_of_the_squares_that_are_not(
    xp, probabilities, target, *, smooth_numerator=0.0, smooth_denominator=0.0, squared=False
):
    return original("dice_loss")(
        xp,
        probabilities,
        target,
        smooth_numerator=smooth_numerator,
        smooth_denominator=smooth_denominator,
        squared=not squared,
    )


def asymmetric_powers_swapped(
    xp, logits, target, *, gamma_positive=1.0, gamma_negative=4.0, clip=0.05
):
    return original("asymmetric_loss")(
        xp,
        logits,
        target,
        gamma_positive=gamma_negative,
        gamma_negative=gamma_positive,
        clip=clip,
    )


def logarithms_of_the_other_side(xp, prediction, target, *, log_prediction=False, log_target=False):
    return original("kl_divergence")(
        xp, prediction, target, log_prediction=log_target, log_target=log_prediction
    )


def jensen_shannon_not_halved(xp, prediction, target, *, base=None, target_share=0.5):
    return 2.0 * original("js_divergence")(
        xp, prediction, target, base=base, target_share=target_share
    )


def share_of_the_prediction(xp, prediction, target, *, base=None, target_share=0.5):
    return original("js_divergence")(
        xp, prediction, target, base=base, target_share=1.0 - target_share
    )


def divergence_of_the_other_direction(xp, mean, log_variance, prior_mean, prior_log_variance):
    return original("gaussian_kl_divergence")(
        xp, prior_mean, prior_log_variance, mean, log_variance
    )


def temperature_multiplies(xp, logits, labels, temperature):
    return original("temperature_softmax_cross_entropy")(xp, logits, labels, 1.0 / temperature)


def distillation_without_its_square(xp, logits, teacher_logits, *, temperature=1.0, scaled=True):
    return original("knowledge_distillation_loss")(
        xp, logits, teacher_logits, temperature=temperature, scaled=False
    )


def teacher_and_student_swapped(xp, logits, teacher_logits, *, temperature=1.0, scaled=True):
    return original("knowledge_distillation_loss")(
        xp, teacher_logits, logits, temperature=temperature, scaled=scaled
    )


def fano_of_all_classes(xp, conditional_entropy, *, classes=2.0, weak=False):
    return original("fano_lower_bound")(xp, conditional_entropy, classes=classes + 1.0, weak=weak)


def boundary_by_the_sum(xp, probabilities, signed_distance):
    return xp.sum(probabilities * signed_distance, axis=-1)


def distance_instead_of_complete(xp, prediction, target):
    return original("distance_box_iou_loss")(xp, prediction, target)


def normalised_by_squares(xp, x, *, epsilon=0.0):
    size = xp.sum(x * x, axis=-1, keepdims=True)
    return x / xp.where(size > 0, size, 1.0)


MISREADINGS = [
    ("dice_loss", dice_without_the_factor_2, "four-pixels"),
    ("dice_loss", smoothing_terms_swapped, "smoothed-apart"),
    ("dice_loss", dice_of_the_squares_that_are_not, "squared-forty-pixels"),
    ("asymmetric_loss", asymmetric_powers_swapped, "other-powers-positive"),
    ("kl_divergence", logarithms_of_the_other_side, "log-prediction"),
    ("js_divergence", jensen_shannon_not_halved, "in-bits"),
    ("js_divergence", share_of_the_prediction, "mostly-target"),
    ("gaussian_kl_divergence", divergence_of_the_other_direction, "narrower"),
    ("temperature_softmax_cross_entropy", temperature_multiplies, "cold"),
    ("knowledge_distillation_loss", distillation_without_its_square, "softened"),
    ("knowledge_distillation_loss", teacher_and_student_swapped, "masked-by-teacher"),
    ("fano_lower_bound", fano_of_all_classes, "ten"),
    ("boundary_loss", boundary_by_the_sum, "five-pixels"),
    ("complete_box_iou_loss", distance_instead_of_complete, "crossing"),
    ("l2_normalize", normalised_by_squares, "three"),
]


@pytest.mark.parametrize(
    ("loss", "kernel", "point"),
    MISREADINGS,
    ids=[f"{kernel.__name__} in {loss}" for loss, kernel, _ in MISREADINGS],
)
def test_a_misread_formula_is_noticed_at_a_point(
    loss: str,
    kernel: Callable[..., Any],
    point: str,
    failures: Callable[..., dict[str, Result]],
    healthy: Callable[..., list[str]],
    mutated: Callable[..., Function],
) -> None:
    assert healthy("value", "numpy", loss, "float64") == []
    broken = BackendSubject("numpy", losses={loss: mutated(loss, kernel)})
    found = failures("value", broken, loss, "float64")
    assert found[f"{point}/value"].outcome == "fail", found[f"{point}/value"].message
