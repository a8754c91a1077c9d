"""The HTML page in a browser: what is seen, filtered, opened by keyboard, on a phone, at night."""

from __future__ import annotations

import os
import re
import shutil

import pytest

from lossapi.conformance.report import html_page, matrix

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
)
CHANNELS = ("chrome", "msedge", None)
"""What playwright finds by itself, where it is installed in its usual place, or by playwright."""


def started(chromium):
    """A browser; the test is skipped where there is none."""
    named = os.environ.get("LOSSAPI_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
    # Without a sandbox, as the page is ours and a container may allow none.
    arguments = ["--no-sandbox"]
    if named:
        return chromium.launch(executable_path=named, args=arguments)
    for channel in CHANNELS:
        try:
            return chromium.launch(channel=channel, args=arguments)
        except playwright.Error:
            continue
    pytest.skip("no browser could be started: install Chrome or Chromium, or set LOSSAPI_BROWSER")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        running = started(driver.chromium)
        yield running
        running.close()


@pytest.fixture
def visit(browser, right, wrong, tmp_path):
    """Opens the page, and holds it to have no errors in the end."""
    file = tmp_path / "index.html"
    file.write_text(html_page.render(matrix.columns([right, wrong])), "utf-8")
    complaints, contexts = [], []

    def opened(at="", width=1280, height=900, **more):
        size = {"width": width, "height": height}
        context = browser.new_context(viewport=size, reduced_motion="reduce", **more)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: asked.url.startswith("file:") or complaints.append(asked))
        page.goto(file.as_uri() + at)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def cell(page, loss, subject):
    return page.get_by_role("button", name=f"{loss}, {subject}:")


def overflows(page):
    return page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_the_matrix_shows_each_function_of_each_subject(visit):
    page = visit()
    assert page.locator("#matrix th[scope=row]").all_text_contents() == [
        "kl_divergence",
        "softplus",
        "huber_loss",
        "log_cosh",
    ]
    assert page.locator("#matrix th[scope=col]").all_text_contents() == [
        "function",
        "numpy2.4",
        "textbook1.0",
    ]
    assert cell(page, "huber_loss", "textbook").inner_text().split() == ["✗", "3.5"]
    assert cell(page, "huber_loss", "numpy").get_attribute("aria-label") == (
        "huber_loss, numpy: pass, 1.25 ULP"
    )
    colours = {
        outcome: page.locator(f"button.cell[data-outcome='{outcome}']").first.evaluate(
            "element => getComputedStyle(element).backgroundColor"
        )
        for outcome in ("pass", "fail", "error", "expected failure")
    }
    assert len(set(colours.values())) == 4
    assert cell(page, "softplus", "textbook").count() == 0


def test_a_partial_report_says_so_and_who_was_not_run(visit):
    page = visit()
    assert "This report is partial" in page.locator("#notices").inner_text()
    assert "textbook: 3 of 4 functions: interrupted" in page.locator("#notices").inner_text()
    assert "partial, not conforming" in page.locator("#subjects").inner_text()
    assert page.locator("#skipped").inner_text() == "cupy was not run: no GPU"


@pytest.mark.parametrize(
    ("field", "value", "left", "sign"),
    [
        ("Family", "divergence", ["kl_divergence"], "!"),
        ("Check", "stability", ["log_cosh"], "≠"),
        ("Dtype", "float32", ["kl_divergence", "softplus", "huber_loss", "log_cosh"], "!"),
        ("Flag", "kink", ["kl_divergence", "softplus", "huber_loss", "log_cosh"], "✗"),
        ("Outcome", "fail", ["huber_loss"], "✗"),
        ("Outcome", "error", ["kl_divergence"], "!"),
        ("Outcome", "unsupported", ["huber_loss"], "✗"),
    ],
)
def test_a_filter_leaves_what_is_asked_for(visit, field, value, left, sign):
    page = visit()
    page.get_by_label(field, exact=True).select_option(value)
    assert page.locator("#matrix th[scope=row]").all_text_contents() == left
    assert page.locator("#shown").inner_text() == f"{len(left)} of 4 functions are shown"
    assert page.locator("button.cell[data-subject='1'] .sign").first.inner_text() == sign
    page.get_by_role("button", name="Reset").click()
    playwright.expect(page.locator("#matrix th[scope=row]")).to_have_count(4)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("COSH", ["log_cosh"]),
        ("ULP off", ["huber_loss"]),
        ("it overflows", ["log_cosh"]),
        ("<img", ["kl_divergence"]),
        ("no such", []),
    ],
)
def test_a_search_finds_functions_and_what_is_told_of_their_points(visit, text, left):
    page = visit()
    page.get_by_label("Search").fill(text)
    assert page.locator("#matrix th[scope=row]").all_text_contents() == left


def test_a_failing_point_is_reached_by_keyboard_alone(visit):
    page = visit()
    page.get_by_role("button", name="Reset").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("kl_div")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    focused = "document.activeElement.getAttribute('aria-label')"
    assert page.evaluate(focused) == "huber_loss, textbook: fail, 3.5 ULP"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"

    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    text = dialog.inner_text()
    for told in (
        "the value is 3.5 ULP off",
        "far/value",
        "kink",
        "A residual of exactly delta.",
        "1.25",
        "1.5",
        "import numpy as np; huber_loss(np.asarray(2.5), 1.0)",
        "has no gradient (gradient 2)",
        "Partial: 3 of 4 functions",
    ):
        assert told in text
    playwright.expect(page).to_have_url(re.compile("#huber_loss/textbook$"))

    page.keyboard.press("Escape")
    assert dialog.count() == 0
    assert page.evaluate(focused) == "huber_loss, textbook: fail, 3.5 ULP"
    playwright.expect(page).to_have_url(re.compile(r"index\.html$"))


def test_arrows_pass_over_what_is_empty_and_stop_at_the_ends(visit):
    page = visit()
    cell(page, "kl_divergence", "textbook").focus()
    focused = "document.activeElement.getAttribute('aria-label')"
    for key, reached in (
        ("ArrowUp", "kl_divergence, textbook"),
        ("ArrowDown", "huber_loss, textbook"),  # softplus was not judged for it
        ("Home", "huber_loss, numpy"),
        ("ArrowLeft", "huber_loss, numpy"),
        ("PageDown", "log_cosh, numpy"),
        ("ArrowDown", "log_cosh, numpy"),
        ("End", "log_cosh, textbook"),
        ("PageUp", "kl_divergence, textbook"),
    ):
        page.keyboard.press(key)
        assert page.evaluate(focused).startswith(reached), key


def test_the_reproduction_is_copied(visit):
    page = visit("#huber_loss/textbook", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "import numpy as np; huber_loss(np.asarray(2.5), 1.0)"


def test_an_expected_failure_has_its_reason_and_only_an_address_is_a_link(visit):
    page = visit("#log_cosh/textbook")
    text = page.get_by_role("dialog").inner_text()
    assert "bug: It overflows." in text
    links = page.get_by_role("dialog").locator("a")
    assert [link.get_attribute("href") for link in links.all()] == [
        "https://example.org/issues/1?a_b=(1)"
    ]


def test_what_a_subject_says_is_shown_as_text(visit):
    page = visit("#kl_divergence/textbook")
    assert "</script><img src=x onerror=boom()>" in page.get_by_role("dialog").inner_text()
    assert page.locator("img").count() == 0


def test_an_address_that_names_nothing_opens_nothing(visit):
    for address in ("#nothing/here", "#%", "#huber_loss"):
        assert visit(address).get_by_role("dialog").count() == 0


@pytest.mark.parametrize("address", ["", "#huber_loss/textbook", "#kl_divergence/textbook"])
def test_on_a_phone_the_page_is_not_wider_than_the_screen(visit, address):
    page = visit(address, width=320, height=640)
    assert not overflows(page)
    assert page.evaluate(
        "[...document.querySelectorAll('dialog *')].every("
        "element => element.closest('.scroller, pre')"
        " || element.getBoundingClientRect().right <= innerWidth + 1)"
    )


def test_the_names_of_subjects_and_functions_stay_in_sight(visit):
    page = visit(width=320, height=420)
    page.evaluate("document.getElementById('scroller').scrollTo(60, 90)")
    at = "element => [element.getBoundingClientRect().x, element.getBoundingClientRect().y]"
    corner = page.locator("#scroller").evaluate(at)
    assert page.locator("#matrix .corner").evaluate(at) == pytest.approx(corner, abs=2)
    assert page.locator("th[scope=row]").first.evaluate(at)[0] == pytest.approx(corner[0], abs=2)


def test_it_is_dark_where_that_is_wanted(visit):
    background = "getComputedStyle(document.body).backgroundColor"
    light, dark = (visit(color_scheme=scheme).evaluate(background) for scheme in ("light", "dark"))
    brightness = [sum(map(int, c[4:-1].split(","))) for c in (light, dark)]
    assert brightness[0] > 600
    assert brightness[1] < 150


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_sign_can_be_read_on_its_colour(visit, scheme):
    page = visit(color_scheme=scheme)
    colours = page.evaluate(
        """[...document.querySelectorAll('[data-outcome]')]
        .filter(element => element.textContent).map(getComputedStyle)
        .map(style => [style.color, style.backgroundColor])"""
    )
    assert len(colours) > 8
    assert min(contrast(*pair) for pair in colours) >= 4.5


def contrast(*colours):
    """As the Web Content Accessibility Guidelines define it."""
    bright = sorted(map(luminance, colours))
    return (bright[1] + 0.05) / (bright[0] + 0.05)


def luminance(colour):
    parts = [int(part) / 255 for part in colour[4:-1].split(",")]
    linear = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return sum(w * x for w, x in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
