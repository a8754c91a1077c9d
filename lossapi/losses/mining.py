"""Which triplets of a batch count, as masks whose shape no value decides; and centres that follow.

The masks are 1 at (i, p, n) where anchor i, positive p and negative n make a triplet that counts.
"""

from .. import primitives as p
from ..loss import primitive

_OF_BATCH = "(n,n),(n,n)->(n,n,n)"
_DISTANCE, _SAME = "[0, inf)", "{0, 1}"


@primitive(_OF_BATCH, distances=_DISTANCE, same=_SAME)
def batch_all_triplets(xp, distances, same):
    """All triplets of a batch: an anchor, another of its class and one of another class."""
    positive, negative = _pairs(xp, distances, same)
    return _mask(xp, distances, positive[..., :, :, None] & negative[..., :, None, :])


@batch_all_triplets.vjp("distances")
def _(xp, cotangent, distances, same):
    return p.zero(xp, distances)


@primitive(_OF_BATCH, distances=_DISTANCE, same=_SAME)
def batch_hard_triplets(xp, distances, same):
    """For each anchor its farthest positive with its nearest negative."""
    positive, negative = _pairs(xp, distances, same)
    # The first of several: distances and candidates are not summed, so that ties stay ties.
    farthest = _first_largest(xp, positive, distances)
    nearest = _first_largest(xp, negative, -distances)
    return _mask(xp, distances, farthest[..., :, :, None] & nearest[..., :, None, :])


@batch_hard_triplets.vjp("distances")
def _(xp, cotangent, distances, same):
    return p.zero(xp, distances)


@primitive(_OF_BATCH, distances=_DISTANCE, same=_SAME, margin="(0, inf)")
def semi_hard_triplets(xp, distances, same, *, margin=1.0):
    """The triplets whose negative is farther away than the positive, by less than the margin."""
    positive, negative = _pairs(xp, distances, same)
    near, far = distances[..., :, :, None], distances[..., :, None, :]
    between = (far > near) & p.closer_than(xp, far, near, margin)
    return _mask(xp, distances, positive[..., :, :, None] & negative[..., :, None, :] & between)


@semi_hard_triplets.vjp("distances")
def _(xp, cotangent, distances, same, *, margin):
    return p.zero(xp, distances)


def _pairs(xp, distances, same):
    """Whether each pair is a positive one, of two different examples, and whether a negative."""
    index = xp.class_index(distances)
    other = xp.expand_dims(index, axis=-1) != index
    # Not &, which MLX gets wrong under vmap where only one side is mapped over.
    return xp.logical_and(same == 1, other), xp.logical_and(same == 0, other)


def _first_largest(xp, candidates, x):
    """The first of the candidates with the largest x in each row, as a mask; none of none."""
    index = xp.argmax(xp.where(candidates, x, -xp.inf), axis=-1)
    chosen = xp.class_index(x) == xp.expand_dims(index, axis=-1)
    return chosen & candidates


def _mask(xp, distances, counts):
    # What passes no derivative, but NaN where the batch is not valid.
    nothing = p.zero(xp, distances)
    return xp.astype(counts, distances.dtype) + nothing[..., :, :, None]


# --- centres of classes


@primitive(
    "(n,d),(n,k),(k,d)->(k,d)",
    features="(-inf, inf)",
    assignments="{0, 1}",
    centers="(-inf, inf)",
    alpha="[0, 1]",
)
def center_update(xp, features, assignments, centers, *, alpha=0.5):
    """The centres of classes, each moved towards the examples of its class."""
    kept, share = _shares(xp, assignments, alpha)
    return kept * centers + xp.matmul(xp.matrix_transpose(share), features)


@center_update.vjp("features", "centers")
def _(xp, cotangent, features, assignments, centers, *, alpha):
    kept, share = _shares(xp, assignments, alpha)
    nothing = p.zero(xp, features[..., :1, :1], centers[..., :1, :1])
    return xp.matmul(share, cotangent) + nothing, kept * cotangent + nothing


def _shares(xp, assignments, alpha):
    """What a new centre keeps of the old one, (k, 1), and takes from each example, (n, k)."""
    assignments = xp.stop_gradient(assignments)
    count = xp.sum(assignments, axis=-2, keepdims=True)
    kept = (1.0 + (1.0 - alpha) * count) / (1.0 + count)
    return xp.matrix_transpose(kept), alpha * assignments / (1.0 + count)
