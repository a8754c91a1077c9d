"""The badge tells how many functions are right, and nothing better than that."""

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from lossapi.conformance.report import badge, matrix


def message(*reports):
    return json.loads(badge.endpoint(matrix.columns(reports)))["message"]


def test_what_is_all_right_conforms(right):
    assert message(right) == "conforming"


def test_wrong_functions_are_counted_and_a_partial_report_is_told(right, wrong):
    assert message(right, wrong) == "partial, 4 of 7 right"
    wrong.partial = ""
    assert message(right, wrong) == "4 of 7 right"


def test_an_expected_failure_is_not_right(right):
    right.results[0] = replace(right.results[0], outcome="expected failure")
    assert message(right) == "3 of 4 right"


def test_nothing_judged_is_said(right):
    right.results = [replace(r, outcome="unsupported") for r in right.results]
    assert message(right) == "not judged"


@pytest.mark.parametrize("partial", ["", "killed"])
def test_the_picture_says_the_same_to_those_who_cannot_see_it(right, partial):
    right.partial = partial
    root = ElementTree.fromstring(badge.svg(matrix.columns([right])))
    told = f"lossapi: {message(right)}"
    assert root.get("aria-label") == told
    assert root[0].text == told
    assert "".join(root[-1].itertext()) == told.replace(": ", "")
