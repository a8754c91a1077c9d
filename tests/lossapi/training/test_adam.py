"""Adam's step, by hand and beside other libraries."""

from __future__ import annotations

import numpy as np
import pytest

import lossapi
from lossapi.training import AdamState, adam_state, adam_update


def walk(scale, epsilon, steps=5):
    """Some steps down a bowl, with a loss of a scale."""
    parameters = {"w": np.array([1.0, -2.0]), "b": np.array(0.5)}
    state = adam_state(parameters)
    for _ in range(steps):
        gradients = {name: scale * value for name, value in parameters.items()}
        parameters, state = adam_update(
            parameters, gradients, state, learning_rate=0.1, epsilon=epsilon
        )
    return np.append(parameters["w"], parameters["b"])


def test_the_first_step_is_the_learning_rate_whatever_the_gradient(library):
    parameters = {"w": library.asarray([1.0, 2.0, 3.0]), "b": [library.asarray([0.0])]}
    gradients = {"w": library.asarray([1e-4, -7.0, 0.0]), "b": [library.asarray([1e4])]}
    moved, state = adam_update(
        parameters, gradients, adam_state(parameters), learning_rate=0.5, epsilon=0.0
    )
    np.testing.assert_allclose(library.to_numpy(moved["w"]), [0.5, 2.5, 3.0], rtol=1e-6)
    np.testing.assert_allclose(library.to_numpy(moved["b"][0]), [-0.5], rtol=1e-6)
    assert state.step == 1


@pytest.mark.parametrize("scale", [2.0**40, 2.0**-40])
def test_it_does_not_depend_on_the_scale_of_the_loss_without_an_epsilon(scale):
    assert walk(scale, 0.0).tobytes() == walk(1.0, 0.0).tobytes()


def test_it_does_depend_on_it_with_an_epsilon():
    np.testing.assert_allclose(walk(1e3, 1e-8), walk(1.0, 1e-8), rtol=1e-6)
    assert abs(walk(1e-6, 1e-8) - walk(1.0, 1e-8)).max() > 1e-4


def test_the_bias_at_the_start_is_corrected():
    """With equal gradients every step is the first one, for which it takes both corrections."""
    parameters, state = np.array([0.0]), adam_state(np.array([0.0]))
    for t in range(1, 6):
        parameters, state = adam_update(
            parameters, np.array([3.0]), state, learning_rate=0.25, epsilon=0.0
        )
        assert parameters.item() == pytest.approx(-0.25 * t, rel=1e-14)


def test_it_takes_the_steps_of_pytorch_and_optax():
    torch, optax = pytest.importorskip("torch"), pytest.importorskip("optax")
    gradients = np.random.default_rng(1).normal(size=(20, 3)).astype(np.float32)
    ours, state = np.ones(3, np.float32), adam_state(np.ones(3, np.float32))
    tensor = torch.ones(3, requires_grad=True)
    adam = torch.optim.Adam([tensor], lr=0.01)
    other = optax.adam(0.01)
    theirs = np.ones(3, np.float32)
    theirs_state = other.init(theirs)
    for gradient in gradients:
        ours, state = adam_update(ours, gradient, state, learning_rate=0.01)
        tensor.grad = torch.asarray(gradient)
        adam.step()
        update, theirs_state = other.update(gradient, theirs_state)
        theirs = optax.apply_updates(theirs, update)
    np.testing.assert_allclose(ours, tensor.detach().numpy(), rtol=1e-5)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_it_runs_under_jit_with_a_rate_that_is_traced():
    jax = pytest.importorskip("jax")
    parameters = {"w": jax.numpy.ones(2), "a": jax.numpy.zeros(())}  # jit gives the keys sorted
    gradients = jax.jit(lambda p: {"a": p["a"] + 1, "w": p["w"]})(parameters)
    step = jax.jit(lambda p, g, s, r: adam_update(p, g, s, learning_rate=r))
    moved, state = step(parameters, gradients, adam_state(parameters), 0.5)
    moved, state = step(moved, gradients, state, 0.5)
    assert isinstance(state, AdamState)
    assert moved["w"].tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
    assert moved["a"].tolist() == pytest.approx(-1.0)


def test_a_parameter_without_a_gradient_stays():
    parameters = [np.array([1.0]), np.array([2.0])]
    moved, state = adam_update(parameters, [None, np.array([1.0])], adam_state(parameters))
    assert moved[0] is parameters[0]
    assert state.mean[0].tolist() == [0.0]
    assert moved[1] < 2.0


def test_half_precision_keeps_its_moments_in_float32():
    parameters = np.array([1.0], np.float16)
    gradient = np.array([2.0**-20], np.float16)  # whose square is below float16
    moved, state = adam_update(
        parameters, gradient, adam_state(parameters), learning_rate=0.25, epsilon=0.0
    )
    assert (moved.dtype, state.square.dtype) == (np.float16, np.float32)
    assert moved.item() == 0.75


MISTAKES = [
    ({"beta1": 1.0}, lossapi.ParameterError, ("beta1 is 1.0", "[0, 1)")),
    ({"epsilon": -1e-8}, lossapi.ParameterError, ("epsilon is -1e-08", "[0, inf)")),
    ({"gradients": {"v": np.ones(2)}}, lossapi.ShapeError, ("gradients has a dict of 'v'",)),
    ({"gradients": {"w": np.ones(3)}}, lossapi.ShapeError, ("(3,)", "(2,)")),
    ({"gradients": {"w": np.arange(2)}}, lossapi.DTypeError, ("gradients['w']", "int64")),
]


@pytest.mark.parametrize(("given", "error", "parts"), MISTAKES)
def test_a_mistake_is_told_with_what_is_accepted(given, error, parts):
    parameters = {"w": np.ones(2)}
    call = {"gradients": parameters, "state": adam_state(parameters), **given}
    with pytest.raises(error) as told:
        adam_update(parameters, **call)
    for part in ("adam_update: ", *parts):
        assert part in str(told.value)
