"""How hits are played: what is told of them, drawn for them, and kept on disk."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.networks import make_humanizer
from tests.strategies import drum_loops, make_loop, random_loop
from trapgen.core import CLOSED_HAT, KICK, SNARE, STEPS_PER_BAR, DrumLoop, ModelError, repeat_to
from trapgen.model import is_played, load_humanizer, save_humanizer
from trapgen.model.humanizer.playback_features import (
    PlayedHits,
    find_hits,
    make_recall_features,
    read_played_hits,
    recall,
)
from trapgen.model.humanizer.spec import (
    N_OFFSETS,
    N_RECALL_FEATURES,
    N_RECALLS,
    HumanizerSpec,
    weight_shapes,
)

CONDITIONS = ("style:trap", "style:trap/drill")


def draw(humanizer, loops, numbers=None, seed=0, condition=None):
    numbers = range(len(loops)) if numbers is None else numbers
    rngs = [np.random.default_rng([seed, number]) for number in numbers]
    onsets = [loop.onsets for loop in loops]
    return humanizer.draw(onsets, 140, rngs, condition)


def loops_of(n, seed=0):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 6, n)
    return [random_loop(rng, bars, 16, rng.uniform(0.02, 0.5)) for bars in sizes]


@given(drum_loops())
def test_hits_are_the_loops_in_order(loop):
    hits = find_hits(loop.onsets, loop.steps_per_bar, loop.bpm)
    assert len(hits) == loop.n_onsets
    assert loop.onsets[hits.steps, hits.voices].all()
    assert (np.diff(hits.steps * 9 + hits.voices) > 0).all()
    spec = HumanizerSpec(1, loop.steps_per_bar)
    assert hits.features.shape == (len(hits), spec.n_features)
    assert hits.recalls.shape == (len(hits), N_RECALLS)
    # Nothing is told of what is not yet played.
    assert (hits.recalls < np.arange(len(hits))[:, None]).all()
    assert (hits.recalls >= -1).all()


@pytest.mark.parametrize("steps_per_bar", STEPS_PER_BAR)
def test_what_a_hit_recalls(steps_per_bar):
    beat = steps_per_bar // 4
    bar = [(0, KICK), (2 * beat, SNARE), (2 * beat, CLOSED_HAT), (3 * beat, KICK)]
    loop = repeat_to(make_loop(*bar, steps_per_bar=steps_per_bar), 3)
    hits = find_hits(loop.onsets, steps_per_bar, 140)
    recalls = hits.recalls.tolist()
    # The voice's last; a bar ago; the last time there, the time before; in the beat; in the same
    # surroundings; any; the voice's last but one.
    assert recalls[0] == [-1] * N_RECALLS
    assert recalls[3] == [0, -1, -1, -1, 0, -1, 2, -1]
    assert recalls[4] == [3, 0, 0, -1, 3, -1, 3, 0]
    assert recalls[8] == [7, 4, 4, 0, 7, 4, 7, 4]
    # The last snare has none to come: no other stands so.
    assert recalls[9] == [5, 5, 5, 1, 5, -1, 8, 1]


def test_a_bar_ago_is_not_two_bars_ago():
    loop = make_loop((0, KICK), (32, KICK), bars=3)
    first, second = find_hits(loop.onsets, 16, 140).recalls.tolist()
    assert first == [-1] * N_RECALLS
    assert second[1] == -1
    assert second[2] == 0


def test_a_roll_goes_on_along_its_line():
    played = np.array([[40, 60, 0, 0, 0]])
    recalls = np.full((1, 5, N_RECALLS), -1)
    recalls[0, 2, [0, -1]] = 1, 0
    recalls[0, 3, 0] = 1
    found = recall(played, recalls, 127)[0]
    assert found[2, 0] == 60
    assert found[2, -1] == 80
    assert found[3].tolist() == [60] + [0] * (N_RECALLS - 1)
    assert not found[4].any()
    assert recall(np.array([[20, 110, 0, 0, 0]]), recalls, 127)[0, 2, -1] == 127


def test_an_unknown_condition_is_encoded_as_zero():
    told = make_recall_features(
        np.zeros((2, N_RECALLS), np.int64), np.zeros((2, N_RECALLS), np.int64)
    )
    assert told.shape == (2, N_RECALLS * N_RECALL_FEATURES)
    assert not told.any()
    assert make_recall_features(np.full(N_RECALLS, 64), np.full(N_RECALLS, 1)).any()


def with_offsets(steps_per_bar, offset):
    loop = random_loop(np.random.default_rng(0), 4, steps_per_bar, 0.3)
    offsets = offset(np.random.default_rng(1), loop.velocities.shape)
    return DrumLoop(loop.velocities, steps_per_bar, 140, offsets)


def test_a_program_is_not_played():
    assert is_played(
        with_offsets(32, lambda rng, shape: rng.normal(0, 0.1, shape).clip(-0.49, 0.49))
    )
    assert not is_played(with_offsets(32, lambda _, shape: np.zeros(shape)))
    # Triplets between the 32nds, and 32nds between the 16ths.
    assert not is_played(with_offsets(32, lambda rng, shape: rng.choice([-1 / 3, 0, 1 / 3], shape)))
    assert not is_played(with_offsets(16, lambda rng, shape: rng.choice([-0.5, 0, 1 / 3], shape)))
    assert not is_played(make_loop())


@given(drum_loops())
def test_a_performance_is_what_was_played(loop):
    hits = find_hits(loop.onsets, loop.steps_per_bar, loop.bpm)
    played = read_played_hits(loop, hits, has_offsets=True)
    assert played.velocities.tolist() == loop.velocities[loop.onsets].tolist()
    center = (played.offsets - 0.5) / N_OFFSETS - 0.5
    assert np.abs(center - loop.offsets[loop.onsets]).max(initial=0) <= 0.5 / N_OFFSETS + 1e-6
    if not is_played(loop):
        assert not read_played_hits(loop, hits).offsets.any()


@given(drum_loops(steps_per_bar=16), st.booleans())
def test_every_hit_is_played_and_nothing_else(loop, offsets):
    humanizer = make_humanizer(offsets=offsets)
    (playback,) = draw(humanizer, [loop])
    assert playback.velocities.dtype == np.uint8
    np.testing.assert_array_equal(playback.velocities > 0, loop.onsets)
    assert playback.velocities.max(initial=0) <= 127
    assert playback.offsets.dtype == np.float32
    assert playback.offsets.min() >= -0.5
    assert playback.offsets.max() < 0.5
    assert not playback.offsets[~loop.onsets].any()
    assert offsets or not playback.offsets.any()


def test_a_loop_is_played_alike_in_any_batch():
    humanizer = make_humanizer(offsets=True, conditions=CONDITIONS)
    loops = loops_of(70)
    together = draw(humanizer, loops)
    for chosen in ([0], [33], [69, 5, 64], list(range(7)), list(range(69, -1, -1))):
        alone = draw(humanizer, [loops[at] for at in chosen], chosen)
        for at, playback in zip(chosen, alone, strict=True):
            np.testing.assert_array_equal(playback.velocities, together[at].velocities)
            np.testing.assert_array_equal(playback.offsets, together[at].offsets)


def test_the_generator_and_the_condition_decide():
    humanizer = make_humanizer(scale=1, conditions=CONDITIONS)
    loops = loops_of(3)
    known = np.array([1, 2, 0, 0])
    for other in ({"seed": 1}, {"condition": known}):
        for one, two in zip(draw(humanizer, loops), draw(humanizer, loops, **other), strict=True):
            assert (one.velocities != two.velocities).any()


def test_what_is_likely_is_drawn_more_often_than_said_by_the_temperature():
    humanizer = make_humanizer(scale=0)
    humanizer.weights["velocity/bias"][[29, 99]] = np.log(127e4) + np.log([0.25, 0.75])
    loop = repeat_to(make_loop(*((at, KICK) for at in range(16))), 128)
    (playback,) = draw(humanizer, [loop])
    drawn = playback.velocities[loop.onsets]
    assert np.isin(drawn, [30, 100]).all()
    sharpened = 3 ** (1 / 0.75)
    assert (drawn == 100).mean() == pytest.approx(sharpened / (1 + sharpened), abs=0.03)


def test_velocities_are_drawn_near_the_voices_last_velocity():
    humanizer = make_humanizer(scale=0)
    # The narrowest bell around the voice's last hit.
    humanizer.weights["velocity/bias"][127] = 30
    loop = repeat_to(make_loop(*((at, KICK) for at in range(16))), 2)
    drawn = draw(humanizer, [loop])[0].velocities[:, KICK]
    assert np.unique(drawn).size == 1
    other = draw(humanizer, [loop], seed=1)[0].velocities[:, KICK]
    assert other[0] != drawn[0]


def test_probabilities_add_up():
    humanizer = make_humanizer(offsets=True, conditions=CONDITIONS)
    loop = loops_of(1, seed=3)[0]
    hits = find_hits(loop.onsets, 16, 140)
    one = len(hits) // 2
    for head, n_classes in ((0, 127), (1, N_OFFSETS)):
        classes = np.full((n_classes, 2, len(hits)), 5)
        classes[:, head, one] = np.arange(1, n_classes + 1)
        played = [PlayedHits(*each) for each in classes]
        logs = humanizer.log_probabilities([hits] * n_classes, played)
        total = sum(np.exp(each[one, head]) for each in logs)
        assert total == pytest.approx(1, abs=1e-4)


def test_what_is_drawn_is_scored_as_it_was_drawn():
    humanizer = make_humanizer(scale=1, conditions=CONDITIONS)
    loops = loops_of(40, seed=2)
    hits = [find_hits(loop.onsets, 16, 140) for loop in loops]
    own = [
        PlayedHits(playback.velocities[loop.onsets].astype(int), np.zeros(loop.n_onsets, int))
        for loop, playback in zip(loops, draw(humanizer, loops), strict=True)
    ]
    rng = np.random.default_rng(0)
    others = [PlayedHits(rng.integers(1, 128, len(p.velocities)), p.offsets) for p in own]
    ours, theirs = (
        np.concatenate(humanizer.log_probabilities(hits, played)).mean() for played in (own, others)
    )
    assert ours > theirs + 0.1


@pytest.mark.parametrize("half", [False, True])
def test_a_saved_humanizer_is_loaded_unchanged(tmp_path, half):
    humanizer = make_humanizer(offsets=True, conditions=CONDITIONS)
    humanizer.figures = {"velocity": 3.5}
    save_humanizer(tmp_path / "one", humanizer, half=half)
    read = load_humanizer(tmp_path / "one")
    assert read.spec == humanizer.spec
    assert read.figures == humanizer.figures
    for name, weight in humanizer.weights.items():
        assert read.weights[name].dtype == np.float32
        np.testing.assert_allclose(read.weights[name], weight, atol=1e-3 if half else 0)
    save_humanizer(tmp_path / "two", read, half=half)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    size = (tmp_path / "one" / "humanizer.npz").stat().st_size
    n_weights = sum(weight.size for weight in humanizer.weights.values())
    assert size < n_weights * (2 if half else 4) + 4000


def change(content, **changes):
    return json.dumps({**content, "spec": {**content["spec"], **changes}})


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: None,
        lambda _: "{",
        lambda _: "[]",
        lambda content: json.dumps(content["spec"]),
        lambda content: json.dumps({**content, "figures": 3}),
        lambda content: json.dumps({**content, "figures": {"velocity": "much"}}),
        lambda content: json.dumps({**content, "spec": 3}),
        lambda content: change(content, more=1),
        lambda content: change(content, units=0),
        lambda content: change(content, units="6"),
        lambda content: change(content, steps_per_bar=20),
        lambda content: change(content, conditions=3),
        lambda content: change(content, units=7),
    ],
)
def test_a_broken_description_is_refused(tmp_path, damage):
    save_humanizer(tmp_path, make_humanizer())
    path = tmp_path / "humanizer.json"
    text = damage(json.loads(path.read_text()))
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(ModelError, match="humanizer"):
        load_humanizer(tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"PK", b"\x93NUMPY"])
def test_broken_weights_are_refused(tmp_path, content):
    humanizer = make_humanizer()
    save_humanizer(tmp_path, humanizer)
    path = tmp_path / "humanizer.npz"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"humanizer\.npz"):
        load_humanizer(tmp_path)


def test_a_missing_weight_is_named(tmp_path):
    humanizer = make_humanizer()
    save_humanizer(tmp_path, humanizer)
    weights = {name: value for name, value in humanizer.weights.items() if name != "played/bias"}
    np.savez(tmp_path / "humanizer.npz", **weights)
    with pytest.raises(ModelError, match="played/bias"):
        load_humanizer(tmp_path)


def test_a_shipped_one_is_small():
    spec = HumanizerSpec(64, 32, offsets=True, conditions=CONDITIONS)
    n_weights = sum(int(np.prod(shape)) for shape in weight_shapes(spec).values())
    assert n_weights < 200_000
