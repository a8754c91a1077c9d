"""Losses of a score's margin over a target of -1 or 1."""

from .. import primitives as p
from ..loss import loss


@loss("(),()->()", target="{-1, 1}", margin="(0, inf)")
def hinge_loss(xp, logits, target, *, margin=1.0):
    """How far the score falls short of the margin on the target's side."""
    return p.shortfall(xp, target * logits, margin)


@hinge_loss.gradient("logits")
def _(xp, logits, target, *, margin):
    score = target * logits
    return xp.where(score < margin, -target, p.zero(xp, score))


@hinge_loss.curvature("logits")
def _(xp, logits, target, *, margin):
    return p.zero(xp, target * logits)


@loss("(),()->()", target="{-1, 1}", margin="(0, inf)")
def squared_hinge_loss(xp, logits, target, *, margin=1.0):
    """Square of how far the score falls short of the margin on the target's side."""
    shortfall = p.shortfall(xp, target * logits, margin)
    return shortfall * shortfall


@squared_hinge_loss.gradient("logits")
def _(xp, logits, target, *, margin):
    return -2.0 * (target * p.shortfall(xp, target * logits, margin))


@squared_hinge_loss.curvature("logits")
def _(xp, logits, target, *, margin):
    score = target * logits
    return xp.where(score < margin, 2.0, p.zero(xp, score))


@loss("(),()->()", target="{-1, 1}")
def logistic_loss(xp, logits, target):
    """The negative log-likelihood of a class of -1 or 1 under the sigmoid of a logit."""
    score, wrong, decay = _view(xp, logits, target)
    return xp.log1p_of_share(decay) - xp.where(wrong, score, 0.0)


@logistic_loss.gradient("logits")
def _(xp, logits, target):
    _, wrong, decay = _view(xp, logits, target)
    return -(target * (xp.where(wrong, 1.0, decay) / (1.0 + decay)))


def _view(xp, logits, target):
    """The score on the target's side, whether it is on the other one, and exp(-|score|)."""
    score = target * logits
    wrong = score < 0
    return score, wrong, xp.exp(xp.where(wrong, score, -score))


@logistic_loss.curvature("logits")
def _(xp, logits, target):
    probability, complement = p.sigmoid_pair(xp, target * logits)
    return probability * complement
