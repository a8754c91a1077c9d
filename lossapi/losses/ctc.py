"""Connectionist temporal classification: all alignments of labels with steps, one after the other.

An alignment goes from blank to label to blank, through the labels in order. Of each place that it
may have reached there is the logarithm of the sum over all ways there, in two rows: at the blank
after so many labels, and at each label.
"""

from typing import Any, NamedTuple

from .. import class_axis as c
from ..log_domain import log_add
from ..loss import loss


@loss(
    "(t,k),(s),(t),(s),()->()",
    logits="[-1e30, 1e30] or -inf",
    labels="labels",
    mask="mask",
    label_mask="mask",
    blank="labels",
    zero_infinity="{false, true}",
)
def ctc_loss(xp, logits, labels, mask=1.0, label_mask=1.0, blank=0, *, zero_infinity=False):
    """The negative log-likelihood of labels, however they are aligned with the steps."""
    lattice = _Lattice(xp, labels, label_mask, blank, logits)
    steps = lattice.steps(c.log_softmax(xp, logits), mask)
    last, (tops,) = xp.scan(lattice.after, lattice.first, steps)
    loss = 0.0 - (xp.sum(xp.moveaxis(tops, 0, -1), axis=-1) + lattice.complete(last))
    # The rounding of probabilities that add up to 1 may go beyond it.
    loss = xp.where(loss < 0, 0.0, loss)
    return xp.where(loss == xp.inf, 0.0, loss) if zero_infinity else loss


@ctc_loss.gradient("logits")
def _(xp, logits, labels, mask, label_mask, blank, *, zero_infinity):
    lattice = _Lattice(xp, labels, label_mask, blank, logits)
    steps = lattice.steps(c.log_softmax(xp, logits), mask)

    def forth(before, step):
        after, _ = lattice.after(before, step)
        return after, after

    last, afters = xp.scan(forth, lattice.first, steps)
    total = lattice.complete(last)
    possible = total != -xp.inf

    def back(ahead, item):
        probabilities, after, step = item[0], _Reached(*item[1:3]), _Step(*item[3:])
        slope = probabilities - lattice.shares(after, ahead, possible)
        counted = (step.kept & possible)[..., None]
        return lattice.before(ahead, step), (xp.where(counted, slope, 0.0),)

    probabilities = xp.moveaxis(c.softmax(xp, logits), -2, 0)
    items = (probabilities, *afters, *steps)
    _, (slopes,) = xp.scan(back, lattice.last, items, reverse=True)
    undefined = xp.isnan(total)[..., None, None]  # and that of all steps with one of them
    return xp.where(undefined, xp.nan, xp.moveaxis(slopes, 0, -2))


class _Step(NamedTuple):
    """One step: the log-probability of each class, and whether it counts."""

    classes: Any
    kept: Any


class _Reached(NamedTuple):
    """The logarithms of the sums over all ways to a place, or from it to the end.

    Less that of the largest, so that they do not grow with the sequence.
    """

    blanks: Any
    """At the blank after so many labels; shape (..., S + 1)."""
    labels: Any
    """At each label; shape (..., S)."""


class _Lattice:
    """The places between the first blank and the last, and the steps from one to the next."""

    def __init__(self, xp, labels, label_mask, blank, logits):
        self.xp, self.blank, self.count = xp, blank, logits.shape[-1]
        # Labels that are left out go behind the others, where no way to the end leads.
        absent = xp.astype(label_mask == 0, labels.dtype)
        self.labels = labels = xp.take_classes(labels, xp.argsort(absent, axis=-1, stable=True))
        changes = labels[..., 1:] != labels[..., :-1]
        self.skips = xp.concat([labels[..., :1] < 0, changes], axis=-1)
        """Whether the blank before a label may be left out, as that label is not the same."""
        size = xp.sum(xp.astype(label_mask != 0, labels.dtype), axis=-1, keepdims=True)
        self.size = xp.astype(size, labels.dtype)
        zeros = xp.zeros_like(label_mask)
        one_more = xp.concat([zeros, xp.astype(self.size * 0, zeros.dtype)], axis=-1)
        place = xp.class_index(one_more)
        first = xp.where(place == 0, one_more, -xp.inf)
        ended = xp.where(place == self.size, one_more, -xp.inf)
        self.first = _Reached(first, xp.full_like(zeros, -xp.inf))
        self.last = _Reached(ended, ended[..., 1:])

    def steps(self, log_probabilities, mask):
        """The steps along the first axis."""
        xp = self.xp
        return _Step(xp.moveaxis(log_probabilities, -2, 0), xp.moveaxis(mask != 0, -1, 0))

    def after(self, before, step):
        """The ways to each place with one more step, and what was taken from them."""
        xp, (blanks, labels), (classes, kept) = self.xp, before, step
        at_blank, at_labels = self._taken(classes)
        from_label = self._with_nothing(labels, first=True)
        at_blanks = log_add(xp, blanks, from_label) + at_blank
        skipping = xp.where(self.skips, from_label[..., :-1], -xp.inf)
        stepping = log_add(xp, labels, blanks[..., :-1])
        at_labels = log_add(xp, stepping, skipping) + at_labels
        new, top = self._less_largest(at_blanks, at_labels)
        return self._where(kept, *new, before), (xp.where(kept, top, 0.0),)

    def before(self, ahead, step):
        """The ways from each place to the end, with one step more to go."""
        xp, (classes, kept) = self.xp, step
        at_blank, at_labels = self._taken(classes)
        blanks, labels = ahead[0] + at_blank, ahead[1] + at_labels
        from_blanks = log_add(xp, blanks, self._with_nothing(labels, first=False))
        skipping = self._with_nothing(xp.where(self.skips, labels, -xp.inf), first=False)
        stepping = log_add(xp, labels, blanks[..., 1:])
        from_labels = log_add(xp, stepping, skipping[..., 1:])
        new, _ = self._less_largest(from_blanks, from_labels)
        return self._where(kept, *new, ahead)

    def complete(self, last):
        """The logarithm of the sum over all ways to the end."""
        blanks, labels = last[0], self._with_nothing(last[1], first=True)
        taken = [self.xp.take_classes(x, self.size)[..., 0] for x in (blanks, labels)]
        return log_add(self.xp, *taken)

    def shares(self, after, ahead, possible):
        """The share of all ways that is at each class after a step."""
        xp = self.xp
        both = [x + y for x, y in zip(after, ahead, strict=True)]
        weights = xp.where(possible[..., None], xp.concat(both, axis=-1), 0.0)
        weights = xp.exp(weights - xp.stop_gradient(xp.max(weights, axis=-1, keepdims=True)))
        weights = weights / xp.sum(weights, axis=-1, keepdims=True)
        split = self.labels.shape[-1] + 1
        at_labels = xp.sum_by_class(weights[..., split:], self.labels, self.count)
        at_blank = xp.sum(weights[..., :split], axis=-1, keepdims=True)
        return at_labels + xp.where(c.is_label(xp, at_labels, self.blank), at_blank, 0.0)

    def _taken(self, classes):
        """The log-probabilities of the blank and of each label; a label is never the blank."""
        xp = self.xp
        blank = self.blank[..., None]
        at_labels = xp.take_classes(classes, self.labels)
        at_labels = xp.where(self.labels == blank, -xp.inf, at_labels)
        return xp.take_classes(classes, blank), at_labels

    def _with_nothing(self, x, first):
        """The entries with one more that is -inf, in front or behind."""
        xp = self.xp
        nothing = xp.full_like(self.first.blanks[..., :1], -xp.inf)
        return xp.concat([nothing, x] if first else [x, nothing], axis=-1)

    def _less_largest(self, blanks, labels):
        xp = self.xp
        top = xp.max(xp.concat([blanks, labels], axis=-1), axis=-1, keepdims=True)
        top = xp.stop_gradient(xp.where(top == -xp.inf, 0.0, top))
        return (blanks - top, labels - top), top[..., 0]

    def _where(self, kept, blanks, labels, otherwise):
        xp, kept = self.xp, kept[..., None]
        both = zip((blanks, labels), otherwise, strict=True)
        return _Reached(*(xp.where(kept, new, old) for new, old in both))
