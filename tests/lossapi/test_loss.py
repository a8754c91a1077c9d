"""What a declaration implies."""

from typing import Any

import pytest

from lossapi.loss import Loss


def over_classes(first: str, second: str) -> Loss:
    def distance(xp: Any, first: Any, second: Any) -> Any:
        """One input against another."""
        return first - second

    distance.__code__ = distance.__code__.replace(co_varnames=("xp", first, second))
    domains = {"labels": "labels"} if second == "labels" else {}
    return Loss(distance, "(k),()->()" if domains else "(k),(k)->()", domains)


def test_a_domain_is_chosen_by_a_parameter_only() -> None:
    def distance(xp: Any, prediction: Any, target: Any, *, squared: bool = False) -> Any:
        """One input against another."""
        return prediction - target

    domains = {"squared": "{false, true}", "target": "[0, inf] if squared else [-inf, inf]"}
    assert not Loss(distance, "(),()->()", dict(domains)).domains["target"].is_increasing
    domains["target"] = "[0, inf] if rooted else [-inf, inf]"
    with pytest.raises(TypeError, match="misfit"):
        Loss(distance, "(),()->()", domains)


@pytest.mark.parametrize("second", ["labels", "target"])
@pytest.mark.parametrize("first", ["logits", "probabilities", "log_probabilities"])
def test_predictions_over_classes_take_class_weights(first: str, second: str) -> None:
    assert "class_weights" in over_classes(first, second).options


@pytest.mark.parametrize(
    ("first", "second"), [("logits", "teacher_logits"), ("prediction", "target")]
)
def test_class_weights_need_a_target_to_look_up_the_classes_in(first: str, second: str) -> None:
    assert "class_weights" not in over_classes(first, second).options
