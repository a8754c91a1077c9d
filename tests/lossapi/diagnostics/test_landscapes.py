"""Landscapes are the loss at parameters moved along the directions that were given."""

from __future__ import annotations

import numpy as np
import pytest

import lossapi
from lossapi.diagnostics import filter_normalised, loss_landscape_1d, loss_landscape_2d


def test_each_filter_is_as_long_as_that_of_the_parameters(library):
    random = np.random.default_rng(1)
    weights, way = random.normal(size=(2, 4, 3, 3)), random.normal(size=(4,))
    parameters = {"w": library.asarray(weights[0]), "b": library.asarray(way)}
    direction = {"w": library.asarray(weights[1]), "b": library.asarray(way)}
    found = filter_normalised(direction, parameters)
    filters = [x.reshape(4, -1) for x in (library.to_numpy(found["w"]), weights[0])]
    np.testing.assert_allclose(*(np.linalg.norm(x, axis=1) for x in filters), rtol=1e-5)
    assert not library.to_numpy(found["b"]).any()


def test_filters_may_lie_along_another_axis_and_vectors_be_scaled():
    random = np.random.default_rng(2)
    direction, parameters = random.normal(size=(2, 3, 5))
    found = filter_normalised(direction, parameters, filter_axis=-1)
    np.testing.assert_allclose(
        np.linalg.norm(found, axis=0), np.linalg.norm(parameters, axis=0), rtol=1e-13
    )
    bias = filter_normalised(direction[0], parameters[0], vectors="scale")
    assert np.linalg.norm(bias) == pytest.approx(np.linalg.norm(parameters[0]))


def test_a_filter_that_is_zero_stays_zero():
    found = filter_normalised(np.zeros((2, 2)), np.ones((2, 2)))
    assert found.tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_the_scale_of_a_layer_does_not_change_the_picture():
    random = np.random.default_rng(3)
    one, two, way, other = random.normal(size=(4, 3, 3))
    x = random.normal(size=(5, 3))

    def loss(layers):
        return float((np.maximum(x @ layers[0].T, 0) @ layers[1] ** 2).sum())

    def picture(scale):
        layers = [scale * one, two / scale**0.5]
        direction = [
            filter_normalised(way, layers[0]),
            filter_normalised(other, layers[1]),
        ]
        return loss_landscape_1d(loss, layers, direction, steps=[-0.5, 0.0, 0.5]).values

    np.testing.assert_allclose(picture(4.0), picture(1.0), rtol=1e-12)


def test_a_line_through_the_parameters(library):
    target = library.asarray([1.0, 2.0])

    def loss(parameters):
        return lossapi.half_squared_error(parameters["w"], target, reduction="sum")

    parameters = {"w": library.asarray([0.0, 0.0])}
    found = loss_landscape_1d(loss, parameters, {"w": target}, steps=[0.0, 0.5, 1.0, 2.0])
    assert found.values.tolist() == [2.5, 0.625, 0.0, 2.5]
    assert found.values.dtype == np.float64


def test_a_plane_has_the_first_direction_along_its_first_axis():
    def loss(w):
        return w[0] + 10 * w[1] ** 2

    ways = np.eye(2)
    found = loss_landscape_2d(loss, np.zeros(2), *ways, steps=[0.0, 1.0, 2.0], second_steps=[0, 3])
    assert found.values.tolist() == [[0.0, 90.0], [1.0, 91.0], [2.0, 92.0]]
    square = loss_landscape_2d(loss, np.zeros(2), *ways)
    assert square.values.shape == (25, 25)
    line = loss_landscape_1d(loss, np.zeros(2), ways[0], steps=square.steps[0])
    np.testing.assert_array_equal(square.values[:, 12], line.values)


def test_what_has_no_direction_stays():
    found = loss_landscape_1d(
        lambda p: p["a"] + p["b"], {"a": np.array(1.0), "b": 2.0}, {"a": 1.0, "b": None}, steps=[3]
    )
    assert found.values.tolist() == [6.0]


def test_they_are_drawn(axes):
    line = loss_landscape_1d(lambda w: w**2, 0.0, 1.0)
    assert line.plot(axes, color="r") is axes
    assert axes.get_lines()[0].get_ydata().tolist() == line.values.tolist()
    plane = loss_landscape_2d(lambda w: (w**2).sum(), np.zeros(2), *np.eye(2))
    other = axes.figure.add_subplot()
    assert plane.plot(other, cmap="magma") is other
    assert other.get_xlabel() == "first direction"


MISTAKES = [
    (lambda: loss_landscape_1d(lambda w: w, np.ones(2), np.ones(2)), ("(2,)", "one number")),
    (lambda: loss_landscape_1d(sum, [np.ones(2)], np.ones(2)), ("direction has one array",)),
    (lambda: loss_landscape_1d(sum, [1.0], [1.0], steps=[[1.0]]), ("steps has shape (1, 1)",)),
    (lambda: loss_landscape_2d(sum, {"a": 1.0}, {"a": 1.0}, {"b": 1.0}), ("second has a dict",)),
    (lambda: filter_normalised(np.ones((2, 2)), np.ones((2, 3))), ("(2, 2)", "shape")),
    (lambda: filter_normalised(np.ones((2, 2)), np.ones((2, 2)), filter_axis=2), ("axis is 2",)),
    (lambda: filter_normalised(np.ones(2), np.ones(2), vectors="keep"), ("'keep'", "'zero'")),
]


@pytest.mark.parametrize(("call", "parts"), MISTAKES)
def test_a_mistake_is_told_with_what_is_accepted(call, parts):
    with pytest.raises((lossapi.ShapeError, lossapi.ParameterError)) as told:
        call()
    for part in parts:
        assert part in str(told.value)
