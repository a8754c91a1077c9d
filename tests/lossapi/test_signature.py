"""Shapes follow the signature, and nothing else broadcasts."""

import pytest

from lossapi.errors import ShapeError
from lossapi.signature import broadcasts_to, loop_shape, parse


def shape_of_examples(signature: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    names = ("prediction", "target", "third")[: len(shapes)]
    return loop_shape("some_loss", parse(signature), names, list(shapes))[0]


@pytest.mark.parametrize(
    ("signature", "shapes", "loop"),
    [
        ("(),()->()", [(3, 2), (3, 2)], (3, 2)),
        ("(),()->()", [(3, 2), ()], (3, 2)),
        ("(),()->()", [(), ()], ()),
        ("(k),()->()", [(4, 3), (4,)], (4,)),
        ("(k),()->()", [(3,), (4,)], (4,)),
        ("(k),(k)->()", [(2, 4, 3), (3,)], (2, 4)),
        ("(t,k),(l)->()", [(5, 7, 3), (5, 2)], (5,)),
        ("(),()->()", [(0,), (0,)], (0,)),
    ],
)
def test_examples_are_what_is_left_of_the_core_axes(signature, shapes, loop) -> None:
    assert shape_of_examples(signature, *shapes) == loop


@pytest.mark.parametrize(
    ("signature", "shapes", "message"),
    [
        ("(),()->()", [(4,), (4, 1)], r"target.reshape\(\(4,\)\)"),
        ("(),()->()", [(4,), (1,)], "equal shapes, or a scalar"),
        ("(),()->()", [(2, 3), (3,)], "Give both the same shape"),
        ("(k),(k)->()", [(4, 3), (4, 2)], "core axis"),
        ("(k),()->()", [(), ()], "at least 1 dimension"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_with_both_shapes(signature, shapes, message) -> None:
    with pytest.raises(ShapeError, match=message) as raised:
        shape_of_examples(signature, *shapes)
    assert "some_loss: " in str(raised.value)


def test_a_text_that_is_no_signature_is_refused() -> None:
    for text in ("", "k->()", "(k,)->()", "(),()"):
        with pytest.raises(ValueError, match="is no signature"):
            parse(text)


@pytest.mark.parametrize(
    ("shape", "target", "expected"),
    [((3,), (2, 3), True), ((1, 3), (2, 3), True), ((2, 3), (3,), False), ((2,), (2, 3), False)],
)
def test_broadcasting_to_a_shape_follows_numpy(shape, target, expected) -> None:
    assert broadcasts_to(shape, target) is expected
