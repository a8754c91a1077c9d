"""Every loss file holds what it says, and its golden file is what it generates."""

import pytest

from lossapi.conformance.oracle import golden, specfile


@pytest.mark.parametrize("name", specfile.spec_names())
def test_a_loss_file_is_sound_and_its_golden_file_fresh(name):
    assert golden.verify([name]) == []


def test_every_golden_file_belongs_to_a_loss(tmp_path):
    from importlib import resources
    from pathlib import Path

    root = Path(str(resources.files("lossapi.spec")))
    losses = {path.relative_to(root / "losses") for path in root.glob("losses/*/*.yaml")}
    results = {path.relative_to(root / "golden") for path in root.glob("golden/*/*.yaml")}
    assert losses == results
