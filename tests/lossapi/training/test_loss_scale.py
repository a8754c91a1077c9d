"""Scaling is exact for powers of two, and the scale follows what the gradients bear."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest

import lossapi
from lossapi.training import (
    DynamicLossScale,
    all_finite,
    scale_loss,
    select_tree,
    unscale_gradients,
)


@pytest.mark.parametrize("power", [-20, 1, 16, 100])
def test_scaling_by_a_power_of_two_and_back_is_exact(library, power):
    values = np.random.default_rng(1).normal(size=50).astype(np.float32)
    scaled = scale_loss({"loss": library.asarray(values)}, 2.0**power)
    back = unscale_gradients(scaled, 2.0**power)["loss"]
    np.testing.assert_array_equal(library.to_numpy(back), values)


def test_half_precision_is_scaled_in_float32_where_neither_end_loses_anything():
    scaled = scale_loss(np.float16(3.0), 2.0**16)
    assert (scaled, scaled.dtype) == (196608.0, np.float32)  # beyond float16
    gradients = unscale_gradients([np.array([0.375], np.float16)], 2.0**30)
    assert gradients[0].dtype == np.float32
    assert gradients[0].item() == 0.375 * 2.0**-30  # below float16


def test_a_loss_stays_differentiable():
    torch = pytest.importorskip("torch")
    prediction = torch.ones(3, requires_grad=True)
    loss = lossapi.half_squared_error(prediction, torch.zeros(3))
    scale_loss(loss, DynamicLossScale(scale=1024.0)).backward()
    assert unscale_gradients(prediction.grad, 1024.0).tolist() == [float(np.float32(1 / 3))] * 3


def test_an_overflow_backs_off_and_finite_steps_grow():
    state = DynamicLossScale(scale=8.0, growth_interval=3)
    scales = []
    for finite in (True, True, True, True, False, True, True, True):
        state = state.update(finite)
        scales.append(state.scale)
    assert scales == [8.0, 8.0, 16.0, 16.0, 8.0, 8.0, 8.0, 16.0]
    assert state.finite_steps == 0


def test_it_stays_between_its_bounds():
    state = DynamicLossScale(scale=2.0, minimum=1.0, maximum=4.0, growth_interval=1)
    assert [state.update(True).scale, state.update(True).update(True).scale] == [4.0, 4.0]
    assert state.update(False).update(False).scale == 1.0
    assert math.isfinite(DynamicLossScale(scale=2.0**127, growth_interval=1).update(True).scale)


def test_the_state_never_changes():
    state = DynamicLossScale()
    state.update(False)
    assert state.scale == 65536.0
    with pytest.raises(AttributeError):
        state.scale = 1.0
    assert copy.deepcopy(state) == state
    assert state._replace(scale=2.0).update(False).scale == 1.0


def test_it_goes_the_way_of_the_scaler_of_pytorch():
    torch = pytest.importorskip("torch")
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16, growth_interval=4)
    state = DynamicLossScale(growth_interval=4)
    parameter = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    for bad in np.random.default_rng(2).random(40) < 0.15:
        parameter.grad = torch.asarray([math.inf if bad else 1.0])
        scaler.scale(torch.ones(()))
        scaler.step(optimizer)
        scaler.update()
        state = state.update(all_finite([parameter.grad]))
        assert float(state.scale) == scaler.get_scale()


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_one_entry_that_is_not_finite_is_found(library, bad):
    good = {"w": library.asarray([1.0, 2.0]), "none": None, "b": [library.asarray(0.5)]}
    assert bool(all_finite(good)) is True
    assert bool(all_finite({**good, "c": library.asarray([0.0, bad])})) is False


def test_a_step_is_left_out_without_a_look(library):
    old = {"w": library.asarray([1.0, 2.0]), "step": 3}
    new = {"w": library.asarray([np.nan, 2.5]), "step": 4}
    for finite in (True, False):
        chosen = select_tree(all_finite([library.asarray([0.0 if finite else np.nan])]), new, old)
        due = new if finite else old
        assert int(chosen["step"]) == due["step"]
        np.testing.assert_array_equal(library.to_numpy(chosen["w"]), library.to_numpy(due["w"]))
    assert select_tree(True, new, old) is new


def test_a_whole_step_runs_under_jit_and_is_compiled_once():
    jax = pytest.importorskip("jax")
    traced = []

    @jax.jit
    def step(weight, state, target):
        traced.append(None)

        def scaled(weight):
            return scale_loss(lossapi.half_squared_error(weight * target, target), state)

        gradient = unscale_gradients(jax.grad(scaled)(weight), state)
        finite = all_finite(gradient)
        return select_tree(finite, weight - 0.5 * gradient, weight), state.update(finite)

    weight, state = jax.numpy.asarray(3.0), DynamicLossScale(scale=2.0**10, growth_interval=2)
    good, bad = jax.numpy.asarray([1.0]), jax.numpy.asarray([jax.numpy.inf])
    found = []
    for target in (good, good, bad, good):
        weight, state = step(weight, state, target)
        found.append((float(weight), float(state.scale)))
    assert found == [(2.0, 1024.0), (1.5, 2048.0), (1.5, 1024.0), (1.25, 1024.0)]
    assert isinstance(state, DynamicLossScale)
    assert len(traced) <= 2  # the numbers at the start, and the arrays after it


def test_it_is_a_carry_of_scan():
    jax = pytest.importorskip("jax")
    finite = jax.numpy.asarray([True, True, False, True])
    state = DynamicLossScale(scale=8.0, growth_interval=2)
    last, scales = jax.lax.scan(lambda s, f: (s.update(f), s.update(f).scale), state, finite)
    assert scales.tolist() == [8.0, 16.0, 8.0, 8.0]
    assert int(last.finite_steps) == 1


def test_jax_maps_its_leaves_to_whatever_it_likes():
    jax = pytest.importorskip("jax")
    shapes = jax.tree.map(lambda leaf: 0, DynamicLossScale())
    assert isinstance(shapes, DynamicLossScale)
    assert len(jax.tree.leaves(DynamicLossScale())) == 7


def test_plain_verdicts_and_arrays_mix(library):
    state = DynamicLossScale(scale=8.0).update(library.asarray(False, "bool"))
    assert float(state.scale) == 4.0
    assert float(state.update(False).scale) == 2.0
    assert float(state.update(np.True_).finite_steps) == 1


FIELDS = [
    ({"scale": 0.0}, ("scale is 0.0", "(0, inf)")),
    ({"growth_factor": 1.0}, ("growth_factor is 1.0", "(1, inf)")),
    ({"backoff_factor": 2}, ("backoff_factor is 2", "(0, 1)")),
    ({"growth_interval": 0.5}, ("growth_interval is 0.5", "{1, 2, ...}")),
    ({"scale": "dynamic"}, ("scale is 'dynamic', a str",)),
    ({"scale": 0.5}, ("scale is 0.5, minimum 1.0", "from the minimum")),
]


@pytest.mark.parametrize(("fields", "parts"), FIELDS)
def test_a_wrong_field_is_told_when_the_state_is_used(fields, parts):
    state = DynamicLossScale(**fields)
    for use in (lambda: state.update(True), lambda: scale_loss(1.0, state)):
        with pytest.raises(lossapi.ParameterError) as told:
            use()
        for part in parts:
            assert part in str(told.value)


MISTAKES = [
    (lambda: DynamicLossScale().update(1), ("finite is 1", "all_finite(gradients)")),
    (lambda: DynamicLossScale().update(np.ones(2, bool)), ("finite is array", "shape ()")),
    (lambda: scale_loss(1.0, 0.0), ("scale_loss: scale is 0.0", "(0, inf)")),
    (lambda: unscale_gradients([1.0], math.inf), ("scale is inf", "(0, inf)")),
    (lambda: select_tree(0.5, [1.0], [1.0]), ("condition is 0.5", "bool array")),
]


@pytest.mark.parametrize(("call", "parts"), MISTAKES)
def test_a_mistake_is_told_with_what_is_accepted(call, parts):
    with pytest.raises(lossapi.ParameterError) as told:
        call()
    for part in parts:
        assert part in str(told.value)


@pytest.mark.parametrize(
    ("new", "old", "part"),
    [
        ({"a": np.ones(1)}, {"b": np.ones(1)}, "old has a dict of 'b' where new has a dict of 'a'"),
        ([np.ones(1)], [np.ones(1)] * 2, "old has a list of 2 where new has a list of 1"),
        ([np.ones(1)], np.ones(1), "old has one array where new has a list of 1"),
        ([[np.ones(1)]], [np.ones(1)], "old[0] has one array where new[0] has a list of 1"),
        ([np.ones(1)], [None], "old has None"),
    ],
)
def test_trees_that_differ_are_told_where(new, old, part):
    with pytest.raises(lossapi.ShapeError) as told:
        select_tree(np.True_, new, old)
    assert part in str(told.value)
