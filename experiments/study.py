"""Measurements of each experiment: losses on three kinds of windows, bars, and hits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from experiments.recipe import Recipe, Windows, hold_out, learn, slide_window
from trapgen.audit import Sided, audit_corpus
from trapgen.core import (
    BAR,
    Codec,
    DrumLoop,
    ParameterError,
    Params,
    SplitParams,
    to_onsets,
    to_words,
)
from trapgen.model import Tokens

HEARD_LOOPS: Final = 32
HEARD_BARS: Final = 8
"""Number and length of sampled loops, each continuing another training window."""

JUDGED_TRAIN: Final = 500
"""Number of training windows that are also evaluated."""

_DEALT_LATER: Final = ("by_file", "random_windows")
_TOLD: Final = (
    "n_loops",
    "exact_bar_overlap",
    "near_duplicate_pairs",
    "shared_source_pairs",
    "effective_sources",
    "effective_parts",
    "voices",
    "chance_overlap",
    "gate",
    "reasons",
)


@dataclass(frozen=True)
class Parted:
    """Windows by use.

    Attributes:
        learned: Training windows.
        control: Random bars held out from training loops: a control that leaks.
        validation: Validation windows, as the protocol assigns them.
    """

    learned: Windows
    control: Windows
    validation: Windows


def measure_overlap(sided: Sided, sources: Sequence[DrumLoop], params: Params) -> dict[str, Any]:
    """The audit's results, including the gate's verdict, which stops nothing here.

    Args:
        sided: The loops with their split.
        sources: Loops that they were made from.
        params: Parameters of the experiment.
    """
    summary = audit_corpus(sided, sources, params).summary()
    return {"protocol": params.split.protocol, **{name: summary[name] for name in _TOLD}}


def part_windows(
    sided: Sided, steps_per_bar: int, split: SplitParams, recipe: Recipe, seed: int
) -> Parted:
    """Cut the loops into windows by use.

    If the protocol assigns loops or bars to splits after recombination, one window slides over all
    of them, as in the original, and belongs to the split of its target. If sources were assigned
    first, each split is a text of its own.

    Raises:
        ParameterError: A split has no window.
    """

    def cut(loops: Iterable[DrumLoop]) -> Windows:
        words = [to_words(loop) for loop in loops]
        return slide_window(words, steps_per_bar, recipe.window, recipe.stride)

    if split.protocol in _DEALT_LATER:
        windows = cut(loop for _, loop in sided)
        side_of = np.array([side for side, _ in sided])[windows.loop]
        train, validation = (
            windows.take(np.flatnonzero(side_of == side)) for side in ("train", "validation")
        )
    else:
        train, validation = (
            cut(loop for its, loop in sided if its == side) for side in ("train", "validation")
        )
    if not len(train) or not len(validation):
        raise ParameterError("windows per split", "at least one", (len(train), len(validation)))
    drawn = np.random.default_rng([seed, *b"control"])
    return Parted(*hold_out(train, recipe.control_share, drawn), validation)


def study(sided: Sided, params: Params, recipe: Recipe) -> Iterator[dict[str, float]]:
    """Train, and yield measurements after each epoch.

    Yields:
        `epoch`; bits per step of `train`, `control` and `validation` windows; and after epochs 1,
        2, 4, 8 and so on and the last, of freely sampled loops: the share of bars that are closed
        at the right step (`closed`), the median `bar_length` in steps, `hits` per bar of steps and
        the share of `empty` steps.
    """
    codec = Codec(params.grid.steps_per_bar)
    parted = part_windows(sided, codec.steps_per_bar, params.split, recipe, params.seed)
    rng = np.random.default_rng([params.seed, *b"study"])
    n_judged = min(JUDGED_TRAIN, len(parted.learned))
    judged = {
        "train": parted.learned.take(rng.choice(len(parted.learned), n_judged, replace=False)),
        "control": parted.control,
        "validation": parted.validation,
    }
    starts = parted.learned.told
    starts = starts[rng.choice(len(starts), HEARD_LOOPS, replace=len(starts) < HEARD_LOOPS)]
    n_tokens = HEARD_BARS * codec.bar_length
    for epoch in learn(parted.learned, judged, recipe, params.seed):
        row = {"epoch": epoch.epoch, **epoch.bits}
        if epoch.epoch.bit_count() == 1 or epoch.epoch == recipe.epochs:
            drawn = np.random.default_rng([params.seed, *b"heard"])
            written = epoch.write(starts, n_tokens, drawn)
            row |= describe(starts, written, codec.steps_per_bar)
        yield row


def describe(starts: Tokens, written: Tokens, steps_per_bar: int) -> dict[str, float]:
    """Length and density of the bars that a network sampled.

    Args:
        starts: `(n_loops, n_told)` tokens that it continued; each contains a BAR.
        written: `(n_loops, n_tokens)` sampled tokens.
        steps_per_bar: The grid.

    Returns:
        Of all bars that end, or should have ended, among the sampled tokens: `closed`, the share
        with the right number of steps, and `bar_length`, the median number; `hits` per bar of
        steps and the share of `empty` steps.
    """
    lengths = []
    for told, added in zip(starts, written, strict=True):
        tokens = np.concatenate([told, added])
        ends = np.append(np.flatnonzero(tokens == BAR), len(tokens))
        steps = np.diff(ends) - 1
        # The last bar is cut off by the end of sampling: it counts if it is already too long.
        is_told = ends[1:-1] < len(told)
        last = steps[-1:][steps[-1:] > steps_per_bar]
        lengths += [*steps[:-1][~is_told], *last]
    return {
        "closed": float((np.array(lengths) == steps_per_bar).mean()),
        "bar_length": float(np.median(lengths)),
        **describe_words(written[written < BAR], steps_per_bar),
    }


def describe_words(words: Tokens, steps_per_bar: int) -> dict[str, float]:
    """Hits per bar of steps, and the share of steps without one, of `(n_steps,)` words."""
    if not len(words):
        return {"hits": 0.0, "empty": 1.0}
    hits = to_onsets(words).sum() * steps_per_bar / len(words)
    return {"hits": float(hits), "empty": float((words == 0).mean())}
