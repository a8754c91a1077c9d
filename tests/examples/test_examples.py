"""The examples run, show what they say, and leave a picture."""

from __future__ import annotations

import numpy as np
import pytest

from examples import detection
from examples import imbalanced_classification as imbalance


@pytest.fixture
def place(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    return tmp_path / "picture.png"


def is_picture(place):
    return place.read_bytes().startswith(b"\x89PNG") and place.stat().st_size > 50_000


def test_what_losses_do_to_a_rare_class(place, capsys, monkeypatch):
    monkeypatch.setattr(imbalance, "STEPS", 500)
    found = imbalance.main(place)
    told = capsys.readouterr().out
    plain = found["plain"]
    assert plain.mean_probability == pytest.approx(0.02, abs=0.003)  # calibrated, and alone in it
    for name in ("weighted", "focal", "asymmetric"):
        assert found[name].mean_probability > 1.5 * plain.mean_probability
        assert found[name].average_precision == pytest.approx(plain.average_precision, abs=0.06)
        assert name in told
    assert found["weighted"].recall > 0.9 > plain.recall
    assert plain.precision > found["weighted"].precision
    assert is_picture(place)


def test_what_a_detector_finds(place, capsys, monkeypatch):
    monkeypatch.setattr(detection, "STEPS", 200)
    monkeypatch.setattr(detection, "IMAGES", 1000)
    monkeypatch.setattr(detection, "UNSEEN", 150)
    found = detection.main(place)
    told = capsys.readouterr().out
    for name, one in found.items():
        assert name in told
        assert one.recall > 0.4
        assert one.precision > 0.5
        assert (one.curves[-50:].mean(axis=0) < 0.75 * one.curves[:50].mean(axis=0)).all()
    means = [one.overlaps.mean() for one in found.values()]
    assert means[1] > means[0]  # what is judged by overlap overlaps more if trained by it
    assert is_picture(place)


@pytest.mark.parametrize("name", ["in", "in_bias", "out", "out_bias"])
def test_the_gradients_of_the_detector_are_those_of_its_loss(name):
    """By coordinates; the overlap has a weight that is constant by definition."""
    random = np.random.default_rng(1)
    data = detection.scenes(random, 3)
    parameters = {key: value.astype(float) for key, value in detection.start(random).items()}

    def total(step):
        moved = {**parameters, name: parameters[name] + step}
        _, outputs = detection.forward(moved, data.views)
        terms, _ = detection.loss_and_slopes(outputs, data, detection.by_coordinates)
        return terms[0] + 2.0 * terms[1] + 4.0 * terms[2]

    hidden, outputs = detection.forward(parameters, data.views)
    _, slopes = detection.loss_and_slopes(outputs, data, detection.by_coordinates)
    found = detection.backward(parameters, data.views, hidden, outputs, slopes)[name]
    step = 1e-6 * random.normal(size=found.shape)
    assert total(step) - total(-step) == pytest.approx(2 * float((found * step).sum()), rel=1e-5)


def test_the_gradients_of_the_classifier_are_those_of_its_loss():
    random = np.random.default_rng(2)
    points, target = imbalance.sample(random, 500)
    parameters = imbalance.start(random)
    loss, options = imbalance.losses(target)["asymmetric"]
    hidden, logits = imbalance.forward(parameters, points)
    _, slope = loss.value_and_grad(logits, target, **options)
    found = imbalance.backward(parameters, points, hidden, slope)
    steps = {name: 1e-6 * random.normal(size=value.shape) for name, value in parameters.items()}

    def total(sign):
        moved = {name: value + sign * steps[name] for name, value in parameters.items()}
        return loss(imbalance.forward(moved, points)[1], target, **options)

    due = 2 * sum(float((found[name] * steps[name]).sum()) for name in parameters)
    assert total(1) - total(-1) == pytest.approx(due, rel=1e-5)
