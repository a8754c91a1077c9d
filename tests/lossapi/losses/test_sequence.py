"""Losses of sequences beside what they are sums over, other libraries, and long sequences."""

from __future__ import annotations

import doctest
import itertools
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lossapi
from lossapi import decoding
from lossapi.backend import get
from lossapi.errors import LabelError, ShapeError

crf, ctc, tokens = (
    lossapi.linear_chain_crf_nll,
    lossapi.ctc_loss,
    lossapi.token_cross_entropy,
)
OF_CRF = ("emissions", "transitions", "start", "end")
Array = Any


def chain(n: int, t: int, k: int, seed: int = 0) -> tuple[Array, ...]:
    """Emissions, tags, transitions, start, end and a mask with holes, of which padding is NaN."""
    random = np.random.default_rng(seed)
    emissions, tags = random.normal(size=(n, t, k)), random.integers(0, k, (n, t))
    transitions, start, end = (random.normal(size=s) for s in ((k, k), k, k))
    mask = random.random((n, t)) < 0.75
    emissions[~mask], tags[~mask] = np.nan, -1
    return emissions, tags, transitions, start, end, mask


def speech(n: int, t: int, k: int, s: int, seed: int = 0) -> tuple[Array, ...]:
    """Logits, labels, and the lengths of both, which always fit."""
    random = np.random.default_rng(seed)
    logits, labels = 3.0 * random.normal(size=(n, t, k)), random.integers(1, k, (n, s))
    lengths, counts = random.integers(2 * s, t + 1, n), random.integers(0, s + 1, n)
    return logits, labels, lengths, counts


def prefixes(lengths: Array, size: int) -> Array:
    return np.arange(size) < lengths[:, None]


def differences(function: Callable[[Array], Array], x: Array) -> Array:
    """The gradient of a sum by central differences, 0 by entries that are NaN."""
    found = np.zeros_like(x)
    for place in np.argwhere(~np.isnan(x)):
        moved = [x.copy(), x.copy()]
        for side, y in zip((1, -1), moved, strict=True):
            y[tuple(place)] += side * 1e-5
        found[tuple(place)] = (function(moved[0]) - function(moved[1])) / 2e-5
    return found


# --- the conditional random field


def scored(arrays: tuple[Array, ...], n: int) -> tuple[dict[tuple[int, ...], float], list[int]]:
    """Every sequence of tags of one example with its score, and which steps count."""
    emissions, _, transitions, start, end, mask = arrays
    kept = np.flatnonzero(mask[n]).tolist()

    def score(path: tuple[int, ...]) -> float:
        total = sum(emissions[n, t, y] for t, y in zip(kept, path, strict=True))
        total += sum(transitions[a, b] for a, b in itertools.pairwise(path))
        return float(total + (start[path[0]] + end[path[-1]] if path else 0.0))

    paths = itertools.product(range(len(start)), repeat=len(kept))
    return {path: score(path) for path in paths}, kept


def test_crf_is_the_sum_over_all_sequences_of_tags() -> None:
    arrays = chain(12, 5, 3)
    found = crf(*arrays, reduction="none")
    for n, got in enumerate(found):
        scores, kept = scored(arrays, n)
        given = tuple(arrays[1][n, kept].tolist())
        due = np.log(sum(np.exp(x) for x in scores.values())) - scores[given]
        assert got == pytest.approx(due, abs=1e-12)


def test_crf_gradients_are_differences_of_the_value() -> None:
    arrays = list(chain(4, 4, 3))
    gradients = crf.grad(*arrays, reduction="sum", wrt=OF_CRF)
    for place, gradient in zip((0, 2, 3, 4), gradients, strict=True):

        def value(x: Array, place: int = place) -> Array:
            return crf(*arrays[:place], x, *arrays[place + 1 :], reduction="sum")

        np.testing.assert_allclose(gradient, differences(value, arrays[place]), atol=1e-8)


def test_crf_of_a_long_sequence_is_the_scaled_forward_algorithm() -> None:
    emissions, tags, transitions, start, end, _ = chain(1, 2000, 4)
    emissions, tags = np.nan_to_num(emissions[0]), np.maximum(tags[0], 0)
    weights, total = np.exp(start + emissions[0]), 0.0
    for row in emissions[1:]:
        weights = (weights @ np.exp(transitions)) * np.exp(row)
        total, weights = total + np.log(weights.sum()), weights / weights.sum()
    total += np.log(weights @ np.exp(end))
    given = emissions[np.arange(2000), tags].sum() + transitions[tags[:-1], tags[1:]].sum()
    due = total - given - start[tags[0]] - end[tags[-1]]
    assert crf(emissions, tags, transitions, start, end) == pytest.approx(due, rel=1e-12)


def test_crf_keeps_the_digits_of_a_certain_model() -> None:
    """One other sequence, a step away: the loss is its odds, and its probability the gradient."""
    emissions = np.asarray([[40.0, 0.0], [0.0, 900.0], [900.0, 0.0]])
    value, slope = crf.value_and_grad(emissions, np.asarray([0, 1, 0]), np.zeros((2, 2)))
    assert value == pytest.approx(np.exp(-40.0), rel=1e-14)
    assert slope[0].tolist() == pytest.approx([-np.exp(-40.0), np.exp(-40.0)], rel=1e-14)


def test_decoding_finds_the_best_sequence_and_of_equals_the_lowest_from_the_end() -> None:
    emissions, _, transitions, start, end, mask = chain(60, 5, 3)
    whole = [np.round(2 * np.nan_to_num(x)) for x in (emissions, transitions, start, end)]
    arrays = (whole[0], None, *whole[1:], mask)
    found = lossapi.linear_chain_crf_decode(*whole, mask)
    for n, tags in enumerate(found):
        scores, kept = scored(arrays, n)
        best = max(scores.values())
        equals = [path for path, score in scores.items() if score == best]
        assert tuple(tags[kept].tolist()) == min(equals, key=lambda path: path[::-1])
        assert set(tags[~mask[n]].tolist()) <= {-1}


@pytest.mark.parametrize("library", ["torch", "jax", "array_api_strict"])
def test_decoding_gives_integers_on_every_library(library: str) -> None:
    pytest.importorskip(library)
    backend = get(library)
    emissions, _, transitions, start, end, mask = chain(6, 4, 3)
    arrays = [np.nan_to_num(emissions), transitions, start, end]
    due = lossapi.linear_chain_crf_decode(*arrays, mask)
    for dtype in backend.dtypes.keys() & {"float32", "bfloat16"}:
        given = [backend.asarray(x, dtype) for x in arrays]
        found = lossapi.linear_chain_crf_decode(*given, backend.asarray(mask))
        assert "int" in str(found.dtype)
        assert backend.to_numpy(found).tolist() == due.tolist()


def test_decoding_gives_no_tags_where_there_are_no_probabilities() -> None:
    scores = np.zeros((2, 2))
    for spoiled in (np.asarray([[0.0, np.nan], [0.0, 0.0]]), np.full((2, 2), -np.inf)):
        assert lossapi.linear_chain_crf_decode(spoiled, scores).tolist() == [-1, -1]
    assert lossapi.linear_chain_crf_decode(np.zeros((3, 0, 2)), scores).shape == (3, 0)
    with pytest.raises(ShapeError, match="linear_chain_crf_decode"):
        lossapi.linear_chain_crf_decode(np.zeros((3, 4, 2)), np.zeros((3, 3)))


def test_the_example_of_decoding_holds() -> None:
    assert doctest.testmod(decoding) == (0, 3)


# --- connectionist temporal classification


def test_ctc_is_the_sum_over_all_alignments() -> None:
    logits, labels, lengths, counts = speech(16, 5, 3, 2)
    mask, label_mask = prefixes(lengths, 5), prefixes(counts, 2)
    logits[~mask], labels[~label_mask] = np.nan, -7
    found = ctc(logits, labels, mask, label_mask, reduction="none")
    for n, got in enumerate(found):
        kept = logits[n, mask[n]]
        chances = np.exp(kept) / np.exp(kept).sum(-1, keepdims=True)
        due = 0.0
        for path in itertools.product(range(3), repeat=len(kept)):
            merged = [k for k, _ in itertools.groupby(path) if k != 0]
            if merged == labels[n, label_mask[n]].tolist():
                due += np.prod(chances[np.arange(len(kept)), path])
        assert got == pytest.approx(-np.log(due), abs=1e-12)

    def value(x: Array) -> Array:
        return ctc(x, labels, mask, label_mask, reduction="sum")

    gradient = ctc.grad(logits, labels, mask, label_mask, reduction="sum")
    np.testing.assert_allclose(gradient, differences(value, logits), atol=1e-8)


def test_ctc_leaves_out_alignments_that_a_step_rules_out() -> None:
    logits, labels = speech(1, 5, 3, 2)[0], np.asarray([[1, 1]])  # repeated: a blank between
    logits[0, 1, 0] = logits[0, 3, 2] = logits[0, 0, 1] = -np.inf
    chances = np.exp(logits[0]) / np.exp(logits[0]).sum(-1, keepdims=True)
    due, slope = 0.0, np.zeros((5, 3))
    for path in itertools.product(range(3), repeat=5):
        if [k for k, _ in itertools.groupby(path) if k != 0] == [1, 1]:
            chance = np.prod(chances[np.arange(5), path])
            due, slope = due + chance, slope - chance * np.eye(3)[list(path)]
    value, gradient = ctc.value_and_grad(logits, labels)
    assert value == pytest.approx(-np.log(due), abs=1e-12)
    np.testing.assert_allclose(gradient[0], chances + slope / due, atol=1e-14)


def test_crf_leaves_out_sequences_that_are_ruled_out() -> None:
    emissions, _, transitions, start, end, mask = chain(1, 4, 3)
    emissions, mask = np.nan_to_num(emissions), np.ones_like(mask)
    emissions[0, 2, 0] = transitions[1, 2] = start[1] = -np.inf
    tags = np.asarray([[0, 0, 1, 1]])
    arrays = (emissions, tags, transitions, start, end, mask)
    scores, _ = scored(arrays, 0)
    total = sum(np.exp(x) for x in scores.values())
    value, gradient = crf.value_and_grad(*arrays)
    assert value == pytest.approx(np.log(total) - scores[0, 0, 1, 1], abs=1e-12)
    due = -np.eye(3)[tags[0]]
    for path, score in scores.items():
        due += np.exp(score) / total * np.eye(3)[list(path)]
    np.testing.assert_allclose(gradient[0], due, atol=1e-14)


@pytest.mark.parametrize("blank", [0, 3])
def test_ctc_agrees_with_pytorch_on_long_sequences_of_different_lengths(blank: int) -> None:
    torch = pytest.importorskip("torch")
    logits, labels, lengths, counts = speech(12, 90, 20, 30)
    labels = np.where(labels == blank, labels + 1, labels)
    mask, label_mask = prefixes(lengths, 90), prefixes(counts, 30)
    value, gradient = ctc.value_and_grad(
        logits, labels, mask, label_mask, blank, reduction="sum", zero_infinity=True
    )
    leaf = torch.tensor(logits, requires_grad=True)
    due = torch.nn.functional.ctc_loss(
        leaf.log_softmax(-1).transpose(0, 1),
        *map(torch.asarray, (labels, lengths, counts)),
        blank=blank,
        reduction="sum",
        zero_infinity=True,
    )
    due.backward()
    assert value == pytest.approx(due.item(), rel=1e-12)
    np.testing.assert_allclose(gradient, leaf.grad, atol=1e-10)


def test_ctc_agrees_with_optax_on_long_sequences() -> None:
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    logits, labels, lengths, counts = speech(8, 80, 12, 25)
    mask, label_mask = prefixes(lengths, 80), prefixes(counts, 25)
    with jax.enable_x64(True):
        arrays = [jax.numpy.asarray(x) for x in (logits, 1.0 - mask, labels, 1.0 - label_mask)]
        due = np.asarray(optax.ctc_loss(*arrays))
    found = ctc(logits, labels, mask, label_mask, reduction="none")
    fits = np.isfinite(found)
    assert fits.sum() > 4
    np.testing.assert_allclose(found[fits], due[fits], rtol=1e-12)


def test_ctc_of_no_steps_is_certain_of_no_labels_and_of_nothing_else() -> None:
    none, logits = np.zeros((2, 0, 3)), np.zeros((2, 4, 3))
    empty, one = np.zeros((2, 0), int), np.ones((2, 1), int)
    assert ctc(none, empty, reduction="none").tolist() == [0.0, 0.0]
    assert ctc(none, one, reduction="none").tolist() == [np.inf, np.inf]
    assert ctc.grad(none, one).shape == (2, 0, 3)
    value, slope = ctc.value_and_grad(logits, empty)
    assert value == pytest.approx(4 * np.log(3.0), rel=1e-15)
    np.testing.assert_allclose(slope[0, 0], np.asarray([-2, 1, 1]) / 6)


def test_ctc_without_an_alignment_moves_nothing_and_is_0_if_asked() -> None:
    logits, labels = np.zeros((2, 2, 3)), np.asarray([[1, 1], [1, 2]])
    value, slope = ctc.value_and_grad(logits, labels, reduction="none")
    assert value.tolist() == [np.inf, pytest.approx(2 * np.log(3.0))]
    assert np.all(slope[0] == 0)
    assert np.any(slope[1] != 0)
    value = ctc(logits, labels, reduction="none", zero_infinity=True)
    assert value.tolist() == [0.0, pytest.approx(2 * np.log(3.0))]


def test_ctc_without_gradients_keeps_one_row_of_the_lattice() -> None:
    logits, labels = np.zeros((1, 2000, 4)), np.ones((1, 500), int)
    labels[:, ::2] = 2
    ctc(logits[:, :9], labels[:, :2])
    tracemalloc.start()
    ctc(logits, labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2000 * 500 * 8 / 4  # a quarter of the lattice


# --- tokens


def test_tokens_weighted_by_their_number_have_the_mean_over_all_tokens() -> None:
    random = np.random.default_rng(5)
    logits, labels = random.normal(size=(3, 4, 5)), random.integers(0, 5, (3, 4))
    mask = np.asarray([[1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 1]], dtype=bool)
    due = lossapi.sparse_softmax_cross_entropy(logits, labels, where=mask)
    assert tokens(logits, labels, mask, weights=mask.sum(-1)) == pytest.approx(due, rel=1e-15)
    total, weight = tokens.sum_and_weight(logits, labels, mask, per_token=False)
    assert total / mask.sum() == pytest.approx(due, rel=1e-15)
    assert weight == 3
    ignored = np.where(mask, labels, -100)
    same = tokens(logits, ignored, ignore_index=-100, weights=mask.sum(-1))
    assert same == pytest.approx(due, rel=1e-15)


# --- what is left out


CALLS: dict[str, Callable[[Any, Array, Array, Array], Any]] = {
    "token_cross_entropy": lambda f, z, y, m: f(z, y, m, reduction="none"),
    "linear_chain_crf_nll": lambda f, z, y, m: f(z, y, np.eye(3), mask=m, reduction="none"),
    "ctc_loss": lambda f, z, y, m: f(z, y, label_mask=m, reduction="none"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_label_is_an_error_unless_it_is_left_out(name: str) -> None:
    function, call = getattr(lossapi, name), CALLS[name]
    logits, labels = np.zeros((2, 2, 3)), np.asarray([[1, 2], [2, -100]])
    with pytest.raises(LabelError, match=rf"{name}: \w+\[1, 1\] is -100"):
        call(function, logits, labels, np.ones((2, 2)))
    masked = call(function, logits, labels, np.asarray([[1, 1], [1, 0]]))
    assert np.all(np.isfinite(masked))
    with pytest.raises(LabelError, match=r"\[1, 1\] is -100"):
        call(function, logits, labels, np.asarray([1, 1]))
    one_for_all = call(function, logits, labels, np.asarray([1, 0]))
    assert one_for_all[1] == masked[1]


@pytest.mark.parametrize("name", CALLS)
def test_an_ignored_label_is_left_out_and_its_example_is_not(name: str) -> None:
    function = getattr(lossapi, name)
    logits, labels = np.zeros((2, 2, 3)), np.asarray([[1, 2], [2, -100]])
    more = (np.eye(3),) if name == "linear_chain_crf_nll" else ()
    found = function(logits, labels, *more, reduction="none", ignore_index=-100)
    due = CALLS[name](function, logits, labels, np.asarray([[1, 1], [1, 0]]))
    assert found.tolist() == due.tolist()
    wrong = np.asarray([[1, 2], [-5, -100]])
    with pytest.raises(LabelError, match=r"\[1, 0\] is -5"):
        function(logits, wrong, *more, ignore_index=-100)
    mask = np.asarray([True, False])
    function(logits, wrong, *more, ignore_index=-100, where=mask)
    function(logits, wrong, *more, ignore_index=-100, weights=np.asarray([1.0, 0.0]))


def test_what_is_left_out_need_not_lie_in_the_domain() -> None:
    emissions, mask = np.asarray([[0.0, 1.0], [np.inf, np.nan]]), np.asarray([1, 0])
    tags, transitions = np.asarray([0, 7]), np.zeros((2, 2))
    with lossapi.errors_on_invalid():
        value = crf(emissions, tags, transitions, mask=mask)
        assert value == pytest.approx(np.log1p(np.e))
        with pytest.raises(lossapi.DomainError, match=r"emissions\[1, 0\] is inf"):
            crf(emissions, np.asarray([0, 1]), transitions)


# --- other libraries


@pytest.mark.parametrize("name", ["crf", "ctc"])
def test_jax_traces_a_step_once_however_many_there_are(name: str) -> None:
    jax = pytest.importorskip("jax")

    def lines(steps: int, differentiate: bool) -> int:
        z, y = jax.numpy.zeros((2, steps, 3)), jax.numpy.ones((2, 2 if name == "ctc" else steps))
        y, table = y.astype(int), jax.numpy.zeros((3, 3))

        def loss(z: Any) -> Any:
            return ctc(z, y) if name == "ctc" else crf(z, y, table)

        function = jax.grad(loss) if differentiate else loss
        return len(str(jax.make_jaxpr(function)(z)).splitlines())

    for differentiate in (False, True):
        assert lines(400, differentiate) == lines(7, differentiate)


@pytest.mark.parametrize("library", ["jax", "torch"])
def test_batches_of_batches_are_mapped(library: str) -> None:
    module = pytest.importorskip(library)
    backend = get(library)
    vmap = module.vmap if library == "jax" else module.func.vmap
    emissions, tags, transitions, _, _, mask = chain(6, 4, 3)
    arrays = [np.nan_to_num(emissions), np.maximum(tags, 0), mask]
    z, y, m = (x.reshape(2, 3, *x.shape[1:]) for x in arrays)
    given = [backend.asarray(x, "float32" if x.dtype == float else None) for x in (z, y, m)]
    table = backend.asarray(transitions, "float32")
    for function, due in (
        (lambda z, y, m: crf(z, y, table, mask=m), crf(z[1], y[1], transitions, mask=m[1])),
        (
            lambda z, y, m: ctc(z, y[:, :2], m, zero_infinity=True),
            ctc(z[1], y[1, :, :2], m[1], zero_infinity=True),
        ),
    ):
        assert float(vmap(function)(*given)[1]) == pytest.approx(due, rel=1e-5)


def test_pytorch_compiles_whole_and_differentiates_twice() -> None:
    torch = pytest.importorskip("torch")
    emissions, tags, transitions, _, _, mask = chain(2, 2, 3)
    z = torch.tensor(np.nan_to_num(emissions), requires_grad=True)
    y, m = torch.asarray(np.maximum(tags, 1)), torch.asarray(mask)
    table = torch.tensor(transitions, requires_grad=True)

    def both(z: Any, table: Any) -> Any:
        return crf(z, y, table, mask=m) + ctc(z, y[:, :1], m, zero_infinity=True)

    due = torch.autograd.grad(both(z, table), (z, table))
    compiled = torch.compile(both, fullgraph=True, backend="aot_eager")
    for x, y_due in zip(torch.autograd.grad(compiled(z, table), (z, table)), due, strict=True):
        torch.testing.assert_close(x, y_due)
    assert torch.autograd.gradgradcheck(both, (z, table), fast_mode=True)


# --- long sequences


def test_single_precision_does_not_wear_off_along_a_sequence() -> None:
    random = np.random.default_rng(1)
    logits = (3.0 * random.normal(size=(2, 1200, 30))).astype(np.float32)
    labels = random.integers(1, 30, (2, 150))
    (value, slope), (due, due_slope) = (
        ctc.value_and_grad(x, labels, reduction="none") for x in (logits, logits.astype(float))
    )
    np.testing.assert_allclose(value, due, rtol=1e-6)
    np.testing.assert_allclose(slope, due_slope, atol=3e-4)
    tags = random.integers(0, 30, (2, 1200))
    table = random.normal(size=(30, 30)).astype(np.float32)
    (value, slope), (due, due_slope) = (
        crf.value_and_grad(logits.astype(t), tags, table.astype(t), reduction="none")
        for t in (np.float32, np.float64)
    )
    np.testing.assert_allclose(value, due, rtol=5e-7)
    np.testing.assert_allclose(slope, due_slope, atol=3e-6)


def test_a_mask_that_is_subnormal_is_the_0_that_a_library_takes_it_for() -> None:
    jax = pytest.importorskip("jax")
    logits = jax.numpy.asarray([[np.nan, 0.25], [-2.0, 1.0]], "float32")
    mask = jax.numpy.asarray([0.0, 1e-41], "float32")
    assert tokens(logits, jax.numpy.asarray([1, 0]), mask) == 0


# --- what backends give to the kernels


@pytest.mark.parametrize("library", ["numpy", "torch", "jax", "array_api_strict"])
def test_a_scan_carries_on_in_either_direction_and_over_nothing(library: str) -> None:
    pytest.importorskip(library)
    backend = get(library)
    numbers = backend.asarray([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]], "float32")

    def step(carry: Any, item: Any) -> Any:
        (total,), (x,) = carry, item
        return (total + x,), (total + x, total)

    def run(items: Any, *, reverse: bool) -> list[Any]:
        zero = backend.asarray([0.0, 0.0], "float32")
        (last,), (sums, before) = backend.scan(step, (zero,), (items,), reverse=reverse)
        return [backend.to_numpy(x).tolist() for x in (last, sums, before)]

    sums = [[1.0, 10.0], [3.0, 30.0], [6.0, 60.0]]
    assert run(numbers, reverse=False) == [sums[-1], sums, [[0.0, 0.0], *sums[:-1]]]
    from_the_end = [[6.0, 60.0], [5.0, 50.0], [3.0, 30.0]]
    found = run(numbers, reverse=True)
    assert found == [from_the_end[0], from_the_end, [*from_the_end[1:], [0.0, 0.0]]]
    assert run(numbers[:0, ...], reverse=True) == [[0.0, 0.0], [], []]


@pytest.mark.parametrize("library", ["numpy", "torch", "jax", "array_api_strict"])
def test_entries_are_taken_and_added_by_their_labels(library: str) -> None:
    pytest.importorskip(library)
    backend = get(library)
    values = backend.asarray([[[1.0, 2.0, 4.0]], [[8.0, 16.0, 32.0]]], "float32")
    labels = backend.asarray([[[3, 0, 3]], [[1, 1, 1]]])
    sums = backend.to_numpy(backend.sum_by_class(values, labels, 4))
    assert sums.tolist() == [[[2, 0, 0, 5]], [[0, 56, 0, 0]]]
    places = backend.asarray([[[2, 2]], [[0, 1]]])
    assert backend.to_numpy(backend.take_classes(values, places)).tolist() == [[[4, 4]], [[8, 16]]]
    assert backend.sum_by_class(values[..., :0], labels[..., :0], 4).shape == (2, 1, 4)
