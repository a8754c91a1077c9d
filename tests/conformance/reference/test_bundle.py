"""The bundle holds the whole specification."""

import json

from lossapi.conformance.oracle.golden import load_golden
from lossapi.conformance.oracle.specfile import load_spec, spec_names
from lossapi.conformance.reference import bundle


def numbers(value):
    """Every JSON number inside."""
    if isinstance(value, dict):
        return [n for item in value.values() for n in numbers(item)]
    if isinstance(value, list):
        return [n for item in value for n in numbers(item)]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


def test_every_loss_is_there_with_its_golden_results(tmp_path):
    bundle.write(tmp_path / "spec.json")
    read = json.loads((tmp_path / "spec.json").read_text("utf-8"))
    assert sorted(read["losses"]) == spec_names()
    huber = read["losses"]["huber_loss"]
    assert huber["golden"] == load_golden("huber_loss")["points"]
    assert huber["points"] == load_spec("huber_loss").points
    assert "kink" in read["flags"]
    assert numbers(read) == []


def test_writing_twice_gives_the_same_bytes(tmp_path):
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    bundle.write(first)
    bundle.write(second)
    assert first.read_bytes() == second.read_bytes()
