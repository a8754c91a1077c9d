"""Running sums learnt from texts with typos: teacher forcing, scheduled sampling, minimum risk.

Run it with ``python examples/sequence_transduction.py``; it takes a few seconds, prints a table and
saves a picture. A text is the running sum of the tokens of a source, read backwards, modulo their
number; the texts to learn from have typos. The model sees one token of the source, the place, and
the token that it wrote before. It has one hidden layer, and is written out in NumPy.
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
Parameters = dict[str, Array]
TOKENS, LENGTH = 6, 6
BEGIN = TOKENS  # what stands before the first token
TYPOS = 0.25  # how often a token is replaced by any
HIDDEN = 24
STEPS, RISK_STEPS = 600, 200
BATCH, SOURCES, SAMPLES = 32, 16, 8
LOOK = 20  # steps from one look to the next
UNSEEN = 500


class Result(NamedTuple):
    """A model, its BLEU by step, and at the end that of its best guesses and of its samples."""

    parameters: Parameters
    course: Array
    greedy: float
    sampled: float


def sources_and_texts(random: np.random.Generator, count: int) -> tuple[Array, Array]:
    """Sources and what is to be written, without typos."""
    sources = random.integers(0, TOKENS, (count, LENGTH))
    return sources, np.cumsum(sources[:, ::-1], axis=-1) % TOKENS


def with_typos(random: np.random.Generator, texts: Array) -> Array:
    """Texts as they are found."""
    wrong = random.random(texts.shape) < TYPOS
    return np.where(wrong, random.integers(0, TOKENS, texts.shape), texts)


def shifted(texts: Array) -> Array:
    """The token before each."""
    return np.concatenate([np.full((len(texts), 1), BEGIN), texts[:, :-1]], axis=1)


def features(sources: Array, before: Array) -> Array:
    """What the model sees at each place."""
    seen = np.eye(TOKENS)[sources[:, ::-1]]
    places = np.broadcast_to(np.eye(LENGTH), (len(sources), LENGTH, LENGTH))
    return np.concatenate([seen, np.eye(TOKENS + 1)[before], places], axis=-1)


def start(random: np.random.Generator) -> Parameters:
    """Parameters before training."""
    return {
        "in": random.normal(0.0, 1.0, (2 * TOKENS + 1 + LENGTH, HIDDEN)),
        "in_bias": np.zeros(HIDDEN),
        "out": random.normal(0.0, 0.1, (HIDDEN, TOKENS)),
    }


def forward(parameters: Parameters, seen: Array) -> tuple[Array, Array]:
    """The hidden units and the logits of the tokens."""
    hidden = np.tanh(seen @ parameters["in"] + parameters["in_bias"])
    return hidden, hidden @ parameters["out"]


def backward(parameters: Parameters, seen: Array, hidden: Array, slope: Array) -> Parameters:
    """The gradients of the parameters from that of the logits, by the chain rule."""
    inside = (slope @ parameters["out"].T) * (1 - hidden**2)
    seen, hidden, inside, slope = (
        part.reshape(-1, part.shape[-1]) for part in (seen, hidden, inside, slope)
    )
    return {"in": seen.T @ inside, "in_bias": inside.sum(axis=0), "out": hidden.T @ slope}


def write(
    parameters: Parameters, sources: Array, random: np.random.Generator | None = None
) -> Array:
    """Texts token by token: the likeliest at each place, or samples."""
    texts = np.zeros((len(sources), LENGTH), int)
    for place in range(LENGTH):
        seen = features(sources, shifted(texts))[:, place]
        _, logits = forward(parameters, seen)
        if random is not None:
            logits = logits + random.gumbel(size=logits.shape)
        texts[:, place] = logits.argmax(axis=-1)
    return texts


def bleu(written: Array, texts: Array) -> Array:
    """BLEU with single tokens and pairs, of each text."""
    return lossapi.bleu_score(written, texts[:, None], max_order=2, smoothing="add_k")


def token_gradients(
    parameters: Parameters, sources: Array, before: Array, texts: Array
) -> Parameters:
    """Of the cross-entropy of the tokens, given those that are said to stand before them."""
    seen = features(sources, before)
    hidden, logits = forward(parameters, seen)
    _, slope = lossapi.token_cross_entropy.value_and_grad(logits, texts)
    return backward(parameters, seen, hidden, slope)


def risk_gradients(
    parameters: Parameters, sources: Array, texts: Array, random: np.random.Generator
) -> Parameters:
    """Of the expected lack of BLEU of several samples for each source, as found."""
    sources, texts = np.repeat(sources, SAMPLES, axis=0), np.repeat(texts, SAMPLES, axis=0)
    written = write(parameters, sources, random)
    seen = features(sources, shifted(written))
    hidden, logits = forward(parameters, seen)
    surprise, by_logit = lossapi.token_cross_entropy.value_and_grad(
        logits, written, per_token=False, reduction="none"
    )
    _, by_text = lossapi.minimum_risk_loss.value_and_grad(
        -surprise.reshape(-1, SAMPLES), 1 - bleu(written, texts).reshape(-1, SAMPLES), alpha=1.0
    )
    return backward(parameters, seen, hidden, -by_text.reshape(-1, 1, 1) * by_logit)


def train(scheduled: bool) -> tuple[Result, Result]:
    """A model after training by tokens, and after training by risk thereafter."""
    random = np.random.default_rng(1)
    parameters = start(random)
    results, course = [], []
    for by_risk, steps in ((False, STEPS), (True, RISK_STEPS)):
        state = adam_state(parameters)
        for step in range(steps):
            if step % LOOK == 0:
                course.append(judge(parameters)[1])
            sources, texts = sources_and_texts(random, SOURCES if by_risk else BATCH)
            texts = with_typos(random, texts)
            if by_risk:
                gradients = risk_gradients(parameters, sources, texts, random)
            else:
                before = shifted(texts)
                if scheduled:
                    shown = lossapi.scheduled_sampling_probability(float(step), decay=60.0)
                    own = random.random(before.shape) > shown
                    before = np.where(own, shifted(write(parameters, sources)), before)
                gradients = token_gradients(parameters, sources, before, texts)
            rate = 0.002 if by_risk else 0.01
            parameters, state = adam_update(parameters, gradients, state, learning_rate=rate)
        results.append(Result(parameters, np.asarray(course), *judge(parameters)))
    return results[0], results[1]


def judge(parameters: Parameters) -> tuple[float, float]:
    """The mean BLEU, against texts without typos, of best guesses and of samples."""
    random = np.random.default_rng(2)
    sources, texts = sources_and_texts(random, UNSEEN)
    guesses, samples = write(parameters, sources), write(parameters, sources, random)
    return float(bleu(guesses, texts).mean()), float(bleu(samples, texts).mean())


def draw(results: dict[str, Result], place: Path) -> None:
    """How BLEU went, and samples for one source, with what is wrong in them."""
    figure = new_figure(13.0, 6.0)
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.0, 1.1])
    axes = upper.subplots()
    for name in ("teacher forcing, then risk", "scheduled sampling, then risk"):
        course = results[name].course
        axes.plot(LOOK * np.arange(len(course)), course, label=name.split(",")[0])
    axes.axvline(STEPS, linestyle="--", color="0.4", label="from here on: minimum risk")
    axes.set(xlabel="step", ylabel="BLEU", title="BLEU of samples, for unseen sources")
    axes.legend()
    sources, texts = sources_and_texts(np.random.default_rng(3), 1)
    for axes, (name, result) in zip(lower.subplots(1, 4), results.items(), strict=True):
        written = write(result.parameters, np.repeat(sources, 10, axis=0), np.random.default_rng(4))
        wrong = written != texts
        axes.imshow(wrong, cmap="OrRd", vmin=0, vmax=2, aspect="auto")
        for (row, column), token in np.ndenumerate(written):
            axes.text(column, row, "abcdef"[token], ha="center", va="center")
        axes.set(xticks=[], yticks=[])
        axes.set_title(f"{name}\nBLEU {result.sampled:.2f}", fontsize="medium")
    right = "".join("abcdef"[token] for token in texts[0])
    lower.suptitle(f"Ten samples for one source; right is {right}")
    figure.savefig(place)


def main(place: Path) -> dict[str, Result]:
    """Train in both ways, and by risk thereafter; print how good texts are; save the picture."""
    check_installed()
    print(f"{TYPOS:.0%} of the tokens to learn from are replaced by any. BLEU, without typos:\n")
    print("training                       best guess  samples")
    results = {}
    for name, scheduled in (("teacher forcing", False), ("scheduled sampling", True)):
        results[name], results[f"{name}, then risk"] = train(scheduled)
    for name, one in results.items():
        print(f"{name:<30} {one.greedy:10.3f} {one.sampled:8.3f}")
    print(
        "\nThe best guesses are as they should be in any case. Samples are better where the model\n"
        "was shown its own tokens, and in both cases better again after training by their risk."
    )
    draw(results, place)
    print(f"\nwrote {place}")
    return results


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "sequence_transduction.png"))
