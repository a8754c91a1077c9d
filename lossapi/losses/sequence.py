"""Cross-entropy of the tokens of a sequence, each given those before it."""

from ..loss import loss
from .multiclass import sparse_softmax_cross_entropy as of_token


@loss(
    "(t,k),(t),(t)->()",
    labels="labels",
    mask="mask",
    label_smoothing="[0, 1]",
    per_token="{false, true}",
)
def token_cross_entropy(xp, logits, labels, mask=1.0, *, label_smoothing=0.0, per_token=True):
    """The negative log-likelihood of the tokens of a sequence, each given those before it."""
    losses = of_token.kernel(xp, logits, labels, label_smoothing=label_smoothing)
    losses = xp.where(mask == 0, 0.0, losses)
    total = xp.sum(losses, axis=-1)
    if not per_token:
        return total
    count = _count(xp, mask)
    # Divided first where the sum overflows; elsewhere that would lose digits of small terms.
    shares = losses / count[..., None]
    quarters = _quarter(xp, logits, labels, label_smoothing) * (4.0 / count[..., None])
    too_large = xp.isinf(losses) & ~xp.isnan(quarters) & (mask != 0)
    mean = xp.sum(xp.where(too_large, quarters, shares), axis=-1)
    return xp.where(xp.isfinite(total), total / count, mean)


@token_cross_entropy.gradient("logits")
def _(xp, logits, labels, mask, *, label_smoothing, per_token):
    slope_by_logits = of_token.gradients["logits"][1]
    slopes = slope_by_logits(xp, logits, labels, label_smoothing=label_smoothing)
    slopes = xp.where(mask[..., None] == 0, 0.0, slopes)
    # A step without probabilities leaves none to the sequence.
    undefined = xp.any(xp.isnan(xp.sum(slopes, axis=-1)), axis=-1)[..., None, None]
    slopes = xp.where(undefined, xp.nan, slopes)
    return slopes / _count(xp, mask)[..., None, None] if per_token else slopes


def _quarter(xp, logits, labels, label_smoothing):
    """A quarter of a loss so large that it is the gap below the leading logit, and nothing else."""
    quarters = logits / 4.0
    due = xp.take_class(quarters, labels)
    if label_smoothing:
        mean = xp.sum(quarters / logits.shape[-1], axis=-1)
        due = (1.0 - label_smoothing) * due + label_smoothing * mean
    return xp.max(quarters, axis=-1) - due


def _count(xp, mask):
    """How many tokens count, or 1 for none."""
    count = xp.sum(mask, axis=-1)
    return xp.where(count == 0, 1.0, count)
