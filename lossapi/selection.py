"""Which loss for which problem: answers from a table, each with a reason and a source."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from .errors import ParameterError

QUESTIONS = ("imbalance", "noise", "outliers")


class Recommendation(NamedTuple):
    """A loss that suits a problem: its name, parameters to give it, why, and who says so."""

    loss: str
    parameters: dict[str, float | bool]
    reason: str
    source: str

    @property
    def function(self) -> Any:
        """The loss itself, as in ``found.function(logits, target, **found.parameters)``."""
        from .losses import registry

        return registry[self.loss]

    @property
    def call(self) -> str:
        """The loss and its parameters, as they are written."""
        told = ", ".join(
            f"{name}={value!r}" if isinstance(value, bool) else f"{name}={value:g}"
            for name, value in self.parameters.items()
        )
        return f"{self.loss}({told})" if told else self.loss


def recommend(
    problem: str,
    *,
    imbalance: str | None = None,
    noise: str | None = None,
    outliers: str | None = None,
) -> tuple[Recommendation, ...]:
    """Losses for a problem, the best first, each with a reason and a source.

    ``problem`` is one of those that ``lossapi choose`` lists, such as "multiclass_classification",
    "regression" or "segmentation". The other arguments are answers to what it asks: how rare the
    rarest class is (``imbalance``: "none", "moderate", "severe"), whether labels are wrong
    (``noise``: "none", "some", "many"; of a regression "constant" or "varying"), and whether some
    targets lie far off (``outliers``: "none", "some", "many"). What is not answered is "none" or
    "constant"; an answer that the problem does not ask for is an error.

    >>> import lossapi
    >>> first, *others = lossapi.recommend("multiclass_classification", noise="many")
    >>> first.call
    'generalized_cross_entropy(q=0.7)'
    """
    known = table()["problems"]
    if not isinstance(problem, str) or problem not in known:
        raise ParameterError(_unknown("problem", problem, known))
    asked = known[problem]["asks"]
    given = {"imbalance": imbalance, "noise": noise, "outliers": outliers}
    for question, answer in given.items():
        if answer is not None and question not in asked:
            told = ", ".join(asked) or "no further question"
            raise ParameterError(
                f"recommend: {question} is {answer!r}, which does not matter for {problem}; it "
                f"asks for {told}. Leave it out."
            )
    case = {}
    for question, scale in asked.items():
        answers = table()["scales"][scale]["answers"]
        answer = given[question]
        case[question] = next(iter(answers)) if answer is None else answer
        if case[question] not in answers:
            raise ParameterError(_unknown(question, answer, answers))
    return tuple(
        Recommendation(c["loss"], dict(c["parameters"]), c["reason"], c["source"])
        for c in known[problem]["choices"]
        if all(case[question] in accepted for question, accepted in c["when"].items())
    )


@cache
def table() -> Any:
    """All problems, what they ask, and the losses for each case, as it was written beforehand."""
    import json
    from importlib.resources import files

    return json.loads((files("lossapi.spec") / "selection.json").read_text("utf-8"))


def _unknown(name: str, came: Any, accepted: Any) -> str:
    from difflib import get_close_matches

    close = get_close_matches(str(came), list(accepted), 1)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    return f"recommend: {name} is {came!r}; accepted are {', '.join(map(repr, accepted))}.{guess}"
