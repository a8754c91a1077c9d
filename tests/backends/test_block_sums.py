"""Sums over blocks: as accurate as NumPy's own, of products that nothing else needs."""

from __future__ import annotations

import math

import numpy as np
import pytest

import lossapi
from lossapi import call
from lossapi.backend import get
from lossapi.backends.blockwise.sums import PIECE, sum_of, sum_of_products
from lossapi.backends.blockwise.writing import Block

SIZES = (1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 17, 100_000)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_sums_lose_no_more_digits_than_sums_in_pairs(size: int, kind: type) -> None:
    random = np.random.default_rng(size)
    for x in (random.random(size).astype(kind), np.full(size, 0.1, kind)):
        y = random.random(size).astype(kind)
        wide = [array.astype(np.float64) for array in (x, y)]
        total, products = math.fsum(wide[0]), math.fsum(wide[0] * wide[1])
        assert abs(float(sum_of(x)) - total) <= 4 * float(np.spacing(kind(total)))
        assert abs(float(sum_of_products(x, y)) - products) <= 4 * float(np.spacing(kind(products)))


def test_sums_of_arrays_with_several_axes_and_with_gaps() -> None:
    x = np.arange(6 * PIECE, dtype=np.float64).reshape(3, -1)
    assert sum_of(x) == sum_of(x.T) == x.sum()
    assert sum_of(x[:, ::2]) == x[:, ::2].sum()
    assert sum_of_products(x[:, ::2], np.ones((3, PIECE))) == x[:, ::2].sum()


@pytest.mark.parametrize("size", SIZES)
def test_sums_carry_what_is_not_finite(size: int) -> None:
    for number in (np.inf, -np.inf, np.nan):
        for place in (0, size - 1):
            x = np.ones(size, np.float32)
            x[place] = number
            assert np.array_equal(sum_of(x), number, equal_nan=True)
            assert np.array_equal(sum_of_products(x, np.ones_like(x)), number, equal_nan=True)


def _block(name: str, size: int) -> Block:
    """The block that ordinary inputs take."""
    call.forget()
    get("numpy").forget()
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, size)).astype("float32")
    getattr(lossapi, name).value_and_grad(x, np.sign(y))
    (steps,) = get("numpy")._steps.values()  # type: ignore[attr-defined]
    found: Block = steps.walks[0].ordinary or steps.walks[0].block
    return found


def test_squares_are_not_written_down_before_they_are_added_up() -> None:
    for name in ("squared_error", "half_squared_error", "squared_hinge_loss"):
        source = _block(name, 1000).source
        assert source.count("sum_of_products") == 1
        assert "0.5 * " in source if name == "half_squared_error" else "0.5" not in source


def test_a_total_is_halved_only_where_an_overflow_shows() -> None:
    # The square overflows, its half does not.
    x, y = np.asarray([2.2e19, 0.0], "float32"), np.zeros(2, "float32")
    value = lossapi.half_squared_error(x, y, reduction="sum")
    assert value == pytest.approx(2.42e38, rel=1e-6)


@pytest.mark.parametrize("rows", [1, 2, 7, 10, 1001])
def test_no_block_is_empty(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from lossapi.backends.blockwise import steps

    for limit in (16, 28, 40, 64):
        monkeypatch.setattr(steps, "BLOCK_BYTES", limit)
        call.forget()
        get("numpy").forget()
        x = np.linspace(0.1, 0.9, rows)
        found = lossapi.binary_cross_entropy(x, np.ones_like(x))
        assert found == pytest.approx(-np.log(x).mean(), rel=1e-14)
    call.forget()
    get("numpy").forget()
