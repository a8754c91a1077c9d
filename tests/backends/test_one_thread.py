"""Calls on one thread of ours start none of the BLAS library either: they would meet each other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COUNTED = """
import os, sys, time
import numpy as np
import lossapi

def others():
    '''Nanoseconds that all threads but this one have run.'''
    time.sleep(0.3)  # until those that wait for work by spinning have gone to sleep
    tasks = [task for task in os.listdir("/proc/self/task") if int(task) != os.getpid()]
    return sum(int(open(f"/proc/self/task/{task}/schedstat").read().split()[0]) for task in tasks)

def taken(call):
    before = others()
    for _ in range(60):
        call()
    return others() - before

lossapi.set_threads(1)
logits, labels = np.ones((4096, 1000)), np.zeros(4096, int)
flat = logits.reshape(-1)
print(taken(lambda: lossapi.sparse_softmax_cross_entropy(logits, labels)))
print(taken(lambda: lossapi.squared_error.value_and_grad(flat, flat)))
single = flat.astype("float32")
print(taken(lambda: lossapi.squared_error.value_and_grad(single, single)))
print(taken(lambda: [flat.dot(flat) for _ in range(30)]))
"""


@pytest.mark.skipif(
    not Path("/proc/self/schedstat").exists() or len(os.sched_getaffinity(0)) < 2,
    reason="needs Linux's account of each thread's time (/proc/self/schedstat), and two cores",
)
def test_one_thread_is_one() -> None:
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "2"}
    told = subprocess.run(
        [sys.executable, "-c", COUNTED],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    *ours, by_blas = map(int, told.stdout.split())
    if by_blas == 0:
        pytest.skip("NumPy's own dot product took no second thread here: nothing to compare with")
    assert ours == [0, 0, 0]
