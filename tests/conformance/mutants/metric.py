"""Mistakes that are plausible in losses of the family "metric"."""

from __future__ import annotations

from lossapi.losses import registry
from tests.conformance.mutants.mutant import Mutant


def contrastive_with_the_papers_labels(xp, distance, target, *, margin=1.0):
    return registry["contrastive_loss"].kernel(xp, distance, 1.0 - target, margin=margin)


def contrastive_with_epsilon(xp, u, v, target, *, margin=1.0):
    original = registry["contrastive_embedding_loss"].kernel
    return original(xp, u + 1e-6, v, target, margin=margin)


def cosine_from_one(xp, u, v):
    lengths = [xp.sqrt(xp.sum(x * x, axis=-1)) for x in (u, v)]
    return 1.0 - xp.sum(u * v, axis=-1) / (lengths[0] * lengths[1])


def cosine_embedding_without_margin(xp, u, v, target, *, margin=0.0):
    return registry["cosine_embedding_loss"].kernel(xp, u, v, target, margin=0.0)


def triplet_swap_forgotten(
    xp, anchor, positive, negative, *, margin=1.0, p=2.0, squared=False, swap=False, soft=False
):
    original, options = registry["triplet_margin_loss"].kernel, {"squared": squared, "soft": soft}
    return original(xp, anchor, positive, negative, margin=margin, p=p, **options)


def triplet_with_epsilon(
    xp, anchor, positive, negative, *, margin=1.0, p=2.0, squared=False, swap=False, soft=False
):
    original = registry["triplet_margin_loss"].kernel
    options = {"margin": margin, "p": p, "squared": squared, "swap": swap, "soft": soft}
    return original(xp, anchor + 1e-6, positive, negative, **options)


def center_without_half(xp, features, labels, centers):
    return 2.0 * registry["center_loss"].kernel(xp, features, labels, centers)


def info_nce_only_one_way(xp, query, key, *, temperature=0.07, symmetric=False, normalize=True):
    original = registry["info_nce_loss"].kernel
    return original(xp, query, key, temperature=temperature, normalize=normalize)


MUTANTS = [
    Mutant(
        "1 taken for a dissimilar pair",
        "contrastive_loss",
        "value",
        "too-close/value",
        kernel=contrastive_with_the_papers_labels,
    ),
    Mutant(
        "an epsilon in the difference of a pair",
        "contrastive_embedding_loss",
        "value",
        "same-and-dissimilar/value",
        kernel=contrastive_with_epsilon,
    ),
    Mutant(
        "one minus a cosine",
        "cosine_distance",
        "value",
        "nearly-parallel/value",
        kernel=cosine_from_one,
    ),
    Mutant(
        "a margin of cosines that does nothing",
        "cosine_embedding_loss",
        "value",
        "margin-half/value",
        kernel=cosine_embedding_without_margin,
    ),
    Mutant(
        "swap forgotten",
        "triplet_margin_loss",
        "value",
        "swapped/value",
        kernel=triplet_swap_forgotten,
    ),
    Mutant(
        "an epsilon in the differences of a triplet",
        "triplet_margin_loss",
        "value",
        "positive-same/value",
        kernel=triplet_with_epsilon,
    ),
    Mutant(
        "squared distance to a centre, not halved",
        "center_loss",
        "value",
        "three-classes/value",
        kernel=center_without_half,
    ),
    Mutant(
        "keys that need not find their queries",
        "info_nce_loss",
        "value",
        "symmetric/value",
        kernel=info_nce_only_one_way,
    ),
]
