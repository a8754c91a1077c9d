"""Nothing is looked at where looking is impossible: on a device, and while PyTorch compiles."""

from __future__ import annotations

import pytest

from lossapi import training

torch = pytest.importorskip("torch", reason="torch is not installed")


def a_step(gradients, scale):
    """All tools of a step with mixed precision."""
    gradients = training.unscale_gradients(gradients, scale)
    finite = training.all_finite(gradients)
    gradients, norm = training.clip_by_global_norm(gradients, 1.0, nonfinite="zero")
    gradients = training.clip_by_value(gradients, -0.5, 0.5)
    moved, state = training.adam_update(gradients, gradients, training.adam_state(gradients))
    return training.select_tree(finite, moved, gradients), scale.update(finite), norm, state


def test_a_step_stays_on_its_device():
    """The device "meta" has shapes and no values: whatever looks at one fails there."""
    gradients = {
        "w": torch.ones(3, 2, device="meta"),
        "b": [torch.ones(2, device="meta", dtype=torch.float16)],
    }
    moved, scale, norm, _ = a_step(gradients, training.DynamicLossScale())
    moved, scale, _, _ = a_step(moved, scale)
    for tensor in (moved["w"], moved["b"][0], scale.scale, norm):
        assert tensor.device.type == "meta"


def test_weights_and_labels_stay_on_their_device():
    labels = torch.zeros(5, dtype=torch.int64, device="meta")
    for scheme in ("balanced", "inverse", "effective_number"):
        weights = training.class_weights(labels, num_classes=3, scheme=scheme)
        assert (weights.device.type, tuple(weights.shape)) == ("meta", (3,))
    drawn = training.sampling_weights(labels, num_classes=3)
    smooth = training.smooth_labels(labels, 0.1, num_classes=3)
    assert (drawn.device.type, tuple(drawn.shape)) == ("meta", (5,))
    assert (smooth.device.type, tuple(smooth.shape)) == ("meta", (5, 3))


def test_a_step_is_one_graph_when_it_is_compiled():
    gradients = [torch.asarray([3.0, 4.0]), torch.asarray([12.0])]
    scale = training.DynamicLossScale(scale=2.0)
    due = a_step(gradients, scale)
    compiled = torch.compile(a_step, fullgraph=True, backend="eager")
    moved, after, norm, _ = compiled(gradients, scale)
    assert [one.tolist() for one in moved] == [one.tolist() for one in due[0]]
    assert float(norm) == float(due[2]) == 6.5
    assert float(after.scale) == 2.0
