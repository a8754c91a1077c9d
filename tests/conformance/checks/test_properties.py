from __future__ import annotations

from lossapi.conformance.backend_subject import BackendSubject
from lossapi.conformance.checks import properties
from lossapi.conformance.checks.expected import VALUE, Quantity
from lossapi.conformance.checks.inquiry import Inquiry
from lossapi.conformance.oracle.specfile import load_spec
from lossapi.conformance.result import Result, Settings


def test_examples_of_many_numbers_are_drawn_in_smaller_batches() -> None:
    inquiry = Inquiry(BackendSubject("numpy"), load_spec("kl_divergence"), "properties", "float64")
    found: dict[Quantity, list[Result]] = {VALUE: []}
    properties._explore(inquiry, {}, found, {"k": 64}, 10, Settings(seed=1))
    assert 10 <= len(found[VALUE]) < properties.BATCH
    assert {result.outcome for result in found[VALUE]} == {"pass"}
