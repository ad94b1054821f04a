"""Training, on a toy corpus: it learns, repeats itself to the bit, and survives interruption."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from trapgen.core import BAR, Codec, ParameterError, TrainParams, add_bars
from trapgen.model import ModelSpec
from trapgen.model.training import (
    Conditions,
    clear_checkpoint,
    hold_out,
    make_windows,
    train_network,
)

PARAMS = TrainParams(
    layers=1, units=12, dropout=0.2, window_bars=2, lookback_bars=1, batch_size=8,
    learning_rate=0.01, averaging=10, epochs=3, patience=3,
)  # fmt: skip
SPEC = ModelSpec.of(PARAMS, Codec(16))


def make_loops(n_loops, seed, bars=4):
    """Loops that repeat a bar of four words."""
    rng = np.random.default_rng(seed)
    return [np.tile(rng.choice([0, 64, 256, 320], 16), bars) for _ in range(n_loops)]


TRAIN, VALIDATION = make_loops(24, seed=0), make_loops(6, seed=1)


class KilledError(Exception):
    """Stands for a killed process."""


def stop_after(n_epochs):
    def on_epoch(epoch):
        if epoch.epoch == n_epochs:
            raise KilledError

    return on_epoch


def losses(trained):
    return [(epoch.epoch, *epoch.losses.values()) for epoch in trained.history]


def assert_same(one, other):
    assert losses(one) == losses(other)
    assert one.best_epoch == other.best_epoch
    assert list(one.network.weights) == list(other.network.weights)
    for name, value in one.network.weights.items():
        np.testing.assert_array_equal(value, other.network.weights[name], err_msg=name)


@pytest.fixture(scope="module")
def trained():
    """An uninterrupted training, and what it reported on its way."""
    batches, epochs = [], []
    found = train_network(
        TRAIN, VALIDATION, SPEC, PARAMS, 0,
        on_batch=lambda *batch: batches.append(batch), on_epoch=epochs.append,
    )  # fmt: skip
    return found, batches, epochs


def test_the_loss_falls(trained):
    found, _, _ = trained
    train = [epoch.train for epoch in found.history]
    assert train == sorted(train, reverse=True)
    assert train[-1] < train[0] - 0.5
    assert found.history[-1].validation < found.history[0].validation < 9
    assert found.history[-1].seconds > 0


def test_batches_and_epochs_are_reported(trained):
    found, batches, epochs = trained
    assert tuple(epochs) == found.history
    n_batches = len(TRAIN) * 2 // 8
    assert [batch[:2] for batch in batches] == [
        (epoch, at) for epoch in (1, 2, 3) for at in range(n_batches)
    ]
    # Batches are of about one size here, the bars of the control aside, so that an epoch's loss is
    # nearly the mean of theirs.
    first = [bits for epoch, _, bits in batches if epoch == 1]
    assert np.mean(first) == pytest.approx(found.history[0].train, rel=0.03)


@pytest.mark.slow
def test_the_figures_are_those_of_the_network(trained):
    found, _, _ = trained
    assert found.best_epoch == min(found.history, key=lambda epoch: epoch.validation).epoch
    # One window at a time: training starts each with an empty memory.
    short = train_network(
        TRAIN, [words[:32] for words in VALIDATION], SPEC, replace(PARAMS, epochs=1), 0
    )
    tokens = np.stack([add_bars(words[:32], 16) for words in VALIDATION])
    logs = short.network.log_probabilities(tokens)[tokens != BAR]
    assert -logs.mean() / np.log(2) == pytest.approx(short.history[0].validation, abs=1e-4)


@pytest.mark.slow
def test_the_control_is_judged_on_bars_that_are_not_learned():
    # Nothing but the held-out bar holds a crash: a word that is never a target stays unlikely.
    params = replace(PARAMS, epochs=4, dropout=0.0, learning_rate=0.05, lookback_bars=0)
    spec = ModelSpec.of(params, Codec(16))
    held_out = find_control(spec, params)
    train = np.tile(256, (24, 64))
    train.reshape(-1, 16)[held_out] = 1
    found = train_network(list(train), [np.full(64, 256)] * 3, spec, params, 0)
    last = found.history[-1]
    assert last.train < 0.5
    assert last.validation < 0.5
    assert last.control_loss > 6
    assert last.leak_gap == last.validation - last.control_loss < -5


def find_control(spec, params):
    """The bars that are held out from 24 loops of 4 bars, told apart by their words."""
    loops = list(np.repeat(np.arange(96), 16).reshape(24, 64))
    windows = make_windows(loops, spec, params)
    _, control = hold_out(windows, params.control_share, np.random.default_rng([0, *b"control"]))
    return np.unique(control.targets[control.is_word > 0])


@pytest.mark.slow
def test_the_leak_gap_grows_where_training_loops_are_memorized():
    # Bars of noise repeat within a loop and among its siblings: only who learned them knows them.
    rng = np.random.default_rng(3)
    train = [np.tile(bar, 4) for bar in rng.choice([0, 64, 256, 320], (8, 16)) for _ in range(6)]
    params = replace(
        PARAMS, epochs=40, patience=40, dropout=0.0, units=32, lookback_bars=0, learning_rate=0.02
    )
    # Without places to look back to: a network that copies needs not to have learned what repeats.
    spec = replace(ModelSpec.of(params, Codec(16)), recall_bars=0)
    found = train_network(train, make_loops(9, seed=4), spec, params, 0)
    first, last = found.history[0], found.history[-1]
    assert last.leak_gap > 0.5
    assert last.leak_gap > first.leak_gap + 0.3


@pytest.mark.slow
def test_validation_is_split_by_its_distance_to_train():
    near, far = TRAIN[:4], [np.full(64, 8)] * 4
    middle = [np.where(np.arange(64) % 8 == 3, 8, words) for words in TRAIN[4:8]]
    found = train_network(TRAIN, [*far, *near, *middle], SPEC, PARAMS, 0)
    for epoch in found.history:
        assert list(epoch.by_distance) == ["near", "middle", "far"]
        assert np.mean(list(epoch.by_distance.values())) == pytest.approx(epoch.validation)
        assert epoch.validation_near < epoch.validation_middle < epoch.validation_far


@pytest.mark.slow
def test_a_third_without_loops_has_no_loss():
    found = train_network(TRAIN, VALIDATION[:2], SPEC, replace(PARAMS, epochs=1), 0)
    assert list(found.history[0].by_distance) == ["near", "middle"]
    assert found.history[0].validation_far is None


@pytest.mark.slow
def test_the_seed_decides(trained):
    same = train_network(TRAIN, VALIDATION, SPEC, PARAMS, 0)
    assert_same(trained[0], same)
    other = train_network(TRAIN, VALIDATION, SPEC, replace(PARAMS, epochs=1), 1)
    assert losses(other)[0] != losses(trained[0])[0]


@pytest.mark.slow
def test_a_resumed_training_is_an_uninterrupted_one(trained, tmp_path):
    with pytest.raises(KilledError):
        train_network(
            TRAIN, VALIDATION, SPEC, PARAMS, 0, checkpoint=tmp_path, on_epoch=stop_after(2)
        )
    assert (tmp_path / "state.json").is_file()
    epochs = []
    resumed = train_network(
        TRAIN, VALIDATION, SPEC, PARAMS, 0, checkpoint=tmp_path, on_epoch=epochs.append
    )
    assert_same(trained[0], resumed)
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3]
    # Killed before its model was saved, a finished training is found again.
    batches = []
    again = train_network(
        TRAIN, VALIDATION, SPEC, PARAMS, 0, checkpoint=tmp_path,
        on_batch=lambda *batch: batches.append(batch),
    )  # fmt: skip
    assert_same(resumed, again)
    assert batches == []
    clear_checkpoint(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("killed_at", [(1, 1), (2, 3)])
def test_a_training_is_resumed_within_an_epoch(trained, tmp_path, killed_at):
    params = replace(PARAMS, checkpoint_minutes=0)  # after every batch

    def on_batch(epoch, batch, bits):
        if (epoch, batch) == killed_at:
            raise KilledError

    with pytest.raises(KilledError):
        train_network(TRAIN, VALIDATION, SPEC, params, 0, checkpoint=tmp_path, on_batch=on_batch)
    state = json.loads((tmp_path / "state.json").read_text())
    # The batch that it was killed after was not yet saved.
    assert (len(state["history"]) + 1, state["batches"]) == killed_at
    batches = []
    resumed = train_network(
        TRAIN, VALIDATION, SPEC, PARAMS, 0, checkpoint=tmp_path,
        on_batch=lambda *batch: batches.append(batch),
    )  # fmt: skip
    assert_same(trained[0], resumed)
    assert batches[0][:2] == killed_at


@pytest.mark.slow
def test_a_checkpoint_of_other_data_is_left_alone(trained, tmp_path):
    with pytest.raises(KilledError):
        train_network(
            TRAIN[:-1], VALIDATION, SPEC, PARAMS, 0, checkpoint=tmp_path, on_epoch=stop_after(1)
        )
    found = train_network(TRAIN, VALIDATION, SPEC, PARAMS, 0, checkpoint=tmp_path)
    assert_same(trained[0], found)


def spoil_arrays(folder):
    for path in folder.glob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:100])


def spoil_state(**changes):
    def spoil(folder):
        state = json.loads((folder / "state.json").read_text())
        (folder / "state.json").write_text(json.dumps(state | changes))

    return spoil


@pytest.mark.slow
@pytest.mark.parametrize(
    "spoil",
    [
        spoil_arrays,
        lambda folder: (folder / "state.json").write_bytes(b""),
        lambda folder: (folder / "state.json").write_text("{}"),
        spoil_state(best=""),
        spoil_state(history=[{"epoch": 1}]),
        spoil_state(total=[0.0]),
    ],
)
def test_a_broken_checkpoint_starts_again_and_says_so(trained, tmp_path, capsys, spoil):
    with pytest.raises(KilledError):
        train_network(
            TRAIN, VALIDATION, SPEC, PARAMS, 0, checkpoint=tmp_path, on_epoch=stop_after(1)
        )
    spoil(tmp_path)
    assert_same(trained[0], train_network(TRAIN, VALIDATION, SPEC, PARAMS, 0, checkpoint=tmp_path))
    said = capsys.readouterr().err
    assert re.search(rf"note: {tmp_path} is damaged \(.*\); the training starts again", said)


@pytest.mark.slow
def test_patience_ends_a_training():
    # Validation is the opposite of what is learned: after the first epoch it only gets worse.
    params = replace(PARAMS, epochs=9, patience=2, dropout=0.0, learning_rate=0.05)
    train = [np.full(64, 256)] * 8
    found = train_network(train, [np.full(64, 64)] * 2, SPEC, params, 0)
    validation = [epoch.validation for epoch in found.history]
    assert len(validation) == found.best_epoch + 2 < 9
    assert validation[found.best_epoch - 1] == min(validation)


@pytest.mark.slow
def test_conditions_of_a_loop_are_learned():
    # Two kinds of loops that begin alike: only who is told the kind knows the first words.
    params = replace(PARAMS, epochs=60, patience=60, dropout=0.0, learning_rate=0.03)
    spec = ModelSpec.of(params, Codec(16), ("kind:beat", "kind:fill"))
    kinds = np.arange(40) % 2
    loops = [np.full(32, 256 if kind else 64) for kind in kinds]
    told = np.stack([np.zeros_like(kinds)] * 3 + [1 + kinds], axis=1)
    found = train_network(loops, loops[:8], spec, params, 0, conditions=Conditions(told, told[:8]))
    tokens = np.stack([add_bars(words, 16) for words in loops[:8]])
    first = found.network.log_probabilities(tokens, told[:8])[:, 0]
    assert (first > np.log(0.9)).all()
    # Withheld now and then while learning, it may be missing: then both kinds are as likely.
    guessed = found.network.log_probabilities(tokens)[:, 0]
    np.testing.assert_allclose(np.exp(guessed), 0.5, atol=0.2)


@pytest.mark.slow
def test_a_training_goes_on_from_a_network(trained):
    found, _, _ = trained
    again = train_network(
        TRAIN, VALIDATION, SPEC, replace(PARAMS, epochs=1), 0, start=found.network
    )
    assert again.history[0].train < found.history[1].train
    assert again.history[0].validation < found.history[1].validation


@pytest.mark.slow
def test_the_mean_of_the_weights_is_what_is_kept():
    # Of one step's memory, the mean is the last step's weights; of more, it lags behind.
    params = replace(PARAMS, epochs=1, dropout=0.0)
    last, mean = (
        train_network(TRAIN, VALIDATION, SPEC, replace(params, averaging=steps), 0)
        for steps in (1, 1000)
    )
    assert last.history[0].train == mean.history[0].train
    assert last.history[0].validation < mean.history[0].validation


@pytest.mark.parametrize(("train", "validation"), [([], VALIDATION), (TRAIN, [])])
def test_both_sides_need_loops(train, validation):
    with pytest.raises(ParameterError, match="at least one"):
        train_network(train, validation, SPEC, PARAMS, 0)
