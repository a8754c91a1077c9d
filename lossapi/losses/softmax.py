"""Losses of a label under log-probabilities or logits that weigh confidence in other ways."""

from .. import primitives as p
from ..loss import loss


@loss("(k),()->()", log_probabilities="[-inf, 0]", labels="labels")
def nll(xp, log_probabilities, labels):
    """The negative log-likelihood of a label under predicted log-probabilities."""
    return 0.0 - xp.take_class(log_probabilities, labels)


@nll.gradient("log_probabilities")
def _(xp, log_probabilities, labels):
    right = p.is_label(xp, log_probabilities, labels)
    slope = xp.where(right, -1.0, p.zero(xp, log_probabilities))
    return p.nan_if_any(xp, slope, log_probabilities)


@nll.curvature("log_probabilities")
def _(xp, log_probabilities, labels):
    return p.nan_if_any(xp, p.zero(xp, log_probabilities), log_probabilities)
