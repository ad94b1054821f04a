"""The audit's pairs and their loops as compact data, for the page's script to draw and to play."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from math import inf, isnan
from typing import Any, Final

import numpy as np

from trapgen.audit import Audit, Overlap
from trapgen.core import VOICES, DrumLoop, ParameterError
from trapgen.similarity import compare

MAX_PAIRS: Final = 300
"""Pairs of each kind that a page holds."""

MAX_BYTES: Final = 3 * 2**20
"""Size of all of them as JSON: the rest of a page stays far under 2 MiB."""

KINDS: Final = {
    "exact_loop": ("The same loop", "Every hit is the same."),
    "near_loop": ("A similar loop", "The nearer, the fewer hits differ."),
    "voice": ("A voice taken over", "One voice plays the same throughout, and no commonplace."),
    "window": ("The same bars on end", "Some bars in a row are the same, or nearly."),
    "shared_source": (
        "A common source",
        "They may sound unlike each other, but a part of one was heard while training.",
    ),
    "exact_bar": ("One bar in common", "Drum bars repeat by themselves, too."),
}
"""What each kind of pair is called, and what it means; the gravest first."""

HIT: Final = np.dtype([("place", "<u4"), ("velocity", "u1"), ("offset", "i1")])
"""A hit: nine times its step, plus its voice; its velocity; its microtiming in 256ths of a step."""


def embed_pairs(
    audit: Audit, loops: Mapping[str, DrumLoop], max_bytes: int = MAX_BYTES
) -> dict[str, Any]:
    """The nearest pairs of each kind, each of their loops once.

    Returns:
        `voices`, their names and labels; `kinds`, a list of name and label; `names`, the ids of
        parents and sources; `loops`, and `pairs` that refer to them by number, the nearest first.
        Parents and sources are numbers of `names`; `hits` are `HIT`s in Base64.

    Raises:
        ParameterError: A pair names a loop that is not among `loops`.
    """
    names: dict[str, int] = {}
    rows: dict[str, dict[str, Any]] = {}
    chosen: list[Overlap] = []
    size = 0
    for pair in _by_turns(audit):
        sides = {pair.train_loop: "train", pair.other_loop: pair.side}
        fresh = {
            name: _embed_loop(find_loop(loops, name), side, names)
            for name, side in sides.items()
            if name not in rows
        }
        # 120 bytes are a pair's own row.
        size += 120 + sum(len(json.dumps(row)) for row in fresh.values())
        if size > max_bytes:
            break
        rows |= fresh
        chosen.append(pair)
    kinds = [kind for kind in [*KINDS, *sorted(audit.n_pairs)] if audit.n_pairs.get(kind)]
    kinds = list(dict.fromkeys(kinds))
    numbers = {name: number for number, name in enumerate(rows)}
    # Sorting is stable: of equally near pairs, those that show new loops stay in front.
    ordered = sorted(chosen, key=lambda pair: (_order(pair), kinds.index(pair.kind)))
    return {
        "voices": [[voice.name, voice.label] for voice in VOICES],
        "kinds": [[kind, name_kind(kind)] for kind in kinds],
        "names": list(names),
        "loops": list(rows.values()),
        "pairs": [_embed_pair(pair, numbers, loops) for pair in ordered],
    }


def choose_pairs(pairs: Sequence[Overlap], most: int) -> list[Overlap]:
    """The nearest pairs; those that show new loops before those that show a loop again."""
    fresh: list[Overlap] = []
    again: list[Overlap] = []
    seen: set[str] = set()
    for pair in sorted(pairs, key=_order):
        names = {pair.train_loop, pair.other_loop}
        (again if seen & names else fresh).append(pair)
        seen |= names
    return sorted([*fresh, *again][:most], key=_order)


def find_loop(loops: Mapping[str, DrumLoop], name: str) -> DrumLoop:
    """The loop of an id.

    Raises:
        ParameterError: There is none.
    """
    if name not in loops:
        raise ParameterError("loops", "every loop of the audit by its id", name)
    return loops[name]


def name_kind(kind: str) -> str:
    """What a kind of pair is called."""
    return KINDS[kind][0] if kind in KINDS else kind.replace("_", " ").capitalize()


def _order(pair: Overlap) -> float:
    return inf if isnan(pair.distance) else pair.distance


def _by_turns(audit: Audit) -> Iterator[Overlap]:
    """The nearest pair of each kind, then the second of each: what a limit cuts off is fair."""
    kinds = dict.fromkeys(pair.kind for pair in audit.pairs)
    listed = (
        choose_pairs([pair for pair in audit.pairs if pair.kind == kind], MAX_PAIRS)
        for kind in kinds
    )
    for turn in zip_longest(*listed):
        yield from (pair for pair in turn if pair is not None)


def _embed_loop(loop: DrumLoop, side: str, names: dict[str, int]) -> dict[str, Any]:
    lineage = loop.lineage
    places = np.flatnonzero(loop.velocities)
    hits = np.empty(len(places), HIT)
    hits["place"] = places
    hits["velocity"] = loop.velocities.ravel()[places]
    hits["offset"] = np.clip(np.rint(loop.offsets.ravel()[places] * 256), -128, 127)

    def number(words: Sequence[str]) -> list[int]:
        return [names.setdefault(word, len(names)) for word in words]

    return {
        "name": lineage.loop_id,
        "side": side,
        "bars": loop.n_bars,
        "grid": loop.steps_per_bar,
        "bpm": round(float(loop.bpm), 3),
        "style": lineage.style,
        "parents": number(lineage.parents),
        "sources": number(lineage.source_ids),
        "hits": b64encode(hits.tobytes()).decode("ascii"),
    }


def measure_loosely(pair: Overlap, loops: Mapping[str, DrumLoop]) -> float | None:
    """The distance if hits a step early or late count as met; None where no hit differs anyway."""
    if pair.kind not in ("near_loop", "window") or not pair.distance:
        return None
    both = find_loop(loops, pair.train_loop), find_loop(loops, pair.other_loop)
    return compare(*both, pair.transform, tolerance_steps=1).jaccard


def _embed_pair(
    pair: Overlap, numbers: Mapping[str, int], loops: Mapping[str, DrumLoop]
) -> list[Any]:
    """Loops, kind, distances, voices, the transform in words, and as `lay_over` takes it."""
    move = pair.transform
    loosely = measure_loosely(pair, loops)
    return [
        numbers[pair.train_loop],
        numbers[pair.other_loop],
        pair.kind,
        None if isnan(pair.distance) else round(pair.distance, 4),
        None if loosely is None else round(loosely, 4),
        pair.voices,
        str(move),
        [move.rotation_beats, move.stretch, move.left_beat, move.right_beat, move.n_bars],
        [list(voices) for voices in move.left_voices],
        [list(voices) for voices in move.voices],
    ]
