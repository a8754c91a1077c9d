"""Four games between a network that makes points and one that judges them, and what they come to.

Run it with ``python examples/gan.py``; it takes some fifteen seconds, prints a table and saves a
picture. The points to imitate lie in eight heaps on a ring. The networks are written out in NumPy:
a loss gives the gradient of the scores, the rest is the chain rule. The gradient penalty needs the
gradient of a gradient, which is short here: the activations are straight lines with a kink.
"""

from __future__ import annotations

import sys
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import lossapi
from lossapi.diagnostics.drawing import check_installed, new_figure
from lossapi.training import adam_state, adam_update

Array = Any
Parameters = dict[str, Array]
HEAPS, RADIUS, SPREAD = 8, 2.0, 0.1
ANGLES = 2 * np.pi * np.arange(HEAPS) / HEAPS
CENTRES = RADIUS * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=-1)
HIDDEN, LEAK = 48, 0.1
LAYERS = range(3)
STEPS = 600
TURNS = 3  # of the judge, for one of the maker
HEAD_START = 200  # turns of the judge before the maker's first, when its pull is measured
BATCH = 56  # with so few points no product of matrices is worth starting threads for
RATE = 0.003
WATCHED = 30  # steps from one look to the next


class Game(NamedTuple):
    """What the judge minimises and how it scores without telling apart, and the maker's loss."""

    judge: Any
    inputs: tuple[str, str]
    blind: float
    maker: Any
    penalty: float = 0.0


class Result(NamedTuple):
    """What was made, and how well; the judge, and its gain and the distance at every look."""

    points: Array
    heaps: int
    near: float
    distance: float
    judge: Parameters
    gains: Array
    distances: Array
    agreement: float
    pull: float


def games() -> dict[str, Game]:
    """The games by name; only the critic of the Wasserstein distance has its slopes bounded."""
    logits, scores = ("real_logits", "fake_logits"), ("real_scores", "fake_scores")
    tell, deceive = lossapi.gan_discriminator_loss, lossapi.gan_generator_loss.value_and_grad
    apart = lossapi.least_squares_gan_discriminator_loss
    near = lossapi.least_squares_gan_generator_loss.value_and_grad
    critic, higher = lossapi.wgan_critic_loss, lossapi.wgan_generator_loss.value_and_grad
    return {
        "minimax": Game(tell, logits, 0.0, partial(deceive, saturating=True)),
        "non-saturating": Game(tell, logits, 0.0, deceive),
        "least squares": Game(apart, scores, 0.5, near),
        "Wasserstein": Game(critic, scores, 0.0, higher, penalty=1.0),
    }


def sample(random: np.random.Generator, count: int) -> Array:
    """Points of the heaps, which are to be imitated."""
    chosen = CENTRES[random.integers(0, HEAPS, count)]
    return (chosen + random.normal(0.0, SPREAD, (count, 2))).astype(np.float32)


def noise(random: np.random.Generator, count: int) -> Array:
    """What points are made of."""
    return random.normal(size=(count, 2)).astype(np.float32)


def start(random: np.random.Generator, outputs: int) -> Parameters:
    """Parameters of a network before training."""
    widths = (2, HIDDEN, HIDDEN, outputs)
    network = {}
    for layer, shape in enumerate(pairwise(widths)):
        weight = random.normal(0.0, (2 / shape[0]) ** 0.5, shape)
        network[f"weight{layer}"] = weight.astype(np.float32)
        network[f"bias{layer}"] = np.zeros(shape[1], np.float32)
    return network


def forward(network: Parameters, points: Array) -> tuple[list[Array], list[Array]]:
    """What goes into each layer and comes out of the last, and the slopes of the activations."""
    layers, slopes = [points], []
    for layer in LAYERS:
        out = layers[-1] @ network[f"weight{layer}"] + network[f"bias{layer}"]
        straight = layer == LAYERS[-1]
        slopes.append(np.ones_like(out) if straight else np.where(out > 0, out.dtype.type(1), LEAK))
        layers.append(slopes[-1] * out)
    return layers, slopes


def moved(network: Parameters, moves: Array, slopes: list[Array]) -> list[Array]:
    """How all layers move with the points: slopes stay as they are, and biases do not count."""
    layers = [moves]
    for layer in LAYERS:
        layers.append(slopes[layer] * (layers[-1] @ network[f"weight{layer}"]))
    return layers


def backward(
    network: Parameters, layers: list[Array], slopes: list[Array], slope: Array
) -> tuple[Parameters, Array]:
    """The gradients of the parameters and of the points, from that of what came out."""
    gradients = {}
    for layer in reversed(LAYERS):
        inside = slope * slopes[layer]
        gradients[f"weight{layer}"] = layers[layer].T @ inside
        gradients[f"bias{layer}"] = inside.sum(axis=0)
        slope = inside @ network[f"weight{layer}"].T
    return gradients, slope


def judged(
    game: Game, network: Parameters, real: Array, made: Array, between: Array
) -> tuple[float, Parameters]:
    """How much the judge gains over one that does not tell apart, and its gradients."""
    layers, slopes = forward(network, np.concatenate([real, made]))
    of_real, of_made = layers[-1][: len(real), 0], layers[-1][len(real) :, 0]
    value, sides = game.judge.value_and_grad(of_real, of_made, wrt=game.inputs)
    gradients, _ = backward(network, layers, slopes, np.concatenate(sides)[:, None])
    if game.penalty:
        for name, more in penalised(game, network, between).items():
            gradients[name] = gradients[name] + more
    return float(game.judge([game.blind], [game.blind]) - value), gradients


def penalised(game: Game, network: Parameters, points: Array) -> Parameters:
    """The gradients of the penalty on how steep the scores are.

    It says how the steepness is to change. Its product with the steepness is how the scores change
    when points move that way, and the gradient of that by the weights is the one sought.
    """
    layers, slopes = forward(network, points)
    ones = np.ones_like(layers[-1])
    _, steepness = backward(network, layers, slopes, ones)
    _, change = lossapi.gradient_penalty.value_and_grad(steepness, weight=game.penalty)
    gradients, _ = backward(network, moved(network, change, slopes), slopes, ones)
    return {name: value for name, value in gradients.items() if name.startswith("weight")}


def pulled(game: Game, judge: Parameters, made: Array) -> Array:
    """The gradients of the maker's loss by the points that were made."""
    layers, slopes = forward(judge, made)
    _, slope = game.maker(layers[-1])
    return backward(judge, layers, slopes, slope)[1]


class Player:
    """A network and its optimiser."""

    def __init__(self, network: Parameters) -> None:
        self.network, self.state = network, adam_state(network)

    def learn(self, gradients: Parameters, rate: float) -> None:
        """Take one step of Adam, with moments that forget fast, as the game changes."""
        self.network, self.state = adam_update(
            self.network, gradients, self.state, learning_rate=rate, beta1=0.5, beta2=0.9
        )


def play(game: Game) -> Result:
    """A game from the start to the end; all start with the same networks."""
    random, watching = np.random.default_rng(1), np.random.default_rng(2)
    maker, judge = Player(start(random, 2)), Player(start(random, 1))
    for _ in range(HEAD_START):
        _turn_of_the_judge(game, judge, maker, random, RATE)
    made = forward(maker.network, noise(watching, 1000))[0][-1]
    pull = np.linalg.norm(len(made) * pulled(game, judge.network, made), axis=-1).mean()
    gains, looks = [], []
    for step in range(STEPS):
        rate = RATE * (1 - step / STEPS)
        for _ in range(TURNS):
            gains.append(_turn_of_the_judge(game, judge, maker, random, rate))
        layers, slopes = forward(maker.network, noise(random, BATCH))
        moves = pulled(game, judge.network, layers[-1])
        maker.learn(backward(maker.network, layers, slopes, moves)[0], rate)
        if (step + 1) % WATCHED == 0:
            made = forward(maker.network, noise(watching, 1000))[0][-1]
            gain = np.mean(gains[-TURNS * WATCHED // 2 :])
            looks.append((gain, distance(made, sample(watching, 1000))))
    points = forward(maker.network, noise(watching, 4000))[0][-1]
    seen, distances = np.asarray(looks).T
    ranks = [np.argsort(np.argsort(values)) for values in (seen, distances)]
    agreement: Array = np.corrcoef(ranks)
    return Result(
        points,
        *found(points),
        distance(points, sample(watching, 4000)),
        judge.network,
        seen,
        distances,
        float(agreement[0, 1]),
        float(pull),
    )


def _turn_of_the_judge(
    game: Game, judge: Player, maker: Player, random: np.random.Generator, rate: float
) -> float:
    real, made = sample(random, BATCH), forward(maker.network, noise(random, BATCH))[0][-1]
    share = random.random((BATCH, 1), np.float32)
    gain, gradients = judged(game, judge.network, real, made, made + share * (real - made))
    judge.learn(gradients, rate)
    return gain


def distance(points: Array, others: Array) -> float:
    """The Wasserstein distance of what points and others look like from the side, on average."""
    angles = np.pi * np.arange(16) / 16
    sides = np.stack([np.cos(angles), np.sin(angles)])
    return float(lossapi.wasserstein_distance_1d((points @ sides).T, (others @ sides).T))


def found(points: Array) -> tuple[int, float]:
    """How many heaps have a quarter of their due or more, and the share of points in any."""
    away = np.linalg.norm(points[:, None] - CENTRES, axis=-1)
    inside = away.min(axis=-1) < 3 * SPREAD
    counts = np.bincount(away.argmin(axis=-1)[inside], minlength=HEAPS)
    return int((counts > 0.25 * len(points) / HEAPS).sum()), float(inside.mean())


def draw(results: dict[str, Result], place: Path) -> None:
    """What each game made over the scores of its judge, and what the judge knew of the distance."""
    figure = new_figure(13.0, 7.4)
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.25, 1])
    axis = np.linspace(-3.0, 3.0, 151, dtype=np.float32)
    plane = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    for axes, (name, result) in zip(upper.subplots(1, 4), results.items(), strict=True):
        scores = forward(result.judge, plane)[0][-1].reshape(151, 151)
        low, high = np.quantile(scores, [0.02, 0.98])
        levels = np.linspace(low, high, 21)
        axes.contourf(axis, axis, scores, levels=levels, cmap="Greys_r", extend="both", alpha=0.8)
        axes.scatter(*result.points[:2000].T, s=2, c="tab:orange", alpha=0.6)
        axes.scatter(*CENTRES.T, s=330, facecolors="none", edgecolors="tab:cyan", linewidths=1.3)
        axes.set(xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[], aspect="equal")
        axes.set_title(f"{name}\n{result.heaps} heaps, {result.near:.0%} of points in them")
    upper.suptitle("Made points, the heaps to imitate, and in grey what the judge takes for real")
    course, *rest = lower.subplots(1, 4)
    steps = WATCHED * np.arange(1, 1 + len(results["minimax"].distances))
    for name, result in results.items():
        course.plot(steps, result.distances, label=name)
    course.set(xlabel="step", ylabel="distance", title="How far from the heaps")
    course.legend(fontsize="small")
    for axes, name in zip(rest, ("non-saturating", "least squares", "Wasserstein"), strict=True):
        result = results[name]
        shown = axes.scatter(result.gains, result.distances, c=steps, cmap="viridis")
        axes.set(xlabel="gain of the judge", ylabel="distance")
        axes.set_title(f"{name}\nrank correlation {result.agreement:.2f}", fontsize="medium")
    for axes in (course, *rest):
        axes.set(yscale="log", ylim=(0.05, 1.5), yticks=[0.1, 0.3, 1.0])
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
    figure.colorbar(shown, ax=rest, label="step")
    figure.savefig(place)


def main(place: Path) -> dict[str, Result]:
    """Play each game, print what it came to, and save the picture."""
    check_installed()
    print("game            heaps  points in them  distance  pull  judge's gain and distance agree")
    results = {}
    for name, game in games().items():
        results[name] = one = play(game)
        print(
            f"{name:<15} {one.heaps:5} {one.near:15.1%} {one.distance:9.3f} {one.pull:5.2f} "
            f"{one.agreement:32.2f}"
        )
    stronger = results["non-saturating"].pull / results["minimax"].pull
    print(
        "\nThe Wasserstein game finds every heap and ends nearest to them. It alone says how it\n"
        "goes: mostly, the less its critic gains, the nearer the points (the rank correlation).\n"
        "The judge of the first two games is the same, and ahead at first; the loss that does not\n"
        f"saturate then pulls made points {stronger:.0f} times as hard as the minimax one."
    )
    draw(results, place)
    print(f"\nwrote {place}")
    return results


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "gan.png"))
