"""Linear-chain conditional random fields: all sequences of tags, one step after the other.

The given tags are kept apart from the sum over all others, whose odds against them are the loss:
what is left of a confident and right model keeps its digits.
"""

from typing import Any, NamedTuple

from .. import class_axis as c
from .. import primitives as p
from ..log_domain import log_add, log_sum
from ..loss import loss

_SCORES = "[-1e30, 1e30] or -inf"
"""No sum of such scores overflows, however long the sequence is."""

_LIMIT = 8.0
"""How much is taken from all sums at a step, so that they do not grow with the sequence."""


@loss(
    "(t,k),(t),(k,k),(k),(k),(t)->()",
    emissions=_SCORES,
    tags="labels",
    transitions=_SCORES,
    start=_SCORES,
    end=_SCORES,
    mask="mask",
)
def linear_chain_crf_nll(xp, emissions, tags, transitions, start=0.0, end=0.0, mask=1.0):
    """The negative log-likelihood of a sequence of tags under a linear-chain CRF."""
    chain = _Chain(xp, transitions, start)
    first, steps = chain.steps(emissions, tags, mask)
    last, (gains,) = xp.scan(chain.after, first, steps)
    # Added up in pairs, as a long sum one by one is less accurate.
    last = last._replace(given=xp.sum(xp.moveaxis(gains, 0, -1), axis=-1))
    return p.softplus(xp, chain.odds(last, chain.ends(last, end)))


@linear_chain_crf_nll.gradient("emissions", "transitions", "start", "end")
def _(xp, emissions, tags, transitions, start, end, mask):
    chain = _Chain(xp, transitions, start)
    first, steps = chain.steps(emissions, tags, mask)
    last, befores = xp.scan(
        lambda prefix, step: (chain.after(prefix, step)[0], prefix), first, steps
    )
    ends = chain.ends(last, end)

    def back(carry, item):
        beyond, by_pair, by_start, by_end, seen = carry
        step, before = _Step(*item[: len(steps)]), _Prefix(*item[len(steps) :])
        weights = chain.weights(before, step, beyond)
        slope = xp.where(step.kept[..., None], chain.by_tag(weights, step), 0.0)
        pairs = chain.by_pair(weights, before, step)
        moved, entered = step.kept & before.begun, step.kept & ~before.begun
        by_pair = by_pair + xp.where(moved[..., None, None], pairs, 0.0)
        by_start = xp.where(entered[..., None], slope, by_start)
        by_end = xp.where((step.kept & ~seen)[..., None], slope, by_end)
        beyond = xp.where(step.kept[..., None], weights.beyond, beyond)
        return (beyond, by_pair, by_start, by_end, seen | step.kept), (slope,)

    none = xp.zeros_like(start)
    carry = (ends, xp.zeros_like(transitions), none, none, first.begun)
    (_, *by_others, _), (slopes,) = xp.scan(back, carry, (*steps, *befores), reverse=True)
    undefined = xp.isnan(chain.odds(last, ends))[..., None]  # and that of all steps with one
    by_emissions = xp.where(undefined[..., None], xp.nan, xp.moveaxis(slopes, 0, -2))
    by_pair, *by_ends = by_others
    by_ends = [xp.where(undefined, xp.nan, slope) for slope in by_ends]
    return (by_emissions, xp.where(undefined[..., None], xp.nan, by_pair), *by_ends)


class _Step(NamedTuple):
    """One step of a sequence."""

    scores: Any
    tag: Any
    kept: Any


class _Prefix(NamedTuple):
    """The sequences of tags up to some step, by the logarithms of their exponentials' sums."""

    others: Any
    """All but the given one, by the last tag."""
    given: Any
    tag: Any
    """The last tag of the given one."""
    begun: Any


class _Weights(NamedTuple):
    """What share of all sequences passes from tag to tag at a step, and how they go on."""

    of_others: Any
    """The share by both tags of those that had left the given tags before."""
    of_given: Any
    """By the new tag, of those that had not."""
    beyond: Any
    """By the tag before, the logarithm of the sum over all that may follow."""


class _Chain:
    """The sums over a prefix of the sequence, and over what may follow it."""

    def __init__(self, xp, transitions, start):
        self.xp, self.transitions, self.start = xp, transitions, start

    def steps(self, emissions, tags, mask):
        """The prefix before all steps, and the steps along the first axis."""
        xp = self.xp
        nothing = xp.full_like(self.start, -xp.inf)
        never = self.start[..., 0] > xp.inf
        none = xp.astype(never, tags.dtype)
        first = _Prefix(nothing, xp.zeros_like(self.start[..., 0]), none, never)
        by_step = xp.moveaxis(tags, -1, 0), xp.moveaxis(mask != 0, -1, 0)
        return first, _Step(xp.moveaxis(emissions, -2, 0), *by_step)

    def after(self, before, step):
        """The prefixes with one more tag, and what the given one gains by it."""
        xp, (before, step) = self.xp, (_Prefix(*before), _Step(*step))
        entering = self._entering(before) + step.scores
        gain = xp.take_class(entering, step.tag)
        leaves = before.given[..., None] + entering
        leaves = xp.where(c.is_label(xp, entering, step.tag), -xp.inf, leaves)
        came = log_sum(xp, before.others[..., :, None] + self.transitions, axis=-2)
        others = log_add(xp, came + step.scores, leaves)
        # Only distances count. Less the largest of all they do not grow with the sequence.
        largest, given = xp.max(others, axis=-1), before.given + gain
        top = self._at_most(xp.where(largest > given, largest, given))
        after = _Prefix(
            xp.where(step.kept[..., None], others - top[..., None], before.others),
            xp.where(step.kept, given - top, before.given),
            xp.where(step.kept, step.tag, before.tag),
            before.begun | step.kept,
        )
        return after, (xp.where(step.kept, gain - top, 0.0),)

    def ends(self, last, end):
        """The scores of the end after each tag; 0 where there are no steps."""
        return self.xp.where(last.begun[..., None], end, 0.0)

    def odds(self, last, ends):
        """The logarithm of the odds of all other sequences against the given one."""
        given = last.given + self.xp.take_class(ends, last.tag)
        return log_sum(self.xp, last.others + ends, axis=-1) - given

    def weights(self, before, step, beyond):
        """The shares of all sequences at a step, where `beyond` sums over what may follow it."""
        xp = self.xp
        ahead = step.scores + beyond
        onwards = self.transitions + ahead[..., None, :]
        others = before.others[..., :, None] + onwards
        given = before.given[..., None] + self._entering(before) + ahead
        tops = xp.max(others, axis=-2), given
        top = xp.max(xp.where(tops[0] > tops[1], *tops), axis=-1, keepdims=True)
        top = xp.stop_gradient(top)
        others, given = xp.exp(others - top[..., None]), xp.exp(given - top)
        total = xp.sum(xp.sum(others, axis=-2) + given, axis=-1, keepdims=True)
        beyond = log_sum(xp, onwards, axis=-1)
        beyond = beyond - self._at_most(xp.max(beyond, axis=-1, keepdims=True))
        return _Weights(others / total[..., None], given / total, beyond)

    def by_tag(self, weights, step):
        """The share of each tag, less 1 for the given one: then all others, with a minus."""
        xp = self.xp
        shares = xp.sum(weights.of_others, axis=-2) + weights.of_given
        mine = c.is_label(xp, shares, step.tag)
        others = xp.where(mine, 0.0, shares)
        return xp.where(mine, -xp.sum(others, axis=-1, keepdims=True), others)

    def by_pair(self, weights, before, step):
        """The share of each tag after each, less 1 for the given ones, likewise."""
        xp = self.xp
        was = c.is_label(xp, weights.of_given, before.tag)[..., None]
        mine = was & c.is_label(xp, weights.of_given, step.tag)[..., None, :]
        shares = weights.of_others + xp.where(was, weights.of_given[..., None, :], 0.0)
        others = xp.where(mine, 0.0, shares)
        rest = xp.sum(xp.sum(others, axis=-1, keepdims=True), axis=-2, keepdims=True)
        return xp.where(mine, -rest, others)

    def _at_most(self, top):
        """What may be taken from all: of a large top that leads nowhere the others lose digits."""
        xp, top = self.xp, self.xp.stop_gradient(top)
        return xp.where(top > _LIMIT, _LIMIT, xp.where(top < -_LIMIT, -_LIMIT, top))

    def _entering(self, before):
        """The scores of each tag after the last of the given ones, or at the start."""
        xp = self.xp
        last = xp.broadcast_to(before.tag[..., None], self.start.shape)
        row = xp.take_class(xp.matrix_transpose(self.transitions), last)
        return xp.where(before.begun[..., None], row, self.start)
