"""What a detector is trained on: the losses of its parts, taken together."""

from .. import weighted_terms as terms
from ..loss import loss


@loss("(),(),()->()", box_weight="[0, inf)", objectness_weight="[0, inf)")
def detection_loss(xp, classification, box, objectness, *, box_weight=1.0, objectness_weight=1.0):
    """The weighted sum of a detector's classification, box and objectness losses."""
    parts = ((1.0, classification), (box_weight, box), (objectness_weight, objectness))
    return terms.total(xp, parts)


@detection_loss.gradient("classification", "box", "objectness")
def _(xp, classification, box, objectness, *, box_weight, objectness_weight):
    parts = ((1.0, classification), (box_weight, box), (objectness_weight, objectness))
    flat = terms.nothing(xp, parts)
    return 1.0 + flat, box_weight + flat, objectness_weight + flat


@detection_loss.curvature("classification", "box", "objectness")
def _(xp, classification, box, objectness, *, box_weight, objectness_weight):
    parts = ((1.0, classification), (box_weight, box), (objectness_weight, objectness))
    flat = terms.nothing(xp, parts)
    return flat, flat, flat
