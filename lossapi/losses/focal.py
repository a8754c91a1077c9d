"""The focal loss of two classes, which turns away from what is predicted well already."""

from .. import primitives as p
from .. import two_classes
from ..loss import loss


@loss("(),()->()", target="[0, 1]", alpha="[0, 1]", gamma="[0, inf)")
def sigmoid_focal_loss(xp, logits, target, *, alpha=None, gamma=2.0):
    """Binary cross-entropy of logits, times a power of the probability of an error."""
    seen = two_classes.view(xp, logits, target)
    balance, root = _balance(target, alpha), _root(xp, seen, gamma)
    # In two factors, since the power may underflow where a huge surprise brings it back. What is
    # infinite has a constant factor that doesn't vanish, so that it multiplies no derivative.
    endless = xp.isinf(seen.gap) & (seen.wrong > 0) & (balance > 0)
    slope = xp.stop_gradient(balance * root * root * seen.wrong)
    slope = slope + xp.finfo(slope.dtype).smallest_normal
    finite = balance * root * (root * _surprise(xp, seen))
    return finite - slope * xp.where(endless, seen.gap, 0.0)


@sigmoid_focal_loss.gradient("logits")
def _(xp, logits, target, *, alpha, gamma):
    # For a hard target both terms have one sign. No division by 1 - p, whose power below 0 is
    # infinite where it vanishes.
    seen = two_classes.view(xp, logits, target)
    root = _root(xp, seen, gamma)
    odds = p.quotient(xp, *_fraction(xp, seen))
    change = gamma * (seen.wrong - seen.right) * odds
    pull = (change * _surprise(xp, seen) + seen.residual) / seen.total
    slope = _balance(target, alpha) * root * (root * pull)
    return xp.where(logits < 0, -slope, slope)


@sigmoid_focal_loss.curvature("logits")
def _(xp, logits, target, *, alpha, gamma):
    # Every term has a factor Q / P, which a huge surprise may bring back from underflow: one root
    # of it comes in at the end.
    seen = two_classes.view(xp, logits, target)
    root = _root(xp, seen, gamma)
    half = xp.exp(0.5 * seen.gap)
    decay, mixed = _fraction(xp, seen)
    lean = gamma * (seen.wrong - seen.right) / seen.total
    turn = (seen.wrong - seen.right * seen.decay * seen.decay) / mixed / seen.total
    change = half / mixed * lean
    residual = seen.residual / seen.total
    bend = _surprise(xp, seen) * change * (decay / mixed * lean - turn) + 2.0 * change * residual
    bend = bend + half / (seen.total * seen.total)
    return _balance(target, alpha) * root * (root * (bend * half))


def _balance(target, alpha):
    """The paper's alpha_t: alpha for a positive, 1 - alpha for a negative."""
    return 1.0 if alpha is None else alpha * target + (1.0 - alpha) * (1.0 - target)


def _root(xp, seen, gamma):
    """The root of the power of the probability of an error, right Q + wrong P."""
    return p.power(xp, _mixed(seen) / seen.total, 0.5 * gamma)


def _mixed(seen):
    """right Q / P + wrong, in units of P the probability of an error."""
    return seen.right * seen.decay + seen.wrong


def _surprise(xp, seen):
    """The cross-entropy -right log P - wrong log Q; without what is infinite in it."""
    gap = xp.where(xp.isinf(seen.gap), 0.0, seen.gap)
    return xp.log1p_of_share(seen.decay) - seen.wrong * gap


def _fraction(xp, seen):
    """Two numbers with the quotient Q / miss, also where both of these underflow."""
    # Where both are 0 the quotient does not matter, as a power of the miss takes it away.
    return seen.decay, p.at_least_smallest(xp, _mixed(seen))
