"""The examples run, show what they say, and leave a picture."""

from __future__ import annotations

import numpy as np
import pytest

import lossapi
from examples import actor_critic, detection, gan
from examples import imbalanced_classification as imbalance
from examples import sequence_transduction as transduction


@pytest.fixture
def place(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    return tmp_path / "picture.png"


def is_picture(place):
    return place.read_bytes().startswith(b"\x89PNG") and place.stat().st_size > 50_000


def test_what_losses_do_to_a_rare_class(place, capsys, monkeypatch):
    monkeypatch.setattr(imbalance, "STEPS", 500)
    found = imbalance.main(place)
    told = capsys.readouterr().out
    plain = found["plain"]
    assert plain.mean_probability == pytest.approx(0.02, abs=0.003)  # calibrated, and alone in it
    for name in ("weighted", "focal", "asymmetric"):
        assert found[name].mean_probability > 1.5 * plain.mean_probability
        assert found[name].average_precision == pytest.approx(plain.average_precision, abs=0.06)
        assert name in told
    assert found["weighted"].recall > 0.9 > plain.recall
    assert plain.precision > found["weighted"].precision
    assert is_picture(place)


def test_what_a_detector_finds(place, capsys, monkeypatch):
    monkeypatch.setattr(detection, "STEPS", 200)
    monkeypatch.setattr(detection, "IMAGES", 1000)
    monkeypatch.setattr(detection, "UNSEEN", 150)
    found = detection.main(place)
    told = capsys.readouterr().out
    for name, one in found.items():
        assert name in told
        assert one.recall > 0.4
        assert one.precision > 0.5
        assert (one.curves[-50:].mean(axis=0) < 0.75 * one.curves[:50].mean(axis=0)).all()
    means = [one.overlaps.mean() for one in found.values()]
    assert means[1] > means[0]  # what is judged by overlap overlaps more if trained by it
    assert is_picture(place)


@pytest.mark.parametrize("name", ["in", "in_bias", "out", "out_bias"])
def test_the_gradients_of_the_detector_are_those_of_its_loss(name):
    """By coordinates; the overlap has a weight that is constant by definition."""
    random = np.random.default_rng(1)
    data = detection.scenes(random, 3)
    parameters = {key: value.astype(float) for key, value in detection.start(random).items()}

    def total(step):
        moved = {**parameters, name: parameters[name] + step}
        _, outputs = detection.forward(moved, data.views)
        terms, _ = detection.loss_and_slopes(outputs, data, detection.by_coordinates)
        return terms[0] + 2.0 * terms[1] + 4.0 * terms[2]

    hidden, outputs = detection.forward(parameters, data.views)
    _, slopes = detection.loss_and_slopes(outputs, data, detection.by_coordinates)
    found = detection.backward(parameters, data.views, hidden, outputs, slopes)[name]
    step = 1e-6 * random.normal(size=found.shape)
    assert total(step) - total(-step) == pytest.approx(2 * float((found * step).sum()), rel=1e-5)


def test_the_gradients_of_the_classifier_are_those_of_its_loss():
    random = np.random.default_rng(2)
    points, target = imbalance.sample(random, 500)
    parameters = imbalance.start(random)
    loss, options = imbalance.losses(target)["asymmetric"]
    hidden, logits = imbalance.forward(parameters, points)
    _, slope = loss.value_and_grad(logits, target, **options)
    found = imbalance.backward(parameters, points, hidden, slope)
    steps = {name: 1e-6 * random.normal(size=value.shape) for name, value in parameters.items()}

    def total(sign):
        moved = {name: value + sign * steps[name] for name, value in parameters.items()}
        return loss(imbalance.forward(moved, points)[1], target, **options)

    due = 2 * sum(float((found[name] * steps[name]).sum()) for name in parameters)
    assert total(1) - total(-1) == pytest.approx(due, rel=1e-5)


def test_what_four_games_come_to(place, capsys, monkeypatch):
    games = gan.games()
    deceived, nearest = (gan.play(games[name]) for name in ("non-saturating", "Wasserstein"))
    assert nearest.heaps == gan.HEAPS
    assert nearest.distance < deceived.distance
    assert nearest.agreement > max(0.5, deceived.agreement + 0.2)
    monkeypatch.setattr(gan, "STEPS", 60)
    found = gan.main(place)
    told = capsys.readouterr().out
    assert all(name in told for name in games)
    assert found["non-saturating"].pull > 3 * found["minimax"].pull
    assert is_picture(place)


@pytest.mark.parametrize("name", ["weight0", "weight1", "weight2", "bias1"])
def test_the_gradients_of_a_critic_with_a_penalty_are_those_of_its_loss(name):
    random = np.random.default_rng(3)
    game = gan.games()["Wasserstein"]
    real, made, between = random.normal(size=(3, 20, 2))
    network = {key: value.astype(float) for key, value in gan.start(random, 1).items()}

    def total(step):
        moved = {**network, name: network[name] + step}
        layers, slopes = gan.forward(moved, between)
        _, steepness = gan.backward(moved, layers, slopes, np.ones((20, 1)))
        scores = [gan.forward(moved, points)[0][-1][:, 0] for points in (real, made)]
        penalty = lossapi.gradient_penalty(steepness, weight=game.penalty)
        return lossapi.wgan_critic_loss(*scores) + penalty

    gain, gradients = gan.judged(game, network, real, made, between)
    step = 1e-7 * random.normal(size=network[name].shape)
    due = 2 * float((gradients[name] * step).sum())
    assert total(step) - total(-step) == pytest.approx(due, rel=1e-4, abs=1e-14)
    scores = [gan.forward(network, points)[0][-1][:, 0] for points in (real, made)]
    assert gain == pytest.approx(-float(lossapi.wgan_critic_loss(*scores)))


def test_what_a_critic_and_entropy_are_for(place, capsys, monkeypatch):
    monkeypatch.setattr(actor_critic, "UPDATES", 100)
    monkeypatch.setattr(actor_critic, "SEEDS", range(3))
    found = actor_critic.main(place)
    told = capsys.readouterr().out
    alone, _, both = found.values()
    assert all(name in told for name in found)
    assert (both.worth[:, -1] > 3.8).all()  # all for the treasure
    assert (alone.worth[:, -1] < 1.5).sum() >= 2  # most for the coin
    assert both.spread[:, -10:].mean() < 0.5 * alone.spread[:, -10:].mean()
    assert is_picture(place)


def test_what_policies_are_worth_in_a_maze_is_what_walks_bring():
    world, random = actor_critic.maze(), np.random.default_rng(4)
    logits = random.normal(size=(len(world.prize), 4))
    policy = lossapi.softmax(logits)
    due = actor_critic.worth(world, policy)
    at, brought = np.full(actor_critic.WALKERS, world.start), []
    for _ in range(60):
        _, _, prizes, after = actor_critic.walk(world, logits, at, random)
        returns = actor_critic.returns_of(prizes, due[after])
        brought.append(returns[0, at == world.start].mean())
    error = np.std(brought) / len(brought) ** 0.5
    assert np.mean(brought) == pytest.approx(due[world.start], abs=4 * error)
    best = actor_critic.worth(world, actor_critic.best(world))
    assert (best >= due).all()


@pytest.mark.parametrize("name", ["logits", "values"])
def test_the_gradients_of_an_actor_and_a_critic_are_those_of_their_loss(name):
    random = np.random.default_rng(5)
    world = actor_critic.maze()
    count = len(world.prize)
    tables = actor_critic.Tables(random.normal(size=(count, 4)), random.normal(size=count))
    start = np.full(actor_critic.WALKERS, world.start)
    places, moves, prizes, at = actor_critic.walk(world, tables.logits, start, random)
    returns = actor_critic.returns_of(prizes, tables.values[at])
    weights = {"value_weight": 0.5, "entropy_weight": 0.3}
    advantages = returns - tables.values[places]

    def total(step):
        moved = tables._replace(**{name: getattr(tables, name) + step})
        held = advantages + moved.values[places]  # what an update takes for constant
        value, _ = actor_critic.loss_and_slopes(moved, places, moves, held, weights)
        critic = lossapi.value_loss(moved.values[places], returns)
        as_held = lossapi.value_loss(moved.values[places], held)
        return value + 0.5 * (critic - as_held)

    _, gradients = actor_critic.loss_and_slopes(tables, places, moves, returns, weights)
    step = 1e-6 * random.normal(size=getattr(tables, name).shape)
    due = 2 * float((getattr(gradients, name) * step).sum())
    assert total(step) - total(-step) == pytest.approx(due, rel=1e-5)


def test_what_learning_from_texts_with_typos_comes_to(place, capsys):
    found = transduction.main(place)
    told = capsys.readouterr().out
    forced, forced_risk, scheduled, scheduled_risk = found.values()
    assert all(name in told for name in found)
    assert all(one.greedy > 0.98 for one in found.values())
    assert forced.sampled + 0.03 < scheduled.sampled < scheduled_risk.sampled - 0.05
    assert forced.sampled + 0.03 < forced_risk.sampled < scheduled_risk.sampled
    assert is_picture(place)


@pytest.mark.parametrize("name", ["in", "in_bias", "out"])
def test_the_gradients_of_transduction_are_those_of_its_losses(name):
    random = np.random.default_rng(6)
    parameters = transduction.start(random)
    sources, texts = transduction.sources_and_texts(random, 4)
    step = 1e-6 * random.normal(size=parameters[name].shape)
    many = np.repeat(sources, transduction.SAMPLES, axis=0)
    written = transduction.write(parameters, many, np.random.default_rng(7))
    risks = 1 - transduction.bleu(written, np.repeat(texts, transduction.SAMPLES, axis=0))

    def losses(sign):
        moved = {**parameters, name: parameters[name] + sign * step}

        def loss(sources, texts, **options):
            seen = transduction.features(sources, transduction.shifted(texts))
            logits = transduction.forward(moved, seen)[1]
            return lossapi.token_cross_entropy(logits, texts, **options)

        surprise = loss(many, written, per_token=False, reduction="none")
        shape = (-1, transduction.SAMPLES)
        risk = lossapi.minimum_risk_loss(-surprise.reshape(shape), risks.reshape(shape), alpha=1.0)
        return np.asarray([loss(sources, texts), risk])

    by_token = transduction.token_gradients(parameters, sources, transduction.shifted(texts), texts)
    by_risk = transduction.risk_gradients(parameters, sources, texts, np.random.default_rng(7))
    due = [2 * float((found[name] * step).sum()) for found in (by_token, by_risk)]
    assert losses(1) - losses(-1) == pytest.approx(np.asarray(due), rel=1e-4)
