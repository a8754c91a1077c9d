"""MLX: what the adapter mends, and that its derivatives are the written ones."""

from __future__ import annotations

import numpy as np
import pytest

import lossapi
from lossapi.backend import get
from lossapi.conformance import BackendSubject
from lossapi.conformance.oracle.specfile import load_spec
from lossapi.conformance.result import Settings
from lossapi.conformance.runner import load_checks, run

mx = pytest.importorskip(
    "mlx.core", reason="mlx is not installed; install it with: pip install 'lossapi[mlx]'"
)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_exponential_is_right_to_its_last_digits(dtype: str) -> None:
    x = np.linspace(-80, 80, 4001).astype(dtype)
    own = np.asarray(get("mlx").xp.exp(mx.array(x, dtype=getattr(mx, dtype))))
    due = np.exp(x.astype("longdouble"))
    assert np.max(np.abs(own - due) / np.spacing(due.astype(dtype))) < 2.5
    ends = np.asarray(get("mlx").xp.exp(mx.array([np.inf, -np.inf, np.nan, 0.0])))
    np.testing.assert_array_equal(ends, [np.inf, 0.0, np.nan, 1.0])


def test_forward_mode_of_expm1_keeps_the_digits_of_float64() -> None:
    x = mx.array([-3.0, 0.5, 3.0], dtype=mx.float64)
    (slope,) = mx.jvp(get("mlx").xp.expm1, [x], [mx.ones_like(x)])[1]
    np.testing.assert_allclose(np.asarray(slope), np.exp(np.asarray(x)), rtol=1e-15)


def test_sums_of_many_terms_do_not_lose_digits_with_their_number() -> None:
    terms = mx.full((300_000,), 0.1)
    due = float(np.float32(0.1)) * 300_000
    for total in (get("mlx").sum(terms), get("mlx").xp.sum(terms, axis=-1)):
        assert float(total) == pytest.approx(due, rel=1e-6)  # 4e-6 where it adds one by one


def test_gradients_are_the_written_ones_at_kinks_and_where_masked() -> None:
    def loss(prediction: object) -> object:
        mask = mx.array([True, True, False])
        return lossapi.absolute_error(prediction, mx.zeros(3), where=mask, reduction="sum")

    slopes = mx.grad(loss)(mx.array([0.0, -2.0, np.nan]))
    np.testing.assert_array_equal(np.asarray(slopes), [0.0, -1.0, 0.0])


def test_a_condition_has_no_derivative_that_infinity_could_meet() -> None:
    rate = mx.array([-np.inf, 0.0])
    (slopes,) = mx.jvp(
        lambda s: lossapi.poisson_nll(s, mx.array([3.0, 3.0]), reduction="none"),
        [rate],
        [mx.ones(2)],
    )[1]
    np.testing.assert_array_equal(np.asarray(slopes), [-3.0, -2.0])


def test_nothing_has_a_mean_and_no_leading_class() -> None:
    empty = mx.zeros((0, 3))
    assert float(lossapi.softmax_cross_entropy(empty, empty)) == 0.0


@pytest.mark.parametrize(
    "loss",
    ["huber_loss", "sparse_softmax_cross_entropy", "softmax", "softplus", "batch_all_triplets"],
)
def test_a_function_of_each_kind_conforms(loss: str) -> None:
    checks = load_checks(("value", "gradient", "errors", "transforms"))
    settings = Settings(seed=1)
    report = run([BackendSubject("mlx")], [load_spec(loss)], checks, ["float32"], settings)
    assert report.conforming, [f"{r.check} {r.case}: {r.message}" for r in report.bad]
