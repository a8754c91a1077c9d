"""What a loss, its gradients and its examples look like: as numbers, and drawn by matplotlib.

Every function gives its numbers as NumPy arrays, from arrays of any library. The result's ``plot``
draws them on the axes it is given, or on new ones, and returns the axes; it needs matplotlib
(``pip install 'lossapi[plot]'``). Nothing is drawn at random: directions are arguments.
"""

from .curves import Kink, LossCurve, loss_curve
from .examples import (
    ConfidenceBins,
    LossDistribution,
    loss_against_confidence,
    loss_distribution,
)
from .flow import GradientFlow, gradient_flow
from .landscapes import (
    LossLandscape1D,
    LossLandscape2D,
    filter_normalised,
    loss_landscape_1d,
    loss_landscape_2d,
)

__all__ = [
    "ConfidenceBins",
    "GradientFlow",
    "Kink",
    "LossCurve",
    "LossDistribution",
    "LossLandscape1D",
    "LossLandscape2D",
    "filter_normalised",
    "gradient_flow",
    "loss_against_confidence",
    "loss_curve",
    "loss_distribution",
    "loss_landscape_1d",
    "loss_landscape_2d",
]
