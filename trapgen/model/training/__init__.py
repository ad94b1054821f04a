"""Training with TensorFlow, which is imported only here, and only when training starts."""

from trapgen.model.training.checkpoint import clear_checkpoint, fingerprint
from trapgen.model.training.fit import Conditions, Trained, train_network
from trapgen.model.training.history import (
    Epoch,
    best_epoch,
    describe_learning,
    read_history,
    write_history,
)
from trapgen.model.training.jitter import vary_loops
from trapgen.model.training.keras_access import import_tensorflow, read_weights, start_repeatably
from trapgen.model.training.network import build_keras, load_keras, make_lstm
from trapgen.model.training.optimizer import WeightMean, make_optimizer
from trapgen.model.training.steps import Learner, make_learner
from trapgen.model.training.training_windows import (
    TrainingWindows,
    draw_bars,
    draw_batches,
    hold_out,
    make_windows,
)
from trapgen.model.training.validation_distance import (
    DISTANCES,
    measure_distances,
    part_by_distance,
)
