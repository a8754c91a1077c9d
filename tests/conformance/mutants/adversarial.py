"""Mistakes that are plausible in losses of the family "adversarial"."""

from __future__ import annotations

import numpy as np

from lossapi import primitives as p
from lossapi.losses import registry
from tests.conformance.mutants.mutant import Mutant


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


MUTANTS = [
    Mutant(
        "label smoothing on both sides",
        "gan_discriminator_loss",
        "value",
        "smoothed/value",
        kernel=discriminator_smoothed_on_both_sides,
    ),
    Mutant(
        "the logarithm of a sigmoid that rounds to 1",
        "gan_generator_loss",
        "value",
        "fully-deceived/value",
        kernel=generator_by_logarithm_of_sigmoid,
    ),
    Mutant(
        "the critic's objective as its loss",
        "wgan_critic_loss",
        "value",
        "two-and-three/value",
        kernel=critic_upside_down,
    ),
    Mutant(
        "a generator that lowers its scores",
        "wgan_generator_loss",
        "value",
        "good/value",
        kernel=generator_of_the_critics_sign,
    ),
    Mutant(
        "one mean over real and generated samples",
        "least_squares_gan_discriminator_loss",
        "value",
        "two-and-three/value",
        kernel=least_squares_of_all_samples,
    ),
    Mutant(
        "a square that is not halved",
        "least_squares_gan_generator_loss",
        "value",
        "generated/value",
        kernel=least_squares_undivided,
    ),
    Mutant(
        "a switch that does nothing",
        "gradient_penalty",
        "value",
        "one-sided-short/value",
        kernel=penalty_on_both_sides,
    ),
    Mutant(
        "the direction of the zero vector",
        "gradient_penalty",
        "gradient",
        "nought/gradient/gradients",
        gradient=(("gradients",), penalty_by_plain_norm),
    ),
]
