"""Losses of sequences that a model has sampled itself, each with a reward or a risk."""

from .. import class_axis as c
from .. import primitives as p
from ..loss import loss, primitive
from .reinforcement import policy_gradient_loss


@loss(
    "(k),(),()->()",
    log_probabilities="[-inf, 0]",
    rewards="[-inf, inf]",
    normalize="{false, true}",
)
def reinforce_loss(
    xp, log_probabilities, rewards, baseline=0.0, *, normalize=False, class_where=None
):
    """Minus a sampled sequence's log-probability, weighted by its reward over a baseline."""
    # In units in which the sum over the tokens cannot overflow, and halves of the reward.
    factor = p.from_the_ends(xp, log_probabilities)
    total = xp.sum(log_probabilities * factor, axis=-1)
    half = 0.5 * rewards - 0.5 * baseline
    wide = xp.isinf(rewards - baseline)
    advantage = xp.where(wide, half, rewards - baseline)
    if normalize:
        total = total / _tokens(xp, log_probabilities, class_where)
    scaled = policy_gradient_loss.kernel(xp, total, advantage) / factor[..., 0]
    return xp.where(wide, 2.0, xp.ones_like(scaled)) * scaled


@reinforce_loss.gradient("log_probabilities")
def _(xp, log_probabilities, rewards, baseline, *, normalize, class_where=None):
    slope = baseline - rewards
    if normalize:
        count = _tokens(xp, log_probabilities, class_where)
        half = (0.5 * baseline - 0.5 * rewards) / count
        slope = xp.where(xp.isinf(slope), 2.0 * half, slope / count)
    slope = slope[..., None] + xp.zeros_like(log_probabilities)
    return c.only(xp, class_where, p.nan_if_any(xp, slope, log_probabilities))


def _tokens(xp, log_probabilities, kept):
    """The number of tokens that are kept, or 1 for none."""
    count = xp.sum(c.only(xp, kept, xp.ones_like(log_probabilities)), axis=-1)
    return xp.where(count > 0, count, 1.0)


@loss("(k),(k)->()", risks="(-inf, inf)", alpha="(0, inf)")
def minimum_risk_loss(xp, log_probabilities, risks, *, alpha=0.005, class_where=None):
    """The expected risk of sampled sequences, under their sharpened chances among themselves."""
    chances, scaled, factor = _chances_and_risks(xp, log_probabilities, risks, alpha, class_where)
    return xp.sum(chances * scaled, axis=-1) / factor[..., 0]


@minimum_risk_loss.gradient("log_probabilities")
def _(xp, log_probabilities, risks, *, alpha, class_where=None):
    chances, scaled, factor = _chances_and_risks(xp, log_probabilities, risks, alpha, class_where)
    mean = xp.sum(chances * scaled, axis=-1, keepdims=True)
    # Tiny chances meet huge risks before anything of both is lost.
    back = 1.0 / factor
    large = back > 1.0
    slope = alpha * (chances * xp.where(large, back, 1.0)) * (scaled - mean)
    return xp.where(large, slope, slope * back)


def _chances_and_risks(xp, log_probabilities, risks, alpha, kept):
    """The chances, and the risks in units in which neither sum nor difference overflows."""
    log_chances = c.ruled_out(xp, log_probabilities, kept)
    chances = c.only(xp, kept, c.softmax(xp, log_chances, 1.0 / alpha))
    factor = p.from_the_ends(xp, risks)
    return chances, risks * factor, factor


@primitive("()->()", step="[0, inf]", decay="[1, inf)")
def scheduled_sampling_probability(xp, step, *, decay=1000.0):
    """How likely a decoder is shown the true token, not its own, after so many steps."""
    odds = _odds(xp, step, decay)
    return odds / (1.0 + odds)


@scheduled_sampling_probability.gradient("step")
def _(xp, step, *, decay):
    odds = _odds(xp, step, decay)
    return -(odds / (1.0 + odds) * (1.0 / (1.0 + odds)) / decay)


@scheduled_sampling_probability.curvature("step")
def _(xp, step, *, decay):
    odds = _odds(xp, step, decay)
    bend = odds / (1.0 + odds) * (1.0 / (1.0 + odds)) / decay
    return bend * ((1.0 - odds) / (1.0 + odds)) * (1.0 / decay)


def _odds(xp, step, decay):
    """k exp(-t / k), in two halves, as the exponential may underflow before."""
    decay = decay + xp.zeros_like(step)
    exponent = step / decay
    # With what it was rounded by, which the exponential would enlarge.
    product, error = p.two_product(xp, exponent, decay)
    rest = ((step - product) - error) / decay
    root = xp.exp(-0.5 * exponent)
    rest = xp.where(root == 0, 0.0, rest)
    return (decay * root) * (root * (1.0 - rest))


@primitive("()->()", step="[0, inf]", decay="(0, 1)")
def exponential_sampling_probability(xp, step, *, decay=0.999):
    """How likely a decoder is shown the true token, by a constant factor less at each step."""
    return xp.pow(decay + xp.zeros_like(step), step)


@exponential_sampling_probability.gradient("step")
def _(xp, step, *, decay):
    rate, root = _rate_and_root(xp, step, decay)
    return (rate * root) * root


@exponential_sampling_probability.curvature("step")
def _(xp, step, *, decay):
    rate, root = _rate_and_root(xp, step, decay)
    return (rate * root) * (rate * root)


def _rate_and_root(xp, step, decay):
    """log k, and the root of k to the power of t, which has its digits where that is tiny."""
    decay = decay + xp.zeros_like(step)
    return xp.log(decay), xp.pow(decay, 0.5 * step)


@primitive("()->()", step="[0, inf]", start="(0, 1]", slope="(0, 1]", floor="[0, 1]")
def linear_sampling_probability(xp, step, *, start=1.0, slope=0.0001, floor=0.0):
    """How likely a decoder is shown the true token, by a constant less at each step."""
    left, rest, falls = _along_the_line(xp, step, start, slope, floor)
    return xp.where(falls, left + rest, floor + p.zero(xp, step))


@linear_sampling_probability.gradient("step")
def _(xp, step, *, start, slope, floor):
    _, _, falls = _along_the_line(xp, step, start, slope, floor)
    return xp.where(falls, -slope, p.zero(xp, step))


@linear_sampling_probability.curvature("step")
def _(xp, step, *, start, slope, floor):
    return p.zero(xp, step)


def _along_the_line(xp, step, start, slope, floor):
    """k - c t, what it was rounded by, and whether their sum is above the floor."""
    wide = p.is_wide(xp, step)
    limit, unit = (2.0**500, 2.0**-512) if wide else (2.0**64, 2.0**-64)
    # In units in which the product can be taken apart; what is infinite is at the floor.
    huge = step > limit
    part = xp.where(huge, unit, xp.ones_like(step))
    product, error = p.two_product(xp, slope / part, step * part, xp.inf)
    product = xp.where(product < 2.0, product, 2.0)
    left, rest = p.two_sum(start + xp.zeros_like(step), -product)
    rest = rest - xp.where(product < 2.0, error, 0.0)
    return left, rest, (left - floor) + rest > 0
