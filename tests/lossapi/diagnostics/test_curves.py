"""A curve has the numbers of the loss, and its kinks are those of the specification."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

import lossapi
from lossapi.diagnostics import loss_curve
from lossapi.losses import registry

KINKS = {
    "absolute_error": ({"target": 0.3}, [(0.3, 1, -1.0, 1.0)]),
    "huber_loss": ({"target": 0.25, "delta": 0.5}, [(-0.25, 2, 0.0, 1.0), (0.75, 2, 1.0, 0.0)]),
    "smooth_l1_loss": ({"beta": 2.0}, [(-2.0, 2, 0.0, 0.5), (2.0, 2, 0.5, 0.0)]),
    "quantile_loss": ({"quantile": 0.9, "target": 1.0}, [(1.0, 1, -0.9, 0.1)]),
    "hinge_loss": ({"target": -1.0, "margin": 2.0}, [(-2.0, 1, 0.0, 1.0)]),
    "squared_hinge_loss": ({}, [(1.0, 2, 2.0, 0.0)]),
    "laplace_nll": ({"scale": 0.5}, [(0.0, 1, -2.0, 2.0)]),
    "outcome_weighted_sigmoid_binary_cross_entropy": (
        {"logit_threshold": 1.0},
        [(1.0, 0, 5 * math.log1p(math.exp(-1)), 0.1 * math.log1p(math.exp(-1)))],
    ),
}
SMOOTH = ["squared_error", "log_cosh", "sigmoid_binary_cross_entropy", "student_t_nll", "sigmoid"]


@pytest.mark.parametrize(("name", "given", "due"), [(n, *case) for n, case in KINKS.items()])
def test_kinks_are_found_where_the_specification_has_them(name, given, due):
    found = loss_curve(registry[name], **given).kinks
    assert [kink.at for kink in found] == [at for at, *_ in due]
    for kink, (_, order, before, behind) in zip(found, due, strict=True):
        assert kink.order == order
        assert (kink.before, kink.behind) == pytest.approx((before, behind), rel=1e-6)


@pytest.mark.parametrize("name", SMOOTH)
def test_what_is_smooth_has_none(name):
    assert loss_curve(registry[name]).kinks == ()


def test_a_kink_is_found_whether_a_point_is_on_it_or_not():
    on, off = np.linspace(-1.0, 1.0, 5), np.linspace(-1.0, 1.1, 4)
    for points in (on, off):
        (kink,) = loss_curve(lossapi.absolute_error, points).kinks
        assert kink == (0.0, 1, -1.0, 1.0)


def test_the_numbers_are_those_of_the_loss():
    points = np.linspace(-2.0, 3.0, 11)
    curve = loss_curve(lossapi.huber_loss, points, target=1.0, delta=2.0)
    given = {"delta": 2.0, "reduction": "none"}
    ones = np.ones(11)
    np.testing.assert_array_equal(curve.values, lossapi.huber_loss(points, ones, **given))
    np.testing.assert_array_equal(curve.gradient, lossapi.huber_loss.grad(points, ones, **given))
    due = lossapi.huber_loss.hessian_diag(points, ones, **given)
    np.testing.assert_array_equal(curve.curvature, due)
    assert curve.points is not points or curve.points.dtype == np.float64


def test_it_goes_along_any_input_within_its_domain():
    curve = loss_curve(lossapi.gaussian_nll, wrt="variance", prediction=1.0, target=0.0)
    assert curve.points.min() == 0.0
    assert curve.input == "variance"
    assert curve.points[np.nanargmin(curve.values)] == pytest.approx(1.0, abs=0.02)
    probabilities = loss_curve(lossapi.binary_cross_entropy, target=1.0)
    assert (probabilities.points.min(), probabilities.points.max()) == (0.0, 1.0)


def test_a_drawing_has_a_line_for_each_face_and_a_gap_at_a_jump(axes):
    curve = loss_curve(lossapi.hinge_loss, np.linspace(-1.0, 2.0, 7))
    assert curve.plot(axes, what=("values", "gradient")) is axes
    loss, bend, slope, ends = axes.get_lines()
    assert np.isfinite(loss.get_ydata()).all()
    assert bend.get_xydata().tolist() == [[1.0, 0.0]]
    assert np.isnan(slope.get_ydata()).sum() == 1
    assert ends.get_xydata().tolist() == [[1.0, -1.0], [1.0, 0.0]]
    assert axes.get_xlabel() == "logits"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["hinge_loss"]


def test_without_axes_a_figure_is_made():
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")
    pyplot.switch_backend("agg")
    axes = loss_curve(lossapi.huber_loss, delta=2.0).plot()
    assert axes.get_legend().get_texts()[0].get_text() == "huber_loss(delta=2)"
    pyplot.close(axes.figure)


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    curve = loss_curve(lossapi.huber_loss)
    with pytest.raises(lossapi.MissingExtraError, match=r"pip install 'lossapi\[plot\]'"):
        curve.plot()


MISTAKES = [
    ((lossapi.softmax,), {}, lossapi.ShapeError, ("softmax", "(k)->(k)", "loss_landscape_1d")),
    (("huber_loss",), {}, lossapi.ArgumentError, ("'huber_loss'", "lossapi.huber_loss")),
    ((lossapi.huber_loss, [1.0, 0.0]), {}, lossapi.ShapeError, ("points", "increase")),
    ((lossapi.huber_loss,), {"wrt": "x"}, lossapi.ParameterError, ("'x'", "prediction, target")),
    ((lossapi.huber_loss,), {"prediction": 1.0}, lossapi.ArgumentError, ("as points",)),
    ((lossapi.huber_loss,), {"target": [1.0]}, lossapi.ParameterError, ("target", "a number")),
    ((lossapi.huber_loss,), {"delta": -1.0}, lossapi.ParameterError, ("delta is -1.0",)),
]


@pytest.mark.parametrize(("given", "options", "error", "parts"), MISTAKES)
def test_a_mistake_is_told_with_what_is_accepted(given, options, error, parts):
    with pytest.raises(error) as told:
        loss_curve(*given, **options)
    for part in parts:
        assert part in str(told.value)
