"""A detector with three losses: which class, where the box is, and whether anything is there.

Run it with ``python examples/detection.py``; it takes half a minute, prints how many shapes are
found and saves a picture. Every cell of a grid says for itself whether the centre of a shape lies
in it, of which class it is, and where its box goes. The same network is trained twice, with boxes
judged by their coordinates and by their overlap.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import lossapi
from lossapi.diagnostics.drawing import check_installed, new_figure
from lossapi.training import adam_state, adam_update, clip_by_global_norm

Array = Any
Parameters = dict[str, Array]
KINDS = ("square", "frame", "cross")
COLOURS = ("tab:orange", "tab:cyan", "tab:pink")
SIZE, CELL, WINDOW = 32, 8, 20  # of an image, of a cell, and of what a cell sees, in pixels
GRID = SIZE // CELL
HIDDEN = 96
IMAGES, UNSEEN = 3000, 400
STEPS = 1000
BATCH = 32
NOBODY = -100
CENTRES = CELL * (np.stack(np.meshgrid(*[np.arange(GRID)] * 2), axis=-1).reshape(-1, 2) + 0.5)


class Scenes(NamedTuple):
    """Images, and for each cell what it sees, the class of its shape if it has one, and its box."""

    images: Array
    views: Array
    labels: Array
    boxes: Array


class Outputs(NamedTuple):
    """What the network says of each cell."""

    objectness: Array
    classes: Array
    box: Array


class Found(NamedTuple):
    """How well shapes are found: the share that is, the share of boxes that is right, overlaps."""

    recall: float
    precision: float
    overlaps: Array
    curves: Array
    boxes: list[list[tuple[Array, int]]]


def scenes(random: np.random.Generator, count: int) -> Scenes:
    """Grey images with noise and one to three shapes of different sizes, no two in one cell."""
    images = random.normal(0.0, 0.15, (count, SIZE, SIZE)).astype(np.float32)
    labels = np.full((count, GRID * GRID), NOBODY)
    boxes = np.zeros((count, GRID * GRID, 4), np.float32)
    boxes[..., 2:] = 1.0  # a box for cells without one, which are masked
    for image, label, box in zip(images, labels, boxes, strict=True):
        for cell in random.choice(GRID * GRID, random.integers(1, 4), replace=False):
            size = random.integers(6, 14, 2)
            corner = (CENTRES[cell] + random.uniform(-4, 4, 2) - size / 2).round().astype(int)
            corner = np.clip(corner, 0, SIZE - size)
            place = _cell_of(corner + size / 2)
            if label[place] != NOBODY:
                continue
            label[place] = random.integers(len(KINDS))
            box[place] = np.concatenate([corner, corner + size])
            _paint(image, KINDS[label[place]], *corner, *(corner + size))
    margin = (WINDOW - CELL) // 2
    padded = np.pad(images, ((0, 0), (margin, margin), (margin, margin)))
    views = sliding_window_view(padded, (WINDOW, WINDOW), axis=(1, 2))[:, ::CELL, ::CELL]
    return Scenes(images, views.reshape(count, GRID * GRID, -1).copy(), labels, boxes)


def _cell_of(centre: Array) -> int:
    column, row = (np.minimum(centre // CELL, GRID - 1)).astype(int)
    return int(GRID * row + column)


def _paint(image: Array, kind: str, left: int, top: int, right: int, bottom: int) -> None:
    inside = image[top:bottom, left:right]
    if kind == "square":
        inside += 1.0
    elif kind == "frame":
        inside += 1.0
        inside[2:-2, 2:-2] -= 1.0
    else:
        height, width = inside.shape
        inside[height // 2 - 1 : height // 2 + 1] += 1.0
        inside[:, width // 2 - 1 : width // 2 + 1] += 1.0
        np.minimum(inside, 1.3, out=inside)


def start(random: np.random.Generator) -> Parameters:
    """Parameters before training."""

    def layer(rows: int, columns: int) -> Array:
        return random.normal(0.0, rows**-0.5, (rows, columns)).astype(np.float32)

    outputs = 1 + len(KINDS) + 4
    return {
        "in": layer(WINDOW * WINDOW, HIDDEN),
        "in_bias": np.zeros(HIDDEN, np.float32),
        "out": 0.1 * layer(HIDDEN, outputs),
        "out_bias": np.zeros(outputs, np.float32),
    }


def forward(parameters: Parameters, views: Array) -> tuple[Array, Outputs]:
    """The hidden units, and what they say: a box by its centre in cells and its log-size."""
    hidden = np.maximum(views @ parameters["in"] + parameters["in_bias"], 0)
    said = hidden @ parameters["out"] + parameters["out_bias"]
    centre = CENTRES.astype(np.float32) + CELL * said[..., -4:-2]
    half = CELL / 2 * np.exp(said[..., -2:])
    box = np.concatenate([centre - half, centre + half], axis=-1)
    return hidden, Outputs(said[..., 0], said[..., 1:-4], box)


def backward(
    parameters: Parameters, views: Array, hidden: Array, outputs: Outputs, slopes: Outputs
) -> Parameters:
    """The gradients of the parameters from those of what was said, by the chain rule."""
    low, high = slopes.box[..., :2], slopes.box[..., 2:]
    half = (outputs.box[..., 2:] - outputs.box[..., :2]) / 2
    moved = [slopes.objectness[..., None], slopes.classes, CELL * (low + high), half * (high - low)]
    said = np.concatenate(moved, axis=-1).reshape(-1, parameters["out"].shape[1])
    rows = hidden.reshape(-1, HIDDEN)
    inside = (said @ parameters["out"].T) * (rows > 0)
    return {
        "in": views.reshape(-1, WINDOW * WINDOW).T @ inside,
        "in_bias": inside.sum(axis=0),
        "out": rows.T @ said,
        "out_bias": said.sum(axis=0),
    }


def by_coordinates(box: Array, target: Array, present: Array) -> tuple[Array, Array]:
    """Smooth absolute errors of the four coordinates, in cells."""
    where = np.broadcast_to(present[..., None], box.shape)
    value, slope = lossapi.smooth_l1_loss.value_and_grad(
        box / CELL, target / CELL, beta=0.25, where=where
    )
    return value, slope / CELL


def by_overlap(box: Array, target: Array, present: Array) -> tuple[Array, Array]:
    """Overlap, distance of the centres and aspect ratio."""
    value, slope = lossapi.complete_box_iou_loss.value_and_grad(box, target, where=present)
    return value, slope


def loss_and_slopes(outputs: Outputs, seen: Scenes, judge_box: Any) -> tuple[Array, Outputs]:
    """The three terms, and the gradients of their weighted sum by what was said.

    Cells without a shape are masked, by a label or by ``where``, but for the objectness.
    """
    present = seen.labels != NOBODY
    classes, class_slope = lossapi.sparse_softmax_cross_entropy.value_and_grad(
        outputs.classes, seen.labels, ignore_index=NOBODY
    )
    box, box_slope = judge_box(outputs.box, seen.boxes, present)
    objectness, objectness_slope = lossapi.sigmoid_binary_cross_entropy.value_and_grad(
        outputs.objectness, present
    )
    terms = np.asarray([classes, box, objectness])
    _, weights = lossapi.detection_loss.value_and_grad(
        *terms,
        box_weight=2.0,
        objectness_weight=4.0,
        wrt=("classification", "box", "objectness"),
    )
    slopes = (class_slope * weights[0], box_slope * weights[1], objectness_slope * weights[2])
    return terms, Outputs(slopes[2], slopes[0], slopes[1])


def train(judge_box: Any, data: Scenes) -> tuple[Parameters, Array]:
    """A network trained with one way of judging boxes, and the three terms at each step."""
    random = np.random.default_rng(1)
    parameters = start(random)
    state = adam_state(parameters)
    curves = []
    for step in range(STEPS):
        batch = random.integers(0, len(data.images), BATCH)
        seen = Scenes(*(part[batch] for part in data))
        hidden, outputs = forward(parameters, seen.views)
        terms, slopes = loss_and_slopes(outputs, seen, judge_box)
        gradients = backward(parameters, seen.views, hidden, outputs, slopes)
        gradients, _ = clip_by_global_norm(gradients, max_norm=10.0)
        rate = 0.003 * (1 - step / STEPS)
        parameters, state = adam_update(parameters, gradients, state, learning_rate=rate)
        curves.append(terms)
    return parameters, np.asarray(curves)


def overlap(box: Array, others: Array) -> Array:
    """The intersection over union of one box with each of the others."""
    return 1 - lossapi.box_iou_loss(np.broadcast_to(box, others.shape), others, reduction="none")


def detect(outputs: Outputs, image: int) -> list[tuple[Array, int]]:
    """The boxes of an image with their classes, the surest first, each shape once."""
    sure = lossapi.sigmoid(outputs.objectness[image])
    found: list[tuple[Array, int]] = []
    for cell in np.argsort(-sure):
        box = outputs.box[image, cell]
        if sure[cell] < 0.5:
            break
        if not found or overlap(box, np.stack([b for b, _ in found])).max() < 0.5:
            found.append((box, int(np.argmax(outputs.classes[image, cell]))))
    return found


def judge(parameters: Parameters, data: Scenes, curves: Array) -> Found:
    """How many shapes have a box of their class that overlaps by half, and by how much."""
    _, outputs = forward(parameters, data.views)
    overlaps, shapes, told, all_boxes = [], 0, 0, []
    for image in range(len(data.images)):
        boxes = detect(outputs, image)
        all_boxes.append(boxes)
        told += len(boxes)
        for cell in np.flatnonzero(data.labels[image] != NOBODY):
            shapes += 1
            right = [box for box, kind in boxes if kind == data.labels[image, cell]]
            best = overlap(data.boxes[image, cell], np.stack(right)).max() if right else 0.0
            if best > 0.5:
                overlaps.append(best)
    hits = len(overlaps)
    return Found(hits / shapes, hits / max(told, 1), np.asarray(overlaps), curves, all_boxes)


def draw(results: dict[str, Found], data: Scenes, place: Path) -> None:
    """Unseen images with true and predicted boxes, the terms of the loss, and the overlaps."""
    figure = new_figure(14.0, 6.4)
    left, right = figure.subfigures(1, 2, width_ratios=[1.75, 1])
    best = results["by overlap"]
    for image, axes in enumerate(left.subplots(2, 4).ravel()):
        axes.imshow(data.images[image], cmap="gray", extent=(0, SIZE, SIZE, 0))
        for cell in np.flatnonzero(data.labels[image] != NOBODY):
            _outline(axes, data.boxes[image, cell], "w", linestyle="--", linewidth=1.0)
        for box, kind in best.boxes[image]:
            _outline(axes, box, COLOURS[kind], linewidth=2.0)
        axes.set(xlim=(0, SIZE), ylim=(SIZE, 0), xticks=[], yticks=[])
    named = ", ".join(f"{k} {c.removeprefix('tab:')}" for k, c in zip(KINDS, COLOURS, strict=True))
    left.suptitle(f"Unseen images: true boxes dashed, predicted ones {named}")
    terms, spread = right.subplots(2, 1)
    smooth = np.ones(50) / 50
    for name, curve in zip(("class", "box", "objectness"), best.curves.T, strict=True):
        terms.plot(np.convolve(curve, smooth, "valid"), label=name)
    terms.set(yscale="log", xlabel="step", title="The terms of the loss, boxes by overlap")
    terms.legend()
    for name, found in results.items():
        edges = np.linspace(0.5, 1.0, 26)
        spread.stairs(*np.histogram(found.overlaps, edges), fill=True, alpha=0.5, label=name)
    spread.set(xlabel="overlap of the boxes found", ylabel="shapes")
    spread.legend(title="boxes judged", loc="upper left")
    figure.savefig(place)


def _outline(axes: Any, box: Array, colour: str, **style: Any) -> None:
    x1, y1, x2, y2 = box
    axes.plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], color=colour, **style)


def main(place: Path) -> dict[str, Found]:
    """Train with both judges of boxes, print what is found, and save the picture."""
    check_installed()
    random = np.random.default_rng(0)
    data, unseen = scenes(random, IMAGES), scenes(random, UNSEEN)
    print(f"{int((unseen.labels != NOBODY).sum())} shapes in {len(unseen.images)} unseen images:\n")
    print("boxes judged     found  boxes that are right  mean overlap")
    results = {}
    for name, judge_box in (("by coordinates", by_coordinates), ("by overlap", by_overlap)):
        parameters, curves = train(judge_box, data)
        results[name] = found = judge(parameters, unseen, curves)
        print(
            f"{name:<15} {found.recall:6.1%} {found.precision:21.1%} {found.overlaps.mean():13.3f}"
        )
    print(
        "\nBoth find about as many shapes; boxes that were trained by overlap, which is what they "
        "are judged\nby, lie closer."
    )
    draw(results, unseen, place)
    print(f"\nwrote {place}")
    return results


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "detection.png"))
