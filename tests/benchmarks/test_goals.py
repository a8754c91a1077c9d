"""Goals of a run: which rows they are asked of, and which miss them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.compare import ALONE, LOOP, OURS, Row
from benchmarks.goals import GOALS, described, outcomes
from benchmarks.report import as_markdown

MIB = 2**20


def row(library: str, loss: str, shape: tuple[int, ...], ours: float, **settings: Any) -> Row:
    given = {
        "dtype": "float32",
        "threads": 1,
        "mode": "value_and_grad",
        "clock": "wall",
        "rounds": 5,
        "floor": {LOOP: 1.0},
        "memory": {},
        "absent": {},
        "ratios": {},
        **settings,
    }
    return Row(library=library, loss=loss, shape=shape, seconds={OURS: ours}, **given)


def told(rows: list[Row]) -> dict[str, tuple[int, list[str]]]:
    return {
        f"{goal.text} {goal.bound}": (reached, [described(*miss) for miss in missed])
        for goal, reached, missed in outcomes(rows)
    }


def one(found: dict[str, tuple[int, list[str]]], *words: str) -> tuple[int, list[str]]:
    (own,) = [value for text, value in found.items() if all(word in text for word in words)]
    return own


def test_the_best_peer_counts_and_a_bound_is_of_a_size_and_a_loss() -> None:
    rows = [
        row("numpy", "squared_error", (10**7,), 2.0, ratios={"numpy": 3.0, "scipy": 1.75}),
        row("numpy", "huber_loss", (10**7,), 2.6, ratios={"numpy": 4.5}),
        row("numpy", "squared_error", (10**7,), 2.0, mode="value", ratios={"numpy": 0.1}),
        row("numpy", "squared_error", (1000,), 2.0, ratios={"numpy": 1.0}),
    ]
    found = told(rows)
    missed = ["squared_error 10000000 float32: 1.75"]
    assert one(found, "10000000 entries: time of the best") == (0, missed)
    assert one(found, "huber_loss", "best peer", "≥ 4") == (1, [])
    assert one(found, "1000 entries", "≥ 1") == (1, [])
    assert one(found, "fused C loop", "≤ 2.5") == (1, ["huber_loss 10000000 float32: 2.60"])


def test_more_threads_are_compared_with_one() -> None:
    rows = [
        row("numpy", loss, (10**7,), 2.5, threads=2, floor={ALONE: 3.0})
        for loss in ("log_cosh", "absolute_error")
    ]
    found = told(rows)
    assert one(found, "exp or log is computed") == (0, ["log_cosh 10000000 float32: 1.20"])
    assert one(found, "exp or log is not computed") == (1, [])


def test_others_are_held_to_one_peer_each() -> None:
    rows = [
        row("torch", "huber_loss", (10**5,), 1.0, ratios={"torch.nn.functional": 0.5, "torch": 2}),
        row("torch", "log_cosh", (10**5,), 1.0, ratios={"torch": 0.5}),
        row("jax", "huber_loss", (10**5,), 1.0, mode="value", ratios={"optax": 0.5}),
        row("jax", "gaussian_nll", (10**5,), 1.0, ratios={"jax.numpy": 0.5}),
    ]
    found = told(rows)
    assert one(found, "PyTorch in eager mode") == (0, ["huber_loss 100000 float32: 0.50"])
    assert one(found, "JAX under jit: ") == (0, ["huber_loss (value) 100000 float32: 0.50"])


def test_a_layer_is_compared_with_its_dense_form() -> None:
    memory = {OURS: 50 * MIB, "dense, NumPy": 150 * MIB, "numpy": 900 * MIB}
    ratios = {"dense, NumPy": 0.95, "numpy": 0.5}
    rows = [
        row("numpy", "linear_cross_entropy", (2048, 512, 32000), 1.0, ratios=ratios, memory=memory)
    ]
    found = told(rows)
    assert one(found, "time of the dense form") == (1, [])
    missed = ["linear_cross_entropy numpy float32: 3.00"]
    assert one(found, "memory of the dense form") == (0, missed)


def test_a_page_shows_them() -> None:
    machine = dict.fromkeys(
        [
            "date",
            "commit",
            "processor",
            "cores",
            "system",
            "python",
            "load_before",
            "load_after",
            "compiler",
            "compiler_flags",
            "note",
            "command",
        ],
        "x",
    )
    rows = [row("numpy", "squared_error", (10**7,), 2.0, ratios={"numpy": 1.5})]
    page = as_markdown({**machine, "versions": {}}, rows, [])
    why = "[NumPy: large arrays](../docs/findings.md#numpy-large-arrays)"
    assert f"| ≥ 2 | 0 of 1 | squared_error 10000000 float32: 1.50 | {why} |" in page


def test_what_tells_why_a_goal_is_missed_is_there() -> None:
    headings = (Path(__file__).parents[2] / "docs" / "findings.md").read_text("utf-8").splitlines()
    titles = {goal.why for goal in GOALS} - {""}
    assert titles
    assert [title for title in titles if f"### {title}" not in headings] == []
