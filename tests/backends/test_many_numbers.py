"""Ever new values of a parameter, on NumPy: one program serves them, where it can."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossapi
import lossapi.backends.numpy as adapter
from lossapi import call
from lossapi.backend import get
from lossapi.conformance import BackendSubject
from lossapi.conformance.oracle.specfile import load_spec
from lossapi.conformance.result import Settings
from lossapi.conformance.runner import load_checks, run
from lossapi.losses import registry

X = np.linspace(-3.0, 3.0, 24)
Y = X[::-1].copy()
WITH_NUMBERS = sorted(
    name for name, function in registry.items() if function.parameters and not function.libraries
)


pytestmark = pytest.mark.usefixtures("nothing_came_before")


def programs() -> int:
    """How many programs there are."""
    return len(get("numpy")._steps)  # type: ignore[attr-defined]


def test_after_some_values_no_program_is_written_for_a_new_one() -> None:
    made = []
    for k in range(12):
        lossapi.huber_loss.value_and_grad(X, Y, delta=1.5 + k)
        made.append(programs())
    assert made == [1, 2, 3, 4, *[5] * 8]


def test_it_gives_what_a_program_of_its_own_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked() -> Any:
        return lossapi.huber_loss.value_and_grad(X, Y, delta=1.25, wrt=("prediction", "target"))

    expected, slopes = asked()
    monkeypatch.setattr(adapter, "_SPECIAL", 0)
    get("numpy").forget()
    call.forget()
    value, gradients = asked()
    assert value == pytest.approx(expected, rel=1e-15)
    np.testing.assert_allclose(gradients, slopes, rtol=1e-15)
    # The program does not hold the number.
    size, delta = np.abs(X - Y), 0.5
    by_hand = np.where(size <= delta, size**2 / 2, delta * (size - delta / 2))
    assert lossapi.huber_loss(X, Y, delta=delta) == pytest.approx(by_hand.mean(), rel=1e-15)
    assert programs() == 2


@pytest.mark.parametrize("delta", [2.0**-40, 2.0**40])
def test_numbers_that_are_not_ordinary_do_not_take_the_program_of_those_that_are(
    delta: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "_SPECIAL", 0)
    for k in range(3):
        size, own = np.abs(X - Y), delta * 2.0**k
        by_hand = np.where(size <= own, size**2 / 2, own * (size - own / 2)).mean()
        assert lossapi.huber_loss(X, Y, delta=own) == pytest.approx(by_hand, rel=1e-15)
    assert programs() == 0


LOGITS = np.linspace(-2.0, 2.0, 16).reshape(4, 4)
TARGETS = np.full((4, 4), 0.25)


def test_a_kernel_that_looks_at_its_number_runs_plainly_for_further_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def smoothed(k: int) -> Any:
        return lossapi.softmax_cross_entropy.value_and_grad(
            LOGITS, TARGETS, label_smoothing=0.1 + k / 20
        )

    plain = [smoothed(k) for k in range(8)]
    assert programs() == 4
    monkeypatch.setattr(adapter, "_SPECIAL", 8)
    get("numpy").forget()
    call.forget()
    for k in range(8):
        value, gradient = smoothed(k)
        assert type(plain[k][0]) is type(value)
        assert plain[k][0] == pytest.approx(value, rel=1e-15)
        np.testing.assert_allclose(plain[k][1], gradient, rtol=1e-14, atol=1e-16)
    assert programs() == 8


def test_its_program_is_written_when_the_same_number_comes_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(adapter, "_SPECIAL", 0)
    monkeypatch.setattr(adapter, "_ENOUGH", 3 * adapter._LEAST)
    made, found = [], []
    for _ in range(5):
        found.append(lossapi.softmax_cross_entropy(LOGITS, TARGETS, label_smoothing=0.3))
        made.append(programs())
    assert made == [0, 0, 1, 1, 1]
    assert found == pytest.approx([found[0]] * 5, rel=1e-15)


def test_large_arrays_have_a_program_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "_SPECIAL", 0)
    monkeypatch.setattr(adapter, "_ENOUGH", LOGITS.size)
    monkeypatch.setattr(adapter, "_LEAST", 0)
    lossapi.softmax_cross_entropy(LOGITS, TARGETS, label_smoothing=0.3)
    assert programs() == 1


def test_pytorch_takes_the_plain_call_too(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    monkeypatch.setattr(adapter, "_SPECIAL", 0)
    logits = torch.tensor(LOGITS, requires_grad=True)
    for mass in (0.3, 0.3, 0.4):
        logits.grad = None
        value = lossapi.softmax_cross_entropy(logits, torch.tensor(TARGETS), label_smoothing=mass)
        value.backward()
        expected, slopes = lossapi.softmax_cross_entropy.value_and_grad(
            LOGITS, TARGETS, label_smoothing=mass
        )
        assert value.item() == pytest.approx(expected, rel=1e-15)
        np.testing.assert_allclose(logits.grad, slopes, rtol=1e-14, atol=1e-16)
    assert programs() == 0


def test_a_default_has_a_program_of_its_own() -> None:
    for k in range(6):
        lossapi.huber_loss(X, Y, delta=2.0 + k)
    lossapi.huber_loss(X, Y)
    assert programs() == 6


@pytest.mark.parametrize("loss", WITH_NUMBERS)
def test_what_serves_any_numbers_conforms(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "_SPECIAL", 0)
    kinds = ("value", "gradient", "shape")
    checks = {kind: check for kind, check in load_checks().items() if kind in kinds}
    report = run([BackendSubject("numpy")], [load_spec(loss)], checks, settings=Settings(seed=1))
    assert report.conforming, [f"{r.case} {r.dtype}: {r.message}" for r in report.bad]
    looked = np.inf in get("numpy")._special.values()  # type: ignore[attr-defined]
    assert not (looked and registry[loss].signature.elementwise), "a kernel looks at a number"


@pytest.mark.parametrize("library", ["numpy", "numpy, one program for all", "jax"])
@pytest.mark.parametrize(
    ("loss", "inputs", "number", "due"),
    [
        ("quantile_loss", (0, -1), {"quantile": 1 - 1e-5}, 1e-5),
        ("self_information", (0.5,), {"base": 1 + 1e-4}, np.log(2) / np.log1p(1e-4)),
        ("sigmoid_focal_loss", (0, 0), {"alpha": 1 - 1e-5}, 1e-5 * np.log(2) / 4),
    ],
)
def test_a_number_near_one_keeps_the_digits_of_its_difference_from_one(
    loss: str,
    inputs: tuple[float, ...],
    number: dict[str, float],
    due: float,
    library: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    xp: Any = np
    if library == "jax":
        xp = pytest.importorskip("jax.numpy", reason="JAX is not installed")
    elif library != "numpy":
        monkeypatch.setattr(adapter, "_SPECIAL", 0)
    arrays = [xp.full(3, x, dtype="float32") for x in inputs]
    assert float(getattr(lossapi, loss)(*arrays, **number)) == pytest.approx(due, rel=2e-7)
