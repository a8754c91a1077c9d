"""BLEU against n-grams counted one by one, and hand-computed scores."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

import lossapi
from lossapi import DTypeError, ParameterError, ShapeError, bleu_score


def grams(tokens: list[int], n: int) -> Counter[tuple[int, ...]]:
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def counted(pairs: list[tuple[list[int], list[list[int]]]], order: int, smoothing: str) -> float:
    """The score of a corpus, from its definition."""
    logs, missed = [], 0
    for n in range(1, order + 1):
        matches = total = 0.0
        for candidate, references in pairs:
            most: Counter[tuple[int, ...]] = Counter()
            for reference in references:
                most |= grams(reference, n)
            own = grams(candidate, n)
            matches += (own & most).total()
            total += own.total()
        if n == 1 and not matches:
            return 0.0
        if smoothing == "add_k" and n > 1:
            matches, total = matches + 1, total + 1
        if smoothing == "exp" and not matches and total:
            missed += 1
            matches = 0.5**missed
        if not matches:
            return 0.0
        logs.append(math.log(matches / total))
    length = sum(len(candidate) for candidate, _ in pairs)
    nearest = sum(
        min((abs(len(r) - len(candidate)), len(r)) for r in references)[1]
        for candidate, references in pairs
    )
    brevity = 1.0 if length >= nearest else math.exp(1 - nearest / length)
    return brevity * math.exp(sum(logs) / order)


def drawn(rng: np.random.Generator) -> tuple[Any, list[tuple[list[int], list[list[int]]]]]:
    """A padded batch, and the same as lists."""
    candidate, references = rng.integers(0, 3, (4, 9)), rng.integers(0, 3, (4, 2, 8))
    lengths, others = rng.integers(1, 10, 4), rng.integers(1, 9, (4, 2))
    kept = np.arange(9) < lengths[:, None]
    kept_others = np.arange(8) < others[..., None]
    pairs = [
        (
            candidate[i, : lengths[i]].tolist(),
            [references[i, j, : others[i, j]].tolist() for j in range(2)],
        )
        for i in range(4)
    ]
    given = {"candidate_mask": kept, "reference_mask": kept_others}
    return ((candidate, references), given), pairs


@pytest.mark.parametrize("smoothing", ["none", "add_k", "exp"])
@pytest.mark.parametrize("library", ["numpy", "torch", "jax.numpy", "array_api_strict"])
def test_equals_n_grams_counted_one_by_one(library: str, smoothing: str) -> None:
    xp = pytest.importorskip(library)
    rng = np.random.default_rng(0)
    for order in (1, 2, 4):
        for _ in range(6):
            (arrays, given), pairs = drawn(rng)
            arrays = [xp.asarray(x) for x in arrays]
            given = {name: xp.asarray(x) for name, x in given.items()}
            options = {"max_order": order, "smoothing": smoothing, **given}
            due = [counted([pair], order, smoothing) for pair in pairs]
            found = bleu_score(*arrays, **options)
            np.testing.assert_allclose(np.asarray(found), due, rtol=1e-5, atol=1e-7)
            whole = bleu_score(*arrays, corpus=True, **options)
            np.testing.assert_allclose(float(whole), counted(pairs, order, smoothing), rtol=1e-5)


def test_the_example_of_its_authors() -> None:
    # "the the the the the the the" against "the cat is on the mat": 2 of 7 tokens count.
    score = bleu_score([1] * 7, [[1, 2, 3, 4, 1, 5]], max_order=1, brevity_penalty=False)
    assert score == pytest.approx(2 / 7)


def test_the_nearest_length_decides_and_the_shorter_of_two() -> None:
    references = [[1, 2, 3, 0], [1, 2, 3, 4]]
    score = bleu_score([1, 2, 3], references, reference_mask=[[1, 1, 0, 0], [1, 1, 1, 1]])
    assert score == 0.0  # no 4-gram
    masks = {"reference_mask": [[1, 1, 0, 0], [1, 1, 1, 1]]}
    assert bleu_score([1, 2, 3], references, max_order=2, **masks) == pytest.approx(1.0)


@pytest.mark.parametrize("candidate", [[7, 8], [1]])
def test_nothing_shared_or_too_short_is_0(candidate: list[int]) -> None:
    assert bleu_score(candidate, [[1, 2, 3]], max_order=2) == 0.0


def test_a_reference_that_is_padding_is_none() -> None:
    references = [[1, 2, 3], [0, 0, 0]]
    mask = [[1, 1, 1], [0, 0, 0]]
    with_padding = bleu_score([1], references, reference_mask=mask, max_order=1)
    assert with_padding == pytest.approx(math.exp(1 - 3))


def test_runs_under_jit_and_vmap() -> None:
    jax = pytest.importorskip("jax")
    rng = np.random.default_rng(1)
    (arrays, given), _ = drawn(rng)
    arrays = [jax.numpy.asarray(x) for x in arrays]
    masks = [jax.numpy.asarray(x) for x in given.values()]

    def score(candidate: Any, references: Any, kept: Any, kept_others: Any) -> Any:
        masks = {"candidate_mask": kept, "reference_mask": kept_others}
        return lossapi.bleu_score(candidate, references, max_order=2, smoothing="exp", **masks)

    due = score(*arrays, *masks)
    np.testing.assert_allclose(jax.jit(score)(*arrays, *masks), due, rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(score)(*arrays, *masks), due, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"candidate": [1.0, 2.0]}, DTypeError, "candidate has dtype float64"),
        ({"references": [1, 2]}, ShapeError, r"references \(2,\)"),
        ({"candidate_mask": [1]}, ShapeError, r"candidate_mask has shape \(1,\)"),
        ({"max_order": 0}, ParameterError, "max_order is 0"),
        ({"smoothing": "floor"}, ParameterError, "smoothing is 'floor'"),
        ({"k": 0}, ParameterError, "k is 0"),
    ],
)
def test_what_is_wrong_is_told(change: Any, error: type[Exception], told: str) -> None:
    given: Any = {"candidate": [1, 2], "references": [[1, 2]], **change}
    with pytest.raises(error, match=told):
        bleu_score(given.pop("candidate"), given.pop("references"), **given)
