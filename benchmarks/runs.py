"""A run: which comparisons, in which processes, on how many threads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from math import prod
from multiprocessing import get_context
from typing import NamedTuple

from .cases import CASES, LAYERS, ROWS_BY_CLASSES, Shape
from .compare import Row, compare
from .timing import Budget

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NPROC",  # XLA's
)
"""What every library reads the number of its threads from, once, when it is loaded."""


class Job(NamedTuple):
    """The arguments of one comparison."""

    library: str
    loss: str
    dtype: str
    shape: Shape
    threads: int
    budget: Budget


class Failure(NamedTuple):
    """A comparison that broke off."""

    job: Job
    problem: str


def label(loss: str, shape: Shape) -> str:
    """How a size is written: rows x classes, or for elementwise losses the number of entries."""
    if CASES[loss].shapes in (ROWS_BY_CLASSES, LAYERS):
        return "x".join(map(str, shape))
    return str(prod(shape))


def labels() -> list[str]:
    """All sizes."""
    return list(dict.fromkeys(label(name, s) for name in CASES for s in CASES[name].shapes))


def jobs(
    libraries: list[str],
    losses: list[str],
    dtypes: list[str],
    sizes: list[str],
    threads: list[int],
    budget: Budget,
) -> list[Job]:
    """The comparisons of a run, those that share a process one after the other."""
    return [
        Job(library, loss, dtype, shape, count, budget)
        for library in libraries
        for count in threads
        for loss in losses
        for dtype in dtypes
        for shape in CASES[loss].shapes
        if label(loss, shape) in sizes
    ]


def run(todo: list[Job]) -> Iterator[Row | Failure]:
    """Carry the comparisons out, one at a time, each library and number of threads by itself."""
    kinds = dict.fromkeys((job.library, job.threads) for job in todo)
    for library, threads in kinds:
        os.environ.update(dict.fromkeys(THREADS, str(threads)), KERAS_BACKEND="numpy")
        yield from _in_one_process(
            [job for job in todo if (job.library, job.threads) == (library, threads)]
        )


def _in_one_process(todo: list[Job]) -> Iterator[Row | Failure]:
    # Spawned, so that the libraries are loaded there and see the number of threads.
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        for place, job in enumerate(todo):
            try:
                yield from pool.submit(compare, *job).result()
            except BrokenProcessPool:
                yield from (Failure(left, "the process died") for left in todo[place:])
                return
            except Exception as problem:
                yield Failure(job, f"{type(problem).__name__}: {problem}")
