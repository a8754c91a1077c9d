"""Programs of blocks: the same numbers as whole arrays give, in little memory, on any threads."""

from __future__ import annotations

import re
import tracemalloc
from typing import Any

import numpy as np
import pytest

import lossapi
from lossapi import call
from lossapi.backend import Backend, get
from lossapi.backends.blockwise import steps, walking
from lossapi.backends.blockwise.single import Single
from lossapi.backends.blockwise.writing import Count
from lossapi.conformance.checks.cases import golden_cases, grouped
from lossapi.conformance.oracle.specfile import load_spec, spec_names
from lossapi.errors import DomainError, LabelError, ParameterError
from lossapi.loss import registry

WHOLE = {
    "box_iou_loss": "stacks what differs on a new first axis",
    "generalized_box_iou_loss": "stacks what differs on a new first axis",
    "distance_box_iou_loss": "stacks what differs on a new first axis",
    "complete_box_iou_loss": "stacks what differs on a new first axis",
    "mutual_information": "joins its two axes by reshaping",
    "info_nce_loss": "multiplies matrices",
    "center_loss": "takes the rows of its centres that labels name",
    "center_update": "multiplies matrices",
    "linear_cross_entropy": "has blocks of its own, of logits",
    "linear_chain_crf_nll": "goes from step to step of a sequence",
    "ctc_loss": "goes from step to step of a sequence",
    "one_hot": "is not the engine's, as it has no floating input",
    "wasserstein_distance": "solves a problem of its own for each example",
    "wasserstein_distance_1d": "sorts",
}
"""The functions that run on whole arrays, and what about them no block can do."""

NAMES = [name for name in spec_names() if name in registry]


pytestmark = pytest.mark.usefixtures("nothing_came_before")


def batches(name: str, dtype: str) -> Any:
    """The arguments of golden points, in batches and one by one."""
    spec, function = load_spec(name), registry[name]
    kinds = {n: np.int64 if e["dtype"] == "labels" else dtype for n, e in spec.inputs.items()}
    for group in grouped(golden_cases(spec, dtype)):
        for cases in (group, *([case] for case in group)):
            arrays = [
                np.asarray([case.inputs[n] for case in cases], kinds[n]) for n in function.inputs
            ]
            given = {
                n: np.asarray(x, dtype) if isinstance(x, list) else x
                for n, x in cases[0].parameters.items()
                if x is not None
            }
            yield arrays, given


def results(function: Any, arrays: Any, given: Any) -> list[Any]:
    table = function.vjps or function.gradients
    if not table:
        return [function(*arrays, **given, **of_each(function))]
    wrt = tuple(function.differentiable)
    value, gradients = function.value_and_grad(*arrays, **given, wrt=wrt, **of_each(function))
    return [value, *gradients]


def of_each(function: Any) -> dict[str, str]:
    return {"reduction": "none"} if function.reduces else {}


def on_whole_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    call.forget()  # calls that know their program
    monkeypatch.setattr(type(get("numpy")), "execute", Backend.execute)
    monkeypatch.setattr(type(get("numpy")), "direct", Backend.direct)


def assert_close(found: list[Any], due: list[Any], ulp: float = 0.0) -> None:
    for x, y in zip(found, due, strict=True):
        assert (x.shape, x.dtype) == (y.shape, y.dtype)
        np.testing.assert_allclose(x, y, rtol=ulp * np.finfo(y.dtype).eps, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_every_function_runs_in_blocks_or_is_known_not_to(name: str) -> None:
    arrays, given = next(batches(name, "float64"))
    results(registry[name], arrays, given)
    recorded = get("numpy")._steps  # type: ignore[attr-defined]
    # One of a linear layer has the loss of its logits run in blocks.
    assert any(key[0].function is registry[name] for key in recorded) == (name not in WHOLE)


def test_a_single_example_is_written_over_no_operand() -> None:
    x, y = np.asarray([[0.5, 1.0]], np.float32), np.asarray([[1.0, 0.0]], np.float32)
    lossapi.softmax_cross_entropy(x, y)
    (made,) = get("numpy")._steps.values()  # type: ignore[attr-defined]

    def overwriting(block: Any) -> list[list[str]]:
        lines = re.findall(r"^    f_\w+\((.*)\)$", block.source, re.MULTILINE)
        calls = [[name.partition("_")[0] for name in line.split(", ")] for line in lines]
        return [names for names in calls if names[-1] in names[:-1]]

    assert overwriting(made.walks[0].block)
    assert not overwriting(made.walks[0].block.written_for(Count.ONE))


def test_a_single_number_is_computed_with_numbers() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(2, 5)).astype("float32")
    slopes = lossapi.log_cosh.value_and_grad(x, y, reduction="none")
    for k in range(5):
        found = lossapi.log_cosh.value_and_grad(x[k : k + 1], y[k : k + 1])
        assert [n.item() for n in found] == [n[k].item() for n in slopes]
        assert found[0].dtype == found[1].dtype == np.float32
    made = list(get("numpy")._steps.values())[-1]  # type: ignore[attr-defined]
    assert isinstance(made.written_for(1)[0].block, Single)
    assert not isinstance(made.written_for(2)[0].block, Single)
    shared = np.asarray(0.5)  # of a number, and for all of them
    assert lossapi.huber_loss(x[:1], y[:1], delta=shared) == lossapi.huber_loss(
        x[:1], y[:1], delta=0.5
    )


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_total_of_a_single_example_is_its_loss(reduction: str) -> None:
    random = np.random.default_rng(2)
    for dtype in (np.float32, np.float64, np.float16):
        logits, share = random.standard_normal((1, 5)).astype(dtype), np.full((1, 5), 0.2, dtype)
        for function, *arrays in (
            (lossapi.huber_loss, logits[0, :1], share[0, :1]),
            (lossapi.softmax_cross_entropy, logits, share),
            (lossapi.sparse_softmax_cross_entropy, logits, np.asarray([3])),
        ):
            value = function(*arrays, reduction=reduction)
            assert value == function(*arrays, reduction="none")[0]
            assert value.dtype == dtype
            assert value.shape == ()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WHOLE])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_blocks_give_what_whole_arrays_give(
    name: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = list(batches(name, dtype))
    found = [results(registry[name], *case) for case in cases]
    on_whole_arrays(monkeypatch)
    due = [results(registry[name], *case) for case in cases]
    for x, y in zip(found, due, strict=True):
        # What ordinary examples are spared may round once more, as a power that is 1.
        assert_close(x, y, ulp=2.0)


@pytest.mark.parametrize(
    "name", [n for n in NAMES if n not in WHOLE and registry[n].reduces and registry[n].gradients]
)
def test_what_is_not_finite_is_found_in_the_total(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One by one too: where nothing else is amiss, the total alone tells of a number.
    wrt = tuple(registry[name].differentiable)
    cases = [
        (registry[name].value_and_grad, arrays, {**given, "wrt": wrt})
        for arrays, given in batches(name, "float32")
    ]
    found = [function(*arrays, **given) for function, arrays, given in cases]
    on_whole_arrays(monkeypatch)
    for (value, slopes), (function, arrays, given) in zip(found, cases, strict=True):
        due, slopes_due = function(*arrays, **given)
        np.testing.assert_allclose(value, due, rtol=1e-5)
        assert_close(slopes, slopes_due, ulp=2.0)


def test_a_total_that_is_not_finite_sends_its_block_back() -> None:
    arrays = [np.linspace(-1, 1, 1000, dtype="float32") for _ in range(2)]
    lossapi.huber_loss.value_and_grad(*arrays, delta=0.75)
    (found,) = get("numpy")._steps.values()  # type: ignore[attr-defined]
    (walk,) = found.walks
    assert walk.supposes
    assert walk.checks == []
    for number in (np.inf, -np.inf, np.nan, np.finfo("float32").max):
        arrays[0][7], arrays[1][7] = number, -number
        value, slope = lossapi.huber_loss.value_and_grad(*arrays, delta=0.75)
        assert np.isnan(value) if np.isnan(number) else value == np.inf
        np.testing.assert_allclose(slope[7], 0.75 * np.sign(number) / 1000, rtol=1e-6)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WHOLE])
def test_neither_the_size_of_blocks_nor_threads_change_anything(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays, given = next(batches(name, "float64"))
    arrays = [np.concatenate([x] * 7) for x in arrays]
    due = results(registry[name], arrays, given)
    monkeypatch.setattr(steps, "BLOCK_BYTES", 256)
    monkeypatch.setattr(walking, "PER_THREAD", 1)
    for threads in (1, 3):
        call.forget()
        get("numpy").forget()
        lossapi.set_threads(threads)
        assert_close(results(registry[name], arrays, given), due, ulp=2.0)


@pytest.mark.parametrize("weighted", [False, True])
def test_sums_do_not_depend_on_the_number_of_threads(weighted: bool) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 1_500_000)).astype("float32")
    options = {"weights": np.abs(y)} if weighted else {}
    found = []
    for threads in (1, 2, 4):
        lossapi.set_threads(threads)
        found.append(lossapi.huber_loss.value_and_grad(x, y, **options))
    for value, gradient in found[1:]:
        assert value == found[0][0]
        assert np.array_equal(gradient, found[0][1])
    exact = lossapi.huber_loss(x.astype("float64"), y.astype("float64"), **options)
    assert found[0][0] == pytest.approx(exact, rel=2e-7)


def test_results_in_the_layout_of_the_inputs() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 6, 5, 4))
    value, gradient = lossapi.huber_loss.value_and_grad(x, y, reduction="sum")
    for f in (lambda a: a.T, lambda a: a[::2], lambda a: a[:, ::-1], lambda a: a[..., None]):
        found, slope = lossapi.huber_loss.value_and_grad(f(x), f(y), reduction="none")
        assert found.shape == slope.shape == f(x).shape
        assert np.array_equal(slope, f(gradient))
    assert value == pytest.approx(np.sum(lossapi.huber_loss(x, y, reduction="none")))


def test_classes_along_any_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(3, 5, 4, 2)), rng.random((3, 5, 4, 2))
    labels = rng.integers(0, 5, (3, 4, 2))

    def found() -> list[Any]:
        calls = [
            lossapi.softmax_cross_entropy.value_and_grad(logits, target, axis=1),
            lossapi.softmax_cross_entropy.value_and_grad(logits, target, axis=(1, 3)),
            lossapi.sparse_softmax_cross_entropy.value_and_grad(
                logits, labels, axis=1, ignore_index=2
            ),
            lossapi.dice_loss.value_and_grad(target, target, axis=(1, 2, 3)),
            (lossapi.softmax(logits, axis=0),),
            (lossapi.softmax.grad(logits, axis=1, cotangent=target),),
        ]
        return [x for pair in calls for x in pair]

    blockwise = found()
    assert get("numpy")._steps  # type: ignore[attr-defined]
    on_whole_arrays(monkeypatch)
    for x, y in zip(blockwise, found(), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-13, atol=1e-16)  # where classes cancel


@pytest.mark.parametrize("infinite", [False, True])
def test_scratch_memory_of_a_thread_stays_small(infinite: bool) -> None:
    x, y, variance = np.ones((3, 1_000_000), "float32")
    if infinite:
        x[:500_000:100] = np.inf  # so that both programs run
    lossapi.set_threads(1)  # each has memory of its own
    tracemalloc.start()
    try:
        _, gradient = lossapi.gaussian_nll.value_and_grad(x, variance, y)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - gradient.nbytes < 4 * 2**20


def test_nothing_warns_on_any_thread(recwarn: pytest.WarningsRecorder) -> None:
    x = np.full(2_000_000, np.inf, "float32")
    lossapi.set_threads(2)
    assert np.isnan(lossapi.squared_error(x, x))
    assert not recwarn


def test_the_next_call_does_not_touch_results() -> None:
    x, y = np.arange(4.0), np.zeros(4)
    first = lossapi.huber_loss.value_and_grad(x, y)
    kept = first[1].copy()
    lossapi.huber_loss.value_and_grad(-x, y)
    assert np.array_equal(first[1], kept)


def test_arrays_with_equal_signatures_are_not_taken_for_each_other() -> None:
    x, y = np.arange(3.0), np.ones(3)
    same = lossapi.squared_error(x, x)
    assert same == 0.0
    assert lossapi.squared_error(x, y) == pytest.approx(2 / 3)
    assert lossapi.squared_error(prediction=y, target=x) == pytest.approx(2 / 3)
    # Numbers that compare alike are not alike: True is no number.
    assert lossapi.huber_loss(x, y, delta=1) == lossapi.huber_loss(x, y, delta=1.0)
    with pytest.raises(ParameterError, match="delta"):
        lossapi.huber_loss(x, y, delta=True)
    # Nor are numbers that look like arrays.
    for delta in (0.5, 0.25):
        number = np.float64(delta)
        assert lossapi.huber_loss(x, y, delta=number) == lossapi.huber_loss(x, y, delta=delta)
    logits, labels = np.arange(6.0).reshape(2, 3), np.asarray([0, 2])
    for ignored in (0, 2):
        found, due = (
            lossapi.sparse_softmax_cross_entropy(logits, labels, ignore_index=index)
            for index in (np.asarray(ignored), ignored)
        )
        assert found == due


def test_a_call_with_an_option_of_none_is_known_again() -> None:
    x, y = np.arange(3.0), np.ones(3)
    for _ in range(2):
        lossapi.huber_loss(x, y, weights=None)
    assert len(call._known) == 1


def test_what_is_wrong_is_found_in_the_second_call_too() -> None:
    log_probabilities, labels = np.log(np.full((2, 3), 1 / 3)), np.asarray([0, 2])
    for given, kind in (
        ({"labels": np.asarray([0, 3])}, LabelError),
        ({"labels": np.asarray([-1, 0])}, LabelError),
        ({"labels": labels, "weights": np.asarray([1.0, -1.0])}, ParameterError),
    ):
        right = {**given, "labels": labels}
        right |= {"weights": np.ones(2)} if "weights" in given else {}
        due = lossapi.nll(log_probabilities, **right)
        for _ in range(2):
            with pytest.raises(kind):
                lossapi.nll(log_probabilities, **given)
            assert lossapi.nll(log_probabilities, **right) == due
    probabilities, target = np.asarray([0.5, 1.5]), np.ones(2)
    for _ in range(2):
        assert np.isnan(lossapi.binary_cross_entropy(probabilities, target))
        with lossapi.errors_on_invalid(), pytest.raises(DomainError):
            lossapi.binary_cross_entropy(probabilities, target)


# --- threads


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "2"])
def test_a_wrong_number_of_threads_is_refused(count: Any) -> None:
    with pytest.raises(ParameterError, match="set_threads"):
        lossapi.set_threads(count)


def test_the_environment_chooses_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3,2")
    monkeypatch.delenv("LOSSAPI_NUM_THREADS", raising=False)
    assert lossapi.get_threads() == 3
    monkeypatch.setenv("LOSSAPI_NUM_THREADS", "5")
    assert lossapi.get_threads() == 5
    lossapi.set_threads(2)
    assert lossapi.get_threads() == 2
    lossapi.set_threads(None)
    monkeypatch.setenv("LOSSAPI_NUM_THREADS", "many")
    assert lossapi.get_threads() == 3
