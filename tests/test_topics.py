"""The table of topics names everything there is, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import lossapi
from lossapi import diagnostics, training
from lossapi.losses import registry

TEXT = (Path(__file__).parents[1] / "docs" / "topics.md").read_text("utf-8")
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ")][1:]
NAMED = {name for row in ROWS for name in re.findall(r"`(\w+)`", row)}
ROOMS = (lossapi, training, diagnostics)


def drawings() -> set[str]:
    """What the functions of diagnostics give."""
    return {name for name in diagnostics.__all__ if isinstance(getattr(diagnostics, name), type)}


def test_every_function_has_its_place() -> None:
    due = {*registry, *training.__all__, *diagnostics.__all__, "recommend"} - drawings()
    assert sorted(due - NAMED) == []


@pytest.mark.parametrize("name", sorted(NAMED - {"hessian_diag"}))
def test_every_name_leads_somewhere(name: str) -> None:
    assert any(hasattr(room, name) for room in ROOMS)
