"""The Markdown summary is short and leaves nothing uncounted, and shows what is said as text."""

from dataclasses import replace

import pytest

from lossapi.conformance.report import markdown, matrix


@pytest.fixture
def page(right, wrong):
    return markdown.render(matrix.columns([right, wrong]))


def test_each_function_is_a_row_with_a_sign_a_word_and_an_error_for_each_subject(page):
    assert "| function | numpy | textbook |" in page
    assert "| `huber_loss` | ✓ pass 1.25 | ✗ fail 3.5 |" in page
    assert "| `kl_divergence` | ✓ pass 1.25 | ! error |" in page
    assert "| `log_cosh` | ✓ pass 1.25 | ≠ expected failure ∞ |" in page
    assert "| `softplus` | ✓ pass 1.25 |  |" in page


def test_each_subject_is_told_with_version_platform_date_and_seed(page, right):
    made = right.origin
    line = next(line for line in page.splitlines() if line.startswith("| numpy | 2.4 | conforming"))
    for told in ("4 of 4", "12 pass", made.date, f"lossapi {made.lossapi}", made.python, "seed 1"):
        assert told in line


def test_a_partial_report_says_so(page):
    assert page.index("**This report is partial.**") < page.index("| subject |")
    assert "- textbook: 3 of 4 functions: interrupted" in page
    assert "cupy was not run: no GPU" in page


def test_what_is_wrong_is_told_with_its_number_reason_and_issue(page):
    assert (
        "- ✗ `huber_loss` value: 1 fail, worst 3.5 ULP. far/value float32: the value is 3.5 ULP off"
    ) in page
    assert (
        "- ≠ bug: It overflows. ([issue](https://example.org/issues/1?a_b=%281%29)) "
        "*1 case, worst ∞ ULP: value of `log_cosh`*"
    ) in page
    assert "javascript" not in page


def test_a_reason_is_told_once_for_all_that_it_explains(right):
    known = {"outcome": "expected failure", "kind": "bug", "reason": "It overflows."}
    right.results = [replace(result, **known) for result in right.results]
    (line,) = [line for line in lines(right) if "overflows" in line]
    assert line == (
        "- ≠ bug: It overflows. *12 cases, worst 1.25 ULP: "
        "value, shape of `huber_loss`, `kl_divergence`, `log_cosh`, `softplus`*"
    )


def test_what_is_searched_for_is_counted_where_plainer_failures_tell_of_it(right, wrong):
    (line,) = [line for line in lines(wrong) if "extreme" in line]
    assert line == (
        "- ≠ 1 case more at extreme and drawn inputs of these, with reasons that the HTML page "
        "tells, worst ∞ ULP *stability of `log_cosh`*"
    )
    known = {"outcome": "expected failure", "kind": "bug", "reason": "It overflows."}
    right.results = [replace(right.results[0], **known, check="stability")]
    assert "- ≠ bug: It overflows. *1 case, worst 0.5 ULP: stability of `huber_loss`*" in lines(
        right
    )


def test_a_function_that_no_subject_has_is_counted_alone(right, wrong):
    told = {"outcome": "unsupported", "message": "has none"}
    right.results = [
        replace(result, **told) if result.loss in ("huber_loss", "softplus") else result
        for result in right.results
    ]
    page = lines(right)
    assert "No subject has 2 more functions." in page
    assert not any("softplus" in line for line in page)
    both = markdown.render(matrix.columns([right, wrong]))  # which was not asked for softplus
    assert "| `huber_loss` | – | ✗ fail 3.5 |" in both
    assert "| `softplus` | – |  |" in both
    assert "No subject has" not in both


def lines(report):
    return markdown.render(matrix.columns([report])).splitlines()


def test_no_text_of_a_subject_is_read_as_markup(page):
    (line,) = [line for line in page.splitlines() if "onerror" in line]
    assert "<" not in line
    assert r"\| \`a\` \*b\*" in line
    assert page.encode("utf-8")
