"""What a spec file says of its peers is executed, not believed."""

from __future__ import annotations

from typing import Any

import pytest

from lossapi.conformance.oracle.specfile import load_spec, spec_names
from lossapi.conformance.reference import equivalents
from lossapi.errors import SpecError

CLAIMS = [
    pytest.param(name, claim, id=f"{name}-{claim['call']}")
    for name in spec_names()
    for claim in load_spec(name).data.get("equivalents", [])
]


@pytest.fixture(autouse=True)
def double_precision() -> Any:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    with jax.enable_x64(True):
        yield


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "claim"), CLAIMS)
def test_a_peer_agrees_and_differs_exactly_where_the_spec_says(
    name: str, claim: dict[str, Any]
) -> None:
    pytest.importorskip(claim["library"], reason=f"{claim['library']} is not installed")
    compared = equivalents.compare(load_spec(name), claim)
    assert compared, "the claim names no point"
    wrong = [c for c in compared if c.agrees != (claim["relation"] == "same")]
    if claim["relation"] == "differs":
        # One differing component is enough for a point to differ.
        differing = {c.point for c in compared if not c.agrees}
        wrong = [c for c in wrong if c.point not in differing]
    assert not wrong


def test_every_loss_names_at_least_one_peer() -> None:
    assert all(load_spec(name).data["equivalents"] for name in spec_names())


@pytest.mark.parametrize(
    "call",
    ["__import__('os')", "numpy.exp.__class__", "open('x')", "[x for x in y]", "lambda: 1"],
)
def test_a_call_reaches_nothing_but_the_libraries(call: str) -> None:
    with pytest.raises(SpecError, match="not accepted"):
        equivalents.evaluate(call, {})


def test_a_call_computes_what_python_would() -> None:
    assert equivalents.evaluate("numpy.exp(x) * -2 + y", {"x": 0.0, "y": 1}) == -1.0
