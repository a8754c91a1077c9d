"""Bounds on a likelihood, or on informations, that cannot be computed."""

from .. import primitives as p
from .. import weighted_terms as terms
from ..loss import loss


@loss("(),()->()", dataset_size="(0, inf)", beta="[0, inf)")
def elbo_loss(xp, data_nll, kl, *, dataset_size=1.0, beta=1.0):
    """The negative evidence lower bound, an example's share of it."""
    return data_nll + p.times(xp, beta / dataset_size, kl)


@elbo_loss.gradient("data_nll", "kl")
def _(xp, data_nll, kl, *, dataset_size, beta):
    share = beta / dataset_size
    flat = p.zero(xp, data_nll + p.times(xp, share, kl))
    return 1.0 + flat, share + flat


@elbo_loss.curvature("data_nll", "kl")
def _(xp, data_nll, kl, *, dataset_size, beta):
    flat = p.zero(xp, data_nll + p.times(xp, beta / dataset_size, kl))
    return flat, flat


@loss("(),()->()", beta="[0, inf)")
def information_bottleneck_loss(xp, cross_entropy, kl, *, beta=0.001):
    """What a code says of the target, and the weighted price of what it keeps of the input."""
    return terms.total(xp, ((1.0, cross_entropy), (beta, kl)))


@information_bottleneck_loss.gradient("cross_entropy", "kl")
def _(xp, cross_entropy, kl, *, beta):
    flat = terms.nothing(xp, ((1.0, cross_entropy), (beta, kl)))
    return 1.0 + flat, beta + flat


@information_bottleneck_loss.curvature("cross_entropy", "kl")
def _(xp, cross_entropy, kl, *, beta):
    flat = terms.nothing(xp, ((1.0, cross_entropy), (beta, kl)))
    return flat, flat
