"""The examples run, show what they say, and leave a picture."""

from __future__ import annotations

import pytest


@pytest.fixture
def place(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    return tmp_path / "picture.png"


def is_picture(place):
    return place.read_bytes().startswith(b"\x89PNG") and place.stat().st_size > 50_000


def test_what_losses_do_to_a_rare_class(place, capsys, monkeypatch):
    from examples import imbalanced_classification as example

    monkeypatch.setattr(example, "STEPS", 500)
    found = example.main(place)
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
