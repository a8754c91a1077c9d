"""The whole specification in one JSON file, for readers in other languages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import lossapi

from ..oracle import golden, specfile

NAME = "lossapi-spec.json"


def bundle() -> dict[str, Any]:
    """Every loss file with its golden results, and the flags; all numbers are strings."""
    return {
        "lossapi": lossapi.__version__,
        "flags": specfile.flags(),
        "losses": {name: _entry(name) for name in specfile.spec_names()},
    }


def _entry(name: str) -> dict[str, Any]:
    spec, results = specfile.load_spec(name), golden.load_golden(name)
    return {**spec.data, "golden": results["points"]}


def write(place: Path) -> None:
    """Write the bundle; the same specification gives the same bytes."""
    text = json.dumps(bundle(), ensure_ascii=False, indent=1)
    place.write_text(text + "\n", encoding="utf-8")
