"""What tests of backends share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import lossapi
from lossapi import call
from lossapi.backend import get


@pytest.fixture
def nothing_came_before() -> Iterator[None]:
    """No program that an earlier test made, or leaves behind."""

    def forget() -> None:
        call.forget()
        get("numpy").forget()

    forget()
    yield
    forget()
    lossapi.set_threads(None)
