"""The machine's own floor: a copy, a sum, and the loss as one fused C loop, on one thread."""

from __future__ import annotations

import ctypes
import math
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

SOURCE = Path(__file__).with_name("floor.c")
FLAGS = ("-O3", "-march=native", "-ffast-math", "-fPIC")
PARAMETERS = {
    "huber_loss": "delta",
    "quantile_loss": "quantile",
    "squared_error": None,
    "log_cosh": None,
    "sigmoid_binary_cross_entropy": None,
    "sigmoid_focal_loss": None,
    "kl_divergence": None,
    "gaussian_nll": None,
}
"""The losses that have a loop, each with the parameter that it takes."""


@cache
def compiler() -> str | None:
    """The C compiler, if there is one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


@cache
def _library(dtype: str) -> ctypes.CDLL | None:
    """The loops compiled for a dtype; None without a compiler."""
    program = compiler()
    if program is None:
        return None
    real = {"float32": "float", "float64": "double"}[dtype]
    with tempfile.TemporaryDirectory() as folder:
        compiled, built = Path(folder) / "floor.o", Path(folder) / "floor.so"
        # Linked without these flags: with them, loading it would make subnormals 0 for everybody.
        for command in (
            [program, *FLAGS, f"-DREAL={real}", "-c", str(SOURCE), "-o", str(compiled)],
            [program, "-shared", str(compiled), "-o", str(built), "-lm"],
        ):
            if subprocess.run(command, check=False, capture_output=True).returncode:
                return None
        return ctypes.CDLL(str(built))


def passes(inputs: tuple[Any, ...]) -> dict[str, Callable[[], Any]]:
    """A copy and a sum of the first input."""
    first, room = inputs[0], np.empty_like(inputs[0])
    return {"copy": lambda: np.copyto(room, first), "sum": lambda: np.sum(first)}


def loop(
    loss: str, mode: str, inputs: tuple[Any, ...], parameters: dict[str, float], gradients: int
) -> Callable[[], tuple[Any, ...]] | None:
    """The loss as one C loop, which writes gradients into fresh memory as everybody does."""
    dtype = str(inputs[0].dtype)
    library = _library(dtype) if loss in PARAMETERS else None
    if library is None:
        return None
    function = getattr(library, f"{loss}_{mode}")
    function.restype = ctypes.c_double
    real = ctypes.c_float if dtype == "float32" else ctypes.c_double
    count = gradients if mode == "value_and_grad" else 0
    pointer = ctypes.c_void_p
    function.argtypes = [*([pointer] * len(inputs)), ctypes.c_long, real, *([pointer] * count)]
    constant = float(parameters.get(PARAMETERS[loss] or "", math.nan))
    if loss == "kl_divergence":
        constant = inputs[0].shape[-1]
    read = [array.ctypes.data for array in inputs]

    def run() -> tuple[Any, ...]:
        written = [np.empty_like(inputs[0]) for _ in range(count)]
        addresses = [array.ctypes.data for array in written]
        return function(*read, inputs[0].size, constant, *addresses), *written

    return run
