"""Reference pages are what the specification says, and their examples run."""

import doctest
import inspect

import pytest

import lossapi
from lossapi.conformance.oracle.specfile import load_spec, spec_names
from lossapi.conformance.reference import pages
from lossapi.conformance.reference.face import face

NAMES = spec_names()


@pytest.mark.parametrize("name", NAMES)
def test_the_page_is_up_to_date(name):
    assert pages.verify([name]) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_example_runs_and_prints_what_the_page_says(name):
    parsed = doctest.DocTestParser().get_doctest(pages.render(load_spec(name)), {}, name, None, 0)
    said: list[str] = []
    failed, tried = doctest.DocTestRunner().run(parsed, out=said.append)
    assert tried >= 3
    assert not failed, "".join(said)


@pytest.mark.parametrize("name", NAMES)
def test_the_page_is_the_documentation_of_the_function(name):
    assert inspect.getdoc(getattr(lossapi, name)) == pages.render(load_spec(name)).strip()


@pytest.mark.parametrize("name", NAMES)
def test_the_call_on_the_page_is_the_call_of_the_function(name):
    function, called = getattr(lossapi, name), face(load_spec(name))
    shown = inspect.signature(function)
    assert called.call == f"lossapi.{name}{shown}".replace("'", '"')
    assert called.differentiable == function.differentiable
    assert set(called.curved) == set(function.curvatures)
    assert called.reduces == function.reduces
    assert set(called.options) == set(function.options)
    assert load_spec(name).libraries == function.libraries


def test_no_page_is_left_over():
    assert pages.leftovers() == []


def test_a_missing_and_a_stale_page_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "path", lambda name: tmp_path / f"{name}.md")
    assert "is missing" in pages.verify(["huber_loss"])[0]
    (written,) = pages.build(["huber_loss"])
    assert pages.verify(["huber_loss"]) == []
    written.write_text(written.read_text() + "more")
    assert "is stale" in pages.verify(["huber_loss"])[0]


def test_a_page_has_a_section_for_everything_in_the_specification():
    text = pages.render(load_spec("huber_loss"))
    for part in (
        "# Huber loss",
        "delta=1.0",
        r"\tfrac12",
        "abs(prediction - target) == delta",
        "ULP",
        "torch.nn.functional.huber_loss",
        "https://doi.org/10.1214/aoms/1177703732",
        "ShapeError",
    ):
        assert part in text
