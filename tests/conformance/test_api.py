"""A third party judges a function in three lines."""

import numpy as np
import pytest

from lossapi.conformance import BackendSubject, check


def squared_error(prediction, target):
    with np.errstate(all="ignore"):
        return (prediction - target) ** 2


def slope(prediction, target):
    with np.errstate(all="ignore"):
        return 2 * (prediction - target)


def wrong(prediction, target):
    return squared_error(prediction, target) / 2


KINDS = ["value", "gradient"]


def test_a_right_function_passes():
    check("squared_error", squared_error, gradient=slope, checks=KINDS)


def test_a_wrong_function_is_told_all_about():
    with pytest.raises(AssertionError, match="cases of squared_error are wrong") as caught:
        check("squared_error", wrong, checks=["value"])
    assert "FAIL wrong squared_error value" in str(caught.value)
    assert "print(wrong(prediction, target))" in str(caught.value)


def test_a_wrong_gradient_is_found():
    with pytest.raises(AssertionError, match="gradient"):
        check("squared_error", squared_error, gradient=squared_error, checks=KINDS)


def test_what_was_not_judged_does_not_pass():
    with pytest.raises(AssertionError, match="nothing could be judged"):
        check("squared_error", squared_error, checks=["gradient"])


def test_any_subject_can_be_given():
    check("squared_error", BackendSubject("numpy"), checks=["value"])


def test_something_else_is_refused():
    with pytest.raises(TypeError, match="neither a function nor a subject"):
        check("squared_error", 3)  # type: ignore[arg-type]
