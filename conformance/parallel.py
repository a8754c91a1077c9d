"""A run on several cores: a process each, to which the functions are dealt one at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Collection, Generator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from multiprocessing.connection import wait

from .finding import find
from .oracle.specfile import load_spec
from .protocol.process import kill_all
from .result import Settings
from .run_report import Part
from .runner import Scope, Step, judge, load_checks
from .subject import Subject


def judge_apart(
    scope: Scope,
    settings: Settings,
    progress: Callable[[Step], None],
    jobs: int,
    finished: Collection[tuple[str, str]] = (),
) -> Generator[Part, None, None]:
    """Judge subjects as `judge` does, in as many processes as there are jobs, which find them.

    A function is judged for all subjects in one process, which computes its exact values once.
    Those with long definitions take longest and are begun first, so that no core waits at the end.
    """
    for subject in scope.subjects:
        if hasattr(subject, "close"):  # its process has said what it is; those here start others
            subject.close()
    found = list(zip(scope.subjects, scope.sources, strict=True))
    waiting = {
        loss: {s.name: source for s, source in found if (s.name, loss) not in finished}
        for loss in sorted(scope.losses, key=_length, reverse=True)
    }
    kinds, dtypes = tuple(scope.checks), tuple(scope.dtypes)
    # Spawned, not forked: the array libraries have threads, which a fork would leave behind.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_prepare)
    try:
        tasks = {
            pool.submit(
                _judge, tuple(named.values()), scope.timeout, loss, kinds, dtypes, settings
            ): loss
            for loss, named in waiting.items()
            if named
        }
        progress(Step(0, len(tasks)))
        for done, task in enumerate(as_completed(tasks), start=1):
            yield from task.result()
            loss = tasks[task]
            progress(Step(done, len(tasks), ", ".join(waiting[loss]), loss))
    except BaseException:
        _survive_broken_pipes()
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


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
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that is killed cannot tell: without this, its processes would stay."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        _end(signal.SIGTERM, None)


def _end(number: int, _: object) -> None:
    kill_all()
    os._exit(128 + number)


_subjects: dict[str, Subject] = {}


def _judge(
    sources: tuple[str, ...],
    timeout: float | None,
    loss: str,
    kinds: tuple[str, ...],
    dtypes: tuple[str, ...],
    settings: Settings,
) -> list[Part]:
    """What is found of one function, in a process of its own."""
    for source in sources:
        if source not in _subjects:
            _subjects[source] = find(source, timeout)
    scope = Scope([_subjects[source] for source in sources], [loss], load_checks(kinds), dtypes)
    return list(judge(scope, [load_spec(loss)], settings))
