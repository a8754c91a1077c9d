"""Mistakes that are plausible in losses of the family "segmentation"."""

from __future__ import annotations

from lossapi.losses import registry
from tests.conformance.mutants.mutant import Mutant


def tversky_weights_swapped(
    xp,
    probabilities,
    target,
    *,
    false_positive_weight=0.5,
    false_negative_weight=0.5,
    smooth=0.0,
    gamma=1.0,
):
    return registry["tversky_loss"].kernel(
        xp,
        probabilities,
        target,
        false_positive_weight=false_negative_weight,
        false_negative_weight=false_positive_weight,
        smooth=smooth,
        gamma=gamma,
    )


MUTANTS = [
    Mutant(
        "the two weights of Tversky change places",
        "tversky_loss",
        "value",
        "recall/value",
        kernel=tversky_weights_swapped,
    ),
]
