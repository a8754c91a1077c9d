"""Losses of scores by which things are put in order: pairs, lists, and items to recommend."""

from .. import class_axis as c
from .. import primitives as p
from ..loss import loss

# --- two scores


@loss("(),(),()->()", target="{-1, 1}", margin="[0, inf)")
def margin_ranking_loss(xp, first, second, target, *, margin=0.0):
    """How far the better of two scores falls short of a margin above the other."""
    up = target > 0
    above, below = xp.where(up, first, second), xp.where(up, second, first)
    return _shortfall(xp, above, below, margin)


@margin_ranking_loss.gradient("first", "second")
def _(xp, first, second, target, *, margin):
    up = target > 0
    above, below = xp.where(up, first, second), xp.where(up, second, first)
    short = _shortfall(xp, above, below, margin)
    slope = xp.where(short > 0, target, p.zero(xp, short))
    return -slope, slope


@margin_ranking_loss.curvature("first", "second")
def _(xp, first, second, target, *, margin):
    flat = p.zero(xp, first - second)
    return flat, flat


@loss("(),()->()")
def bpr_loss(xp, positive_score, negative_score):
    """The negative log-likelihood of preferring an item that was chosen to one that was not."""
    gap, decay = _preference(xp, positive_score, negative_score)
    return xp.where(gap > 0, 0.0, -gap) + xp.log1p(decay)


@bpr_loss.gradient("positive_score", "negative_score")
def _(xp, positive_score, negative_score):
    gap, decay = _preference(xp, positive_score, negative_score)
    slope = xp.where(gap > 0, decay, 1.0) / (1.0 + decay)
    return -slope, slope


@bpr_loss.curvature("positive_score", "negative_score")
def _(xp, positive_score, negative_score):
    _, decay = _preference(xp, positive_score, negative_score)
    bend = decay / (1.0 + decay) / (1.0 + decay)
    return bend, bend


def _preference(xp, above, below):
    """The difference of two scores, and exp(-|it|)."""
    # With its rounding error, which the exponential would enlarge.
    gap, error = _difference(xp, above, below)
    down = gap > 0
    decay = xp.exp(xp.where(down, -gap, gap))
    # A decay of 0 is beyond all errors.
    error = xp.where(decay == 0, 0.0, error)
    return gap, decay * (1.0 + xp.where(down, -error, error))


def _difference(xp, above, below):
    """The difference of two scores, and its rounding error; 0 for that where it is infinite."""
    gap, error = p.two_sum(above, -below)
    return gap, xp.where(xp.isinf(gap) | xp.isnan(error), 0.0, error)


def _shortfall(xp, above, below, margin):
    """max(0, margin - (above - below)), with derivative 0 at the margin."""
    # Which side of the margin a difference lies on its rounding error may decide; without a
    # margin the scores do, whose difference some libraries flush to zero.
    gap, error = _difference(xp, above, below)
    short = (margin - gap) - error
    misses = xp.where(margin + p.zero(xp, gap) == 0, above < below, short > 0)
    return xp.where(misses, short, p.zero(xp, gap))


def _half_shortfall(xp, above, below, margin):
    """Half of it, finite where the whole may overflow."""
    return _shortfall(xp, 0.5 * above, 0.5 * below, 0.5 * margin)


# --- lists


@loss("(k),(k)->()", relevance="[-inf, inf]", margin="[0, inf)")
def pairwise_hinge_loss(xp, scores, relevance, *, margin=1.0, class_where=None):
    """The mean over pairs of a list of how far the more relevant falls short of the margin."""
    ordered, above, below = _pairs(xp, scores, relevance, class_where)
    short = xp.where(ordered, _shortfall(xp, above, below, margin), 0.0)
    total, count = _over_pairs(xp, short), _count(xp, ordered, scores)
    halves = xp.where(ordered, _half_shortfall(xp, above, below, margin), 0.0)
    each = _over_pairs(xp, halves / (0.5 * count)[..., None, None])
    mean = xp.where(xp.isinf(total), each, total / count)
    return mean + _nothing(xp, scores, relevance)


@pairwise_hinge_loss.gradient("scores")
def _(xp, scores, relevance, *, margin, class_where=None):
    ordered, above, below = _pairs(xp, scores, relevance, class_where)
    short = _shortfall(xp, above, below, margin)
    step = xp.where(ordered & ~(short <= 0), 1.0 + p.zero(xp, short), 0.0)
    slope = xp.sum(step, axis=-2) - xp.sum(step, axis=-1)
    lost = p.zero(xp, _over_pairs(xp, step)) + _nothing(xp, scores, relevance)
    slope = slope / _count(xp, ordered, scores)[..., None] + lost[..., None]
    return c.only(xp, class_where, slope)


def _pairs(xp, scores, relevance, kept):
    """Which pairs are in order, the first entry being the more relevant, and the scores of both."""
    ordered = relevance[..., :, None] > relevance[..., None, :]
    if kept is not None:
        ordered = ordered & kept[..., :, None] & kept[..., None, :]
    above = xp.where(ordered, scores[..., :, None], 0.0)
    return ordered, above, xp.where(ordered, scores[..., None, :], 0.0)


def _over_pairs(xp, x):
    return xp.sum(xp.sum(x, axis=-1), axis=-1)


def _count(xp, ordered, scores):
    """The number of pairs, or 1 for none."""
    count = _over_pairs(xp, xp.astype(ordered, scores.dtype))
    return xp.where(count > 0, count, 1.0)


def _nothing(xp, *vectors):
    """0, or NaN for a list with a NaN anywhere."""
    return sum(xp.sum(p.zero(xp, x), axis=-1) for x in vectors)


@loss("(k),(k)->()", relevance="[-inf, inf]", temperature="(0, inf)")
def listnet_loss(xp, scores, relevance, *, temperature=1.0, class_where=None):
    """The cross-entropy of two chances to stand first: by relevance, and by the scores."""
    wanted = _wanted(xp, relevance, temperature, class_where)
    surprise = c.half_surprise(xp, c.ruled_out(xp, scores, class_where))
    terms = p.times(xp, wanted, surprise)
    # A chance that merely underflows is not ruled out, and meets an infinite surprise.
    possible = ~xp.isinf(c.half_surprise(xp, c.ruled_out(xp, relevance, class_where)))
    terms = xp.where((wanted == 0) & xp.isinf(surprise) & possible, xp.inf, terms)
    terms = c.only(xp, class_where, terms)
    return 2.0 * xp.sum(terms, axis=-1)


@listnet_loss.gradient("scores")
def _(xp, scores, relevance, *, temperature, class_where=None):
    chances = c.softmax(xp, c.ruled_out(xp, scores, class_where))
    slope = chances - _wanted(xp, relevance, temperature, class_where)
    return c.only(xp, class_where, p.nan_if_any(xp, slope, scores, relevance))


@listnet_loss.curvature("scores")
def _(xp, scores, relevance, *, temperature, class_where=None):
    chances, complements = c.softmax_pair(xp, c.ruled_out(xp, scores, class_where))
    wanted = _wanted(xp, relevance, temperature, class_where)
    return c.only(xp, class_where, p.nan_if_any(xp, chances * complements, scores, wanted))


def _wanted(xp, relevance, temperature, kept):
    return c.softmax(xp, c.ruled_out(xp, relevance, kept), temperature)


# --- items to recommend


@loss(
    "(),(m)->()",
    margin="[0, inf)",
    logarithmic="{false, true}",
    max_weight="(0, inf)",
)
def warp_loss(
    xp, positive_score, negative_scores, *, margin=1.0, logarithmic=False, max_weight=None
):
    """How far other items come near a chosen one, weighted by its rank among them."""
    short = _shortfall(xp, positive_score[..., None], negative_scores, margin)
    _, share = _rank(xp, short, logarithmic, max_weight)
    total = xp.sum(short, axis=-1)
    # The share first where only the sum, or one of its terms, overflows; elsewhere that would
    # lose small digits.
    halves = _half_shortfall(xp, positive_score[..., None], negative_scores, margin)
    each = xp.sum(p.times(xp, 2.0 * share[..., None], halves), axis=-1)
    return xp.where(xp.isinf(total), each, p.times(xp, share, total))


@warp_loss.gradient("positive_score", "negative_scores")
def _(xp, positive_score, negative_scores, *, margin, logarithmic, max_weight):
    short = _shortfall(xp, positive_score[..., None], negative_scores, margin)
    weight, share = _rank(xp, short, logarithmic, max_weight)
    lost = xp.sum(p.zero(xp, short), axis=-1)
    each = xp.where(short > 0, share[..., None], 0.0)
    return lost - weight, each + lost[..., None]


def _rank(xp, short, logarithmic, max_weight):
    """The weight of the rank, 1 + 1/2 + ... + 1/rank or log(rank), and that over the rank."""
    rank = xp.sum(xp.where(short > 0, 1.0, xp.zeros_like(short)), axis=-1, keepdims=True)
    if logarithmic:
        weight = xp.log(xp.where(rank > 0, rank, 1.0))
    else:
        place = xp.astype(xp.class_index(short), short.dtype)
        weight = xp.sum(xp.where(place < rank, 1.0 / (place + 1.0), 0.0), axis=-1, keepdims=True)
    if max_weight is not None:
        weight = xp.where(weight > max_weight, max_weight, weight)
    share = weight / xp.where(rank > 0, rank, 1.0)
    return weight[..., 0], share[..., 0]
