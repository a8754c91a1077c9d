"""Every tool has a docstring with an example, and the examples run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import lossapi
from lossapi import diagnostics, training

ROOMS = {"diagnostics": diagnostics, "training": training}
MODULES = [
    f"lossapi.{room}.{found.name}"
    for room, package in ROOMS.items()
    for found in pkgutil.iter_modules(package.__path__)
]


@pytest.mark.parametrize("name", ["lossapi.selection", *MODULES])
def test_the_examples_give_what_they_show(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize(
    ("room", "name"), [(room, name) for room in ROOMS for name in ROOMS[room].__all__]
)
def test_each_tool_says_what_it_does(room, name):
    tool = getattr(ROOMS[room], name)
    assert (tool.__doc__ or "").partition("\n")[0].endswith((".", ",", ":"))


def test_a_room_opens_when_it_is_asked_for():
    code = (
        "import lossapi, sys; before = set(sys.modules); lossapi.training.clip_by_value; "
        "lossapi.diagnostics.loss_curve; "
        "print([m for m in ('lossapi.training', 'lossapi.diagnostics', 'numpy') if m in before])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert set(ROOMS) <= set(dir(lossapi))
