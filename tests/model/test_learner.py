"""What a training does with the devices that there are."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from tests.networks import CONDITIONED, PLAIN, make_network
from trapgen.core import Codec, TrainParams
from trapgen.model import ModelSpec
from trapgen.model.training import make_learner, make_windows
from trapgen.model.training.keras_access import set_weights
from trapgen.model.training.network import build_keras
from trapgen.model.training.steps import choose_precision, choose_strategy, deal_rows

PARAMS = TrainParams(
    layers=1, units=12, dropout=0.0, window_bars=2, lookback_bars=1, learning_rate=0.01
)

TWO_DEVICES = """
import json
from trapgen.model.training import import_tensorflow
keras, tf = import_tensorflow()
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from tests.model.test_learner import learn_a_little
from trapgen.model.training import steps
both = [device.name for device in tf.config.list_logical_devices("CPU")]
steps.choose_strategy = lambda: tf.distribute.MirroredStrategy(both)
print(json.dumps(learn_a_little()))
"""


def make_loops(n_loops):
    rng = np.random.default_rng(0)
    return [np.tile(rng.choice([0, 64, 256, 320], 16), 4) for _ in range(n_loops)]


def learn_a_little():
    """Nats a word of some batches, then of all judged, and how many devices there were."""
    import keras

    keras.utils.set_random_seed(0)
    spec = ModelSpec.of(PARAMS, Codec(16))
    windows = make_windows(make_loops(9), spec, PARAMS)
    learner = make_learner(spec, PARAMS, 4)
    # The last batch cannot be halved.
    batches = [windows.take(np.arange(at, min(at + 5, 18))) for at in range(0, 18, 5)]
    found = [learner.learn(batch) for batch in batches]
    with learner.mean.in_place():
        found.append(learner.judge(windows, 8).sum(axis=0))
    nats = [float(total / n_words) for total, n_words in found]
    return {"nats": nats, "devices": learner.strategy.num_replicas_in_sync}


@pytest.mark.slow
def test_two_devices_learn_what_one_learns():
    # Devices are set before TensorFlow starts: in a process of its own.
    run = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    two, one = json.loads(run.stdout.splitlines()[-1]), learn_a_little()
    assert (one["devices"], two["devices"]) == (1, 2)
    np.testing.assert_allclose(two["nats"], one["nats"], rtol=1e-4)
    assert one["nats"][-1] < one["nats"][0]


def test_rows_are_dealt_and_filled_up():
    windows = make_windows(make_loops(4), ModelSpec.of(PARAMS, Codec(16)), PARAMS)
    parts = deal_rows(windows.take(np.arange(5)), 2)
    assert [len(part) for part in parts] == [3, 3]
    together = np.concatenate([part.targets for part in parts])
    np.testing.assert_array_equal(together[:5], windows.targets[:5])
    weights = np.concatenate([part.is_target for part in parts]).sum(axis=1)
    np.testing.assert_array_equal(weights, [34] * 5 + [0])


def test_a_cpu_learns_in_float32_on_one_device():
    assert choose_precision() == "float32"
    assert choose_strategy().num_replicas_in_sync == 1


@pytest.mark.parametrize("spec", [PLAIN, CONDITIONED])
def test_lower_precision_says_nearly_the_same(spec):
    network = make_network(spec)
    windows = make_windows(make_loops(3), spec, replace(PARAMS, lookback_bars=2))
    inputs = vars(windows.inputs) | {"target": windows.targets}
    found = []
    for precision in ("float32", "mixed_bfloat16"):
        model = build_keras(spec, precision=precision).likelihood
        set_weights(model, network.weights)
        assert {variable.dtype for variable in model.trainable_variables} == {"float32"}
        found.append(np.asarray(model({key: np.asarray(x) for key, x in inputs.items()})))
    assert found[1].dtype == np.float32
    np.testing.assert_allclose(found[1].mean(), found[0].mean(), rtol=0.02)
    assert np.abs(found[1] - found[0]).max() > 0
