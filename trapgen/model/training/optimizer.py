"""Optimizer: AdamW with a warmup-cosine learning rate, and the weight average that is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from trapgen.model.training.keras_access import exchange, import_tensorflow

_RISING: Final = 0.1
"""Warmup, as a share of all steps."""


def make_optimizer(
    learning_rate: float,
    n_steps: int,
    weight_decay: float,
    *,
    last_rate: float = 0.0,
    beta_2: float = 0.999,
    clip_norm: float = 1.0,
) -> Any:
    """AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) with a warmup-cosine learning rate.

    Args:
        learning_rate: Peak, reached after a tenth of all steps.
        n_steps: Steps of the whole training.
        weight_decay: Applied to all weights but biases.
        last_rate: Final learning rate, as a share of the peak.
        beta_2: Decay of the second moment.
        clip_norm: Global norm that gradients are clipped to.
    """
    keras, _ = import_tensorflow()
    n_rising = max(1, round(_RISING * n_steps))
    rate = keras.optimizers.schedules.CosineDecay(
        learning_rate / n_rising,
        max(1, n_steps - n_rising),
        alpha=last_rate,
        warmup_target=learning_rate,
        warmup_steps=n_rising,
    )
    optimizer = keras.optimizers.AdamW(
        rate, weight_decay=weight_decay, beta_2=beta_2, global_clipnorm=clip_norm
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


class WeightMean:
    """Exponential average of a model's weights over optimizer steps.

    Args:
        variables: The weights.
        optimizer: It counts the steps.
        n_steps: Time constant in steps; 1 keeps only the last step's weights.
    """

    def __init__(self, variables: Sequence[Any], optimizer: Any, n_steps: int) -> None:
        _, tf = import_tensorflow()
        optimizer.build(variables)
        self.values = [tf.Variable(variable) for variable in variables]
        self._variables, self._optimizer, self._n_steps = variables, optimizer, n_steps

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Give the model the averaged weights, for evaluation."""
        latest = exchange(self._variables, self.values)
        yield
        exchange(self._variables, latest)

    def update(self) -> None:
        """Update the average after a step; called within a `tf.function`."""
        import tensorflow as tf

        # The time constant grows from 1, so that the initial weights are forgotten.
        n_steps = tf.cast(self._optimizer.iterations, tf.float32)
        new = tf.maximum(1 / self._n_steps, 9 / (9 + n_steps))
        for kept, variable in zip(self.values, self._variables, strict=True):
            kept.assign_add(new * (variable - kept))
