"""Array libraries to test on: each is skipped, with its reason, where it is not installed."""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
# Programs that tests start and interrupt inherit what becomes of an interrupt, which is nothing
# where the tests themselves were started in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)


class Library(NamedTuple):
    """An array library: how it makes an array, and how NumPy sees one."""

    name: str
    asarray: Callable[..., Any]
    to_numpy: Callable[[Any], Any]


def _library(name: str, module: str) -> Library:
    namespace = importlib.import_module(module)

    def asarray(values: Any, dtype: str = "float32") -> Any:
        return namespace.asarray(np.asarray(values, dtype=dtype))

    def to_numpy(array: Any) -> Any:
        return np.asarray(array.detach() if hasattr(array, "detach") else array)

    return Library(name, asarray, to_numpy)


LIBRARIES = {
    "numpy": "numpy",
    "torch": "torch",
    "jax": "jax.numpy",
    "array_api_strict": "array_api_strict",
    "dask": "dask.array",
}


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Library:
    """Each array library in turn."""
    pytest.importorskip(request.param, reason=f"{request.param} is not installed")
    return _library(request.param, LIBRARIES[request.param])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest tests first, so that one core does not wait for them in the end."""
    items.sort(key=lambda item: "test_a_function_conforms" not in item.nodeid)
