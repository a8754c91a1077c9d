"""Information and entropy of distributions, in nats or in units of another base."""

from .. import class_axis as c
from .. import primitives as p
from ..loss import loss


@loss("()->()", probabilities="[0, 1]", base="(1, inf)")
def self_information(xp, probabilities, *, base=None):
    """The information in an event of the given probability."""
    return p.in_base(xp, 0.0 - xp.log(probabilities), base)


@self_information.gradient("probabilities")
def _(xp, probabilities, *, base):
    return -_rate(xp, probabilities, base)


@self_information.curvature("probabilities")
def _(xp, probabilities, *, base):
    # The square of p underflows, and that of 1 / p overflows, before the curvature does.
    inverse = p.over(xp, 2.0**-32, probabilities)
    return inverse * inverse * (2.0**64 / p.log_base(xp, base))


def _rate(xp, probabilities, base):
    """1 / (p log b), how fast the information in an event falls with its probability."""
    # 1 / p alone may overflow before, and so may 1 / (p log b), which some compilers make of two
    # quotients: the product can be a subnormal number.
    return p.over(xp, 2.0**-64, probabilities) * (2.0**64 / p.log_base(xp, base))


@loss("(k)->()", probabilities="[0, 1]", base="(1, inf)")
def entropy(xp, probabilities, *, base=None):
    """The mean information in an event of the distribution."""
    # At p = 0, where -p log p is 0 with a slope of inf, so is sqrt(p). Not p == 0, which a
    # subnormal number fails though arithmetic takes it for 0.
    vanishing = probabilities + probabilities == 0
    inside = xp.where(vanishing, 1.0, probabilities)
    terms = 0.0 - inside * p.in_base(xp, xp.log(inside), base)
    return xp.sum(xp.where(vanishing, xp.sqrt(probabilities), terms), axis=-1)


@entropy.gradient("probabilities")
def _(xp, probabilities, *, base):
    slope = -p.in_base(xp, xp.log(probabilities) + 1.0, base)
    return p.nan_if_any(xp, slope, probabilities)


@entropy.curvature("probabilities")
def _(xp, probabilities, *, base):
    return p.nan_if_any(xp, -_rate(xp, probabilities, base), probabilities)


@loss("(k)->()", base="(1, inf)")
def softmax_entropy(xp, logits, *, base=None):
    """The entropy of the softmax of logits."""
    # log(sum e^(z - top)) plus the mean of top - z: no term is negative, and a confident
    # distribution keeps the digits of its small entropy.
    _, _, rest, mean = _below_top(xp, logits, base)
    return (p.in_base(xp, xp.log1p(rest), base) + mean)[..., 0]


@softmax_entropy.gradient("logits")
def _(xp, logits, *, base):
    # -p (log p + H), where -log p and H have log(sum e^(z - top)) in common.
    roots, gaps, rest, mean = _below_top(xp, logits, base)
    return roots * p.times(xp, roots, gaps - mean) / (1.0 + rest)


def _below_top(xp, logits, base):
    """How far the logits lie below the leading one.

    The roots of the odds against it, the gaps in units of the base, the sum of the odds of all
    others, and the mean of the gaps under the softmax; the last two of shape (..., 1).
    """
    leading, top = c.leading_class(xp, logits)
    gaps = xp.where(leading, 0.0, top - logits)
    # Roots, because odds that are subnormal numbers have few digits, and times a gap many.
    roots = xp.exp(-0.5 * gaps)
    others = xp.where(leading, 0.0, roots)
    rest = xp.sum(others * others, axis=-1, keepdims=True)
    rest = xp.where(top > -xp.inf, rest, xp.nan)
    gaps = p.in_base(xp, gaps, base)
    total = xp.sum(others * p.times(xp, others, gaps), axis=-1, keepdims=True)
    return roots, gaps, rest, total / (1.0 + rest)


@loss("(k),(k)->()", prediction="[0, 1]", target="[0, 1]", base="(1, inf)")
def cross_entropy(xp, prediction, target, *, base=None):
    """The mean information in an event of the target distribution, by the predicted one."""
    return xp.sum(0.0 - p.xlogy(xp, target, prediction, base), axis=-1)


@cross_entropy.gradient("prediction")
def _(xp, prediction, target, *, base):
    q = p.divisor(xp, prediction, target)
    unit = 1.0 / p.log_base(xp, base)
    if base is None:
        slope = p.quotient(xp, target, q)
    else:
        # A heavy target takes the unit before the quotient overflows; a light one afterwards, as
        # it may be a subnormal number.
        heavy = target > 2.0**-64
        slope = p.quotient(xp, xp.where(heavy, unit * target, target), q)
        slope = xp.where(heavy, slope, unit * slope)
    return p.nan_if_any(xp, -slope, prediction, target)


@cross_entropy.gradient("target")
def _(xp, prediction, target, *, base):
    slope = p.in_base(xp, 0.0 - xp.log(prediction), base)
    return p.nan_if_any(xp, slope, prediction, target)


@cross_entropy.curvature("prediction")
def _(xp, prediction, target, *, base):
    # y / q^2 by the root of y: neither q^2 nor y / q underflows before the quotient does.
    root = xp.sqrt(target) / p.divisor(xp, prediction, target)
    return p.nan_if_any(xp, root * p.in_base(xp, root, base), prediction, target)


@cross_entropy.curvature("target")
def _(xp, prediction, target, *, base):
    flat = xp.zeros_like(target)
    return p.nan_if_any(xp, flat, prediction, target)


@loss("(k,l)->()", joint="[0, 1]", base="(1, inf)")
def mutual_information(xp, joint, *, base=None):
    """The information that two variables have in common, from their joint distribution."""
    occurs = _occurs(xp, joint)
    joint = xp.where(occurs, joint, 0.0)
    rows, columns = _marginals(xp, joint)
    cells = rows.shape[-2] * columns.shape[-1]
    total, lost = _sum_pair(xp, xp.reshape(joint, (*joint.shape[:-2], cells)))
    total, lost = (xp.expand_dims(x, axis=-1) for x in (total, lost))
    total = xp.where(total == 0, 1.0, total)
    # Relative to rows * columns / S, what independence leaves of the total S, and minus S log S.
    # As this too sums to S, adding it and taking off the joint distribution adds 0, and takes
    # back what rounding did to the ratios of common cells.
    share, other = _shares(xp, joint, rows, columns)
    other = other / total
    close = (share < 2.0 * other) & (other < 2.0 * share)
    near = joint * (xp.where(close, other - share, 0.0) / xp.where(close, share, 1.0))
    excess = xp.where(close, near, rows * (columns / total) - joint)
    # At p = 0, where p log p is 0 with a slope of -inf, so is -sqrt(p); not in cells that do not
    # occur, whose slope is 0.
    empty = joint + joint == 0
    vanishing = occurs & empty
    logs = p.log_ratio(xp, xp.where(empty, 1.0, share), xp.where(empty, 1.0, other))
    steep = -xp.sqrt(xp.where(vanishing, joint, 1.0))
    terms = xp.where(vanishing, steep, joint * logs) + excess
    log_total = xp.log(total)
    correction = total * log_total + lost * (log_total + 1.0)
    return p.in_base(xp, xp.sum(terms, axis=(-2, -1)) - correction[..., 0, 0], base)


@mutual_information.gradient("joint")
def _(xp, joint, *, base):
    occurs = _occurs(xp, joint)
    share, other = _shares(xp, joint, *_marginals(xp, joint))
    logs = p.log_ratio(xp, xp.where(occurs, share, 1.0), xp.where(occurs, other, 1.0))
    slope = xp.where(occurs, p.in_base(xp, logs - 1.0, base), 0.0)
    return xp.where(xp.any(xp.isnan(joint), axis=(-2, -1), keepdims=True), xp.nan, slope)


def _marginals(xp, joint):
    """The distributions of the rows and of the columns."""
    return xp.sum(joint, axis=-1, keepdims=True), xp.sum(joint, axis=-2, keepdims=True)


def _occurs(xp, joint):
    """Cells of a row and a column that occur at all: in others the derivative is 0."""
    rows, columns = _marginals(xp, joint)
    return ~((rows == 0) | (columns == 0))


def _shares(xp, joint, rows, columns):
    """The share of each cell in its row, and that of its column in all, both times a constant."""
    # Enlarged, exactly, where the share would be a subnormal number.
    enlarge = xp.where(joint < 2.0**-64, 2.0**64, xp.ones_like(joint))
    rows = xp.where(rows == 0, 1.0, rows)
    return p.without_signed_zero(xp, joint) * enlarge / rows, columns * enlarge


def _sum_pair(xp, x):
    """The sum along the last axis and its rounding error, each of shape (..., 1)."""
    # The errors are summed as the numbers are: where they cancel, theirs are what is left.
    error = rest = xp.zeros_like(x)
    while x.shape[-1] > 1:
        half = x.shape[-1] // 2
        low, high = (..., slice(half)), (..., slice(half, 2 * half))
        total, lost = p.two_sum(x[low], x[high])
        both, first = p.two_sum(error[low], error[high])
        lost, second = p.two_sum(both, lost)
        left = (rest[low] + rest[high]) + (first + second)
        odd = (..., slice(2 * half, None))
        x = xp.concat([total, x[odd]], axis=-1)
        error = xp.concat([lost, error[odd]], axis=-1)
        rest = xp.concat([left, rest[odd]], axis=-1)
    return x, error + rest
