"""What a detector is trained on: the losses of its parts, taken together."""

from .. import primitives as p
from ..loss import loss


@loss("(),(),()->()", box_weight="[0, inf)", objectness_weight="[0, inf)")
def detection_loss(xp, classification, box, objectness, *, box_weight=1.0, objectness_weight=1.0):
    """The weighted sum of a detector's classification, box and objectness losses."""
    boxes = p.times(xp, box_weight, box)
    objects = p.times(xp, objectness_weight, objectness)
    total = classification + boxes + objects
    # Where terms of opposite sign overflow and their sum does not, in quarters of the largest
    # weight.
    lost = xp.isnan(total) | xp.isinf(total)
    top = _larger(xp, _larger(xp, xp.ones_like(total), box_weight), objectness_weight)
    shares = (
        _share(xp, lost, classification, 1.0 / top, classification / top)
        + _share(xp, lost, box, box_weight / top, boxes / top)
        + _share(xp, lost, objectness, objectness_weight / top, objects / top)
    )
    return xp.where(lost, 4.0 * shares * top, total)


@detection_loss.gradient("classification", "box", "objectness")
def _(xp, classification, box, objectness, *, box_weight, objectness_weight):
    flat = _flat(xp, classification, box, objectness, box_weight, objectness_weight)
    return 1.0 + flat, box_weight + flat, objectness_weight + flat


@detection_loss.curvature("classification", "box", "objectness")
def _(xp, classification, box, objectness, *, box_weight, objectness_weight):
    flat = _flat(xp, classification, box, objectness, box_weight, objectness_weight)
    return flat, flat, flat


def _larger(xp, a, b):
    return xp.where(a < b, b, a)


def _share(xp, lost, loss, weight, term):
    """A quarter of a weighted loss; an infinite one keeps a weight that would underflow."""
    finite = weight * (0.25 * xp.where(lost, loss, 0.0))
    return xp.where(xp.isinf(loss), 0.25 * term, finite)


def _flat(xp, classification, box, objectness, box_weight, objectness_weight):
    """0, or NaN where the sum is: for NaN, and for infinite terms of both signs."""
    infinite = [
        xp.where(xp.isinf(x) | xp.isnan(x), p.times(xp, weight, x), 0.0)
        for weight, x in ((1.0, classification), (box_weight, box), (objectness_weight, objectness))
    ]
    return p.zero(xp, sum(infinite))
