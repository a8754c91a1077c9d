"""Mistakes that are plausible in losses of the family "sequence"."""

from __future__ import annotations

from lossapi import class_axis
from lossapi.losses import registry
from tests.conformance.mutants.mutant import Mutant


def reinforce_of_the_mean_token(
    xp, log_probabilities, rewards, baseline=0.0, *, normalize=False, class_where=None
):
    mean = xp.sum(log_probabilities, axis=-1) / log_probabilities.shape[-1]
    return -(rewards - baseline) * mean


def reinforce_not_normalized(
    xp, log_probabilities, rewards, baseline=0.0, *, normalize=False, class_where=None
):
    return registry["reinforce_loss"].kernel(xp, log_probabilities, rewards, baseline)


def risk_of_raw_probabilities(xp, log_probabilities, risks, *, alpha=0.005, class_where=None):
    return xp.sum(xp.exp(alpha * log_probabilities) * risks, axis=-1)


def chain_with_transitions_turned(xp, emissions, tags, transitions, start, end, mask):
    turned = xp.matrix_transpose(transitions)
    return registry["linear_chain_crf_nll"].kernel(xp, emissions, tags, turned, start, end, mask)


def chain_that_ends_with_its_padding(xp, emissions, tags, transitions, start, end, mask):
    original = registry["linear_chain_crf_nll"].kernel
    whole = original(xp, emissions, tags, transitions, start, end, mask)
    last = mask[..., -1]
    open_end = original(xp, emissions, tags, transitions, start, xp.zeros_like(end), mask)
    return xp.where(last != 0, whole, open_end)


def chain_slopes_of_the_first_step_alone(xp, emissions, tags, transitions, start, end, mask):
    slopes = registry["linear_chain_crf_nll"].gradients["emissions"][1]
    by_emissions, *others = slopes(xp, emissions, tags, transitions, start, end, mask)
    return by_emissions, others[0], by_emissions[..., 0, :], others[2]


def ctc_that_merges_what_a_blank_should_part(
    xp, logits, labels, mask, label_mask, blank, *, zero_infinity=False
):
    repeated = xp.concat([xp.zeros_like(mask[..., :1]), label_mask[..., 1:]], axis=-1)
    same = xp.concat([labels[..., :1] < 0, labels[..., 1:] == labels[..., :-1]], axis=-1)
    merged = xp.where(same & (repeated != 0), 0.0, label_mask)
    original = registry["ctc_loss"].kernel
    return original(xp, logits, labels, mask, merged, blank, zero_infinity=zero_infinity)


def ctc_with_blank_first(xp, logits, labels, mask, label_mask, blank, *, zero_infinity=False):
    first = xp.zeros_like(blank)
    original = registry["ctc_loss"].kernel
    return original(xp, logits, labels, mask, label_mask, first, zero_infinity=zero_infinity)


def ctc_slopes_where_nothing_fits(xp, logits, labels, mask, label_mask, blank, *, zero_infinity):
    slopes = registry["ctc_loss"].gradients["logits"][1]
    given = slopes(xp, logits, labels, mask, label_mask, blank, zero_infinity=zero_infinity)
    nowhere = xp.all(xp.all(given == 0, axis=-1), axis=-1)[..., None, None]
    kept = mask[..., None] != 0
    return xp.where(nowhere & kept, class_axis.softmax(xp, logits), given)


def tokens_over_all_steps(xp, logits, labels, mask, *, label_smoothing=0.0, per_token=True):
    original = registry["token_cross_entropy"].kernel
    total = original(xp, logits, labels, mask, label_smoothing=label_smoothing, per_token=False)
    return total / mask.shape[-1] if per_token else total


def token_slopes_of_the_padding(xp, logits, labels, mask, *, label_smoothing, per_token):
    slopes = registry["token_cross_entropy"].gradients["logits"][1]
    every = xp.ones_like(mask)
    given = slopes(xp, logits, labels, every, label_smoothing=label_smoothing, per_token=False)
    count = xp.sum(mask, axis=-1)
    return given / xp.where(count == 0, 1.0, count)[..., None, None] if per_token else given


_OF_CHAINS = ("emissions", "transitions", "start", "end")

MUTANTS = [
    Mutant(
        "tokens that are averaged",
        "reinforce_loss",
        "value",
        "three-tokens/value",
        kernel=reinforce_of_the_mean_token,
    ),
    Mutant(
        "tokens that are not averaged",
        "reinforce_loss",
        "value",
        "normalized/value",
        kernel=reinforce_not_normalized,
    ),
    Mutant(
        "chances that do not sum to one",
        "minimum_risk_loss",
        "value",
        "own-chances/value",
        kernel=risk_of_raw_probabilities,
    ),
    Mutant(
        "transitions from column to row",
        "linear_chain_crf_nll",
        "value",
        "three-steps/value",
        kernel=chain_with_transitions_turned,
    ),
    Mutant(
        "an end that belongs to the padding",
        "linear_chain_crf_nll",
        "value",
        "last-step-left-out/value",
        kernel=chain_that_ends_with_its_padding,
    ),
    Mutant(
        "a start that is always the first step",
        "linear_chain_crf_nll",
        "gradient",
        "first-step-left-out/gradient/start",
        gradient=(_OF_CHAINS, chain_slopes_of_the_first_step_alone),
    ),
    Mutant(
        "equal labels merged without a blank between them",
        "ctc_loss",
        "value",
        "repeated-label/value",
        kernel=ctc_that_merges_what_a_blank_should_part,
    ),
    Mutant(
        "the first class as blank, whatever is said",
        "ctc_loss",
        "value",
        "blank-last/value",
        kernel=ctc_with_blank_first,
    ),
    Mutant(
        "a gradient where no alignment is possible",
        "ctc_loss",
        "gradient",
        "too-short/gradient/logits",
        gradient=(("logits",), ctc_slopes_where_nothing_fits),
    ),
    Mutant(
        "a mean over padding too",
        "token_cross_entropy",
        "value",
        "two-of-three/value",
        kernel=tokens_over_all_steps,
    ),
    Mutant(
        "a gradient of padding",
        "token_cross_entropy",
        "reduction",
        "left-out/mask",
        gradient=(("logits",), token_slopes_of_the_padding),
    ),
]
