"""The losses of single examples: how they are spread, and how they go with confidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DTypeError, ParameterError, ShapeError
from ..training.arguments import gathered, number
from .drawing import Axes, axes_or_new

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, eq=False)
class LossDistribution:
    """The losses of each group of examples; the only group is named "all" where none were given.

    ``counts[g, b]`` is the number of losses of group g in bin b, which goes from ``edges[b]`` to
    ``edges[b + 1]``. ``quantiles[g]`` are those of 0.05, 0.25, 0.5, 0.75 and 0.95, ``mean`` and
    they leave out what is infinite or NaN, of which there are ``nonfinite[g]``.
    """

    groups: tuple[Any, ...]
    edges: Any
    counts: Any
    mean: Any
    quantiles: Any
    nonfinite: Any

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw a histogram for each group, and its mean as a line."""
        axes = axes_or_new(axes)
        for group, counts, mean in zip(self.groups, self.counts, self.mean, strict=True):
            filled = axes.stairs(counts, self.edges, fill=True, alpha=0.45, label=str(group))
            if np.isfinite(mean):
                axes.axvline(mean, color=filled.get_facecolor(), linestyle="--")
        axes.set_xlabel("loss of an example (dashed: mean)")
        axes.set_ylabel("examples")
        axes.legend()
        return axes


@dataclass(frozen=True, eq=False)
class ConfidenceBins:
    """Examples by confidence, in bins from ``edges[b]`` to ``edges[b + 1]``.

    ``count``, ``mean_loss``, ``mean_confidence`` and, where it was told which are right,
    ``accuracy`` of each bin: NaN for one without examples.
    """

    edges: Any
    count: Any
    mean_loss: Any
    mean_confidence: Any
    accuracy: Any

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw the mean loss by confidence, and how many examples there are, on a second axis."""
        axes = axes_or_new(axes)
        beside = axes.twinx()
        beside.stairs(self.count, self.edges, fill=True, color="0.85")
        beside.set_ylabel("examples")
        axes.set_zorder(beside.get_zorder() + 1)
        axes.patch.set_visible(False)
        axes.plot(self.mean_confidence, self.mean_loss, "o-", label="mean loss")
        if self.accuracy is not None:
            axes.plot(self.mean_confidence, self.accuracy, "s--", label="accuracy")
            axes.plot([0, 1], [0, 1], ":", color="0.4", label="calibrated")
        axes.set_xlim(self.edges[0], self.edges[-1])
        axes.set_xlabel("confidence")
        axes.legend()
        return axes


def loss_distribution(losses: Any, *, groups: Any = None, bins: int = 50) -> LossDistribution:
    """How the losses of single examples (``reduction="none"``) are spread, by group.

    ``groups`` has a label for each loss, such as its class, or a bool. All groups share ``bins``
    bins of equal width.

    >>> import numpy as np
    >>> from lossapi.diagnostics import loss_distribution
    >>> found = loss_distribution(np.array([0.0, 1.0, 4.0]), groups=["a", "a", "b"], bins=2)
    >>> found.groups, found.counts.tolist(), found.mean.tolist()
    (('a', 'b'), [[2, 0], [0, 1]], [0.5, 4.0])
    """
    name = "loss_distribution"
    numbers = _flat(name, "losses", losses)
    bins = _bins(name, bins)
    labels = np.full(numbers.shape, "all") if groups is None else _labels(name, "groups", groups)
    if labels.shape != numbers.shape:
        raise ShapeError(
            f"{name}: groups has {labels.size} entries; accepted is one for each of the "
            f"{numbers.size} losses."
        )
    finite = np.isfinite(numbers)
    edges = np.histogram_bin_edges(numbers[finite], bins)
    kinds = np.unique(labels)
    counts, means, quantiles, lost = [], [], [], []
    for kind in kinds:
        own = numbers[finite & (labels == kind)]
        counts.append(np.histogram(own, edges)[0])
        means.append(own.mean() if own.size else np.nan)
        quantiles.append(np.quantile(own, QUANTILES) if own.size else np.full(5, np.nan))
        lost.append(int((~finite & (labels == kind)).sum()))
    return LossDistribution(
        tuple(kinds.tolist()),
        edges,
        np.asarray(counts, dtype=np.int64).reshape(-1, bins),
        np.asarray(means, dtype=np.float64),
        np.asarray(quantiles, dtype=np.float64).reshape(-1, len(QUANTILES)),
        np.asarray(lost, dtype=np.int64),
    )


def loss_against_confidence(
    losses: Any, confidence: Any, *, correct: Any = None, bins: int = 10
) -> ConfidenceBins:
    """The mean loss of examples by how sure the model is, in ``bins`` bins from 0 to 1.

    ``confidence`` is the probability of the predicted class, ``correct`` whether that is right:
    with it the accuracy of each bin is told too, which is the confidence if the model is
    calibrated. Examples whose loss is infinite count, and make the mean of their bin infinite.

    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, On calibration of modern neural networks, 2017,
    arXiv:1706.04599.

    >>> import numpy as np
    >>> from lossapi.diagnostics import loss_against_confidence
    >>> found = loss_against_confidence([0.1, 0.3, 2.0], [0.9, 0.8, 0.2], bins=2)
    >>> found.count.tolist(), found.mean_loss.tolist()
    ([1, 2], [2.0, 0.2])
    """
    name = "loss_against_confidence"
    numbers, sure = _flat(name, "losses", losses), _flat(name, "confidence", confidence)
    bins = _bins(name, bins)
    wrong = ~((sure >= 0) & (sure <= 1))
    if wrong.any():
        place = int(wrong.argmax())
        raise ParameterError(
            f"{name}: confidence[{place}] is {sure[place]}; accepted are probabilities in [0, 1]. "
            f"Take the softmax or sigmoid of logits first."
        )
    right = None if correct is None else _labels(name, "correct", correct)
    if right is not None and right.dtype != bool:
        raise DTypeError(f"{name}: correct has dtype {right.dtype}; accepted is bool.")
    for key, other in (("confidence", sure), ("correct", right)):
        if other is not None and other.shape != numbers.shape:
            raise ShapeError(
                f"{name}: {key} has {other.size} entries; accepted is one for each of the "
                f"{numbers.size} losses."
            )
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.minimum(np.searchsorted(edges, sure, side="right") - 1, bins - 1)
    count = np.bincount(place, minlength=bins)

    def mean(values: Any) -> Any:
        with np.errstate(invalid="ignore"):
            total = np.bincount(place, weights=values, minlength=bins)
            return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    accuracy = None if right is None else mean(right.astype(np.float64))
    return ConfidenceBins(edges, count, mean(numbers), mean(sure), accuracy)


def _flat(name: str, key: str, values: Any) -> Any:
    """Numbers of any library, or a list, as a NumPy vector of float64."""
    given = gathered(name, (key, values))
    parts = [np.ravel(given.backend.to_numpy(array)) for array in given.arrays]
    return np.concatenate([np.empty(0), *parts]).astype(np.float64)


def _labels(name: str, key: str, values: Any) -> Any:
    """Labels of any kind as a NumPy vector."""
    if isinstance(values, list | tuple):
        return np.ravel(np.asarray(values))
    given = gathered(name, (key, values), floating=False)
    return np.ravel(given.backend.to_numpy(given.arrays[0]))


def _bins(name: str, bins: Any) -> int:
    return int(number(name, "bins", bins, "{1, 2, ...}", fixed=True))
