"""How much memory a call holds at its worst, beyond what it returns."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lossapi.backends.blockwise.walking import forget as give_scratch_back

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def traced(call: Callable[[], Any]) -> int:
    """Bytes by Python's own account, to which NumPy reports its arrays."""
    gc.collect()
    give_scratch_back()  # what is kept between calls counts too
    tracemalloc.start()
    try:
        result = call()
        _, peak = tracemalloc.get_traced_memory()
        give_scratch_back()
        held, _ = tracemalloc.get_traced_memory()
        del result
    finally:
        tracemalloc.stop()
    return peak - held


def resident(call: Callable[[], Any], size: Callable[[Any], int]) -> int | None:
    """Bytes by the kernel's account (Linux): the resident peak, less the results' `size`."""
    gc.collect()
    give_scratch_back()
    try:
        _RESET.write_text("5")  # forget the peak so far
        before = _kilobytes("VmRSS")
        result = call()
        peak = _kilobytes("VmHWM")
    except OSError:
        return None
    return max(0, 1024 * (peak - before) - size(result))


def _kilobytes(field: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise OSError(f"{_STATUS} has no {field}")
