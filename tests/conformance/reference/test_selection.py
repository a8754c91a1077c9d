"""The table of recommendations is sound, and a mistake in it is told where it stands."""

import re

import pytest

from lossapi.conformance.reference import selection
from lossapi.errors import SpecError


@pytest.fixture(scope="module")
def text():
    return selection.path().with_name("selection.yaml").read_text("utf-8")


def test_the_table_is_sound_and_what_is_made_of_it_fresh():
    assert selection.verify() == []


def test_a_missing_and_a_stale_file_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(selection, "path", lambda: tmp_path / "selection.json")
    assert "is missing" in selection.verify()[0]
    selection.build().write_text("{}")
    assert "is stale" in selection.verify()[0]


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("loss: quantile_loss", "loss: quantil_loss", r"choices\[0\].loss: got quantil_loss"),
        ('{q: "0.7"}', '{q: "7"}', r"parameters.q: got 7; the domain is \(0, 1\]"),
        ('{q: "0.7"}', '{q: "much"}', r"parameters.q: got much"),
        ('{q: "0.7"}', '{p: "0.7"}', "got p; those of generalized_cross_entropy are q"),
        ("source: 10.2307/1913643", "source: 10.2307/1", "got 10.2307/1; no specification"),
        ("{noise: [some]}", "{noise: [few]}", "when.noise: got few; the answers are none, some"),
        ("{noise: [some]}", "{outliers: [some]}", "none, as outliers is not asked"),
        ("noise: wrong_labels", "noise: wrong", "asks.noise: got wrong; the scales are"),
        ("noise: wrong_labels", "sound: wrong_labels", "sound"),
        ("[constant], outliers: [none]", "[varying], outliers: [none]", "there is none for"),
        ("    meaning: A number is predicted.\n", "", "missing meaning"),
        ("reason: The sum of the parts", "why: The sum of the parts", "unknown key why"),
    ],
)
def test_a_mistake_is_told_where_it_stands(text, right, wrong, told):
    assert right in text
    with pytest.raises(SpecError, match=re.escape("spec/selection.yaml: ")) as problem:
        selection.parse(text.replace(right, wrong))
    assert re.search(told, str(problem.value))
