"""How many threads a call may use."""

from __future__ import annotations

import os

from .errors import ParameterError

_VARIABLES = ("LOSSAPI_NUM_THREADS", "OMP_NUM_THREADS")
_chosen: int | None = None


def set_threads(count: int | None) -> None:
    """Let calls on NumPy arrays and CPU tensors use up to this many threads; None for the default.

    By default that is the number in the environment variable LOSSAPI_NUM_THREADS or, without
    it, OMP_NUM_THREADS, or else the number of cores this process may use. Only calls with about
    a million entries and more use several. What PyTorch and JAX run themselves has their settings.
    """
    global _chosen  # noqa: PLW0603 (one setting of the process)
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise ParameterError(f"set_threads: count is {count!r}; accepted is an integer from 1.")
    _chosen = count


def get_threads() -> int:
    """The number of threads that calls on NumPy arrays and CPU tensors may use."""
    return _chosen or _default()


def _default() -> int:
    for name in _VARIABLES:
        # OpenMP takes a list too, one number for each level of nesting.
        first = os.environ.get(name, "").partition(",")[0].strip()
        if first.isdecimal() and int(first) > 0:
            return int(first)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
