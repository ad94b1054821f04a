"""Our LSTM against Keras' own."""

from __future__ import annotations

import numpy as np
import pytest

from trapgen.model.training import import_tensorflow

keras, tf = import_tensorflow()

from trapgen.model.training.scan_lstm import ScanLSTM  # noqa: E402  (after TensorFlow's quiet start)


@pytest.fixture
def pair():
    """Both from one seed."""
    layers = []
    for make in (ScanLSTM, lambda units, name: keras.layers.LSTM(units, return_sequences=True)):
        keras.utils.set_random_seed(5)
        layer = make(12, name="lstm_0")
        layer.build((None, None, 7))
        layers.append(layer)
    return layers


def test_one_seed_starts_both_alike(pair):
    ours, theirs = pair
    for name in ("kernel", "recurrent_kernel", "bias"):
        np.testing.assert_array_equal(getattr(ours.cell, name), getattr(theirs.cell, name))


@pytest.mark.parametrize("n_steps", [1, 2, 33])
def test_values_and_gradients_are_those_of_keras(pair, n_steps):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.standard_normal((5, n_steps, 7)), tf.float32)
    weigh = tf.constant(rng.standard_normal((5, n_steps, 12)), tf.float32)
    results = []
    for layer in pair:

        @tf.function
        def learn(layer=layer):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x)
                loss = tf.reduce_sum(weigh * y * y)
            return y, tape.gradient(loss, [x, *layer.trainable_variables])

        results.append(learn())
    (ours, our_gradients), (theirs, their_gradients) = results
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert len(our_gradients) == len(their_gradients) == 4
    for one, other in zip(our_gradients, their_gradients, strict=True):
        assert np.abs(one - other).max() <= 1e-5 * np.abs(other).max()
        assert n_steps == 1 or np.abs(other).max() > 0.01


def test_the_last_step_alone_has_a_gradient(pair):
    # As the paper learns: what is zero for all other steps must stay exact.
    x = tf.constant(np.random.default_rng(1).standard_normal((3, 9, 7)), tf.float32)
    found = []
    for layer in pair:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(x)[:, -1])
        found.append(tape.gradient(loss, layer.trainable_variables))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
