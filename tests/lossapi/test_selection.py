"""Every case has a loss that exists, with a reason and a source."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import lossapi
from lossapi.selection import QUESTIONS, table


def cases():
    """Every problem with every set of answers."""
    for name, problem in table()["problems"].items():
        scales = [table()["scales"][scale]["answers"] for scale in problem["asks"].values()]
        for answers in product(*scales):
            yield name, dict(zip(problem["asks"], answers, strict=True))


@pytest.mark.parametrize(("problem", "answers"), list(cases()))
def test_each_case_has_losses_with_reasons_and_sources(problem, answers):
    found = lossapi.recommend(problem, **answers)
    assert found
    assert len({one.call for one in found}) == len(found)
    for one in found:
        assert one.function is getattr(lossapi, one.loss)
        assert one.parameters.keys() <= one.function.parameters.keys()
        assert one.reason.endswith(".")
        assert "(" in one.source


def test_what_is_not_said_is_the_first_answer():
    assert lossapi.recommend("regression") == lossapi.recommend(
        "regression", noise="constant", outliers="none"
    )


def test_what_is_recommended_can_be_called():
    first = lossapi.recommend("multiclass_classification", noise="many")[0]
    assert first.call == "generalized_cross_entropy(q=0.7)"
    assert first.function(np.zeros((1, 2)), [1], **first.parameters) > 0


def test_no_choice_is_out_of_reach():
    reached = {(problem, one) for problem, given in cases() for one in calls(problem, given)}
    for name, problem in table()["problems"].items():
        for choice in problem["choices"]:
            assert (name, choice["reason"]) in reached


def calls(problem, answers):
    return [one.reason for one in lossapi.recommend(problem, **answers)]


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ({"problem": "regresion"}, ("'regresion'", "'segmentation'", "mean 'regression'?")),
        ({"problem": 3}, ("problem is 3",)),
        ({"problem": "regression", "noise": "some"}, ("noise is 'some'", "'varying'")),
        ({"problem": "regression", "imbalance": "none"}, ("imbalance", "noise, outliers")),
        ({"problem": "calibration", "noise": "none"}, ("no further question",)),
    ],
)
def test_a_mistake_is_told_with_what_is_accepted(given, parts):
    with pytest.raises(lossapi.ParameterError) as told:
        lossapi.recommend(**given)
    for part in ("recommend: ", *parts):
        assert part in str(told.value)


def test_the_questions_of_the_call_are_those_of_the_table():
    asked = {question for problem in table()["problems"].values() for question in problem["asks"]}
    assert asked == set(QUESTIONS)
