"""Domains are read as mathematics writes them."""

import math

import numpy as np
import pytest

import lossapi
from lossapi.domain import Domain


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("(0, inf)", [1e-300, 1.0], [0.0, -1.0, math.inf, math.nan]),
        ("[0, 1]", [0.0, 0.5, 1.0], [-1e-300, 1.0000001, math.nan]),
        ("[0, 0.5)", [0.0, 0.4999], [0.5]),
        ("[-inf, inf]", [-math.inf, 0.0, math.inf], []),
        ("{-1, 1}", [-1.0, 1.0], [0.0, math.nan]),
        ("mask", [0.0, -0.0, 1.0], [0.5, 2.0, -1.0, math.inf, math.nan]),
        ("[-4, 4] or -inf", [-math.inf, -4.0, 0.0, 4.0], [-4.5, -1e300, 4.5, math.inf, math.nan]),
        ("{2, 3, ...}", [2.0, 3.0, 1e6], [0.0, 1.0, 2.5, -3.0, math.inf, -math.inf, math.nan]),
    ],
)
def test_membership_of_numbers_and_of_arrays_agree(
    text: str, inside: list[float], outside: list[float]
) -> None:
    domain = Domain(text)
    assert all(number in domain for number in inside)
    assert not any(number in domain for number in outside)
    array = np.asarray([*inside, *outside])
    expected = [True] * len(inside) + [False] * len(outside)
    assert domain.inside(np, array).tolist() == expected


@pytest.mark.parametrize(
    "text",
    [
        *("(0, inf)", "[0, 1]", "(-inf, 0]", "[-inf, inf]", "{-1, 1}", "{2, 3, ...}", "mask"),
        "[-1e30, 1e30] or -inf",
    ],
)
def test_the_harmless_value_lies_inside(text: str) -> None:
    domain = Domain(text)
    assert domain.harmless in domain
    assert math.isfinite(domain.harmless)


def test_vectors_that_increase_are_told_by_their_entries() -> None:
    domain = Domain("increasing")
    rows = [
        ([-math.inf, 0.0, 5e-324, math.inf], [True, True, True, True]),
        ([0.0, -0.0, 1.0, 1.0], [True, False, True, False]),
        ([3.0, 2.0, 2.5, math.nan], [True, False, True, False]),
        ([math.nan, 0.0, 1.0, 2.0], [False, False, True, True]),
    ]
    for row, expected in rows:
        assert domain.inside(np, np.asarray(row)).tolist() == expected
        assert domain.holds(row) == all(expected)
    array = np.asarray([row for row, _ in rows])
    assert domain.inside(np, array).tolist() == [expected for _, expected in rows]
    assert domain.inside(np, array[:, :0]).shape == (4, 0)
    assert not domain.is_everything
    assert all(number in domain for number in (-math.inf, 0.0, math.inf))


def test_a_switch_decides_between_two_sets() -> None:
    domain = Domain("[-inf, 0] if logarithms else [0, 1]")
    assert domain.under({"logarithms": True}).text == "[-inf, 0]"
    assert domain.under({"logarithms": False, "other": 1.0}).text == "[0, 1]"
    plain = Domain("[0, 1]")
    assert plain.under({"logarithms": True}) is plain


@pytest.mark.parametrize("text", ["", "0, 1", "[0; 1]", "positive"])
def test_a_text_that_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no domain"):
        Domain(text)


def test_what_all_examples_share_is_wrong_where_any_of_them_counts() -> None:
    prediction, target = np.full((3, 2), 0.5), np.array([0.5, -0.5])
    with lossapi.errors_on_invalid():
        with pytest.raises(lossapi.DomainError, match=r"target\[1\] is -0.5"):
            lossapi.kl_divergence(prediction, target, where=np.array([True, False, True]))
        assert lossapi.kl_divergence(prediction, target, weights=np.zeros(3)) == 0
