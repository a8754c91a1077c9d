"""The Markdown summary says everything, and shows what subjects say as text."""

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
        "Expected, bug: It overflows. ([issue](https://example.org/issues/1?a_b=%281%29))" in page
    )
    assert "javascript" not in page


def test_no_text_of_a_subject_is_read_as_markup(page):
    (line,) = [line for line in page.splitlines() if "onerror" in line]
    assert "<" not in line
    assert r"\| \`a\` \*b\*" in line
    assert page.encode("utf-8")
