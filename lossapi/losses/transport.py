"""Transport distances between two samples, and what bounds them from below."""

from .. import primitives as p
from ..loss import loss

# --- the dual side


@loss("(n),(m)->()")
def kantorovich_rubinstein_objective(xp, prediction_scores, target_scores):
    """How much higher a critic scores the target samples than the predicted ones, on average."""
    return _mean(xp, target_scores) - _mean(xp, prediction_scores)


@kantorovich_rubinstein_objective.gradient("prediction_scores", "target_scores")
def _(xp, prediction_scores, target_scores):
    value = kantorovich_rubinstein_objective.kernel(xp, prediction_scores, target_scores)
    flat = p.zero(xp, value)[..., None]
    ones = xp.ones_like(prediction_scores), xp.ones_like(target_scores)
    return flat - ones[0] / ones[0].shape[-1], flat + ones[1] / ones[1].shape[-1]


def _mean(xp, x):
    # A sum of numbers near the largest would overflow where their mean does not.
    factor = p.to_middle(xp, x)
    return (xp.sum(x * factor, axis=-1) / x.shape[-1]) / factor[..., 0]
