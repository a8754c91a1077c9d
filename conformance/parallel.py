"""A run on several cores: a process each, to which the functions are dealt one at a time."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Collection, Generator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress

from .backend_subject import BackendSubject
from .oracle.specfile import load_spec
from .result import Settings
from .run_report import Part
from .runner import Scope, Step, judge, load_checks


def judge_apart(
    scope: Scope,
    settings: Settings,
    progress: Callable[[Step], None],
    jobs: int,
    finished: Collection[tuple[str, str]] = (),
) -> Generator[Part, None, None]:
    """Judge backends as `judge` does, in as many processes as there are jobs.

    A function is judged for all subjects in one process, which computes its exact values once.
    Those with long definitions take longest and are begun first, so that no core waits at the end.
    """
    waiting = {
        loss: tuple(s.name for s in scope.subjects if (s.name, loss) not in finished)
        for loss in sorted(scope.losses, key=_length, reverse=True)
    }
    kinds, dtypes = tuple(scope.checks), tuple(scope.dtypes)
    # Spawned, not forked: the array libraries have threads, which a fork would leave behind.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_leave_interrupts_to_parent)
    try:
        tasks = {
            pool.submit(_judge, names, loss, kinds, dtypes, settings): loss
            for loss, names in waiting.items()
            if names
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


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


_subjects: dict[str, BackendSubject] = {}


def _judge(
    names: tuple[str, ...],
    loss: str,
    kinds: tuple[str, ...],
    dtypes: tuple[str, ...],
    settings: Settings,
) -> list[Part]:
    """What is found of one function, in a process of its own."""
    for name in names:
        if name not in _subjects:
            _subjects[name] = BackendSubject(name)
    scope = Scope([_subjects[name] for name in names], [loss], load_checks(kinds), dtypes)
    return list(judge(scope, [load_spec(loss)], settings))
