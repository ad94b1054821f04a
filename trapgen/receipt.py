"""A loop's receipt: how it was made, and how far it is from anything in the training data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from trapgen.codec import to_loop, to_words
from trapgen.errors import ModelError, TableError
from trapgen.loop import DrumLoop, Lineage
from trapgen.model import Network, weight_shapes
from trapgen.params import SampleParams
from trapgen.similarity import Pair, find_pairs
from trapgen.store import read_arrays, write_arrays

_N_NEAREST: Final = 3


def hash_model(network: Network) -> str:
    """Sixteen hex digits that name the weights."""
    digest = hashlib.blake2b(digest_size=8)
    for name in weight_shapes(network.spec):
        digest.update(np.ascontiguousarray(network.weights[name], "<f4").tobytes())
    return digest.hexdigest()


def save_reference(path: Path, loops: Sequence[DrumLoop]) -> None:
    """Write the training loops that receipts measure against: names, lengths and words."""
    words = [to_words(loop) for loop in loops]
    write_arrays(
        path,
        {
            "loop_ids": np.array([loop.lineage.loop_id for loop in loops]),
            "n_steps": np.array([len(each) for each in words], np.int64),
            "words": np.concatenate(words).astype(np.uint16),
        },
    )


def load_reference(path: Path, steps_per_bar: int) -> list[DrumLoop]:
    """Read the training loops beside a model.

    Raises:
        ModelError: The file is missing or broken.
    """
    try:
        stored = read_arrays(path)
        loop_ids, n_steps, words = (stored[key] for key in ("loop_ids", "n_steps", "words"))
    except (TableError, KeyError) as error:
        raise ModelError(path, "unreadable", error, "Train the model again.") from error
    pieces = np.split(words.astype(np.int64), np.cumsum(n_steps)[:-1])
    return [
        replace(to_loop(piece, steps_per_bar), lineage=Lineage(loop_id=str(loop_id)))
        for loop_id, piece in zip(loop_ids, pieces, strict=True)
    ]


def find_nearest(loops: Sequence[DrumLoop], reference: Sequence[DrumLoop]) -> list[list[Pair]]:
    """The nearest reference loops of each loop, nearest first (see `trapgen.similarity`)."""
    nearest: list[list[Pair]] = [[] for _ in loops]
    for pair in find_pairs(loops, reference, max_distance=1.0):
        nearest[pair.left].append(pair)
    return [sorted(pairs, key=lambda pair: pair.distance)[:_N_NEAREST] for pairs in nearest]


def make_receipt(
    loop: DrumLoop,
    nearest: Sequence[Pair],
    reference: Sequence[DrumLoop],
    params: SampleParams,
    seed: int,
    model: str,
    bar_lengths: Sequence[int],
) -> dict[str, Any]:
    """What `NAME.json` holds beside a sample.

    Args:
        loop: The loop.
        nearest: Its nearest training loops, as indices into `reference`.
        reference: The training loops.
        params: How it was drawn.
        seed: Of the whole draw; with the loop's number and the model it makes the loop again.
        model: The model's hash.
        bar_lengths: Steps that the model gave each bar itself.
    """
    drawn: Mapping[str, Any] = asdict(params)
    return {
        "loop": loop.lineage.loop_id,
        "model": model,
        "seed": seed,
        **{key: drawn[key] for key in drawn if key != "loops"},
        "steps_per_bar": loop.steps_per_bar,
        "n_onsets": loop.n_onsets,
        "bar_lengths": list(bar_lengths),
        "nearest": [
            {
                "loop_id": reference[pair.right].lineage.loop_id,
                "distance": round(pair.distance, 4),
                "rotation_beats": pair.rotation_beats,
            }
            for pair in nearest
        ],
    }
