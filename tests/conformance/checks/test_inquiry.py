from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lossapi.conformance.checks import derivatives, expected
from lossapi.conformance.checks.asking import together
from lossapi.conformance.checks.cases import Case
from lossapi.conformance.checks.expected import VALUE, Quantity
from lossapi.conformance.checks.inquiry import ROWS, Inquiry
from lossapi.conformance.checks.refusals import refused
from lossapi.conformance.function_subject import FunctionSubject
from lossapi.conformance.oracle.specfile import load_spec
from lossapi.conformance.result import Settings
from lossapi.conformance.subject import Request, Response, Traits, Unsupported

CASES = [Case(f"case-{p}", {"prediction": p, "target": 1.0}) for p in (3.0, 1.0, -0.5)]


def squared(prediction: Any, target: Any) -> Any:
    return (prediction - target) ** 2


def slope(prediction: Any, target: Any) -> Any:
    return 2 * (prediction - target)


class Answering:
    """A subject that answers or raises as it is told."""

    name, version = "answering", "1"
    traits = Traits(dtypes=("float64",))

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def supports(self, loss: str) -> bool:
        return True

    def run(self, request: Request) -> Response:
        if isinstance(self.answer, Exception):
            raise self.answer
        return Response((np.asarray(self.answer),), ("float64",))

    def reproduce(self, request: Request) -> str:
        return f"{request.loss}(...)"


def inquiry(subject: Any, loss: str = "squared_error") -> Inquiry:
    return Inquiry(subject, load_spec(loss), "value", "float64")


def test_a_wrong_value_is_shown_with_all_that_is_needed() -> None:
    ask = inquiry(Answering([4.0, 0.0, 2.25 + 1e-9]))
    request = ask.request(CASES)
    results = list(ask.judged_batch(CASES, VALUE, ask.ask(request).arrays[0], request))
    assert [result.outcome for result in results] == ["pass", "pass", "fail"]
    wrong = results[2]
    assert wrong.case == "case--0.5/value"
    assert "ULP off where" in wrong.message
    assert (wrong.expected, wrong.got) == ("2.25", repr(2.25 + 1e-9))
    assert wrong.ulp == pytest.approx(1e-9 / 2**-51)
    assert wrong.reproduce


def test_a_result_of_the_wrong_shape_is_one_failure() -> None:
    ask = inquiry(Answering(4.0))
    request = ask.request(CASES)
    (result,) = ask.judged_batch(CASES, VALUE, ask.ask(request).arrays[0], request)
    assert result.outcome == "fail"
    assert "shape ()" in result.message


def test_an_exception_is_an_error_and_a_missing_thing_is_unsupported() -> None:
    request = inquiry(Answering(0.0)).request(CASES)
    assert inquiry(Answering(ZeroDivisionError("oh"))).ask(request).outcome == "error"
    assert inquiry(Answering(Unsupported("no such thing"))).ask(request).outcome == "unsupported"


def test_what_is_not_given_together_is_asked_for_one_by_one() -> None:
    functions = FunctionSubject(
        "mine", {"squared_error": squared}, gradients={"squared_error": slope}
    )
    wanted = [VALUE, Quantity("gradient", "prediction"), Quantity("gradient", "target")]
    asked = list(together(inquiry(functions), CASES, wanted))
    assert [one.answer.outcome for one in asked] == ["pass", "pass", "unsupported"]
    assert asked[0].answer.arrays[0].tolist() == [4.0, 0.0, 2.25]
    assert asked[1].answer.arrays[0].tolist() == [4.0, 0.0, -3.0]


def test_a_library_that_flushes_is_right_about_the_zero_that_it_sees() -> None:
    tiny = [Case("tiny", {"prediction": 5e-324, "target": 0.0})]
    subject = Answering([0.0])
    ask = inquiry(subject, "absolute_error")
    quantity = Quantity("gradient", "prediction")
    assert not ask.verdict(tiny[0], quantity, np.asarray(0.0)).ok
    subject.traits = replace(subject.traits, flushes_subnormals=True)
    assert ask.verdict(tiny[0], quantity, np.asarray(0.0)).ok
    assert not ask.verdict(tiny[0], quantity, np.asarray(0.5)).ok


def test_what_a_flushed_probability_is_multiplied_by_multiplies_its_error() -> None:
    # exp(-88.5) is subnormal in float32: the gradient by a logit is that over the temperature.
    name = "temperature_softmax_cross_entropy"
    subject = Answering([0.0])
    ask = Inquiry(subject, load_spec(name), "value", "float32")
    inputs = {"logits": [1.0, 0.0, 0.0], "labels": 1, "temperature": 0.011299499310553074}
    case, quantity = Case("cold", inputs, {}), Quantity("gradient", "logits")
    exact = expected.due(ask.spec, case, quantity).exact
    zero = np.asarray([*map(float, exact[:2]), 0.0], dtype=np.float32)
    assert not ask.verdict(case, quantity, zero).ok
    subject.traits = replace(subject.traits, flushes_subnormals=True)
    assert ask.verdict(case, quantity, zero).ok
    assert not ask.verdict(case, quantity, np.asarray([zero[0], 0.0, 0.0])).ok


def test_a_flushed_difference_leaves_a_zero_in_its_own_component_only() -> None:
    one, other = [3.0, 1.0, 2e-307], [1.0, 1.5, 1.9999999e-307]
    zeros = [0.0] * 3
    inputs = {"mean": one, "log_variance": zeros, "prior_mean": other, "prior_log_variance": zeros}
    case = Case("case", inputs)
    subject = Answering([0.0])
    ask = inquiry(subject, "gaussian_kl_divergence")
    quantity = Quantity("gradient", "mean")
    flushed, wrong = np.asarray([2.0, -0.5, 0.0]), np.asarray([2.0, 0.0, 0.0])
    assert not ask.verdict(case, quantity, flushed).ok
    subject.traits = replace(subject.traits, flushes_subnormals=True)
    assert ask.verdict(case, quantity, flushed).ok
    assert not ask.verdict(case, quantity, wrong).ok


@pytest.mark.parametrize(
    ("answer", "outcome", "message"),
    [
        (ValueError("squared_error: delta is bad"), "pass", ""),
        (ValueError("delta is bad"), "fail", "does not name squared_error"),
        (ValueError("squared_error: bad"), "fail", "does not name delta"),
        (KeyError("squared_error: delta"), "fail", "a KeyError came"),
        ([1.0], "fail", "was accepted"),
    ],
)
def test_a_refusal_is_of_the_due_kind_and_says_what_it_is_about(
    answer: Any, outcome: str, message: str
) -> None:
    ask = inquiry(Answering(answer))
    result = refused(ask, "claim", ask.request(CASES), (ValueError,), "delta")
    assert result.outcome == outcome
    assert message in result.message


def test_a_result_that_seems_wrong_is_computed_with_more_digits() -> None:
    # 30 and 60 digits agree on 1/2, since both lose the 1 beside 1e200.
    scores = {"prediction_scores": [0.0], "target_scores": [1e200, 1.0, -1e200, 2.0]}
    ask = inquiry(Answering(0.0), "kantorovich_rubinstein_objective")
    strict = {**ask.spec.data["accuracy"], "value": {"ulp": "1"}}
    ask = replace(ask, spec=replace(ask.spec, data={**ask.spec.data, "accuracy": strict}))
    case = Case("case", scores)
    assert expected.due(ask.spec, case, VALUE).exact == 0.5
    assert ask.verdict(case, VALUE, np.asarray(0.75)).ok
    assert expected.due(ask.spec, case, VALUE).exact == 0.75


def test_a_gradient_outside_the_interval_of_a_vector_is_shown_with_both_ends() -> None:
    case = Case("edge", {"prediction": [2.0, 1.0, 8.0, 4.0], "target": [3.0, 2.0, 8.0, 6.0]})
    ask = inquiry(Answering(0.0), "box_iou_loss")
    quantity = Quantity("gradient", "prediction")
    request = ask.request([case], "gradient", ("prediction",))
    results = derivatives.judged_derivative(
        ask, [case], quantity, np.ones((1, 4)), request, ask.tolerance(quantity), "{id}"
    )
    wrong = next(result for result in results if result.case == "edge/permitted")
    assert wrong.outcome == "fail"
    assert wrong.message.count("[") == 3


class Compiling(Answering):
    """A subject that compiles every call."""

    traits = Traits(dtypes=("float64",), compiled=(None,))

    def __init__(self) -> None:
        super().__init__([0.0])


def compiling(loss: str = "tversky_loss", **settings: Any) -> Inquiry:
    given = Settings(seed=1, **settings)
    return Inquiry(Compiling(), load_spec(loss), "value", "float64", given)


def masks(**parameters: float) -> Case:
    return Case("case", {"probabilities": [0.5, 1.0], "target": [0.0, 1.0]}, parameters)


GAMMAS = [0.5 + 0.25 * i for i in range(160)]


def outcomes(ask: Inquiry) -> list[str]:
    return [ask.ask(ask.request([masks(gamma=gamma)])).outcome for gamma in GAMMAS]


def test_a_library_that_compiles_is_asked_one_in_sixteen_and_always_the_first() -> None:
    ask = compiling()
    found = outcomes(ask)
    assert found[0] == "pass"
    assert 5 <= found.count("pass") <= 15
    assert found.count("pass") + found.count("spared") == len(GAMMAS)
    # What was compiled is there to be used again, and what was spared is spared again.
    assert outcomes(ask) == found
    assert outcomes(compiling()) == found


def test_other_seeds_and_checks_are_spared_other_things() -> None:
    other_seed = replace(compiling(), settings=Settings(seed=2))
    other_check = replace(compiling(), check="gradient")
    found = [outcomes(ask) for ask in (compiling(), other_seed, other_check)]
    assert found[0] != found[1]
    assert found[0] != found[2]


@pytest.mark.parametrize("settings", [{"thorough": True}, {"hunt": 1}])
def test_nothing_is_spared_in_a_thorough_run_and_in_a_hunt(settings: dict[str, Any]) -> None:
    assert set(outcomes(compiling(**settings))) == {"pass"}


def test_a_library_that_does_not_compile_is_spared_nothing() -> None:
    ask = inquiry(Answering([0.0]), "tversky_loss")
    assert set(outcomes(ask)) == {"pass"}


def test_one_program_serves_all_parameters_of_an_elementwise_function() -> None:
    ask = compiling("huber_loss")
    for delta in GAMMAS:
        case = Case("case", {"prediction": 1.0, "target": 0.0}, {"delta": delta})
        assert ask.ask(ask.request([case])).outcome == "pass"


def test_an_error_before_compilation_is_never_spared() -> None:
    ask = compiling()
    ask.subject.answer = ValueError("tversky_loss: gamma")  # type: ignore[attr-defined]
    for gamma in GAMMAS:
        request = ask.request([masks(gamma=gamma)])
        assert refused(ask, "claim", request, (ValueError,), "gamma").outcome == "pass"


class Looking(Answering):
    """Gives its first input back, and remembers how many examples it was asked at once."""

    def __init__(self) -> None:
        super().__init__(None)
        self.asked: list[int] = []

    def run(self, request: Request) -> Response:
        given = request.inputs["prediction"]
        self.asked.append(len(given))
        return Response((given,), ("float64",))


@pytest.mark.parametrize("trait", [{"compiled": (None,)}, {"one_size": True}])
@pytest.mark.parametrize("count", [1, 3, ROWS, ROWS + 1])
def test_what_compiles_is_asked_in_batches_of_one_size(count: int, trait: dict[str, Any]) -> None:
    looking = Looking()
    looking.traits = replace(looking.traits, **trait)
    ask = inquiry(looking)
    cases = [Case(str(i), {"prediction": float(i), "target": 0.0}) for i in range(count)]
    answer = ask.ask_rows(ask.request(cases))
    assert set(looking.asked) == {ROWS}
    assert answer.arrays[0].tolist() == [float(i) for i in range(count)]


def test_what_is_only_filled_up_is_spared_nothing() -> None:
    ask = compiling()
    ask.subject.traits = replace(ask.subject.traits, compiled=(), one_size=True)  # type: ignore[misc]
    assert set(outcomes(ask)) == {"pass"}


def test_what_is_refused_in_a_batch_that_is_filled_up_is_asked_once_and_keeps_its_place() -> None:
    alone = []

    def choosy(prediction: Any, target: Any) -> Any:
        if len(prediction) == 1:
            alone.append(float(prediction[0]))
        if 7.0 in prediction:
            raise ValueError("no sevens")
        return prediction

    subject = FunctionSubject("choosy", {"squared_error": choosy})
    subject.traits = replace(subject.traits, one_size=True)
    ask = inquiry(subject)
    numbers = [float(i) for i in range(ROWS)] + [7.0, 5.0]
    cases = [Case(str(i), {"prediction": x, "target": 0.0}) for i, x in enumerate(numbers)]
    answer = ask.ask_rows(ask.request(cases))
    assert {i: refusal.message for i, refusal in answer.refused.items()} == {
        7: "ValueError: no sevens",
        ROWS: "ValueError: no sevens",
    }
    assert answer.arrays[0][-1] == 5.0
    assert alone[-2:] == [7.0, 5.0]


def test_what_does_not_compile_is_asked_as_it_is() -> None:
    looking = Looking()
    ask = inquiry(looking)
    assert ask.ask_rows(ask.request(CASES)).arrays[0].tolist() == [3.0, 1.0, -0.5]
    assert looking.asked == [3]


def test_what_one_check_compiled_serves_the_others() -> None:
    first = compiling()
    other = Inquiry(first.subject, first.spec, "gradient", "float64", first.settings)
    alone = outcomes(Inquiry(Compiling(), first.spec, "gradient", "float64", first.settings))
    before, after = outcomes(first), outcomes(other)
    served = [b for a, b in zip(before, after, strict=True) if a == "pass"]
    assert set(served) == {"pass"}
    assert after.count("pass") > alone.count("pass")
