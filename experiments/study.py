"""What is asked of each experiment: losses on three kinds of windows, bars, and hits."""

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
"""How much a network writes to be heard, each loop on from another training window."""

JUDGED_TRAIN: Final = 500
"""Training windows that are judged, too: as many as tell the loss well enough."""

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
    """Windows by what they are for.

    Attributes:
        learned: Of the training side.
        control: Held out from the training side, bars at random: a control that leaks.
        validation: Of the validation side, as the protocol deals it.
    """

    learned: Windows
    control: Windows
    validation: Windows


def measure_overlap(sided: Sided, sources: Sequence[DrumLoop], params: Params) -> dict[str, Any]:
    """What the audit finds, its gate's verdict among it; nobody is stopped by it here.

    Args:
        sided: The loops with their sides.
        sources: What they were made of.
        params: Of the experiment.
    """
    summary = audit_corpus(sided, sources, params).summary()
    return {"protocol": params.split.protocol, **{name: summary[name] for name in _TOLD}}


def part_windows(
    sided: Sided, steps_per_bar: int, split: SplitParams, recipe: Recipe, seed: int
) -> Parted:
    """Cut the loops into windows, and say what each is for.

    Where the protocol deals loops or bars to sides after recombination, one window slides over all
    of them, as the original's did, and belongs to the side of the word it asks for. Where sources
    were dealt first, each side is a text of its own.

    Raises:
        ParameterError: A side has no window.
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
        raise ParameterError("windows a side", "at least one", (len(train), len(validation)))
    drawn = np.random.default_rng([seed, *b"control"])
    return Parted(*hold_out(train, recipe.control_share, drawn), validation)


def study(sided: Sided, params: Params, recipe: Recipe) -> Iterator[dict[str, float]]:
    """Learn, and say after each epoch how it went.

    Yields:
        `epoch`; bits per step of `train`, `control` and `validation` windows; and after epochs 1,
        2, 4, 8 and so on and the last, of what the network writes, left to itself: the share of
        bars that it closes at the right step (`closed`), the median `bar_length` in steps, `hits`
        a bar of steps and the share of `empty` steps.
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
    """How long the bars are, and how full, that a network wrote.

    Args:
        starts: `(n_loops, n_told)` tokens that it went on from; each holds a BAR.
        written: `(n_loops, n_tokens)` what it wrote.
        steps_per_bar: The grid.

    Returns:
        Of all bars that end, or should have ended, in what was written: `closed`, the share of
        them with the right number of steps, and `bar_length`, the median number; `hits` a bar of
        steps and the share of `empty` steps.
    """
    lengths = []
    for told, added in zip(starts, written, strict=True):
        tokens = np.concatenate([told, added])
        ends = np.append(np.flatnonzero(tokens == BAR), len(tokens))
        steps = np.diff(ends) - 1
        # The last bar is cut off by the end of the writing: it counts where it is too long by then.
        is_told = ends[1:-1] < len(told)
        last = steps[-1:][steps[-1:] > steps_per_bar]
        lengths += [*steps[:-1][~is_told], *last]
    return {
        "closed": float((np.array(lengths) == steps_per_bar).mean()),
        "bar_length": float(np.median(lengths)),
        **describe_words(written[written < BAR], steps_per_bar),
    }


def describe_words(words: Tokens, steps_per_bar: int) -> dict[str, float]:
    """Hits a bar of steps, and the share of steps without one, of `(n_steps,)` words."""
    if not len(words):
        return {"hits": 0.0, "empty": 1.0}
    hits = to_onsets(words).sum() * steps_per_bar / len(words)
    return {"hits": float(hits), "empty": float((words == 0).mean())}
