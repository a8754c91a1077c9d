"""A loss of matching pairs in a batch: each query is to find its own key among all keys."""

from ..loss import loss
from .distance import l2_normalize
from .temperature import temperature_softmax_cross_entropy as of_logits

_LIMIT = "[-1e14, 1e14]"
"""A thousand products of two such numbers do not reach half the spacing of the largest float32."""


@loss(
    "(n,d),(n,d)->()",
    query=_LIMIT,
    key=_LIMIT,
    temperature="[1e-6, inf)",
    symmetric="{false, true}",
    normalize="{false, true}",
)
def info_nce_loss(xp, query, key, *, temperature=0.07, symmetric=False, normalize=True):
    """The cross-entropy of finding each query's own key among all keys, the mean over a batch."""
    first, second = (_unit(xp, x, normalize) for x in (query, key))
    logits = xp.matmul(first, xp.matrix_transpose(second))
    mean = _over_rows(xp, of_logits.kernel, logits, temperature)
    if symmetric:
        transposed = xp.matrix_transpose(logits)
        mean = 0.5 * (mean + _over_rows(xp, of_logits.kernel, transposed, temperature))
    return xp.sum(mean, axis=-1) / query.shape[-2]


@info_nce_loss.gradient("query", "key")
def _(xp, query, key, *, temperature, symmetric, normalize):
    first, second = (_unit(xp, x, normalize) for x in (query, key))
    logits = xp.matmul(first, xp.matrix_transpose(second))
    slope_by_logits = of_logits.gradients["logits"][1]
    slopes = _over_rows(xp, slope_by_logits, logits, temperature)
    if symmetric:
        transposed = xp.matrix_transpose(logits)
        other = _over_rows(xp, slope_by_logits, transposed, temperature)
        slopes = 0.5 * (slopes + xp.matrix_transpose(other))
    slopes = slopes / query.shape[-2]
    by_first, by_second = xp.matmul(slopes, second), xp.matmul(xp.matrix_transpose(slopes), first)
    if not normalize:
        return by_first, by_second
    across = l2_normalize.vjps["x"][1]
    return across(xp, by_first, query, epsilon=0.0), across(xp, by_second, key, epsilon=0.0)


def _unit(xp, x, normalize):
    return l2_normalize.kernel(xp, x, epsilon=0.0) if normalize else x


def _over_rows(xp, kernel, logits, temperature):
    """A kernel of logits, of which each row has its own place as label."""
    scale = xp.zeros_like(logits[..., 0]) + temperature
    return kernel(xp, logits, xp.class_index(logits), scale)
