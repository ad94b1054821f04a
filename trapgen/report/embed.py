"""The audit's pairs, aligned, as compact data for the page's script to draw and to play."""

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
from trapgen.report.grid import choose_bars, describe_differences, find_marks
from trapgen.report.one_shots import embed_kit
from trapgen.similarity import Transform, compare, lay_over

MAX_PAIRS: Final = 300
"""Pairs of each kind that a page holds."""

MAX_BYTES: Final = 3 * 2**20
"""Size of all of them as JSON: the rest of a page stays far under 2 MiB."""

KINDS: Final = ("exact_loop", "near_loop", "voice", "window", "shared_source", "exact_bar")
"""Kinds of pairs, the gravest first; what they are called stands in `pairs.html.j2`."""

MAX_BARS: Final = 16
"""Bars of a pair that are drawn and played."""

HIT: Final = np.dtype(
    [
        ("place", "<u2"),
        ("train", "u1"),
        ("other", "u1"),
        ("train_offset", "i1"),
        ("other_offset", "i1"),
    ]
)
"""A hit of two aligned loops: nine times its step, plus its voice; its velocity in either loop, 0
for none; its microtiming there in 256ths of a step."""


def embed_pairs(
    audit: Audit, loops: Mapping[str, DrumLoop], max_bytes: int = MAX_BYTES
) -> dict[str, Any]:
    """The nearest pairs of each kind, each of their loops once.

    Returns:
        `voices`, their names and labels; `names`, the ids of parents and sources, which loops
        refer to by number; `loops`; `grid`, the steps of their bars; `aligned`, two loops laid
        over each other, as `_embed_aligned` gives them; `kit`, see `embed_kit`; and `pairs`, the
        nearest first, that refer to their loops and to `aligned` by number.

    Raises:
        ParameterError: A pair names a loop that is not among `loops`.
    """
    names: dict[str, int] = {}
    rows: dict[str, dict[str, Any]] = {}
    aligned: dict[tuple[str, str, Transform], list[Any]] = {}
    chosen: list[Overlap] = []
    size = 0
    for pair in _by_turns(audit):
        sides = {pair.train_loop: "train", pair.other_loop: pair.side}
        fresh = {
            name: _embed_loop(find_loop(loops, name), side, names)
            for name, side in sides.items()
            if name not in rows
        }
        laid = {} if _key(pair) in aligned else {_key(pair): _embed_aligned(pair, loops)}
        # 120 bytes are a pair's own row.
        size += 120 + sum(len(json.dumps(row)) for row in (*fresh.values(), *laid.values()))
        if size > max_bytes:
            break
        rows |= fresh
        aligned |= laid
        chosen.append(pair)
    kinds = list_kinds(audit)
    of_loop = {name: number for number, name in enumerate(rows)}
    of_key = {key: number for number, key in enumerate(aligned)}
    # Sorting is stable: of equally near pairs, those that show new loops stay in front.
    ordered = sorted(chosen, key=lambda pair: (_order(pair), kinds.index(pair.kind)))
    # An audit's loops stand on one grid.
    grid = next(iter(loops.values())).steps_per_bar
    return {
        "voices": [[voice.name, voice.label] for voice in VOICES],
        "names": list(names),
        "loops": list(rows.values()),
        "grid": grid,
        "aligned": list(aligned.values()),
        "kit": embed_kit(),
        "pairs": [_embed_pair(pair, of_loop, of_key[_key(pair)], loops) for pair in ordered],
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


def list_kinds(audit: Audit) -> list[str]:
    """The kinds of pairs that were found, the gravest first."""
    known = [kind for kind in KINDS if audit.n_pairs.get(kind)]
    return known + sorted(kind for kind, n in audit.n_pairs.items() if n and kind not in KINDS)


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


def _key(pair: Overlap) -> tuple[str, str, Transform]:
    return pair.train_loop, pair.other_loop, pair.transform


def _embed_loop(loop: DrumLoop, side: str, names: dict[str, int]) -> dict[str, Any]:
    lineage = loop.lineage

    def number(words: Sequence[str]) -> list[int]:
        return [names.setdefault(word, len(names)) for word in words]

    return {
        "name": lineage.loop_id,
        "side": side,
        "bpm": "?" if loop.bpm is None else round(float(loop.bpm), 3),
        "style": lineage.style,
        "parents": number(lineage.parents),
        "sources": number(lineage.source_ids),
    }


def _embed_aligned(pair: Overlap, loops: Mapping[str, DrumLoop]) -> list[Any]:
    """Two loops laid over each other.

    Returns:
        Length in bars; the first bar shown, from 0, and how many; seconds a step of the training
        loop and of the other, as fast as each is found; what differs, in words; `HIT`s in Base64,
        and the steps that are marked, both counted from the first bar shown.
    """
    found = find_loop(loops, pair.train_loop), find_loop(loops, pair.other_loop)
    train, other = lay_over(*found, pair.transform)
    grid = train.steps_per_bar
    shown = choose_bars(train, other, MAX_BARS)
    steps = slice(shown.start * grid, shown.stop * grid)
    places = np.flatnonzero((train.onsets | other.onsets)[steps])
    hits = np.empty(len(places), HIT)
    hits["place"] = places
    for name, loop in (("train", train), ("other", other)):
        offsets = loop.offsets[steps].ravel()[places]
        hits[name] = loop.velocities[steps].ravel()[places]
        hits[f"{name}_offset"] = np.clip(np.rint(offsets * 256), -128, 127)
    # A loop that is laid over in half time is played as fast as it is.
    stretch = 1.0 if pair.transform.n_bars else pair.transform.stretch
    faster = (max(1.0, 1 / stretch), max(1.0, stretch))
    marks = [step - steps.start for step in find_marks(train, other)]
    seconds = (
        round(240 / loop.play_bpm / grid / times, 6)
        for loop, times in zip(found, faster, strict=True)
    )
    return [
        train.n_bars,
        shown.start,
        len(shown),
        *seconds,
        describe_differences(train, other),
        b64encode(hits.tobytes()).decode("ascii"),
        [step for step in marks if 0 <= step < len(shown) * grid],
    ]


def measure_loosely(pair: Overlap, loops: Mapping[str, DrumLoop]) -> float | None:
    """The distance if hits a step early or late count as the same; None where no hit differs."""
    if pair.kind not in ("near_loop", "window") or not pair.distance:
        return None
    both = find_loop(loops, pair.train_loop), find_loop(loops, pair.other_loop)
    return compare(*both, pair.transform, tolerance_steps=1).jaccard


def _embed_pair(
    pair: Overlap, numbers: Mapping[str, int], aligned: int, loops: Mapping[str, DrumLoop]
) -> list[Any]:
    """Loops, kind, distances, voices, the transform in words, and where the two are aligned."""
    loosely = measure_loosely(pair, loops)
    return [
        numbers[pair.train_loop],
        numbers[pair.other_loop],
        pair.kind,
        None if isnan(pair.distance) else round(pair.distance, 4),
        None if loosely is None else round(loosely, 4),
        pair.voices,
        str(pair.transform),
        aligned,
    ]
