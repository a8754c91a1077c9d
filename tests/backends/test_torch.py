"""PyTorch users get what they expect of a loss beyond numbers: graphs, modules, compilers."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import lossapi
from lossapi.backend import get
from lossapi.errors import LabelError

torch = pytest.importorskip("torch", reason="torch is not installed")

PREDICTION = [0.5, -3.0, 2.0]
TARGET = [0.25, 1.0, 2.0]


def leaf(values: list[float], dtype: str = "float32") -> torch.Tensor:
    return torch.tensor(values, dtype=getattr(torch, dtype), requires_grad=True)


def test_backward_reaches_prediction_and_target_with_the_analytic_gradient() -> None:
    prediction, target = leaf(PREDICTION), leaf(TARGET)
    lossapi.huber_loss(prediction, target, delta=2.0).backward()
    assert prediction.grad.tolist() == pytest.approx([0.25 / 3, -2 / 3, 0.0])
    assert target.grad.tolist() == pytest.approx([-0.25 / 3, 2 / 3, 0.0])


def test_gradcheck_and_gradgradcheck_pass() -> None:
    logits = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 3, 1])

    def loss(z: torch.Tensor) -> torch.Tensor:
        return lossapi.sparse_softmax_cross_entropy(z, labels)

    assert torch.autograd.gradcheck(loss, logits)
    assert torch.autograd.gradgradcheck(loss, logits)


def test_a_change_in_place_between_forward_and_backward_is_noticed() -> None:
    prediction = leaf(PREDICTION)
    moved = prediction * 2
    loss = lossapi.squared_error(moved, torch.tensor(TARGET))
    moved.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("name", ["huber_loss", "log_cosh", "sigmoid_binary_cross_entropy"])
def test_inductor_compiles_value_and_gradient_in_one_graph(name: str) -> None:
    loss = getattr(lossapi, name)
    target = torch.tensor([0.25, 1.0, 0.5])
    eager, compiled = leaf(PREDICTION), leaf(PREDICTION)
    loss(eager, target).backward()
    torch.compile(loss, fullgraph=True)(compiled, target).backward()
    torch.testing.assert_close(compiled.grad, eager.grad)


def test_compiling_labels_and_options_needs_no_graph_break() -> None:
    def loss(logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        return lossapi.sparse_softmax_cross_entropy(
            logits, labels, weights=weights, ignore_index=-100, label_smoothing=0.125
        )

    logits, labels = torch.randn(4, 3), torch.tensor([0, -100, 2, 1])
    weights = torch.tensor([1.0, 1.0, 0.0, 3.0])
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(logits, labels, weights), loss(logits, labels, weights))


def test_the_first_call_of_a_process_may_be_a_compiled_one() -> None:
    program = (
        "import torch, lossapi;"
        "f = torch.compile(lossapi.huber_loss, fullgraph=True, backend='aot_eager');"
        "print(f(torch.tensor([2.0]), torch.tensor([0.0])).item())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "1.5", done.stderr


def test_sums_of_halves_are_kept_in_float32() -> None:
    total, weight = lossapi.squared_error.sum_and_weight(
        torch.ones(70_000, dtype=torch.float16), 0.0
    )
    assert (total.item(), weight.item()) == (70_000.0, 70_000.0)


def test_export_gives_a_program_with_the_same_results() -> None:
    module = lossapi_module()(lossapi.huber_loss, delta=2.0)
    given = (torch.tensor(PREDICTION), torch.tensor(TARGET))
    exported = torch.export.export(module, given)
    torch.testing.assert_close(exported.module()(*given), module(*given))


def test_meta_tensors_give_shapes_without_values() -> None:
    meta = torch.ones(5, 3, device="meta")
    assert lossapi.squared_error(meta, meta).shape == ()
    assert lossapi.softmax(meta).shape == (5, 3)


def test_autocast_does_not_lower_the_precision() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = lossapi.log_cosh(torch.tensor([1e-4]), torch.tensor([0.0]))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(5e-9, rel=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_halves_are_computed_in_float32_and_rounded_once(dtype: str) -> None:
    many = leaf([1.0] * 70_000, dtype)
    loss = lossapi.squared_error(many, torch.zeros(70_000))
    loss.backward()
    assert loss.dtype == many.grad.dtype == many.dtype
    assert loss.item() == 1.0


def test_an_array_parameter_is_differentiable() -> None:
    weight = leaf([2.0, 1.0, 1.0])
    logits = torch.tensor(PREDICTION)
    lossapi.sigmoid_binary_cross_entropy(
        logits, torch.ones(3), pos_weight=weight, reduction="sum"
    ).backward()
    expected = torch.nn.functional.softplus(-logits)
    torch.testing.assert_close(weight.grad, expected)


def lossapi_module() -> type:
    from lossapi.backends.torch import Module

    return Module


def test_a_loss_is_a_module_whose_tensors_are_buffers() -> None:
    module = lossapi_module()(
        lossapi.sparse_softmax_cross_entropy,
        class_weights=torch.tensor([1.0, 2.0, 0.5]),
        label_smoothing=0.125,
    )
    logits, labels = torch.randn(4, 3, dtype=torch.float64), torch.tensor([0, 1, 2, 2])
    direct = lossapi.sparse_softmax_cross_entropy(
        logits, labels, class_weights=torch.tensor([1.0, 2.0, 0.5]), label_smoothing=0.125
    )
    assert list(module.state_dict()) == ["class_weights"]
    assert module.double().class_weights.dtype == torch.float64
    torch.testing.assert_close(module(logits, labels), direct)
    assert "sparse_softmax_cross_entropy" in repr(module)
    assert "label_smoothing=0.125" in repr(module)


def test_an_unknown_option_of_a_module_is_refused_when_it_is_made() -> None:
    with pytest.raises(lossapi.ParameterError, match="beta"):
        lossapi_module()(lossapi.huber_loss, beta=1.0)


def test_strides_do_not_matter() -> None:
    grid = torch.arange(12.0).reshape(3, 4)
    expected = lossapi.squared_error(grid.T.contiguous(), torch.zeros(4, 3), reduction="none")
    torch.testing.assert_close(
        lossapi.squared_error(grid.T, torch.zeros(4, 3), reduction="none"), expected
    )


def test_results_agree_with_numpy_on_the_same_memory() -> None:
    prediction = np.linspace(-3, 3, 101, dtype=np.float32)
    target = np.zeros_like(prediction)
    ours = lossapi.log_cosh(prediction, target, reduction="none")
    theirs = lossapi.log_cosh(
        torch.from_numpy(prediction), torch.from_numpy(target), reduction="none"
    )
    np.testing.assert_allclose(theirs.numpy(), ours, rtol=1e-6)


def test_vmap_takes_classes_on_any_axis() -> None:
    logits = torch.arange(24.0).reshape(2, 3, 4).cos()
    labels = torch.tensor([[0, 1, 2, 0], [2, 2, 1, 0]])

    def losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return lossapi.sparse_softmax_cross_entropy(logits, labels, axis=0, reduction="none")

    each = torch.stack([losses(*pair) for pair in zip(logits, labels, strict=True)])
    torch.testing.assert_close(torch.func.vmap(losses)(logits, labels), each)
    both = torch.func.vmap(lambda x: lossapi.softmax(x, axis=(0, 1)))(logits)
    assert torch.allclose(both.sum(dim=(1, 2)), torch.ones(2))


def test_a_call_that_came_before_is_seen_by_every_transform() -> None:
    x, y = torch.linspace(-1, 1, 5), torch.zeros(5)
    own = x.clone().requires_grad_()

    def loss(prediction: torch.Tensor) -> torch.Tensor:
        return lossapi.log_cosh(prediction, y)

    for _ in range(3):
        due = torch.autograd.grad(loss(own), own)[0]
        assert not loss(x).requires_grad
        with torch.no_grad():
            assert not loss(own).requires_grad
        torch.testing.assert_close(torch.func.grad(loss)(x), due)
        # The tangent of a sum that is divided by a number is float64, in PyTorch alone too.
        torch.testing.assert_close(torch.func.jacfwd(loss)(x).to(due.dtype), due)
        slopes = torch.func.vmap(torch.func.grad(loss))(torch.stack([x, x]))
        torch.testing.assert_close(slopes, torch.stack([due, due]))
        hessian = torch.func.hessian(loss)(x)
        twice = torch.autograd.grad(loss(own), own, create_graph=True)[0]
        again = torch.autograd.grad(twice.sum(), own)[0]
        torch.testing.assert_close(hessian.diagonal(), again)


def test_labels_are_looked_at_in_every_call() -> None:
    log_probabilities = torch.log_softmax(torch.ones(2, 3), -1).requires_grad_()
    right, wrong = torch.tensor([0, 2]), torch.tensor([0, 3])
    for _ in range(3):
        assert lossapi.nll(log_probabilities, right).requires_grad
        with pytest.raises(LabelError):
            lossapi.nll(log_probabilities, wrong)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_what_is_missing_or_infinite_is_seen_by_comparison(dtype: torch.dtype) -> None:
    xp = get("torch").xp
    x = torch.tensor([0.0, -1.5, torch.inf, -torch.inf, torch.nan], dtype=dtype)
    for name in ("isnan", "isinf", "isfinite"):
        assert torch.equal(getattr(xp, name)(x), getattr(torch, name)(x))


@pytest.mark.parametrize("loss", ["absolute_error", "smooth_l1_loss"])
def test_compiled_the_gradient_is_the_written_one_and_keeps_no_masks(loss: str) -> None:
    function = getattr(lossapi, loss)
    x, y = torch.randn(64, requires_grad=True), torch.randn(64)
    kept: list[torch.dtype] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor.dtype)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = torch.compile(function, fullgraph=True, backend="aot_eager")(x, y)
    assert kept
    assert torch.bool not in kept
    (slope,) = torch.autograd.grad(result, x)
    torch.testing.assert_close(slope, function.grad(x, y))
