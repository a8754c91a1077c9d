"""A logit of two classes as seen by the likelier one, which never saturates."""

from typing import NamedTuple

from .primitives import Array, Namespace


class View(NamedTuple):
    """A prediction as seen by the class that it takes for the likelier one.

    P and Q = 1 - P are the probabilities of this class and the other one.
    """

    gap: Array
    """log(Q / P), minus the magnitude of the logit."""
    decay: Array
    """Q / P."""
    total: Array
    """1 / P."""
    right: Array
    """The share of the target that this class has."""
    wrong: Array
    """The share that the other class has."""

    @property
    def residual(self) -> Array:
        """wrong P - right Q = P - right, the slope of the cross-entropy, in units of P."""
        return self.wrong - self.right * self.decay


def view(xp: Namespace, logits: Array, target: Array) -> View:
    """How the likelier class sees a logit and the target of the positive class."""
    negative = logits < 0
    gap = xp.where(negative, logits, -logits)
    right = xp.where(negative, 1.0 - target, target)
    wrong = xp.where(negative, target, 1.0 - target)
    decay = xp.exp(gap)
    return View(gap, decay, 1.0 + decay, right, wrong)
