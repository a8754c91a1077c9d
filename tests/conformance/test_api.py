"""A third party judges a function in three lines."""

import numpy as np
import pytest

from lossapi.conformance import BackendSubject, check, parametrize
from lossapi.errors import SpecError


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


def torch_squared_error(prediction, target):
    return (prediction - target) ** 2


def test_a_function_of_another_library_is_differentiated_by_it():
    check("squared_error", torch_squared_error, backend="torch", checks=KINDS, dtypes=["float32"])
    with pytest.raises(AssertionError, match="gradient by target"):
        check(
            "squared_error",
            lambda prediction, target: (prediction - target.detach()) ** 2,
            backend="torch",
            checks=["gradient"],
        )


def mean_of(prediction, target, *, weights=None, reduction="mean"):
    losses = squared_error(prediction, target) * (1 if weights is None else weights)
    return (
        losses
        if reduction == "none"
        else losses.sum() / (losses.size if reduction == "mean" else 1)
    )


def test_an_option_that_a_function_has_is_judged():
    check("squared_error", squared_error, checks=["value", "reduction"])  # none of them
    with pytest.raises(AssertionError, match="FAIL mean_of squared_error reduction weights/mean"):
        check("squared_error", mean_of, checks=["reduction"])


def test_a_long_list_of_failures_is_cut():
    with pytest.raises(AssertionError, match=r"and \d+ more") as caught:
        check("squared_error", wrong)
    assert str(caught.value).count("FAIL wrong") == 10


def test_an_unknown_check_is_told_from_the_known_ones():
    with pytest.raises(SpecError, match=r"no check 'values'.*Did you mean value"):
        check("squared_error", squared_error, checks=["values"])
    with pytest.raises(SpecError, match="no dtype 'double'"):
        parametrize("squared_error", dtypes=["double"])


def judges(**more):
    mark = parametrize("squared_error", **more).mark
    return {case.id: case.values[0] for case in mark.args[1]}


def test_parametrize_makes_a_test_of_each_check_and_dtype():
    assert list(judges(checks=["value", "errors"])) == ["value-float64", "value-float32", "errors"]


def test_a_parametrized_test_passes_fails_or_is_skipped_with_the_reason():
    judge = judges(checks=KINDS)
    judge["value-float32"](squared_error)
    with pytest.raises(AssertionError, match="cases of squared_error are wrong"):
        judge["value-float32"](wrong)
    with pytest.raises(pytest.skip.Exception, match="no function gives the gradient"):
        judge["gradient-float64"](squared_error)
    judge["gradient-float64"](squared_error, gradient=slope)
