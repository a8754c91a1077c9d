"""Losses of a score's margin over a target of -1 or 1."""

from .. import primitives as p
from ..loss import loss


@loss("(),()->()", target="{-1, 1}", margin="(0, inf)")
def hinge_loss(xp, logits, target, *, margin=1.0):
    """How far the score falls short of the margin on the target's side."""
    shortfall = margin - target * logits
    return xp.where(shortfall <= 0, 0.0, shortfall)


@hinge_loss.gradient("logits")
def _(xp, logits, target, *, margin):
    shortfall = margin - target * logits
    return xp.where(shortfall > 0, -target, p.zero(xp, shortfall))


@hinge_loss.curvature("logits")
def _(xp, logits, target, *, margin):
    return p.zero(xp, target * logits)


@loss("(),()->()", target="{-1, 1}", margin="(0, inf)")
def squared_hinge_loss(xp, logits, target, *, margin=1.0):
    """Square of how far the score falls short of the margin on the target's side."""
    shortfall = margin - target * logits
    short = xp.where(shortfall <= 0, 0.0, shortfall)
    return short * short


@squared_hinge_loss.gradient("logits")
def _(xp, logits, target, *, margin):
    shortfall = margin - target * logits
    return -2.0 * target * xp.where(shortfall <= 0, 0.0, shortfall)


@squared_hinge_loss.curvature("logits")
def _(xp, logits, target, *, margin):
    shortfall = margin - target * logits
    return xp.where(shortfall > 0, 2.0, p.zero(xp, shortfall))
