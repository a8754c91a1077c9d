"""Two networks that play against each other: where their games end, and which way they step."""

from __future__ import annotations

import math

import numpy as np
import pytest

import lossapi

DATA = np.asarray([0.5, 0.25, 0.125, 0.125])
MODEL = np.asarray([0.125, 0.125, 0.25, 0.5])


def sampled(logits: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Logits at a sample in which each of the four things has exactly its share."""
    return np.repeat(logits, (16 * shares).astype(int))


def value_of_the_game(logits: np.ndarray) -> float:
    real, fake = sampled(logits, DATA), sampled(logits, MODEL)
    return -float(lossapi.gan_discriminator_loss(real, fake))


def test_at_the_best_discriminator_the_game_is_worth_twice_the_divergence_less_log_4() -> None:
    best = np.log(DATA / MODEL)  # D = p / (p + q)
    divergence = float(lossapi.js_divergence(MODEL, DATA))
    assert value_of_the_game(best) == pytest.approx(2 * divergence - math.log(4), rel=1e-14)
    for place in range(4):
        for step in (-0.125, 0.125):
            other = best + step * (np.arange(4) == place)
            assert value_of_the_game(other) < value_of_the_game(best)


def test_both_generator_losses_point_the_same_way_and_one_of_them_vanishes() -> None:
    seen_through = np.asarray([-30.0, -3.0, 2.0])
    plain = lossapi.gan_generator_loss.grad(seen_through, reduction="none")
    flat = lossapi.gan_generator_loss.grad(seen_through, saturating=True, reduction="none")
    assert np.all(np.sign(plain) == np.sign(flat))
    assert plain[0] == pytest.approx(-1.0)
    assert abs(flat[0]) < 1e-12


def test_a_step_down_the_critics_loss_raises_real_samples_above_generated_ones() -> None:
    real, fake = np.asarray([0.5, -1.0]), np.asarray([1.0, 2.0, 0.25])
    before = real.mean() - fake.mean()
    steps = lossapi.wgan_critic_loss.grad(real, fake, wrt=("real_scores", "fake_scores"))
    real, fake = real - steps[0], fake - steps[1]
    assert real.mean() - fake.mean() > before
    # And one of the generator raises the scores of its samples.
    assert np.all(fake - lossapi.wgan_generator_loss.grad(fake) > fake)


def test_one_sided_smoothing_leaves_generated_samples_alone() -> None:
    real, fake = np.asarray([2.0, 3.0]), np.asarray([-1.0])
    wrt = ("real_logits", "fake_logits")
    hard = lossapi.gan_discriminator_loss.grad(real, fake, wrt=wrt)
    soft = lossapi.gan_discriminator_loss.grad(real, fake, label_smoothing=0.25, wrt=wrt)
    assert np.all(hard[1] == soft[1])
    assert np.all(soft[0] == pytest.approx(hard[0] + 0.125))


def test_a_step_down_the_penalty_brings_a_gradient_closer_to_its_length() -> None:
    for gradient in ([0.3, -0.4], [3.0, 4.0]):
        value, slope = lossapi.gradient_penalty.value_and_grad(gradient)
        moved = np.asarray(gradient) - 0.01 * slope
        assert abs(np.linalg.norm(moved) - 1) < abs(np.linalg.norm(gradient) - 1)
        assert value == pytest.approx(10 * (np.linalg.norm(gradient) - 1) ** 2)


def test_the_penalty_is_not_convex_as_the_zero_vector_lies_above_what_surrounds_it() -> None:
    around = [lossapi.gradient_penalty([x, 0.0]) for x in (-0.5, 0.0, 0.5)]
    assert around[1] == 10.0 > around[0] == around[2] == 2.5


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_at_the_zero_vector_the_libraries_find_a_gradient_of_0(library: str) -> None:
    pytest.importorskip(library, reason=f"{library} is not installed")
    if library == "torch":
        import torch

        x = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        lossapi.gradient_penalty(x).backward()
        found = torch.func.grad(lossapi.gradient_penalty)(x.detach())
        assert x.grad is not None
        assert x.grad.tolist() == found.tolist() == [0.0, 0.0, 0.0]
    else:
        import jax
        import jax.numpy as jnp

        assert jax.grad(lossapi.gradient_penalty)(jnp.zeros(3)).tolist() == [0.0, 0.0, 0.0]
