"""What ``lossapi choose`` says: the problems with their questions, or losses with reasons."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from lossapi.selection import recommend, table

WIDTH = 88


def overview() -> str:
    """All problems, and the answers that each asks for."""
    return "\n".join(_overview())


def answer(problem: str, given: Mapping[str, str | None]) -> str:
    """The losses for a problem and these answers."""
    found = recommend(problem, **given)
    lines = [_case(problem, given)]
    for number, one in enumerate(found, start=1):
        lines += ["", f"{number}. {one.call}"]
        lines += [_block(one.reason), _block(f"Source: {one.source}")]
    lines += ["", f"The reference page of a loss: lossapi show {found[0].loss}"]
    return "\n".join(lines)


def _overview() -> Iterator[str]:
    yield "Problems:"
    for name, problem in table()["problems"].items():
        options = [f"--{question}" for question in problem["asks"]]
        yield f"  {name}" + (f"  [{', '.join(options)}]" if options else "")
        yield _block(problem["meaning"], 6)
    yield ""
    yield "Answers, of which the first is taken where nothing is said:"
    told: dict[str, list[str]] = {}
    for name, problem in table()["problems"].items():
        for question, scale in problem["asks"].items():
            told.setdefault(f"{question} {scale}", []).append(name)
    for key, problems in told.items():
        question, scale = key.split()
        yield f"  --{question}: {table()['scales'][scale]['asks']}"
        yield _block(f"({', '.join(problems)})", 6)
        for one, meaning in table()["scales"][scale]["answers"].items():
            yield f"      {one:<10} {meaning}"
    yield ""
    yield "For example: lossapi choose multiclass_classification --noise some"


def _case(problem: str, given: Mapping[str, str | None]) -> str:
    asked = table()["problems"][problem]["asks"]
    told = []
    for question, scale in asked.items():
        first = next(iter(table()["scales"][scale]["answers"]))
        told.append(f"{question}: {given[question] or first}")
    return ", ".join([problem, *told])


def _block(text: str, indent: int = 3) -> str:
    space = " " * indent
    return textwrap.fill(
        text, WIDTH, initial_indent=space, subsequent_indent=space, break_on_hyphens=False
    )
