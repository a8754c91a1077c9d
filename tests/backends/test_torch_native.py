"""PyTorch's own losses in the place of ours: only where they give what ours would."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossapi

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed; install it with: pip install 'lossapi[torch]'"
)
native = pytest.importorskip("lossapi.backends.torch_native")

CASES: list[tuple[str, dict[str, float]]] = [
    ("squared_error", {}),
    ("huber_loss", {}),
    ("huber_loss", {"delta": 2.0**-90}),
    ("huber_loss", {"delta": 2.0**60}),
    ("smooth_l1_loss", {}),
    ("smooth_l1_loss", {"beta": 0.25}),
    ("smooth_l1_loss", {"beta": 2.0**-90}),
    ("smooth_l1_loss", {"beta": 2.0**60}),
]
NODES = {
    "squared_error": "MseLossBackward0",
    "huber_loss": "HuberLossBackward0",
    "smooth_l1_loss": "SmoothL1LossBackward0",
}


def recorded(*arrays: Any) -> Any:
    return (torch.from_numpy(x).requires_grad_() for x in arrays)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("loss", "settings"), CASES)
def test_value_and_gradients_are_those_of_numpy(
    loss: str, settings: dict[str, float], dtype: str
) -> None:
    function, rng = getattr(lossapi, loss), np.random.default_rng(0)
    edge = settings.get("delta", settings.get("beta", 1.0))
    for scale in (-140, -100, -60, -20, 0, 15, 30, 59):
        x = np.ldexp(rng.normal(size=500), scale).astype(dtype)
        x[:4] = edge, -edge, 0.0, 3 * edge  # its kinks
        y = np.ldexp(rng.normal(size=500), scale - 1).astype(dtype)
        y[:4] = 0.0
        for reduction in ("mean", "sum"):
            options = {"reduction": reduction, **settings}
            due, *slopes = function.value_and_grad(x, y, wrt=("prediction", "target"), **options)
            a, b = recorded(x, y)
            own = function(a, b, **options)
            assert own.dtype == a.dtype
            close = {
                "rtol": 4 * np.finfo(dtype).eps,
                "atol": 2 * np.finfo(dtype).smallest_subnormal,
            }
            np.testing.assert_allclose(own.item(), due, **close)
            for got, slope in zip(torch.autograd.grad(own, (a, b)), slopes[0], strict=True):
                np.testing.assert_allclose(got, slope, **close)


@pytest.mark.parametrize("loss", NODES)
def test_they_serve_what_is_small_and_of_one_kind(loss: str) -> None:
    function = getattr(lossapi, loss)
    (x,) = recorded(np.ones(native.LARGEST))
    assert type(function(x, torch.zeros_like(x)).grad_fn).__name__ == NODES[loss]
    for y, options in (
        (torch.zeros((), dtype=x.dtype), {}),
        (torch.zeros_like(x), {"where": x > 0}),
        (torch.zeros_like(x), {"reduction": "none"}),
    ):
        assert type(function(x, y, **options).grad_fn).__name__ != NODES[loss]
    (x,) = recorded(np.ones(native.LARGEST + 1))
    assert type(function(x, torch.zeros_like(x)).grad_fn).__name__ != NODES[loss]


@pytest.mark.parametrize(("loss", "settings"), CASES)
def test_what_is_not_finite_is_ours(loss: str, settings: dict[str, float]) -> None:
    function, most = getattr(lossapi, loss), np.finfo("float32").max
    for first, second in ((np.inf, np.inf), (np.nan, 1), (most, -most), (1, np.inf), (most, 0)):
        x, y = np.asarray([0.5, first], "float32"), np.asarray([0.0, second], "float32")
        due, slope = function.value_and_grad(x, y, **settings)
        a, b = recorded(x, y)
        own = function(a, b, **settings)
        np.testing.assert_allclose(own.item(), due, rtol=1e-6)
        np.testing.assert_allclose(torch.autograd.grad(own, a)[0], slope, rtol=1e-6)


@pytest.mark.parametrize(("loss", "settings"), CASES)
def test_second_derivatives_are_the_specified_ones_at_kinks_too(
    loss: str, settings: dict[str, float]
) -> None:
    function = getattr(lossapi, loss)
    edge = settings.get("delta", settings.get("beta", 1.0))
    x = np.asarray([edge, -edge, 0.0, 0.5 * edge, 2 * edge])
    (a,) = recorded(x)
    (slope,) = torch.autograd.grad(
        function(a, torch.zeros_like(a), reduction="sum", **settings), a, create_graph=True
    )
    (found,) = torch.autograd.grad(slope.sum(), a)
    due = function.hessian_diag(x, np.zeros(5), reduction="none", **settings)
    np.testing.assert_array_equal(found, due)
