"""Losses of several tasks, taken together."""

from .. import primitives as p
from ..loss import loss


@loss("(t),(t)->()", task_weights="[0, inf)")
def weighted_sum_loss(xp, losses, task_weights):
    """The sum of several tasks' losses, each times a weight."""
    products = p.times(xp, task_weights, losses)
    total = xp.sum(products, axis=-1)
    # Where terms of opposite sign overflow and their sum does not, both sides are made smaller.
    lost = (xp.isnan(total) | xp.isinf(total))[..., None]
    small = 2.0**-516 if p.is_wide(xp, losses) else 2.0**-68
    part = xp.where(lost, small, xp.ones_like(products))
    infinite = xp.isinf(losses)
    held = xp.where(lost & ~infinite, xp.stop_gradient(losses), 0.0)
    weights = xp.where(lost, xp.stop_gradient(task_weights), 0.0)
    terms = xp.where(infinite, products, (held * part) * (weights * part))
    back = (1.0 / part)[..., 0]
    shares = xp.sum(xp.where(lost, terms, 0.0), axis=-1) * back * back
    if xp.differentiates:
        # Which is a constant; what moves it is added, as factors of differences that are 0.
        moved = xp.where(infinite, 0.0, losses - held)
        steps = task_weights * moved + held * (task_weights - weights)
        shares = shares + xp.sum(xp.where(lost, steps, 0.0), axis=-1)
    return xp.where(lost[..., 0], shares, total)


@weighted_sum_loss.gradient("losses", "task_weights")
def _(xp, losses, task_weights):
    infinite = xp.where(xp.isinf(losses), p.times(xp, task_weights, losses), 0.0)
    flat = p.zero(xp, xp.sum(infinite + p.zero(xp, losses, task_weights), axis=-1))[..., None]
    return task_weights + flat, losses + flat


@loss("(t),(t)->()", losses="[0, inf]", task_scales="(t) (0, inf)")
def uncertainty_weighted_loss(xp, losses, log_variances, *, task_scales=None):
    """The sum of several tasks' losses, each weighted by a variance of its own, which is learnt."""
    # Small numbers are lifted, as halves of the smallest would vanish.
    size = xp.where(log_variances < 0, -log_variances, log_variances)
    lift = p.from_the_ends(xp, xp.where(losses < size, size, losses))
    lift = xp.where(lift < 1.0, 1.0, lift)
    fit = _fit(xp, losses * lift, log_variances, task_scales)
    # Beside an infinite log-variance of either sign any loss but 0 makes the sum infinite.
    sure = xp.isinf(log_variances) & ~(losses == 0)
    terms = fit + xp.where(sure, 0.0, 0.5 * (log_variances * lift))
    terms = xp.where(sure, xp.inf + p.zero(xp, losses), terms)
    return xp.sum(terms, axis=-1) / lift[..., 0]


@uncertainty_weighted_loss.gradient("losses", "log_variances")
def _(xp, losses, log_variances, *, task_scales):
    total = uncertainty_weighted_loss.kernel(xp, losses, log_variances, task_scales=task_scales)
    flat = p.zero(xp, total)[..., None]
    root, rest = _precision(xp, log_variances, task_scales)
    fit = _fit(xp, losses, log_variances, task_scales)
    return root * (rest * root) + flat, 0.5 - fit + flat


def _fit(xp, losses, log_variances, task_scales):
    """A loss times its scale over the variance, which may both leave the range before."""
    # An infinite variance is larger than any loss is, and an infinite loss than any variance else.
    loss = xp.where(log_variances == xp.inf, 0.0, losses)
    infinite = xp.isinf(loss)
    finite = xp.where(infinite, 0.0, loss)
    root, rest = _precision(xp, log_variances, task_scales)
    # Of a loss of 0 the derivative is still the precision, if that is finite.
    root = xp.where((finite == 0) & xp.isinf(root), 1.0, root)
    scaled = rest * root
    # First by what takes the loss towards the middle of the range.
    swaps = (root < scaled) == (finite < 1)
    fit = (finite * xp.where(swaps, scaled, root)) * xp.where(swaps, root, scaled)
    return xp.where(infinite, loss, fit)


def _precision(xp, log_variances, task_scales):
    """A scale over a variance: the factor to be taken twice, and the one to be taken once."""
    scales = 0.5 if task_scales is None else task_scales
    size = xp.where(log_variances < 0, -log_variances, log_variances)
    # By one exponential where that is far from the ends, as the errors of two add up.
    moderate = (size < (690.0 if p.is_wide(xp, size) else 80.0)) & (scales > 2.0**-8)
    moderate = moderate & (scales < 2.0**8)
    root = xp.exp(xp.where(moderate, 0.0, -0.5 * log_variances))
    return root, scales * xp.exp(xp.where(moderate, -log_variances, 0.0))


@loss("(t),(t)->()", gradient_norms="[0, inf)", loss_ratios="(0, inf)", alpha="[0, inf)")
def gradnorm_loss(xp, gradient_norms, loss_ratios, *, alpha=1.5):
    """How far the norms of the tasks' gradients are from what balances their progress."""
    # In units in which nothing overflows; the norms that are wanted are constants.
    factor = p.from_the_ends(xp, gradient_norms)
    norms = xp.stop_gradient(gradient_norms)
    side, mean, level = _compared(xp, norms, loss_ratios, alpha)
    # Both by a power of two: a mean of subnormal numbers would be rounded to one of them.
    part = p.from_the_ends(xp, loss_ratios)
    lost = level == 0  # a library takes all ratios for 0: alike, as far as it can tell
    rate = xp.where(lost, 1.0, (loss_ratios * part) / xp.where(lost, 1.0, level))
    wanted = mean * xp.pow(rate, alpha * xp.ones_like(rate))
    excess = norms * factor - wanted
    size = side * (excess + factor * (gradient_norms - norms))
    # Where rounding makes the difference one of the other side, there is next to none.
    size = xp.where(side * excess < 0, size - side * excess, size)
    return xp.sum(size, axis=-1) / factor[..., 0]


@gradnorm_loss.gradient("gradient_norms")
def _(xp, gradient_norms, loss_ratios, *, alpha):
    norms = xp.stop_gradient(gradient_norms)
    side, _, _ = _compared(xp, norms, loss_ratios, alpha)
    return p.nan_if_any(xp, side + p.zero(xp, gradient_norms), norms, loss_ratios)


def _compared(xp, norms, ratios, alpha):
    """The sign of G - mean(G) r^alpha, and the means of norms and ratios in units of their own."""
    # By logarithms, whose order is that of the numbers however small both are.
    share, share_rest, mean = _log_over_mean(xp, norms)
    log_rate, rate_rest, level = _log_over_mean(xp, ratios)
    # Where a library takes a ratio for 0 the least normal one bounds it, and else nothing is known.
    known = xp.where(level == 0, 1.0, level / p.from_the_ends(xp, ratios))
    gone = log_rate == -xp.inf
    bound = xp.log(xp.finfo(norms.dtype).smallest_normal * xp.ones_like(level)) - xp.log(known)
    log_rate = xp.where(gone, bound, log_rate)
    power, error = p.two_product(xp, log_rate, alpha + xp.zeros_like(log_rate))
    rest = (share_rest - error) - alpha * rate_rest
    # Numbers that differ in their last digits alone may agree in those of the logarithms.
    near = (share_rest != 0) & (rate_rest != 0)
    side = p.order(xp, share, power)
    side = xp.where(near, p.order(xp, (share - power) + rest, p.zero(xp, rest)), side)
    side = xp.where(gone & (side < 0), 0.0, side)
    nothing = mean == 0
    side = xp.where(nothing, 0.0, side)
    return side, mean, level


def _log_over_mean(xp, x):
    """The logarithms of numbers that are not negative over their mean, their rest, and the mean.

    The mean is of the numbers taken from the ends of the range.
    The rest is what rounding takes from the logarithm of a number close to the mean.
    """
    # With the rounding errors of the sum: near the mean they decide who lies above it.
    factor, count = p.from_the_ends(xp, x), x.shape[-1]
    scaled = x * factor
    total, lost = _sum(xp, scaled)
    product, error = p.two_product(xp, scaled, count + xp.zeros_like(scaled))
    above, beside = product - total, error - lost
    nothing = total == 0
    divisor = xp.where(nothing, 1.0, total)
    close = (above < 0.5 * total) & (above > -0.5 * total)
    gap = xp.where(close, above + beside, 0.0)
    part = gap / divisor
    # A gap that no quotient holds still has a side.
    least = xp.zeros_like(gap) + xp.finfo(gap.dtype).smallest_normal
    part = xp.where((part == 0) & (gap != 0), xp.where(gap < 0, -least, least), part)
    near = xp.log1p(part)
    mean = total / count
    # Small numbers enlarged, as their mean is; large ones not made smaller, as others are small.
    down = xp.where(factor < 1.0, 1.0 / factor, 1.0)
    far = p.log_ratio(
        xp,
        xp.where(close | nothing, 1.0, xp.where(factor < 1.0, x, scaled)),
        xp.where(close | nothing, 1.0, mean * down),
    )
    back, error = p.two_product(xp, part, divisor)
    beyond = (((above - back) - error) + beside - part * lost) / divisor
    series = part * part * (part * (1.0 / 3.0 - 0.25 * part) - 0.5)
    closest = close & (part < 2.0**-8) & (part > -(2.0**-8))
    rest = xp.where(closest & ~nothing, beyond + ((part - near) + series), 0.0)
    return xp.where(nothing, 0.0, xp.where(close, near, far)), rest, mean


def _sum(xp, x):
    """The sum along the last axis rounded, and its rounding error."""
    lost = xp.zeros_like(x)
    while x.shape[-1] > 1:
        half = x.shape[-1] // 2
        ends = (..., slice(half)), (..., slice(half, 2 * half)), (..., slice(2 * half, None))
        total, error = p.two_sum(x[ends[0]], x[ends[1]])
        error = error + (lost[ends[0]] + lost[ends[1]])
        x = xp.concat([total, x[ends[2]]], axis=-1)
        lost = xp.concat([error, lost[ends[2]]], axis=-1)
    return p.two_sum(x, lost)
