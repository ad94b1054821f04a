"""Learning how hits are played: Keras and numpy agree, and what is in the data is learned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.networks import make_humanizer
from tests.strategies import random_loop
from trapgen.core import CLOSED_HAT, KICK, SNARE, DrumLoop, ParameterError
from trapgen.model import log_softmax, save_humanizer, train_humanizer
from trapgen.model.humanizer.keras_model import build_humanizer
from trapgen.model.humanizer.training_examples import cut_examples, make_batch
from trapgen.model.training import Conditions
from trapgen.model.training.keras_access import set_weights

SOFT, HARD = 1, 2
"""Numbers of the conditions that decide how hard the kick is."""


def make_toy(n, seed, is_played=True):
    """A bar each: hats accented on the beat, a roll that rises, a snare of the loop's own.

    Kick and snare sound off the grid in half of them, if any: the kick early, the snare late.
    """
    rng = np.random.default_rng(seed)
    loops, conditions = [], np.zeros((n, 4), np.int64)
    for at in range(n):
        velocities = np.zeros((32, 9))
        velocities[0::8, CLOSED_HAT] = 110
        velocities[4::8, CLOSED_HAT] = 50
        start = int(rng.choice([20, 28]))
        velocities[start : start + 4, CLOSED_HAT] = [30, 60, 90, 120]
        velocities[8::16, SNARE] = rng.integers(30, 120)
        conditions[at, 0] = rng.choice([SOFT, HARD])
        velocities[rng.random(32) < 0.1, KICK] = (0, 40, 120)[conditions[at, 0]]
        velocities += rng.integers(-3, 4, velocities.shape) * (velocities > 0)
        offsets = np.zeros(velocities.shape)
        if is_played and at % 2:
            offsets[:] = rng.normal(0, 0.04, offsets.shape)
            offsets[:, KICK] -= 0.2
            offsets[:, SNARE] += 0.3
        loops.append(DrumLoop(velocities, 32, 140, offsets))
    return loops, conditions


@pytest.fixture(scope="module")
def toy():
    (train, known), (validation, also) = make_toy(600, 0), make_toy(60, 1)
    return train_humanizer(
        train,
        validation,
        units=16,
        epochs=14,
        seed=0,
        names=("style:soft", "style:hard"),
        conditions=Conditions(known, also),
    )


def play(humanizer, condition=None, n=40):
    loops, _ = make_toy(n, 2)
    rngs = [np.random.default_rng([3, at]) for at in range(n)]
    feels = humanizer.draw([loop.onsets for loop in loops], 140, rngs, condition)
    velocities, offsets = (np.stack(x) for x in zip(*map(astuple, feels), strict=True))
    return velocities.astype(int), offsets


def astuple(playback):
    return playback.velocities, playback.offsets


@pytest.mark.slow
@pytest.mark.parametrize("offsets", [False, True])
@pytest.mark.parametrize("conditions", [(), ("style:trap", "bpm:140", "kind:beat")])
def test_keras_and_numpy_agree(offsets, conditions):
    humanizer = make_humanizer(offsets=offsets, conditions=conditions)
    rng = np.random.default_rng(0)
    loops = []
    for bars in (1, 3, 8):
        loop = random_loop(rng, bars, 16, 0.2)
        moved = rng.uniform(-0.45, 0.45, loop.velocities.shape)
        loops.append(DrumLoop(loop.velocities, 16, 99, moved))
    known = rng.integers(0, len(conditions) + 1, (3, 4))
    examples = cut_examples(loops, known)
    batch = make_batch(examples)
    model = build_humanizer(humanizer.spec)
    set_weights(model, humanizer.weights)
    logits = model({name: batch[name] for name in model.input})
    assert list(logits) == list(humanizer.spec.heads)
    ours = humanizer.log_probabilities(
        [example.hits for example in examples], [example.played for example in examples], known
    )
    for head, (name, theirs) in enumerate(logits.items()):
        logged = log_softmax(np.asarray(theirs))
        played = batch[f"{name}_played"]
        logged = np.take_along_axis(logged, np.maximum(played - 1, 0)[..., None], axis=2)[..., 0]
        for row, found in enumerate(ours):
            np.testing.assert_allclose(logged[row, : len(found)], found[:, head], atol=1e-5)


@pytest.mark.slow
def test_accents_are_learned(toy):
    hats = play(toy)[0][:, :, CLOSED_HAT]
    assert np.median(hats[:, 0::8]) == pytest.approx(110, abs=6)
    off_beats = hats[:, [4, 12]]
    assert np.median(off_beats) == pytest.approx(50, abs=6)


@pytest.mark.slow
def test_rolls_rise(toy):
    hats = play(toy)[0][:, :, CLOSED_HAT]
    rises = np.stack([np.diff(hats[:, at : at + 4]) for at in (20, 28)])
    # Where there is no roll, there are gaps.
    is_roll = np.stack([(hats[:, at : at + 4] > 0).all(axis=1) for at in (20, 28)])
    assert is_roll.sum() == 40
    assert (rises[is_roll] > 10).mean() > 0.85
    assert (rises[is_roll].sum(axis=1) > 50).mean() > 0.8


@pytest.mark.slow
def test_velocities_agree_within_a_loop_and_differ_between_loops(toy):
    snares = play(toy)[0][:, 8::16, SNARE]
    assert np.abs(np.diff(snares, axis=1)).mean() < 12
    assert snares[:, 0].std() == pytest.approx(26, abs=10)


@pytest.mark.slow
def test_a_condition_is_heeded(toy):
    for number, expected in ((SOFT, 40), (HARD, 120)):
        kicks = play(toy, np.array([number, 0, 0, 0]))[0][:, :, KICK]
        assert np.median(kicks[kicks > 0]) == pytest.approx(expected, abs=8)


@pytest.mark.slow
def test_microtiming_is_learned_where_there_is_any(toy):
    assert toy.spec.offsets
    velocities, offsets = play(toy)
    for voice, expected in ((KICK, -0.2), (SNARE, 0.3), (CLOSED_HAT, 0)):
        found = offsets[:, :, voice][velocities[:, :, voice] > 0]
        assert np.median(found) == pytest.approx(expected, abs=0.05)


@pytest.mark.slow
def test_figures_stand_beside_baselines(toy):
    figures = toy.figures
    assert 1 <= figures["best_epoch"] <= 14
    assert figures["velocity"] < figures["velocity_voice"] - 0.5
    # Of offsets the voice says all there is to know.
    assert figures["offset"] == pytest.approx(figures["offset_voice"], abs=0.15)
    # Nothing beats the noise that was put in: seven equal velocities.
    assert figures["velocity"] > np.log2(7)


@pytest.mark.slow
def test_twice_the_same_and_without_microtiming_none(tmp_path):
    (train, _), (validation, _) = (make_toy(n, n, is_played=False) for n in (8, 4))
    seen = []
    for name in ("one", "two"):
        made = train_humanizer(train, validation, units=4, epochs=2, seed=1, on_epoch=seen.append)
        assert not made.spec.offsets
        assert "offset" not in made.figures
        save_humanizer(tmp_path / name, made)
    assert [epoch.epoch for epoch in seen] == [1, 2, 1, 2]
    assert seen[0].velocity == seen[2].velocity
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_without_hits_there_is_nothing_to_learn():
    empty = [DrumLoop(np.zeros((32, 9), np.uint8), 32)]
    with pytest.raises(ParameterError, match="at least one hit"):
        train_humanizer(empty, empty, units=4, epochs=1, seed=0)


@pytest.mark.slow
def test_drummers_are_learned_from(shared: Path):
    from training.pretrain.sides import read_groove

    sides = read_groove(shared / "data" / "groove", 16)
    train, validation = sides["train"].loops[:60], sides["validation"].loops[:10]
    made = train_humanizer(train, validation, units=24, epochs=3, seed=0)
    assert made.spec.offsets
    assert made.figures["velocity"] < made.figures["velocity_place"]
    assert made.figures["offset"] < made.figures["offset_voice"]
