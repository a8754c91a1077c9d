"""The focal loss of two classes, which turns away from what is predicted well already."""

from typing import Any, NamedTuple

from .. import primitives as p
from ..loss import loss


@loss("(),()->()", target="[0, 1]", alpha="[0, 1]", gamma="[0, inf)")
def sigmoid_focal_loss(xp, logits, target, *, alpha=None, gamma=2.0):
    """Binary cross-entropy of logits, times a power of the probability of an error."""
    view = _view(xp, logits, target)
    balance, root = _balance(target, alpha), p.power(xp, view.miss, 0.5 * gamma)
    # In two factors, since the power may underflow where a huge surprise brings it back. What is
    # infinite has a constant factor that doesn't vanish, so that it multiplies no derivative.
    endless = xp.isinf(view.size) & (view.wrong > 0) & (balance > 0)
    slope = xp.stop_gradient(balance * root * root * view.wrong)
    slope = slope + xp.finfo(slope.dtype).smallest_normal
    return balance * root * (root * view.surprise) + slope * xp.where(endless, view.size, 0.0)


@sigmoid_focal_loss.gradient("logits")
def _(xp, logits, target, *, alpha, gamma):
    # For a hard target both terms have one sign. No division by 1 - p, whose power below 0 is
    # infinite where it vanishes.
    view = _view(xp, logits, target)
    root = p.power(xp, view.miss, 0.5 * gamma)
    odds = p.quotient(xp, *_fraction(xp, view))
    change = (view.wrong - view.right) * odds / view.total
    pull = gamma * change * view.surprise + view.residual
    slope = _balance(target, alpha) * root * (root * pull)
    return xp.where(logits > 0, slope, -slope)


@sigmoid_focal_loss.curvature("logits")
def _(xp, logits, target, *, alpha, gamma):
    # Every term has a factor Q / P, which a huge surprise may bring back from underflow: one root
    # of it comes in at the end.
    view = _view(xp, logits, target)
    root = p.power(xp, view.miss, 0.5 * gamma)
    half = xp.exp(-0.5 * view.size)
    decay, mixed = _fraction(xp, view)
    lean = gamma * (view.wrong - view.right) / view.total
    turn = (view.wrong - view.right * view.decay * view.decay) / mixed / view.total
    change = half / mixed * lean
    bend = view.surprise * change * (decay / mixed * lean - turn) + 2.0 * change * view.residual
    bend = bend + half / (view.total * view.total)
    return _balance(target, alpha) * root * (root * (bend * half))


def _balance(target, alpha):
    """The paper's alpha_t: alpha for a positive, 1 - alpha for a negative."""
    return 1.0 if alpha is None else alpha * target + (1.0 - alpha) * (1.0 - target)


class _View(NamedTuple):
    """A prediction as seen by the class that it takes for the likelier one.

    P and Q = 1 - P are the probabilities of this class and the other one.
    """

    size: Any
    """log(P / Q), the magnitude of the logit."""
    decay: Any
    """Q / P."""
    total: Any
    """1 / P."""
    right: Any
    """The share of the target that this class has."""
    wrong: Any
    """The share that the other class has."""
    mixed: Any
    """right Q / P + wrong, in units of P the probability of an error."""
    miss: Any
    """right Q + wrong P, the probability of an error."""
    residual: Any
    """wrong P - right Q = P - right, the slope of the cross-entropy."""
    surprise: Any
    """The cross-entropy -right log P - wrong log Q; without what is infinite in it."""


def _view(xp, logits, target):
    above = logits > 0
    size = xp.where(above, logits, -logits)
    right = xp.where(above, target, 1.0 - target)
    wrong = xp.where(above, 1.0 - target, target)
    decay = xp.exp(-size)
    total = 1.0 + decay
    mixed = right * decay + wrong
    return _View(
        size=size,
        decay=decay,
        total=total,
        right=right,
        wrong=wrong,
        mixed=mixed,
        miss=mixed / total,
        residual=(wrong - right * decay) / total,
        surprise=xp.log1p_of_share(decay) + wrong * xp.where(xp.isinf(size), 0.0, size),
    )


def _fraction(xp, view):
    """Two numbers with the quotient Q / miss, also where both of these underflow."""
    # Where both are 0 the quotient does not matter, as a power of the miss takes it away.
    return view.decay, p.at_least_smallest(xp, view.mixed)
