"""Inputs that are held constant: advantages, returns, rewards and what else makes a target."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossapi

VECTOR = np.asarray([0.25, -1.5, 0.75])
CASES: list[tuple[str, dict[str, Any]]] = [
    ("policy_gradient_loss", {"log_probabilities": -(VECTOR**2), "advantages": VECTOR}),
    ("pairwise_hinge_loss", {"scores": VECTOR, "relevance": VECTOR**2}),
    ("gradnorm_loss", {"gradient_norms": VECTOR**2, "loss_ratios": VECTOR**4}),
    ("listnet_loss", {"scores": VECTOR, "relevance": VECTOR**2}),
    (
        "reinforce_loss",
        {
            "log_probabilities": -(VECTOR**2),
            "rewards": np.asarray(0.75),
            "baseline": np.asarray(0.25),
        },
    ),
    ("minimum_risk_loss", {"log_probabilities": VECTOR, "risks": VECTOR**2}),
    ("value_loss", {"values": VECTOR, "returns": VECTOR[::-1].copy()}),
    (
        "clipped_value_loss",
        {"values": VECTOR, "old_values": VECTOR + 0.125, "returns": VECTOR[::-1].copy()},
    ),
]
"""Losses, and inputs at which every slope that is not held is another number than 0."""


def held(name: str) -> list[str]:
    function = getattr(lossapi, name)
    return [n for n in function.inputs if n not in function.differentiable]


@pytest.mark.parametrize(("name", "inputs"), CASES)
def test_torch_gives_what_is_held_a_gradient_of_exactly_0(
    name: str, inputs: dict[str, Any]
) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    loss = getattr(lossapi, name)
    assert held(name)
    leaves = {n: torch.tensor(x, dtype=torch.float64) for n, x in inputs.items()}
    for n in held(name):
        place = list(inputs).index(n)

        def of(x: Any, place: int = place) -> Any:
            arrays = [x if i == place else y for i, y in enumerate(leaves.values())]
            return loss(*arrays)

        assert not torch.any(torch.func.grad(of)(leaves[n]))
    for leaf in leaves.values():
        leaf.requires_grad_()
    loss(*leaves.values()).backward()
    for n, leaf in leaves.items():
        if n in held(name):
            assert leaf.grad is None or not torch.any(leaf.grad)
        else:
            assert torch.any(leaf.grad)


@pytest.mark.parametrize(("name", "inputs"), CASES)
def test_jax_gives_what_is_held_a_gradient_of_exactly_0(name: str, inputs: dict[str, Any]) -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    loss = getattr(lossapi, name)
    arrays = [jax.numpy.asarray(x) for x in inputs.values()]
    every = jax.grad(loss, argnums=tuple(range(len(arrays))))(*arrays)
    tangents = tuple(jax.numpy.ones_like(x) for x in arrays)
    for n, slope, array, place in zip(inputs, every, arrays, range(len(arrays)), strict=True):
        assert bool(jax.numpy.any(slope != 0)) == (n not in held(name))
        if n in held(name):
            still = tuple(t if i == place else 0 * t for i, t in enumerate(tangents))
            assert jax.jvp(loss, tuple(arrays), still)[1] == 0
            assert slope.shape == array.shape


def test_an_advantage_computed_from_a_value_does_not_train_the_value() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    value = torch.tensor([0.5, 1.0], requires_grad=True)
    logits = torch.tensor([[0.25, -1.0], [2.0, 0.5]], requires_grad=True)
    taken = torch.log_softmax(logits, -1)[:, 0]
    lossapi.policy_gradient_loss(taken, torch.tensor([1.0, 3.0]) - value).backward()
    assert value.grad is None or not torch.any(value.grad)
    assert torch.any(logits.grad != 0)


def test_the_gradient_of_an_actor_critic_is_that_of_its_parts() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    logits = torch.tensor([[0.25, -1.0, 0.5], [2.0, 0.5, 0.0]], dtype=torch.float64)
    values = torch.tensor([0.5, 1.0], dtype=torch.float64)
    returns = torch.tensor([1.5, -1.0], dtype=torch.float64)

    def together(logits: Any, values: Any) -> Any:
        taken = torch.log_softmax(logits, -1)[:, 1]
        return lossapi.actor_critic_loss(
            lossapi.policy_gradient_loss(taken, returns - values, reduction="none"),
            lossapi.value_loss(values, returns, reduction="none"),
            lossapi.softmax_entropy(logits, reduction="none"),
        )

    by_logits, by_values = torch.func.grad(together, (0, 1))(logits, values)
    advantages = (returns - values)[:, None]
    probabilities = torch.softmax(logits, -1)
    right = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    policy = -(advantages * (right - probabilities)) / 2
    exploring = lossapi.entropy_regularizer.grad(logits, weight=0.01)
    torch.testing.assert_close(by_logits, policy + exploring)
    torch.testing.assert_close(by_values, 0.5 * 2 * (values - returns) / 2)


def test_a_step_down_the_regularizer_raises_the_entropy() -> None:
    logits = np.asarray([1.0, -0.5, 0.25])
    step = lossapi.entropy_regularizer.grad(logits, weight=1.0)
    after = lossapi.softmax_entropy(logits - 0.1 * step)
    assert after > lossapi.softmax_entropy(logits)
