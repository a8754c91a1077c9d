"""The size of each layer's gradients."""

from __future__ import annotations

import numpy as np
import pytest

from lossapi.diagnostics import gradient_flow


def test_each_array_has_its_row(library):
    gradients = {
        "first": {"w": library.asarray([[3.0, -4.0]]), "b": None},
        "last": [library.asarray([0.0, 0.0, 6.0])],
    }
    flow = gradient_flow(gradients)
    assert flow.names == ("first.w", "last.0")
    assert flow.norm.tolist() == [5.0, 6.0]
    assert flow.mean.tolist() == [3.5, 2.0]
    assert flow.largest.tolist() == [4.0, 6.0]
    assert flow.zeros.tolist() == [0.0, pytest.approx(2 / 3)]
    assert flow.nonfinite.tolist() == [0, 0]


def test_what_is_not_finite_is_counted_and_left_out():
    flow = gradient_flow([np.array([1.0, np.nan, -np.inf, 3.0]), np.array([np.nan])])
    assert flow.nonfinite.tolist() == [2, 1]
    assert flow.mean.tolist() == [2.0, 0.0]


def test_nothing_overflows_or_underflows():
    flow = gradient_flow([np.array([3e300, 4e300]), np.array([3e-300, 4e-300])])
    np.testing.assert_allclose(flow.norm, [5e300, 5e-300], rtol=1e-15)
    half = gradient_flow(np.full(70000, 1.0, np.float16))
    assert half.norm[0] == pytest.approx(70000**0.5)
    assert half.names == ("gradients",)


def test_it_takes_what_a_backward_pass_leaves():
    torch = pytest.importorskip("torch")
    model = torch.nn.Linear(2, 1)
    model(torch.ones(1, 2)).sum().backward()
    flow = gradient_flow({name: p.grad for name, p in model.named_parameters()})
    assert flow.names == ("weight", "bias")
    assert flow.largest.tolist() == [1.0, 1.0]


def test_it_is_drawn_and_empty_too(axes):
    flow = gradient_flow({"a": np.array([1e-5]), "b": np.array([10.0, np.inf])})
    assert flow.plot(axes) is axes
    assert axes.get_yscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b"]
    assert gradient_flow([]).names == ()
    gradient_flow([np.zeros(2)]).plot(axes.figure.add_subplot())
