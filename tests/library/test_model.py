"""The network: numpy and Keras say the same, nothing looks ahead, and a folder gives it back."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.networks import NEVER_COPIES, WIDE, copy_from, make_network
from tests.strategies import make_loop, random_loop
from trapgen.core import (
    BAR,
    KICK,
    N_TARGETS,
    N_WORDS,
    PAD,
    START,
    Codec,
    ModelError,
    TrainParams,
    add_bars,
    to_onsets,
    to_words,
)
from trapgen.model import (
    TOKEN_TABLE,
    ModelSpec,
    Network,
    iterate_inputs,
    load_network,
    load_start,
    log_softmax,
    make_inputs,
    save_network,
    weight_shapes,
)
from trapgen.model.layers import Layers
from trapgen.model.words.spec import (
    N_BEAT_LAGS,
    N_LAG_SIMILARITIES,
    N_LOOP_BARS,
    N_TOKEN_FEATURES,
    N_TOKENS,
    VOICES_OF_TARGET,
)

SPECS = {
    "plain": ModelSpec(2, 12, 0.3, 2, 16, 4, 3, 5),
    "no lookback": ModelSpec(1, 8, 0.0, 0, 24, 2, 1, 4),
    "conditioned": ModelSpec(1, 8, 0.0, 1, 24, 1, 1, 4, ("style:funk", "fill")),
}


def random_network(spec, seed=0, scale=0.4):
    rng = np.random.default_rng(seed)
    weights = {
        name: rng.normal(0, scale, shape).astype(np.float32)
        for name, shape in weight_shapes(spec).items()
    }
    return Network(spec, weights)


def random_tokens(spec, n_loops=3, bars=6, seed=0):
    rng = np.random.default_rng(seed)
    loops = [random_loop(rng, bars, spec.steps_per_bar) for _ in range(n_loops)]
    return np.stack([add_bars(to_words(loop), spec.steps_per_bar) for loop in loops])


def all_scores(network, tokens):
    """`(n_loops, n_tokens, N_TARGETS)` log-probabilities, a token at a time."""
    state, logits = network.start(len(tokens)), []
    for inputs in iterate_inputs(tokens, network.spec):
        step, state = network.step(inputs, state)
        logits.append(log_softmax(step))
    return np.stack(logits, axis=1)


# What the network is told


def test_tokens_are_told_by_their_voices():
    assert TOKEN_TABLE.shape == (N_TOKENS, 11)
    assert TOKEN_TABLE[0b100000001].tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]
    assert TOKEN_TABLE[BAR].tolist() == [0] * 9 + [1, 0]
    assert TOKEN_TABLE[START].tolist() == TOKEN_TABLE[PAD].tolist() == [0] * 10 + [1]
    logits = np.arange(10, dtype=np.float32)
    spread = logits @ VOICES_OF_TARGET
    assert spread.shape == (N_TARGETS,)
    assert (spread[0b110000000], spread[BAR]) == (0 + 1, 9)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_inputs_tell_the_past(spec):
    tokens = random_tokens(spec)
    length = spec.steps_per_bar + 1
    inputs = make_inputs(tokens, spec)
    assert inputs.lookback.shape == (*tokens.shape, N_BEAT_LAGS + spec.recall_bars)
    np.testing.assert_array_equal(inputs.previous[:, 1:], tokens[:, :-1])
    assert set(inputs.previous[:, 0]) == {START}
    for at in range(tokens.shape[1]):
        assert set(inputs.position[:, at]) == {at % length}
        assert set(inputs.bar[:, at]) == {at // length % N_LOOP_BARS}
        for k in range(spec.recall_bars):
            ago = at - (k + 1) * length
            expected = tokens[:, ago] if ago >= 0 else np.full(len(tokens), PAD)
            np.testing.assert_array_equal(inputs.lookback[:, at, N_BEAT_LAGS + k], expected)


def test_a_loop_shorter_than_the_lookback_has_none():
    inputs = make_inputs(random_tokens(SPECS["plain"], bars=1), SPECS["plain"])
    assert set(inputs.lookback[..., N_BEAT_LAGS:].ravel()) == {PAD}


def test_parameters_decide_the_networks_spec():
    params = TrainParams(layers=3, units=20, dropout=0.1, lookback_bars=2, recall_bars=7)
    spec = ModelSpec.of(params, Codec(48), ("fill",))
    assert spec == ModelSpec(3, 20, 0.1, 2, 48, 7, 6, 16, ("fill",))
    assert spec.n_lags == 9
    # Recall reaches at least as far as what is told bar by bar.
    assert ModelSpec.of(replace(params, recall_bars=1), Codec(48)).n_lags == 4
    assert SPECS["plain"].codec == Codec(16)


# What it says


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_probabilities_of_all_tokens_make_one(spec):
    tokens = random_tokens(spec)
    network = random_network(spec)
    logits = all_scores(network, tokens)
    assert logits.shape == (*tokens.shape, N_TARGETS)
    np.testing.assert_allclose(np.exp(logits.astype(float)).sum(axis=-1), 1, atol=1e-5)
    chosen = np.take_along_axis(logits, tokens[..., None], axis=-1)[..., 0]
    np.testing.assert_allclose(network.log_probabilities(tokens), chosen, atol=1e-6)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_scores_do_not_depend_on_later_tokens(spec):
    network, tokens = random_network(spec), random_tokens(spec)
    changed = tokens.copy()
    changed[:, 40] = (changed[:, 40] + 1) % N_WORDS
    one, other = (all_scores(network, x) for x in (tokens, changed))
    np.testing.assert_array_equal(one[:, :41], other[:, :41])
    assert (np.abs(one[:, 41] - other[:, 41]).max(axis=-1) > 1e-4).all()


def test_lookback_reaches_as_far_as_it_says():
    # Without a memory, all that reaches a step comes by the token before, and by the tokens a beat,
    # half a bar and one to four bars before.
    spec = SPECS["plain"]
    weights = random_network(spec).weights
    for layer in range(spec.layers):
        weights[f"lstm_{layer}/recurrent_kernel"] *= 0
        weights[f"lstm_{layer}/bias"][12:24] = -100  # forget
    told = N_TOKEN_FEATURES + N_LOOP_BARS
    weights["lstm_0/kernel"][told : told + spec.n_lookback_lags * N_LAG_SIMILARITIES] = 0
    weights["match/kernel"][:N_LAG_SIMILARITIES] = 0
    network, tokens = Network(spec, weights), random_tokens(spec, bars=5)
    changed = tokens.copy()
    changed[:, 3] = (changed[:, 3] + 1) % N_WORDS
    moved = np.abs(all_scores(network, tokens) - all_scores(network, changed)).max(axis=(0, 2))
    assert np.flatnonzero(moved > 1e-6).tolist() == [4, 3 + 4, 3 + 8, *range(3 + 17, 85, 17)]


def test_lag_similarity_is_a_mean_of_differences():
    spec = SPECS["plain"]
    rng = np.random.default_rng(0)
    words = rng.choice([0, 256, 64, 257, 16], 4 * 16)
    inputs = make_inputs(add_bars(words, 16)[None], spec)
    groups = np.array(
        [[1, 1, 0, 0, 0, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0, 0, 1, 1], [0] * 4 + [1] * 3 + [0] * 2]
    )
    unknown = np.array([0.35, 0.45, 0.15])
    hits = to_onsets(words).astype(int)
    for lag, ago in ((0, 4), (1, 8), (2, 16), (4, 48)):
        for span, length in enumerate((2, 8, 32)):
            mean = unknown
            for step in range(len(words)):
                token = step + step // 16
                found = inputs.lag_similarity[0, token, lag, 3 * span : 3 * span + 3]
                np.testing.assert_allclose(found, mean, atol=2e-3)
                apart = np.abs(hits[step] - hits[step - ago]) @ groups.T if step >= ago else unknown
                mean = mean + (apart - mean) / length


def test_recall_looks_back_a_beat_and_half_a_bar():
    spec = SPECS["plain"]
    words = np.arange(3 * 16)
    inputs = make_inputs(add_bars(words, 16)[None], spec)
    for step in range(len(words)):
        beats = inputs.lookback[0, step + step // 16, :2].tolist()
        assert beats == [step - ago if step >= ago else PAD for ago in (4, 8)]


def test_a_copied_word_needs_no_score():
    # The LSTMs know nothing, and the gate is open: what was played a bar ago comes again.
    spec = SPECS["plain"]
    weights = {name: np.zeros(shape, np.float32) for name, shape in weight_shapes(spec).items()}
    network = copy_from(Network(spec, weights), N_BEAT_LAGS)
    tokens = np.tile(random_tokens(spec, n_loops=2, bars=1), 3)
    logs = network.log_probabilities(tokens)
    assert (logs[:, 17:] > -1e-4).all()
    np.testing.assert_allclose(logs[:, 0], -np.log(N_TARGETS), atol=1e-3)


@pytest.mark.parametrize("spec", [*SPECS.values(), WIDE], ids=[*SPECS, "wide"])
def test_scores_of_a_loop_are_the_same_in_any_batch(spec):
    network = random_network(spec, scale=0.1)
    together = random_tokens(spec, n_loops=40, bars=2)
    few = together[7:10]
    states = [network.start(len(together)), network.start(len(few))]
    for all_inputs, inputs in zip(
        iterate_inputs(together, spec), iterate_inputs(few, spec), strict=True
    ):
        logits, states[0] = network.step(all_inputs, states[0])
        its, states[1] = network.step(inputs, states[1])
        np.testing.assert_array_equal(its, logits[7:10])


@pytest.mark.parametrize(("width", "n_columns"), [(9, 513), (37, 65), (330, 768), (512, 2048)])
def test_rows_of_a_product_are_the_same_in_any_batch(width, n_columns):
    rng = np.random.default_rng(width)
    weight = rng.normal(0, 1, (width, n_columns)).astype(np.float32)
    x = rng.normal(0, 1, (320, width)).astype(np.float32)
    multiply = Layers({"kernel": weight}).multiply
    together = multiply("kernel", x)
    exact = x.astype(np.float64) @ weight.astype(np.float64)
    np.testing.assert_allclose(together, exact, atol=1e-5 * width)
    for n in [*range(1, 40), 64, 127, 128, 129, 256]:
        at = rng.integers(0, len(x) - n + 1)
        np.testing.assert_array_equal(multiply("kernel", x[at : at + n]), together[at : at + n])
    shaped = x.reshape(4, 5, 16, width)
    np.testing.assert_array_equal(multiply("kernel", shaped), together.reshape(4, 5, 16, n_columns))


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_extreme_weights_overflow_nothing(spec):
    network = random_network(spec, scale=200)
    assert np.isfinite(all_scores(network, random_tokens(spec)).max(axis=-1)).all()


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_padding_changes_no_score_before_it(spec):
    network, tokens = random_network(spec), random_tokens(spec)
    n_more = spec.steps_per_bar + 1
    padded = np.concatenate([tokens, np.full((3, n_more), PAD)], axis=1)
    found = network.log_probabilities(padded)
    np.testing.assert_allclose(found[:, :-n_more], network.log_probabilities(tokens), atol=1e-6)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_keras_and_numpy_give_the_same_scores(spec):
    import tensorflow as tf

    from trapgen.model.training import load_keras, read_weights

    network, tokens = random_network(spec), random_tokens(spec)
    model = load_keras(network)
    inputs = {name: tf.constant(value) for name, value in vars(make_inputs(tokens, spec)).items()}
    theirs = log_softmax(np.asarray(model(inputs, training=False)))
    np.testing.assert_allclose(all_scores(network, tokens), theirs, atol=1e-5)
    back = read_weights(model, weight_shapes(spec))
    assert list(back) == list(weight_shapes(spec))
    for name, value in network.weights.items():
        np.testing.assert_array_equal(back[name], value)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_what_is_learned_is_what_is_scored(spec):
    import tensorflow as tf

    from trapgen.model.training import build_keras
    from trapgen.model.training.keras_access import set_weights

    network, tokens = random_network(spec), random_tokens(spec)
    conditions = np.random.default_rng(0).integers(0, 1 + len(spec.conditions), (3, 4))
    built = build_keras(spec)
    set_weights(built.likelihood, network.weights)
    inputs = vars(make_inputs(tokens, spec, conditions)) | {"target": tokens}
    told = {name: tf.constant(value) for name, value in inputs.items()}
    theirs = np.asarray(built.likelihood(told, training=False))
    found = network.log_probabilities(tokens, conditions)
    np.testing.assert_allclose(found, theirs, atol=1e-5)
    without = network.log_probabilities(tokens)
    assert np.abs(found - without).max() > 1e-3 or not spec.conditions


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_keras_trains_what_numpy_reads(spec):
    from trapgen.model.training import build_keras, read_weights

    model = build_keras(spec).likelihood
    weights = read_weights(model, weight_shapes(spec))
    shapes = {name: value.shape for name, value in weights.items()}
    assert shapes == weight_shapes(spec)
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == sum(
        int(np.prod(variable.shape)) for variable in model.trainable_variables
    )


# Its folder


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_network_comes_back(tmp_path, spec):
    network = random_network(spec)
    save_network(tmp_path / "model", network)
    loaded = load_network(tmp_path / "model")
    assert loaded.spec == spec
    assert list(loaded.weights) == list(weight_shapes(spec))
    for name, value in network.weights.items():
        np.testing.assert_array_equal(loaded.weights[name], value)
        assert loaded.weights[name].dtype == np.float32


def test_the_same_weights_give_the_same_bytes(tmp_path):
    network = random_network(SPECS["plain"])
    backwards = Network(network.spec, dict(reversed(network.weights.items())))
    for name, it in (("one", network), ("other", backwards)):
        save_network(tmp_path / name, it)
    files = [
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("one", "other")
    ]
    assert files[0] == files[1]
    assert set(files[0]) == {"model.json", "codec.json", "weights.npz"}


def change_json(path, **change):
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))


def change_weight(path, name, value):
    with np.load(path) as stored:
        weights = dict(stored)
    weights.pop(name) if value is None else weights.update({name: value})
    np.savez(path, **weights)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        pytest.param(lambda x: (x / "model.json").unlink(), "no_model", id="no model"),
        pytest.param(lambda x: (x / "codec.json").unlink(), "codec.json", id="no codec"),
        pytest.param(lambda x: (x / "weights.npz").unlink(), "weights.npz", id="no weights"),
        pytest.param(lambda x: (x / "model.json").write_text("{"), "model.json", id="no JSON"),
        pytest.param(lambda x: (x / "model.json").write_text("[]"), "model.json", id="a list"),
        pytest.param(lambda x: change_json(x / "model.json", more=1), "model.json", id="more keys"),
        pytest.param(
            lambda x: change_json(x / "model.json", architecture="lookback"),
            "architecture lookback, where recall alone is known.*Train the model again",
            id="another architecture",
        ),
        pytest.param(
            lambda x: change_json(x / "model.json", units=7), r"lstm_0/kernel", id="other units"
        ),
        pytest.param(
            lambda x: change_json(x / "codec.json", pitches=[1]), "pitches", id="other vocabulary"
        ),
        pytest.param(
            lambda x: change_json(x / "codec.json", steps_per_bar=32), "codec", id="other grid"
        ),
        pytest.param(
            lambda x: (x / "weights.npz").write_bytes(b"PK nonsense"), "weights.npz", id="no zip"
        ),
        pytest.param(lambda x: (x / "weights.npz").write_bytes(b""), "weights.npz", id="empty"),
        pytest.param(
            lambda x: (x / "weights.npz").write_bytes((x / "weights.npz").read_bytes()[:-300]),
            "weights.npz",
            id="cut short",
        ),
        pytest.param(
            lambda x: change_weight(x / "weights.npz", "words/bias", None),
            r"words/bias .received None",
            id="a weight gone",
        ),
        pytest.param(
            lambda x: change_weight(x / "weights.npz", "words/bias", np.zeros(3, np.float32)),
            r"words/bias .received \(3,\)\). The weight must have shape \(513,\)",
            id="another shape",
        ),
        pytest.param(
            lambda x: change_weight(x / "weights.npz", "words/bias", np.full(513, "a")),
            "weights.npz",
            id="no numbers",
        ),
    ],
)
def test_a_damaged_folder_is_refused(tmp_path, damage, named):
    save_network(tmp_path, random_network(SPECS["plain"]))
    damage(tmp_path)
    with pytest.raises(ModelError, match=named) as caught:
        load_network(tmp_path)
    assert caught.value.exit_code == 3
    assert str(tmp_path) in str(caught.value)


def test_a_network_learns_from_its_weights_alone():
    # All weights at zero: every token is as likely as any other.
    network = make_network(scale=0, copy=NEVER_COPIES)
    tokens = add_bars(to_words(make_loop((0, KICK))), 16)[None]
    np.testing.assert_allclose(network.log_probabilities(tokens), -np.log(N_TARGETS), rtol=1e-5)
    # A score for the kick lifts every word that has one.
    network.weights["voices/bias"][KICK] = 100
    found = network.log_probabilities(tokens)[0]
    assert found[0] == pytest.approx(-np.log(256), rel=1e-4)
    assert (found[1:] < -60).all()


def test_only_a_network_of_the_same_grid_is_gone_on_from(tmp_path):
    save_network(tmp_path, random_network(SPECS["plain"]))
    assert load_start(tmp_path, Codec(16)).spec == SPECS["plain"]
    with pytest.raises(ModelError, match=r"steps_per_bar.*received 16.*The loops have 32"):
        load_start(tmp_path, Codec(32))
