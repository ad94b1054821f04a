"""How weights move: AdamW along a learning rate that rises and falls, and the mean that is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from trapgen.model.training.keras_access import exchange, import_tensorflow

_RISING: Final = 0.1
"""Share of all steps over which the learning rate rises."""


def make_optimizer(
    learning_rate: float,
    n_steps: int,
    weight_decay: float,
    *,
    last_rate: float = 0.0,
    beta_2: float = 0.999,
    clip_norm: float = 1.0,
) -> Any:
    """AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101), its rate along a cosine.

    Args:
        learning_rate: Its height, after a tenth of all steps.
        n_steps: Of the whole training.
        weight_decay: Of all weights but biases.
        last_rate: Where the rate ends, as a share of its height.
        beta_2: Decay of the second moment.
        clip_norm: Norm that all gradients together are clipped to.
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
    """An exponential mean of a model's weights over the steps of an optimizer.

    Args:
        variables: The weights.
        optimizer: It counts the steps.
        n_steps: So many steps count, with exponential weight; 1 is the last step's weights alone.
    """

    def __init__(self, variables: Sequence[Any], optimizer: Any, n_steps: int) -> None:
        _, tf = import_tensorflow()
        optimizer.build(variables)
        self.values = [tf.Variable(variable) for variable in variables]
        self._variables, self._optimizer, self._n_steps = variables, optimizer, n_steps

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Give the model the mean of its weights, to be judged."""
        latest = exchange(self._variables, self.values)
        yield
        exchange(self._variables, latest)

    def update(self) -> None:
        """Take in the weights after a step; called within a `tf.function`."""
        import tensorflow as tf

        # A short past first: the mean must not remember the initial weights.
        n_steps = tf.cast(self._optimizer.iterations, tf.float32)
        new = tf.maximum(1 / self._n_steps, 9 / (9 + n_steps))
        for kept, variable in zip(self.values, self._variables, strict=True):
            kept.assign_add(new * (variable - kept))
