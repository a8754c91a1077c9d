"""Sums of a few losses, each times a weight, which is not negative; one of 0 removes its loss."""

from . import primitives as p
from .primitives import Array, Namespace

Terms = tuple[tuple[Array | float, Array], ...]
"""Pairs of a weight and a loss."""


def total(xp: Namespace, terms: Terms) -> Array:
    """The weighted sum; finite where it is, also where terms of opposite sign overflow."""
    products = [p.times(xp, weight, loss) for weight, loss in terms]
    found = sum(products[1:], start=products[0])
    # In quarters of the largest weight.
    lost = xp.isnan(found) | xp.isinf(found)
    top = xp.ones_like(found)
    for weight, _ in terms:
        top = xp.where(top < weight, weight, top)
    shares = [
        _share(xp, lost, loss, weight / top, product / top)
        for (weight, loss), product in zip(terms, products, strict=True)
    ]
    return xp.where(lost, 4.0 * sum(shares[1:], start=shares[0]) * top, found)


def nothing(xp: Namespace, terms: Terms) -> Array:
    """0, or NaN where the sum is: for NaN, and for infinite terms of both signs."""
    infinite = [
        xp.where(xp.isinf(x) | xp.isnan(x), p.times(xp, weight, x), 0.0) for weight, x in terms
    ]
    return p.zero(xp, sum(infinite[1:], start=infinite[0]))


def _share(xp: Namespace, lost: Array, loss: Array, weight: Array, term: Array) -> Array:
    """A quarter of a weighted loss; an infinite one keeps a weight that would underflow."""
    finite = weight * (0.25 * xp.where(lost, loss, 0.0))
    return xp.where(xp.isinf(loss), 0.25 * term, finite)
