"""A run on several cores: a process each, to which the functions are dealt one at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress

from .finding import find
from .oracle.specfile import load_spec
from .protocol.process import kill_all
from .result import Result, Settings
from .runner import Report, Scope, Step, conclude, load_checks, run
from .subject import Subject


def run_apart(
    subjects: Mapping[str, Subject],
    losses: Sequence[str],
    kinds: Sequence[str],
    dtypes: Sequence[str],
    settings: Settings,
    progress: Callable[[Step], None],
    jobs: int,
) -> Report:
    """Judge subjects, given by what names them, as `run` does, in a process for each job.

    A function is judged for all subjects in one process, which computes its exact values once.
    Those with long definitions take longest and are begun first, so that no core waits at the end.
    """
    started = time.monotonic()
    for subject in subjects.values():
        if hasattr(subject, "close"):  # its process has said what it is; those here start others
            subject.close()
    names = ", ".join(subject.name for subject in subjects.values())
    found: list[Result] = []
    # Spawned, not forked: the array libraries have threads, which a fork would leave behind.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_prepare)
    try:
        tasks = {
            pool.submit(_judge, tuple(subjects), loss, tuple(kinds), tuple(dtypes), settings): loss
            for loss in sorted(losses, key=_length, reverse=True)
        }
        progress(Step(0, len(tasks)))
        for done, task in enumerate(as_completed(tasks), start=1):
            found += task.result()
            progress(Step(done, len(tasks), names, tasks[task]))
    except BaseException:
        _survive_broken_pipes()
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    order = {loss: place for place, loss in enumerate(losses)}
    found.sort(key=lambda result: order[result.loss])
    scope = Scope(list(subjects.values()), losses, load_checks(kinds), dtypes)
    return conclude(scope, found, settings, time.monotonic() - started)


def _length(loss: str) -> int:
    """How much is written in the definitions of a function."""
    data = load_spec(loss).data
    entries = (data["formula"], *data["gradient"].values())
    return sum(len(entry["definition"]) for entry in entries)


def _survive_broken_pipes() -> None:
    """Let the pool fail, and not this process end, where it writes to a child that is gone."""
    if hasattr(signal, "SIGPIPE"):
        with suppress(ValueError):  # not the main thread
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def _prepare() -> None:
    """Leave interrupts to the parent, and end with what was started where that says so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, _: object) -> None:
    kill_all()
    os._exit(128 + number)


_subjects: dict[str, Subject] = {}


def _judge(
    sources: tuple[str, ...],
    loss: str,
    kinds: tuple[str, ...],
    dtypes: tuple[str, ...],
    settings: Settings,
) -> list[Result]:
    """The plain results of one function, in a process of its own."""
    for source in sources:
        if source not in _subjects:
            _subjects[source] = find(source)
    subjects = [_subjects[source] for source in sources]
    report = run(
        subjects,
        [load_spec(loss)],
        load_checks(kinds),
        dtypes,
        settings,
        known={subject.name: () for subject in subjects},
    )
    return report.results
