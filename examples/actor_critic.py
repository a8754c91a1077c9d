"""An actor and a critic in a maze with a coin near by and a treasure far away.

Run it with ``python examples/actor_critic.py``; it takes some ten seconds, prints a table and
saves a picture. Policy and values are tables with a row for each place. The maze is so small that
what a policy is worth is solved for, not sampled, and so is the best that there is.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import lossapi
from lossapi.diagnostics.drawing import check_installed, new_figure
from lossapi.training import adam_state, adam_update

Array = Any
MAZE = (
    ".......",
    ".###.#.",
    "s..c.#t",
    ".###.#.",
    ".......",
)
PRIZES = {"c": 1.0, "t": 5.0}  # a walk ends with one
MOVES = np.asarray([[0, 1], [-1, 0], [0, -1], [1, 0]])  # right, up, left, down
SLIP = 0.1  # how often a move goes anywhere
DISCOUNT = 0.98
WALKERS, LENGTH = 32, 24  # walks at a time, and their steps between updates
UPDATES = 200
SEEDS = range(4)
SETTINGS = {  # the weight of the entropy falls to 0
    "no critic": {"value_weight": 0.0, "entropy_weight": 0.0},
    "critic": {"value_weight": 0.5, "entropy_weight": 0.0},
    "critic and entropy": {"value_weight": 0.5, "entropy_weight": 0.05},
}


class Maze(NamedTuple):
    """Where each move leads from each place, what it brings on arrival, and where walks begin."""

    places: Array
    ahead: Array
    prize: Array
    start: int


class Tables(NamedTuple):
    """The logits of the moves and the value of each place."""

    logits: Array
    values: Array


class Result(NamedTuple):
    """Tables by seed; by seed and update what policies are worth, entropies, and advantages."""

    tables: list[Tables]
    worth: Array
    entropy: Array
    spread: Array


def maze() -> Maze:
    """The maze, its places numbered; a step against a wall leads nowhere."""
    places = [(y, x) for y, row in enumerate(MAZE) for x, sign in enumerate(row) if sign != "#"]
    number = {place: index for index, place in enumerate(places)}
    ahead = [[number.get((y + dy, x + dx), number[y, x]) for dy, dx in MOVES] for y, x in places]
    signs = [MAZE[y][x] for y, x in places]
    prize = np.asarray([PRIZES.get(sign, 0.0) for sign in signs])
    return Maze(np.asarray(places), np.asarray(ahead), prize, signs.index("s"))


def worth(world: Maze, policy: Array) -> Array:
    """The discounted prize that a policy expects from each place, by the equation of Bellman."""
    chances = (1 - SLIP) * policy + SLIP / 4
    count = len(world.prize)
    leads = np.zeros((count, count))
    np.add.at(leads, (np.arange(count)[:, None], world.ahead), chances)
    goes_on = DISCOUNT * leads * (world.prize == 0)
    return np.linalg.solve(np.eye(count) - goes_on, leads @ world.prize)


def best(world: Maze) -> Array:
    """The best policy, found by improving one over and over."""
    policy = np.full((len(world.prize), 4), 0.25)
    for _ in range(len(policy)):
        value = np.where(world.prize > 0, world.prize, DISCOUNT * worth(world, policy))
        policy = np.eye(4)[value[world.ahead].argmax(axis=-1)]
    return policy


def walk(world: Maze, logits: Array, at: Array, random: np.random.Generator) -> tuple[Array, ...]:
    """Places, moves and prizes of all walkers by step, and where they are at the end."""
    chances = np.cumsum(lossapi.softmax(logits), axis=-1)
    places, moves, prizes = (np.zeros((LENGTH, WALKERS), t) for t in (int, int, float))
    for step in range(LENGTH):
        places[step] = at
        move = (random.random((WALKERS, 1)) > chances[at, :3]).sum(axis=-1)
        moves[step] = move
        slips = random.random(WALKERS) < SLIP
        at = world.ahead[at, np.where(slips, random.integers(0, 4, WALKERS), move)]
        prizes[step] = world.prize[at]
        at = np.where(prizes[step] > 0, world.start, at)
    return places, moves, prizes, at


def returns_of(prizes: Array, after: Array) -> Array:
    """What followed each step, discounted, with the value of the place where the walk broke off."""
    returns = np.zeros_like(prizes)
    for step in reversed(range(LENGTH)):
        after = np.where(prizes[step] > 0, prizes[step], DISCOUNT * after)
        returns[step] = after
    return returns


def loss_and_slopes(
    tables: Tables, places: Array, moves: Array, returns: Array, weights: dict[str, float]
) -> tuple[Array, Tables]:
    """The loss of all steps, and its gradients by the tables; an advantage is a constant."""
    logits, values = tables.logits[places], tables.values[places]
    surprise, by_move = lossapi.sparse_softmax_cross_entropy.value_and_grad(
        logits, moves, reduction="none"
    )
    policy, by_chance = lossapi.policy_gradient_loss.value_and_grad(
        -surprise, returns - values, reduction="none"
    )
    critic, by_value = lossapi.value_loss.value_and_grad(values, returns, reduction="none")
    order, by_logit = lossapi.entropy_regularizer.value_and_grad(
        logits, weight=1.0, reduction="none"
    )
    value, slopes = lossapi.actor_critic_loss.value_and_grad(
        policy,
        critic,
        -order,
        value_weight=weights["value_weight"],
        entropy_weight=weights["entropy_weight"],
        wrt=("policy_losses", "value_losses", "entropies"),
    )
    along = -(slopes[0] * by_chance)[..., None] * by_move - slopes[2][..., None] * by_logit
    gradients = Tables(np.zeros_like(tables.logits), np.zeros_like(tables.values))
    np.add.at(gradients.logits, places, along)
    np.add.at(gradients.values, places, slopes[1] * by_value)
    return value, gradients


def train(world: Maze, weights: dict[str, float], seed: int) -> tuple[Tables, list[Any]]:
    """Tables after training, and of each update worth, entropy, and spread of the advantages."""
    random = np.random.default_rng(seed)
    count = len(world.prize)
    tables = Tables(np.zeros((count, 4)), np.zeros(count))
    state = adam_state(tables)
    at = np.full(WALKERS, world.start)
    course = []
    for update in range(UPDATES):
        left = weights["entropy_weight"] * (1 - update / UPDATES)
        now = {**weights, "entropy_weight": left}
        places, moves, prizes, at = walk(world, tables.logits, at, random)
        returns = returns_of(prizes, tables.values[at])
        _, gradients = loss_and_slopes(tables, places, moves, returns, now)
        tables, state = adam_update(tables, gradients, state, learning_rate=0.1)
        policy = lossapi.softmax(tables.logits)
        course.append(
            (
                worth(world, policy)[world.start],
                lossapi.softmax_entropy(tables.logits[places]),
                (returns - tables.values[places]).std(),
            )
        )
    return tables, course


def draw(world: Maze, results: dict[str, Result], top: float, place: Path) -> None:
    """The policies of the seed that went worst without a critic, and how all seeds went."""
    figure = new_figure(13.0, 6.4)
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.2, 1])
    seed = int(results["no critic"].worth[:, -1].argmin())
    maps = upper.subplots(1, 3)
    for axes, (name, result) in zip(maps, results.items(), strict=True):
        policy = lossapi.softmax(result.tables[seed].logits)
        shown = np.full((len(MAZE), len(MAZE[0])), np.nan)
        shown[tuple(world.places.T)] = np.where(world.prize > 0, world.prize, worth(world, policy))
        image = axes.imshow(shown, cmap="YlGn", vmin=0, vmax=max(PRIZES.values()))
        walked = world.prize == 0
        y, x = world.places[walked].T
        dy, dx = 0.75 * (policy @ MOVES)[walked].T
        axes.quiver(x, y, dx, dy, angles="xy", scale_units="xy", scale=1, pivot="mid", width=0.009)
        for (row, column), prize in zip(world.places, world.prize, strict=True):
            if prize > 0:
                style = {"ha": "center", "va": "center", "weight": "bold"}
                axes.text(column, row, f"{prize:.0f}", color="k" if prize < 3 else "w", **style)
        begin = world.places[world.start]
        axes.scatter(begin[1], begin[0], s=750, facecolors="none", edgecolors="tab:red")
        axes.set(xticks=[], yticks=[], facecolor="0.25")
        axes.set_title(f"{name}: {worth(world, policy)[world.start]:.2f} from the start, circled")
    upper.colorbar(image, ax=maps, label="worth of a place", shrink=0.8)
    upper.suptitle(f"Policies after {UPDATES} updates with seed {seed}: arrows are mean moves")
    curves = lower.subplots(1, 3)
    for number, (name, result) in enumerate(results.items()):
        for axes, rows in zip(curves, result[1:], strict=True):
            axes.plot(rows[0], color=f"C{number}", label=name, alpha=0.8)
            axes.plot(rows[1:].T, color=f"C{number}", alpha=0.8)
    curves[0].axhline(top, linestyle="--", color="0.4")
    curves[0].set(xlabel="update", title="Worth of the policy (dashed: the best)")
    curves[1].set(xlabel="update", title="Entropy of its moves, in nats")
    curves[2].set(xlabel="update", title="Spread of the advantages")
    curves[1].legend(fontsize="small")
    figure.savefig(place)


def main(place: Path) -> dict[str, Result]:
    """Train in each setting, print what policies are worth, and save the picture."""
    check_installed()
    world = maze()
    top = float(worth(world, best(world))[world.start])
    print(f"A coin of 1 is near, a treasure of 5 far; the best policy is worth {top:.2f}.\n")
    print("setting             worth, seed by seed      mean  spread of advantages at the end")
    results = {}
    for name, weights in SETTINGS.items():
        runs = [train(world, weights, seed) for seed in SEEDS]
        courses = np.asarray([course for _, course in runs])
        results[name] = one = Result([tables for tables, _ in runs], *np.moveaxis(courses, -1, 0))
        end = one.worth[:, -1]
        print(
            f"{name:<19} {' '.join(f'{value:5.2f}' for value in end)} {end.mean():9.2f} "
            f"{one.spread[:, -10:].mean():7.2f}"
        )
    alone, critic, both = [int((one.worth[:, -1] > top / 2).sum()) for one in results.values()]
    print(
        f"\nOf {len(SEEDS)} policies {alone} went for the treasure without a critic, {critic} with "
        f"one, and {both} with\nan entropy that kept them moving about; the others "
        "went on taking the coin.\nWith a critic the advantages vary less at the end."
    )
    draw(world, results, top, place)
    print(f"\nwrote {place}")
    return results


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "actor_critic.png"))
