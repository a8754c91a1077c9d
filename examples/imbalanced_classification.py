"""Four losses for a class that is one example in fifty: what each finds, and what it costs.

Run it with ``python examples/imbalanced_classification.py``; it takes some ten seconds, prints
a table and saves a picture. The model is a network with one hidden layer, written out in NumPy: the
loss gives the gradient of the logits, the rest is the chain rule.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import lossapi
from lossapi.diagnostics.drawing import check_installed, new_figure
from lossapi.training import adam_state, adam_update, class_weights, clip_by_global_norm

Array = Any
Parameters = dict[str, Array]
POSITIVES = 0.02
HIDDEN = 24
STEPS = 1500
BATCH = 512


class Result(NamedTuple):
    """A trained model and what it does on data it has not seen."""

    parameters: Parameters
    probabilities: Array
    precision: float
    recall: float
    average_precision: float
    mean_probability: float


def sample(random: np.random.Generator, count: int) -> tuple[Array, Array]:
    """Points of a frequent class all over the plane, and of a rare one in two of its corners."""
    target = (random.random(count) < POSITIVES).astype(float)
    frequent = random.normal(0.0, 1.2, (count, 2))
    corners = np.asarray([[2.0, 1.8], [-2.2, -1.4]])
    rare = corners[random.integers(0, 2, count)] + random.normal(0.0, 0.35, (count, 2))
    return np.where(target[:, None] == 1, rare, frequent), target


def start(random: np.random.Generator) -> Parameters:
    """Parameters before training; the first guess is the share of positives."""
    return {
        "in": random.normal(0.0, 1.0, (2, HIDDEN)),
        "in_bias": random.normal(0.0, 1.0, HIDDEN),
        "out": random.normal(0.0, HIDDEN**-0.5, HIDDEN),
        "out_bias": np.asarray(np.log(POSITIVES / (1 - POSITIVES))),
    }


def forward(parameters: Parameters, points: Array) -> tuple[Array, Array]:
    """The hidden units and the logits."""
    hidden = np.tanh(points @ parameters["in"] + parameters["in_bias"])
    return hidden, hidden @ parameters["out"] + parameters["out_bias"]


def backward(parameters: Parameters, points: Array, hidden: Array, slope: Array) -> Parameters:
    """The gradients of the parameters from that of the logits, by the chain rule."""
    inside = slope[:, None] * parameters["out"] * (1 - hidden**2)
    return {
        "in": points.T @ inside,
        "in_bias": inside.sum(axis=0),
        "out": hidden.T @ slope,
        "out_bias": slope.sum(),
    }


def losses(target: Array) -> dict[str, tuple[Any, dict[str, float]]]:
    """Each loss with its parameters, of which the weights follow from the training data."""
    negative, positive = class_weights(target.astype(int), num_classes=2)
    weights = {"positive_weight": float(positive), "negative_weight": float(negative)}
    return {
        "plain": (lossapi.sigmoid_binary_cross_entropy, {}),
        "weighted": (lossapi.weighted_sigmoid_binary_cross_entropy, weights),
        "focal": (lossapi.sigmoid_focal_loss, {"gamma": 2.0}),
        "asymmetric": (lossapi.asymmetric_loss, {"gamma_positive": 0.0, "gamma_negative": 4.0}),
    }


def train(loss: Any, options: dict[str, float], points: Array, target: Array) -> Parameters:
    """A network trained with a loss; all start at the same place and see the same batches."""
    random = np.random.default_rng(1)
    parameters = start(random)
    state = adam_state(parameters)
    for step in range(STEPS):
        batch = random.integers(0, len(target), BATCH)
        hidden, logits = forward(parameters, points[batch])
        _, slope = loss.value_and_grad(logits, target[batch], **options)
        gradients = backward(parameters, points[batch], hidden, slope)
        gradients, _ = clip_by_global_norm(gradients, max_norm=1.0)
        rate = 0.02 * (1 - step / STEPS)
        parameters, state = adam_update(parameters, gradients, state, learning_rate=rate)
    return parameters


def judge(parameters: Parameters, points: Array, target: Array) -> Result:
    """What is found at a threshold of one half, how well examples are ranked, and how sure."""
    probabilities = lossapi.sigmoid(forward(parameters, points)[1])
    called = probabilities > 0.5
    hits = float(target[called].sum())
    ranked = target[np.argsort(-probabilities)]
    precisions = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return Result(
        parameters,
        probabilities,
        precision=hits / max(int(called.sum()), 1),
        recall=hits / float(target.sum()),
        average_precision=float(precisions[ranked == 1].mean()),
        mean_probability=float(probabilities.mean()),
    )


def draw(results: dict[str, Result], points: Array, target: Array, place: Path) -> None:
    """The probability that each model sees over the plane, and how true it is."""
    figure = new_figure(13.0, 6.6)
    maps = figure.subplots(2, 4, gridspec_kw={"height_ratios": [1.15, 1]})
    axis = np.linspace(-4.0, 4.0, 121)
    plane = np.stack(np.meshgrid(axis, axis), axis=-1)
    shown = slice(0, 4000)
    for axes, (name, result) in zip(maps[0], results.items(), strict=True):
        seen = lossapi.sigmoid(forward(result.parameters, plane.reshape(-1, 2))[1]).reshape(
            121, 121
        )
        filled = axes.contourf(axis, axis, seen, levels=np.linspace(0, 1, 11), cmap="RdBu_r")
        axes.contour(axis, axis, seen, levels=[0.5], colors="k")
        for label, colour, size in ((0, "0.35", 1.5), (1, "gold", 14)):
            at = points[shown][target[shown] == label]
            edge = {"edgecolors": "k", "linewidths": 0.4} if label else {}
            axes.scatter(*at.T, s=size, c=colour, **edge)
        axes.set(xlim=(-4, 4), ylim=(-4, 4), xticks=[], yticks=[], aspect="equal")
        axes.set_title(f"{name}\nfinds {result.recall:.0%}, right in {result.precision:.0%}")
    figure.colorbar(filled, ax=maps[0].tolist(), label="predicted probability", shrink=0.85)
    _draw_lines(figure, maps[1], results, target)
    figure.savefig(place)


def _draw_lines(figure: Any, row: Array, results: dict[str, Result], target: Array) -> None:
    for axes in row:
        axes.remove()
    grid = row[0].get_gridspec()
    ranking, truth = figure.add_subplot(grid[1, :2]), figure.add_subplot(grid[1, 2:])
    truth.plot([0, 1], [0, 1], ":", color="0.4", label="calibrated")
    for name, result in results.items():
        order = np.argsort(-result.probabilities)
        hits = np.cumsum(target[order])
        precision = hits / np.arange(1, len(hits) + 1)
        settled = slice(int(np.argmax(hits >= 20)), None)  # before, it hangs on single examples
        ranking.plot((hits / hits[-1])[settled], precision[settled], label=name)
        groups = np.array_split(order, 40)
        told = [result.probabilities[group].mean() for group in groups]
        truth.plot(told, [target[group].mean() for group in groups], ".-", label=name)
    ranking.set(xlabel="recall", ylabel="precision", ylim=(0, 1), title="At every threshold")
    truth.set(
        xlabel="predicted probability", ylabel="share of positives", title="Is it what it says?"
    )
    ranking.legend()
    truth.legend()


def main(place: Path) -> dict[str, Result]:
    """Train with each loss, print what it does, and save the picture."""
    check_installed()
    random = np.random.default_rng(0)
    points, target = sample(random, 20000)
    unseen, truth = sample(random, 40000)
    print(f"One example in {1 / POSITIVES:.0f} is positive. On {len(truth)} unseen examples:\n")
    print("loss         recall  precision  average precision  mean probability")
    results = {}
    for name, (loss, options) in losses(target).items():
        results[name] = found = judge(train(loss, options, points, target), unseen, truth)
        print(
            f"{name:<12} {found.recall:6.1%} {found.precision:10.1%} "
            f"{found.average_precision:18.3f} {found.mean_probability:17.3f}"
        )
    print(
        f"\n{truth.mean():.3f} of them are positive: only the plain loss says so. The others call "
        "more\nof them at one half, and rank them no better: the average precision, over all "
        "thresholds,\nis about the same. Where probabilities are read, train plainly and move the "
        "threshold."
    )
    draw(results, unseen, truth, place)
    print(f"\nwrote {place}")
    return results


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "imbalanced_classification.png"))
