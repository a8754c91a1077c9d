"""Losses of embeddings and the centres of their classes, which all examples share as a rule."""

from .. import primitives as p
from ..loss import loss

_BLOCK = 2**18
"""Pairs of an example and a class in a block."""


@loss("(d),(),(k,d)->()", features="(-inf, inf)", labels="labels", centers="(-inf, inf)")
def center_loss(xp, features, labels, centers):
    """Half the squared distance of an embedding to the centre of its class."""
    return _half_square(xp, features - _own(xp, labels, centers))


@center_loss.pullback("features", "centers")
def _(xp, wrt, cotangent, features, labels, centers):
    difference = features - _own(xp, labels, centers)
    weight = xp.expand_dims(cotangent, axis=-1)
    found = {}
    if "features" in wrt:
        found["features"] = weight * difference
    if "centers" in wrt and centers.ndim > 2:
        of_label = xp.expand_dims(_is_label(xp, labels, centers), axis=-1)
        slope = -xp.expand_dims(weight * difference, axis=-2)
        found["centers"] = xp.where(of_label, slope, p.zero(xp, slope))
    elif "centers" in wrt:
        found["centers"] = _summed(xp, weight, features, labels, centers)
    return _half_square(xp, difference), tuple(found[name] for name in wrt)


def _half_square(xp, difference):
    return xp.sum(0.5 * difference * difference, axis=-1)


def _own(xp, labels, centers):
    """The centre of each example's class."""
    if centers.ndim > 2:
        of_label = xp.expand_dims(_is_label(xp, labels, centers), axis=-1)
        return xp.sum(xp.where(of_label, centers, 0.0), axis=-2)
    rows = xp.take(centers, xp.reshape(labels, (-1,)), axis=0)
    return xp.reshape(rows, (*labels.shape, centers.shape[-1]))


def _is_label(xp, labels, centers):
    return xp.class_index(centers[..., 0]) == xp.expand_dims(labels, axis=-1)


def _summed(xp, weight, features, labels, centers):
    """The gradient by centres that all examples share: a sum over those of each class."""
    loop = tuple(weight.shape[:-1])
    count, (classes, size) = p.entries(loop), centers.shape
    labels = xp.reshape(xp.broadcast_to(labels, loop), (count,))
    features = xp.reshape(xp.broadcast_to(features, (*loop, size)), (count, size))
    rows = {"features": features, "labels": labels, "weight": xp.reshape(weight, (count, 1))}

    def step(block):
        labels = block["labels"]
        # In halves: a difference that overflows would be NaN in the sums of all other classes.
        own = xp.take(block["centers"], labels, axis=0)
        half = block["weight"] * (0.5 * own - 0.5 * block["features"])
        hot = _is_label(xp, labels, block["centers"])
        return (), [(xp.astype(hot, half.dtype), half)]

    _, (total,) = xp.over_rows(step, {"centers": centers}, rows, max(1, _BLOCK // classes))
    return 2.0 * total
