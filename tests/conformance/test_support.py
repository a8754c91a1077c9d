"""The table of what works where says what running it showed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from lossapi.conformance import BackendSubject
from lossapi.conformance.oracle.specfile import load_spec, spec_names
from lossapi.conformance.report import support
from lossapi.conformance.subject import Response, Unsupported

TABLE = Path(__file__).parents[2] / "docs" / "support.md"


def rows(text: str) -> dict[str, list[str]]:
    found = {}
    for line in text.splitlines():
        if line.startswith("| `"):
            name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
            found[name.strip("`")] = cells
    return found


def test_each_cell_is_what_came_of_running_it() -> None:
    losses = ["huber_loss", "wasserstein_distance", "one_hot"]
    table = support.run(losses, ["numpy", "array_api_strict", "no_such_library"], 1)
    text = support.markdown(table, losses)
    found = rows(text)
    assert found["huber_loss"] == found["one_hot"] == ["yes", "yes"]
    assert found["wasserstein_distance"] == ["yes", "no [1]"]
    assert "1. for numpy only" in text
    assert "Not run: `no_such_library`: there is no backend" in text
    assert re.search(r"numpy 2\.\d+\.\d+: value, gradient", text)


class Faulty(BackendSubject):
    """A library that is right about values and not about what is named."""

    def __init__(self, wrong: str) -> None:
        super().__init__("numpy")
        self._wrong = wrong

    def run(self, request: Any) -> Response:
        if request.want == self._wrong:
            right = super().run(request)
            return Response(tuple(array + 1.0 for array in right.arrays), right.dtypes)
        if request.want != "value" and self._wrong == "absent":
            raise Unsupported("no gradients here")
        return super().run(request)


@pytest.mark.parametrize(
    ("wrong", "cell", "note"),
    [
        ("value", "no [1]", "the value is"),
        ("gradient", "value only [1]", "the gradient by prediction is"),
        ("absent", "value only [1]", "no gradients here"),
    ],
)
def test_what_is_wrong_or_absent_is_not_called_right(wrong: str, cell: str, note: str) -> None:
    found = support.faces(Faulty(wrong), load_spec("huber_loss"))
    column = support.Column("numpy", "numpy", "2", ("value", "gradient"))
    table = support.Table([column], {("huber_loss", "numpy"): found})
    text = support.markdown(table, ["huber_loss"])
    assert rows(text)["huber_loss"] == [cell]
    assert f"1. {note}" in text


def test_the_committed_table_has_every_function() -> None:
    assert list(rows(TABLE.read_text("utf-8"))) == sorted(
        spec_names(), key=lambda name: (load_spec(name).family, spec_names().index(name))
    )
