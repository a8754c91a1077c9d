"""Linear-chain conditional random fields: all sequences of tags, one step after the other.

Scores count from those of the given tags, so that these alone have a score of 0. The others are
summed apart from them: what is left of a confident and right model keeps its digits.
"""

from typing import Any, NamedTuple

from .. import class_axis as c
from .. import primitives as p
from ..log_domain import log_add, log_sum
from ..loss import loss

_SCORES = "[-1e30, 1e30] or -inf"
"""No sum of such scores overflows, however long the sequence."""


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
    chain = _Chain(xp, emissions, tags, transitions, start, mask)
    last, _ = xp.scan(lambda before, step: (chain.after(before, step), ()), *chain.steps)
    others, possible, _ = chain.end(last, end)
    impossible = xp.where(others == -xp.inf, xp.nan, xp.full_like(others, xp.inf))
    return xp.where(possible, p.softplus(xp, others), impossible)


@linear_chain_crf_nll.gradient("emissions", "transitions", "start", "end")
def _(xp, emissions, tags, transitions, start, end, mask):
    chain = _Chain(xp, emissions, tags, transitions, start, mask)
    first, steps = chain.steps
    last, befores = xp.scan(lambda before, step: (chain.after(before, step), before), first, steps)
    others, possible, ends = chain.end(last, end)

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
    undefined = (~possible & (others == -xp.inf))[..., None]
    by_emissions = xp.where(undefined[..., None], xp.nan, xp.moveaxis(slopes, 0, -2))
    by_pair, *by_ends = by_others
    by_ends = [xp.where(undefined, xp.nan, slope) for slope in by_ends]
    return (by_emissions, xp.where(undefined[..., None], xp.nan, by_pair), *by_ends)


class _Step(NamedTuple):
    """One step of a sequence."""

    scores: Any
    """Of each tag, less that of the given one."""
    possible: Any
    """Whether the given tag is not ruled out; if it is, scores count from 0."""
    tag: Any
    kept: Any


class _Prefix(NamedTuple):
    """The sequences of tags up to some step."""

    others: Any
    """By the last tag, the logarithm of the sum over all but the given one."""
    possible: Any
    """Whether the given one is not ruled out."""
    tag: Any
    """Its last tag."""
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

    def __init__(self, xp, emissions, tags, transitions, start, mask):
        self.xp, self.transitions, self.start = xp, transitions, start
        possible, given = _given(xp, emissions, tags)
        scores = emissions - given[..., None]
        kept = mask != 0
        by_step = [xp.moveaxis(x, -1, 0) for x in (possible, tags, kept)]
        nothing = xp.full_like(start, -xp.inf)
        never = start[..., 0] > xp.inf
        first = _Prefix(nothing, ~never, xp.astype(never, tags.dtype), never)
        self.steps = first, _Step(xp.moveaxis(scores, -2, 0), *by_step)

    def after(self, before, step):
        """The prefixes with one more tag."""
        xp, (before, step) = self.xp, (_Prefix(*before), _Step(*step))
        entering, moves, possible = self._scores(before, step)
        came = log_sum(xp, before.others[..., :, None] + moves, axis=-2)
        leaves = before.possible[..., None] & ~c.is_label(xp, entering, step.tag)
        others = log_add(xp, came, xp.where(leaves, entering, -xp.inf)) + step.scores
        possible = before.possible & possible & step.possible
        return _Prefix(
            xp.where(step.kept[..., None], others, before.others),
            xp.where(step.kept, possible, before.possible),
            xp.where(step.kept, step.tag, before.tag),
            before.begun | step.kept,
        )

    def end(self, last, end):
        """The logarithm of the sum over all other sequences, and whether the given is possible.

        And the scores of the end after each tag.
        """
        xp, last = self.xp, _Prefix(*last)
        possible, given = _given(xp, end, last.tag)
        scores = xp.where(last.begun[..., None], end - given[..., None], 0.0)
        others = log_sum(xp, last.others + scores, axis=-1)
        return others, last.possible & (possible | ~last.begun), scores

    def weights(self, before, step, beyond):
        """The shares of all sequences at a step, where `beyond` sums over what may follow it."""
        xp = self.xp
        entering, moves, _ = self._scores(before, step)
        ahead = step.scores + beyond
        onwards = moves + ahead[..., None, :]
        others = before.others[..., :, None] + onwards
        given = xp.where(before.possible[..., None], entering + ahead, -xp.inf)
        tops = xp.max(others, axis=-2), given
        top = xp.max(xp.where(tops[0] > tops[1], *tops), axis=-1, keepdims=True)
        top = xp.stop_gradient(top)
        others, given = xp.exp(others - top[..., None]), xp.exp(given - top)
        total = xp.sum(xp.sum(others, axis=-2) + given, axis=-1, keepdims=True)
        return _Weights(others / total[..., None], given / total, log_sum(xp, onwards, axis=-1))

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

    def _scores(self, before, step):
        """Of each tag after the given one before it and after each, and if the given is possible.

        At the first step there is no tag before, and the scores of the start take their place.
        """
        xp = self.xp
        row = xp.broadcast_to(before.tag[..., None], self.start.shape)
        row = xp.take_class(xp.matrix_transpose(self.transitions), row)
        entering = xp.where(before.begun[..., None], row, self.start)
        possible, given = _given(xp, entering, step.tag)
        return entering - given[..., None], self.transitions - given[..., None, None], possible


def _given(xp, scores, tags):
    """Whether the given tags are not ruled out, and their scores, or 0 where they are."""
    given = xp.take_class(scores, tags)
    possible = given != -xp.inf  # NaN is, and what comes of it NaN too
    return possible, xp.where(possible, given, 0.0)
