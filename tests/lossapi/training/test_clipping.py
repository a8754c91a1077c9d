"""Clipping shortens, keeps the direction, and divides nothing by zero."""

from __future__ import annotations

import math

import numpy as np
import pytest

import lossapi
from lossapi.training import clip_by_global_norm, clip_by_value, global_norm


def grown(library, dtype="float32"):
    return {
        "layer": [
            library.asarray([[3.0, 0.0], [0.0, -4.0]], dtype),
            (library.asarray([12.0], dtype),),
        ],
        "unused": None,
    }


def flat(library, tree):
    parts = [tree["layer"][0], tree["layer"][1][0]]
    return np.concatenate([library.to_numpy(part).ravel() for part in parts])


def test_a_long_gradient_keeps_its_direction_and_structure(library):
    gradients = grown(library)
    clipped, norm = clip_by_global_norm(gradients, 6.5)
    assert float(norm) == 13.0
    assert clipped["unused"] is None
    assert isinstance(clipped["layer"][1], tuple)
    np.testing.assert_array_equal(flat(library, clipped), flat(library, gradients) / 2)
    assert type(clipped["layer"][0]) is type(gradients["layer"][0])


@pytest.mark.parametrize("bound", [13.0, 13.5, math.inf])
def test_a_gradient_within_the_bound_is_the_same_to_the_last_bit(library, bound):
    random = np.random.default_rng(1).normal(size=(7, 3))
    gradients = [library.asarray(random * 1e-3), library.asarray([2.0])]
    clipped, _ = clip_by_global_norm(gradients, bound)
    for before, after in zip(gradients, clipped, strict=True):
        np.testing.assert_array_equal(library.to_numpy(after), library.to_numpy(before))


def test_zero_stays_zero(library):
    clipped, norm = clip_by_global_norm([library.asarray([0.0, 0.0])], 1.0)
    assert float(norm) == 0.0
    assert library.to_numpy(clipped[0]).tolist() == [0.0, 0.0]


SIZES = [("float32", s) for s in (3e38, 1e20, 1e-20, 1e-30)]
SIZES += [("float64", s) for s in (1.7e308, 1e200, 1e-160, 1e-290)]


@pytest.mark.parametrize(("dtype", "size"), SIZES)
def test_no_square_overflows_or_underflows(dtype, size):
    gradients = [np.full(4, size, dtype), np.zeros(3, dtype)]
    clipped, norm = clip_by_global_norm(gradients, size)
    given = float(np.dtype(dtype).type(size))
    if 2 * given <= float(np.finfo(dtype).max):
        assert float(norm) == pytest.approx(2 * given, rel=1e-7)
    else:
        assert norm == math.inf  # each entry is finite, and they are clipped all the same
    np.testing.assert_allclose(clipped[0], given / 2, rtol=3e-7)


def test_the_norm_of_half_precision_is_that_of_its_numbers(library):
    if library.name == "array_api_strict":
        pytest.skip("array_api_strict has only the standard's dtypes, of which float16 is none")
    gradients = [library.asarray([300.0, -400.0], "float16")]
    clipped, norm = clip_by_global_norm(gradients, 50.0)
    assert float(norm) == 500.0  # 300 squared is beyond float16
    assert str(clipped[0].dtype).endswith("float16")
    assert library.to_numpy(clipped[0]).tolist() == [30.0, -40.0]
    assert float(global_norm([library.asarray([1e-7], "float16")])) == pytest.approx(
        1.19e-7, rel=1e-2
    )


@pytest.mark.parametrize(
    ("p", "norm"), [(1.0, 19.0), (2, 13.0), (3.0, 1819 ** (1 / 3)), (math.inf, 12.0)]
)
def test_norms_of_other_orders(library, p, norm):
    clipped, found = clip_by_global_norm(grown(library), norm / 4, p=p)
    assert float(found) == pytest.approx(norm, rel=1e-6)
    np.testing.assert_allclose(flat(library, clipped), flat(library, grown(library)) / 4, rtol=1e-6)


def test_the_clipped_norm_is_the_bound_and_not_an_epsilon_below(library):
    random = np.random.default_rng(2).normal(size=1000)
    clipped, _ = clip_by_global_norm([library.asarray(random)], 0.125)
    assert float(global_norm(clipped)) == pytest.approx(0.125, rel=3e-7)


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_a_gradient_that_is_not_finite_follows_the_policy(library, bad):
    gradients = [library.asarray([1.0, bad]), library.asarray([2.0])]
    lost, norm = clip_by_global_norm(gradients, 1.0)
    assert not math.isfinite(float(norm))
    assert all(np.isnan(library.to_numpy(part)).all() for part in lost)
    zeros, _ = clip_by_global_norm(gradients, 1.0, nonfinite="zero")
    assert [library.to_numpy(part).tolist() for part in zeros] == [[0.0, 0.0], [0.0]]


def test_a_gradient_that_is_not_finite_can_be_an_error_that_says_where():
    gradients = {"w": [np.ones(2), np.array([[1.0, np.nan], [np.inf, 1.0]])]}
    with pytest.raises(
        lossapi.DomainError, match=r"gradients\['w'\]\[1\]\[0, 1\] is nan, one of 2"
    ):
        clip_by_global_norm(gradients, 1.0, nonfinite="raise")
    clipped, _ = clip_by_global_norm([np.array([3.0])], 1.0, nonfinite="raise")
    assert clipped[0].tolist() == [1.0]


def test_values_that_cannot_be_looked_at_are_no_error_to_find():
    jax = pytest.importorskip("jax")
    with pytest.raises(lossapi.BackendError, match="'propagate' and 'zero'"):
        jax.jit(lambda g: clip_by_global_norm(g, 1.0, nonfinite="raise"))([jax.numpy.ones(2)])


def test_it_runs_under_jit_with_a_bound_that_is_traced():
    jax = pytest.importorskip("jax")
    gradients = {"w": jax.numpy.asarray([3.0, 4.0]), "b": jax.numpy.asarray(0.0)}
    clipped, norm = jax.jit(lambda g, c: clip_by_global_norm(g, c, nonfinite="zero"))(
        gradients, 2.5
    )
    assert float(norm) == 5.0
    assert clipped["w"].tolist() == [1.5, 2.0]
    by_value = jax.jit(lambda g, c: clip_by_value(g, -c, c))(gradients, 3.5)
    assert by_value["w"].tolist() == [3.0, 3.5]


def test_it_agrees_with_optax_and_pytorch_and_is_nearer():
    optax, torch = pytest.importorskip("optax"), pytest.importorskip("torch")
    gradients = [np.array([3.0, 4.0], np.float32)]
    (ours,), _ = clip_by_global_norm(gradients, 1.0)
    theirs, _ = optax.clip_by_global_norm(1.0).update(gradients, None)
    np.testing.assert_allclose(ours, theirs[0], rtol=1e-7)
    tensor = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    tensor.grad = torch.asarray([3.0, 4.0], dtype=torch.float64)
    torch.nn.utils.clip_grad_norm_([tensor], 1.0)
    assert float(torch.linalg.vector_norm(tensor.grad)) < 1 - 1e-7
    (exact,), _ = clip_by_global_norm([np.array([3.0, 4.0])], 1.0)
    assert np.linalg.norm(exact) == pytest.approx(1.0, abs=1e-15)


def test_dtypes_may_differ_and_stay_what_they_are():
    gradients = [np.array([3.0], np.float32), np.array([4.0]), np.array([0.0], np.float16)]
    clipped, norm = clip_by_global_norm(gradients, 2.5)
    assert norm == 5.0
    assert [part.dtype for part in clipped] == [np.float32, np.float64, np.float16]
    assert [part.tolist() for part in clipped] == [[1.5], [2.0], [0.0]]


def test_nothing_and_plain_numbers_are_gradients_too():
    assert clip_by_global_norm([], 1.0) == ([], 0.0)
    assert clip_by_global_norm({"a": None}, 1.0)[0] == {"a": None}
    clipped, norm = clip_by_global_norm([3.0, [4.0]], 2.5)
    assert (clipped, norm) == ([1.5, [2.0]], 5.0)
    assert clip_by_global_norm([np.zeros((0, 3))], 1.0)[1] == 0.0


def test_values_are_clipped_each_for_itself(library):
    gradients = {"w": library.asarray([-3.0, -1.0, 0.5, math.inf, math.nan])}
    clipped = library.to_numpy(clip_by_value(gradients, -1.0, 2.0)["w"])
    np.testing.assert_array_equal(clipped, [-1.0, -1.0, 0.5, 2.0, math.nan])
    one_sided = library.to_numpy(clip_by_value(gradients, -math.inf, 0.0)["w"])
    np.testing.assert_array_equal(one_sided, [-3.0, -1.0, 0.0, 0.0, math.nan])


def test_nothing_is_changed_in_place():
    gradients = [np.array([3.0, 4.0])]
    gradients[0].flags.writeable = False
    clip_by_global_norm(gradients, 1.0)
    clip_by_value(gradients, 0.0, 1.0)
    assert gradients[0].tolist() == [3.0, 4.0]


MISTAKES = [
    ({"max_norm": 0.0}, lossapi.ParameterError, ("max_norm is 0.0", "(0, inf]")),
    ({"max_norm": "1"}, lossapi.ParameterError, ("max_norm is '1', a str",)),
    ({"max_norm": np.ones(2)}, lossapi.ShapeError, ("(2,)", "shape ()")),
    ({"max_norm": 1.0, "p": 0.5}, lossapi.ParameterError, ("p is 0.5", "[1, inf]")),
    ({"max_norm": 1.0, "nonfinite": "skip"}, lossapi.ParameterError, ("'skip'", "'zero', 'raise'")),
    ({"minimum": 1.0, "maximum": -1.0}, lossapi.ParameterError, ("minimum is 1.0", "Exchange")),
    ({"minimum": math.nan, "maximum": 1.0}, lossapi.ParameterError, ("minimum is nan",)),
    (
        {"gradients": {"w": [np.arange(3)]}, "max_norm": 1.0},
        lossapi.DTypeError,
        ("gradients['w'][0] has dtype int64", "float32"),
    ),
    (
        {"gradients": {"w": iter([1])}, "max_norm": 1.0},
        lossapi.BackendError,
        ("gradients['w'] is a builtins.list_iterator",),
    ),
]


@pytest.mark.parametrize(("given", "error", "parts"), MISTAKES)
def test_a_mistake_is_told_with_what_is_accepted(given, error, parts):
    clip = clip_by_global_norm if "max_norm" in given else clip_by_value
    with pytest.raises(error) as told:
        clip(**{"gradients": [np.ones(2)], **given})
    for part in ("clip_by_", *parts):
        assert part in str(told.value)


def test_arrays_of_two_libraries_are_an_error_that_names_both():
    torch = pytest.importorskip("torch")
    with pytest.raises(lossapi.BackendError, match=r"gradients\[0\].*numpy.*gradients\[1\].*torch"):
        clip_by_global_norm([np.ones(2), torch.ones(2)], 1.0)
