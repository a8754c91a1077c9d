"""The HTML page needs nothing but itself, and runs no program but its own."""

import base64
import hashlib
import html
import json
import re
from dataclasses import replace
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


def read(page):
    return json.loads(Elements(page).texts["application/json"])


def failures(data):
    """What fails, as the page's program reads it."""
    tables, texts = data["tables"], data["texts"]
    for _, _, _, wrong, _ in data["cells"]:
        for point in wrong:
            places, (flags, ulp, line) = point[: len(texts)], point[len(texts) :]
            told = {name: tables[name][place] for name, place in zip(texts, places, strict=True)}
            again = data["between"].join(tables["statement"][part] for part in line)
            yield told | {"flags": tables["flags"][flags], "ulp": ulp, "reproduce": again}


def test_it_loads_nothing(page):
    for tag, attributes in Elements(page).found:
        assert tag not in ("link", "img", "iframe", "object", "base")
        assert "src" not in attributes
        assert attributes.get("href", "#").startswith("#")
    assert not re.search(r"@import|url\(|fetch\(|import\(|innerHTML", page)


def test_what_a_subject_says_is_data_and_nothing_else(page):
    elements = Elements(page)
    assert [tag for tag, _ in elements.found].count("script") == 2
    (point,) = [entry for entry in failures(read(page)) if entry["outcome"] == "error"]
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
    data = read(page)
    passed = [
        count
        for _, _, own, _, _ in data["cells"]
        for (*_, outcome), count, _ in data["tables"]["groups"][own]
        if data["tables"]["outcome"][outcome] == "pass"
    ]
    assert sum(passed) == len(right.results) + 1
    assert "linear/value" not in page
    found = list(failures(data))
    assert len(found) == 4
    (failure,) = [entry for entry in found if entry["outcome"] == "fail"]
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
        "reproduce": "import numpy as np; huber_loss(np.asarray(2.5), 1.0)",
        **dict.fromkeys(("reason", "kind", "issue"), ""),
    }


def test_what_proves_nothing_is_counted_by_its_reason(page):
    data = read(page)
    (entry,) = [one for *_, unjudged in data["cells"] for one in unjudged]
    outcome, reason, counts = entry
    assert data["tables"]["outcome"][outcome] == "unsupported"
    assert data["tables"]["unjudged"][reason] == "has no gradient"
    assert [(data["tables"]["check"][check], count) for check, count in counts] == [("gradient", 2)]


def test_many_results_make_no_large_page(right):
    before = len(html_page.render(matrix.columns([right])))
    right.results *= 1000
    assert len(html_page.render(matrix.columns([right]))) < before + 200


def test_what_failures_have_in_common_is_written_once(wrong):
    alike = [
        replace(result, case=f"far-{i}/value")
        for result in wrong.results
        for i in range(1000)
        if result.outcome == "fail"
    ]
    before = len(html_page.render(matrix.columns([wrong])))
    wrong.results += alike
    assert len(html_page.render(matrix.columns([wrong]))) < before + 70 * len(alike)
