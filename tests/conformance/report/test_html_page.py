"""The HTML page needs nothing but itself, and runs no program but its own."""

import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser

import pytest

from lossapi.conformance.report import html_page, matrix


@pytest.fixture
def page(right, wrong):
    return html_page.render(matrix.columns([right, wrong]))


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.texts = [("", {})], {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.setdefault(self.found[-1][1].get("type") or self.found[-1][0], data)


def test_it_loads_nothing(page):
    for tag, attributes in Elements(page).found:
        assert tag not in ("link", "img", "iframe", "object", "base")
        assert "src" not in attributes
        assert attributes.get("href", "#").startswith("#")
    assert not re.search(r"@import|url\(|fetch\(|import\(|innerHTML", page)


def test_what_a_subject_says_is_data_and_nothing_else(page):
    elements = Elements(page)
    assert [tag for tag, _ in elements.found].count("script") == 2
    data = json.loads(elements.texts["application/json"])
    (point,) = [entry for _, _, entry in data["points"] if entry["outcome"] == "error"]
    assert point["message"].startswith("</script><img")
    title = elements.texts["title"]
    assert title == "Conformance of numpy, textbook"


def test_a_name_that_is_markup_is_text(right):
    right.subjects = {"<b>numpy": "2.4"}
    right.results = []
    assert "<b>" not in html_page.render(matrix.columns([right]))


def test_its_policy_lets_only_its_own_program_and_style_work(page):
    elements = Elements(page)
    (policy,) = [a["content"] for tag, a in elements.found if tag == "meta" and "content" in a][:1]
    assert "default-src 'none'" in policy
    for kind, name in (("script", "module"), ("style", "style")):
        digest = base64.b64encode(hashlib.sha256(elements.texts[name].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in html.unescape(policy)


def test_what_passes_is_counted_and_what_fails_is_told_in_full(page, right):
    data = json.loads(Elements(page).texts["application/json"])
    passed = [g for g in data["groups"] if data["outcomes"][g[5]]["name"] == "pass"]
    assert sum(group[6] for group in passed) == len(right.results) + 1
    assert "linear/value" not in page
    assert len(data["points"]) == 4
    (failure,) = [entry for _, _, entry in data["points"] if entry["outcome"] == "fail"]
    assert failure == {
        "check": "value",
        "case": "far/value",
        "dtype": "float32",
        "outcome": "fail",
        "message": "the value is 3.5 ULP off",
        "ulp": 3.5,
        "flags": ["kink", "typical"],
        "note": "A residual of exactly delta.",
        "expected": "1.5",
        "got": "1.25",
        "reproduce": "huber_loss(np.asarray(2.5), 1.0)",
    }


def test_many_results_make_no_large_page(right):
    before = len(html_page.render(matrix.columns([right])))
    right.results *= 1000
    assert len(html_page.render(matrix.columns([right]))) < before + 200
