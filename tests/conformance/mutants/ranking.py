"""Mistakes that are plausible in losses of the family "ranking"."""

from __future__ import annotations

from lossapi import class_axis
from lossapi import primitives as p
from lossapi.losses import registry
from tests.conformance.mutants.mutant import Mutant


def ranking_by_rounded_difference(xp, first, second, target, *, margin=0.0):
    short = margin - target * (first - second)
    return xp.where(short > 0, short, p.zero(xp, short))


def preference_of_rounded_scores(xp, positive_score, negative_score):
    return p.softplus(xp, negative_score - positive_score)


def pairs_not_divided(xp, scores, relevance, *, margin=1.0, class_where=None):
    ordered = relevance[..., :, None] > relevance[..., None, :]
    short = margin - (scores[..., :, None] - scores[..., None, :])
    return xp.sum(xp.sum(xp.where(ordered & (short > 0), short, 0.0), axis=-1), axis=-1)


def listnet_of_plain_relevance(xp, scores, relevance, *, temperature=1.0, class_where=None):
    return xp.sum(0.0 - relevance * class_axis.log_softmax(xp, scores), axis=-1)


def warp_not_divided_by_rank(
    xp, positive_score, negative_scores, *, margin=1.0, logarithmic=False, max_weight=None
):
    short = margin - (positive_score[..., None] - negative_scores)
    rank = xp.sum(xp.where(short > 0, 1.0, 0.0 * short), axis=-1)
    return rank * registry["warp_loss"].kernel(xp, positive_score, negative_scores, margin=margin)


def warp_cut_off_whole(
    xp, positive_score, negative_scores, *, margin=1.0, logarithmic=False, max_weight=None
):
    options = {"margin": margin, "logarithmic": logarithmic}
    loss = registry["warp_loss"].kernel(xp, positive_score, negative_scores, **options)
    return loss if max_weight is None else xp.where(loss > max_weight, max_weight, loss)


MUTANTS = [
    Mutant(
        "scores just short of the margin that seem to reach it",
        "margin_ranking_loss",
        "value",
        "short-by-a-rounding/value",
        kernel=ranking_by_rounded_difference,
    ),
    Mutant(
        "an exponential that enlarges a rounding",
        "bpr_loss",
        "value",
        "rounded-difference/value",
        kernel=preference_of_rounded_scores,
    ),
    Mutant(
        "pairs that are summed",
        "pairwise_hinge_loss",
        "value",
        "three-grades/value",
        kernel=pairs_not_divided,
    ),
    Mutant(
        "relevance that is no distribution",
        "listnet_loss",
        "value",
        "three-entries/value",
        kernel=listnet_of_plain_relevance,
    ),
    Mutant(
        "a rank that counts twice",
        "warp_loss",
        "value",
        "two-within/value",
        kernel=warp_not_divided_by_rank,
    ),
    Mutant(
        "a loss cut off in place of its weight",
        "warp_loss",
        "value",
        "cut-off/value",
        kernel=warp_cut_off_whole,
    ),
]
