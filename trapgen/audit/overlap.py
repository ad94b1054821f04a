"""Pairs of loops across splits that exceed a threshold, of every kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice, product
from typing import Final

import numpy as np

from trapgen.audit.bar_windows import BarWindows, list_windows
from trapgen.audit.loop_matches import LoopMatches, Mask
from trapgen.audit.remap import VOICE_MAPS
from trapgen.audit.results import Overlap
from trapgen.audit.voice_matches import place_voice
from trapgen.core import BEATS_A_BAR, N_VOICES, VOICES, DrumLoop
from trapgen.similarity import Transform, find_pairs, near_rows, rename_voices

MAX_LISTED: Final = 100_000
"""Maximum listed pairs of each kind; all are counted."""

KINDS: Final = ("exact_loop", "near_loop", "shared_source", "voice", "window", "exact_bar")
"""Kinds of pairs, strongest first. A pair of loops is listed once, by its first kind."""

_PAIR_BARS: Final = 2
_MIN_HITS: Final = 6
"""Two bars with fewer hits are too common to match."""


@dataclass(frozen=True, slots=True)
class Match:
    """Two patterns that have something in common, by their numbers.

    Attributes:
        left: A pattern of train.
        right: A pattern of the other splits.
        kind: What they have in common, one of `KINDS`.
        distance: As in `Overlap`.
        transform: As in `Overlap`.
        voices: As in `Overlap`.
        weight: Of two matches at one distance, the heavier is stronger.
    """

    left: int
    right: int
    kind: str
    distance: float
    transform: Transform
    voices: str
    weight: float = 0.0


def find_matches(
    loop_matches: LoopMatches, train: Mask, held_out: Mask, *, whole: bool = False
) -> list[Match]:
    """All pairs of patterns across splits that match in more than a source.

    Args:
        loop_matches: The loops of all splits.
        train: `(n_loops,)` mask of training loops.
        held_out: `(n_loops,)` mask of held-out loops.
        whole: Whether to compare whole loops only, not their voices and bars, and to read only the
            held-out ones through other key maps, where train is many times as large.

    Returns:
        One match per pair of patterns, of its first kind in `KINDS`; nearest first.
    """
    in_train, in_held_out = loop_matches.holds(train), loop_matches.holds(held_out)
    first: dict[tuple[int, int], Match] = {}
    searches: tuple[Callable[..., Iterator[Match]], ...] = (
        _near_loops,
        _misread_loops,
        _common_voices,
        _near_windows,
        _same_bars,
    )
    if whole:
        searches = (_near_loops, partial(_misread_loops, sides=(False,)))
    for search in searches:
        for match in search(loop_matches, in_train, in_held_out):
            first.setdefault((match.left, match.right), match)
    return sorted(
        first.values(), key=lambda match: (KINDS.index(match.kind), match.distance, -match.weight)
    )


def _near_loops(loop_matches: LoopMatches, in_train: Mask, in_held_out: Mask) -> Iterator[Match]:
    for pair in loop_matches.near_across(in_train, in_held_out):
        kind = "near_loop" if pair.distance else "exact_loop"
        yield Match(pair.left, pair.right, kind, pair.distance, pair.transform, "all")


def _misread_loops(
    loop_matches: LoopMatches,
    in_train: Mask,
    in_held_out: Mask,
    sides: Sequence[bool] = (True, False),
) -> Iterator[Match]:
    """Loops that are near each other if one of them is read through another key map.

    Args:
        loop_matches: The loops of all splits.
        in_train: `(n_patterns,)` mask of the patterns of train.
        in_held_out: `(n_patterns,)` mask of the other splits'.
        sides: Whether the one that is read anew is that of train.
    """
    for of_train in sides:
        read = np.flatnonzero(in_train if of_train else in_held_out)
        other = np.flatnonzero(in_held_out if of_train else in_train)
        loops, origins = _misread([loop_matches.different[at] for at in read])
        near = find_pairs(
            loops,
            [loop_matches.different[at] for at in other],
            loop_matches.params.near_duplicate_distance,
        )
        for pair in near:
            at, voices = origins[pair.left]
            ends = int(read[at]), int(other[pair.right])
            turned = pair.rotation_beats
            if of_train:
                place = Transform(rotation_beats=turned, left_voices=voices)
            else:
                n_beats = BEATS_A_BAR * max(loop_matches.different[end].n_bars for end in ends)
                place = Transform(rotation_beats=-turned % n_beats, voices=voices)
                ends = ends[::-1]
            kind = "near_loop" if pair.distance else "exact_loop"
            yield Match(*ends, kind, pair.distance, place, "all")


def _misread(
    loops: Sequence[DrumLoop],
) -> tuple[list[DrumLoop], list[tuple[int, tuple[tuple[int, int], ...]]]]:
    """Loops as other key maps would read them, and the original loop of each.

    Loops that a map leaves unchanged are omitted, and those that lose more than half of their hits.
    """
    found: list[DrumLoop] = []
    origins = []
    for at, loop in enumerate(loops):
        known = {loop.onsets.tobytes()}
        for voices in VOICE_MAPS:
            read = rename_voices(loop, voices)
            if 2 * read.n_onsets >= loop.n_onsets and read.onsets.tobytes() not in known:
                known.add(read.onsets.tobytes())
                found.append(read)
                origins.append((at, voices))
    return found, origins


def _common_voices(loop_matches: LoopMatches, in_train: Mask, in_held_out: Mask) -> Iterator[Match]:
    matches = loop_matches.voice_matches
    groups: dict[tuple[int, int], list[tuple[Transform, str, float]]] = defaultdict(list)
    for target_is_left in (True, False):
        ends = (matches.target, matches.query)[:: 1 if target_is_left else -1]
        across = in_train[ends[0]] & in_held_out[ends[1]]
        found = matches.take(across)
        for left, right, target, query, *voices, beats, bits in zip(
            ends[0][across].tolist(),
            ends[1][across].tolist(),
            *(column.tolist() for column in found.columns),
            strict=True,
        ):
            place = place_voice(
                loop_matches.different[target],
                loop_matches.different[query],
                beats,
                target_is_left=target_is_left,
            )
            ours, theirs = voices if target_is_left else voices[::-1]
            if ours != theirs:
                place = replace(place, voices=((theirs, ours),))
            groups[left, right].append((place, VOICES[ours].name, bits))
    for (left, right), shared in sorted(groups.items()):
        # The voice with the highest surprisal represents the place; others there join it.
        place, _, bits = max(shared, key=lambda each: (not each[0].voices, each[2]))
        names = dict.fromkeys(name for there, name, _ in shared if there == place)
        yield Match(left, right, "voice", 0.0, place, ",".join(names), bits)


def _near_windows(loop_matches: LoopMatches, in_train: Mask, in_held_out: Mask) -> Iterator[Match]:
    """Two consecutive bars of a training loop, from any beat, that occur in the held-out loop."""
    left = np.flatnonzero(in_train)
    right = np.flatnonzero(in_held_out)
    known = list_windows(
        [loop_matches.different[at] for at in left], _PAIR_BARS, at_every_beat=True
    )
    asked = list_windows([loop_matches.different[at] for at in right], _PAIR_BARS)
    if not len(known.onsets) or not len(asked.onsets):
        return
    near = near_rows(
        asked.onsets.unpack(), known.onsets.unpack(), loop_matches.params.window_distance
    )
    hits = asked.onsets.count()
    heavy = hits[near.ours] >= _MIN_HITS
    of_known, of_asked = _owners(known), _owners(asked)
    best: dict[tuple[int, int], Match] = {}
    for ours, theirs, distance in zip(
        near.ours[heavy].tolist(),
        near.known[heavy].tolist(),
        near.distance[heavy].tolist(),
        strict=True,
    ):
        for at_right, right_beat in of_asked[ours]:
            for at_left, left_beat in of_known[theirs]:
                place = Transform(left_beat=left_beat, right_beat=right_beat, n_bars=_PAIR_BARS)
                key = int(left[at_left]), int(right[at_right])
                found = Match(*key, "window", distance, place, "all", float(hits[ours]))
                if key not in best or (distance, -found.weight) < (
                    best[key].distance,
                    -best[key].weight,
                ):
                    best[key] = found
    yield from best.values()


def _same_bars(loop_matches: LoopMatches, in_train: Mask, in_held_out: Mask) -> Iterator[Match]:
    """Bars in common, the one with the most hits for each pair of patterns."""
    bars = list_windows(loop_matches.different, 1)
    hits = bars.onsets.count()
    holders = _owners(bars)
    for pattern in np.argsort(-hits, kind="stable").tolist():
        known = [each for each in holders[pattern] if in_train[each[0]]]
        asked = [each for each in holders[pattern] if in_held_out[each[0]]]
        onsets = bars.onsets[pattern : pattern + 1].unpack().reshape(BEATS_A_BAR, -1)
        cells = onsets[:, : loop_matches.loops[0].steps_per_bar // BEATS_A_BAR * N_VOICES]
        sounding = np.flatnonzero(cells.reshape(-1, N_VOICES).any(axis=0))
        voices = ",".join(VOICES[voice].name for voice in sounding)
        for left, left_beat in known:
            for right, right_beat in asked:
                place = Transform(left_beat=left_beat, right_beat=right_beat, n_bars=1)
                yield Match(left, right, "exact_bar", 0.0, place, voices, float(hits[pattern]))


def _owners(windows: BarWindows) -> Mapping[int, list[tuple[int, int]]]:
    """By pattern, the loops that have it, with the first place in each."""
    found: dict[int, dict[int, int]] = defaultdict(dict)
    for pattern, owner, beat in zip(
        windows.pattern.tolist(), windows.owner.tolist(), windows.beat.tolist(), strict=True
    ):
        found[pattern].setdefault(owner, beat)
    return {pattern: list(owners.items()) for pattern, owners in found.items()}


@dataclass(frozen=True)
class Listing:
    """Pairs of loops across splits.

    Attributes:
        counts: Number of pairs by kind.
        near_duplicates: Number of pairs of whole loops within the near-duplicate distance.
        rows: The nearest pairs of each kind.
    """

    counts: dict[str, int]
    near_duplicates: int
    rows: list[Overlap]


def list_overlaps(
    loop_matches: LoopMatches, matches: Sequence[Match], sides: Sequence[str]
) -> Listing:
    """Count the pairs of loops across splits by kind, and list the nearest of each.

    Args:
        loop_matches: The loops of all splits.
        matches: The matches of patterns across splits.
        sides: Split of each loop.
    """
    is_train = np.array([side == "train" for side in sides], bool)
    known, held_out = (loop_matches.loops_by_pattern(mask) for mask in (is_train, ~is_train))
    names = [loop.lineage.loop_id for loop in loop_matches.loops]
    counts = dict.fromkeys(KINDS, 0)
    near_duplicates = 0
    rows: dict[str, list[Overlap]] = {kind: [] for kind in KINDS}
    for match in matches:
        lefts, rights = known[match.left], held_out[match.right]
        n_pairs = len(lefts) * len(rights)
        counts[match.kind] += n_pairs
        whole = match.kind in ("exact_loop", "near_loop")
        near_duplicates += n_pairs * (
            whole and match.distance <= loop_matches.params.near_duplicate_distance
        )
        room = MAX_LISTED - len(rows[match.kind])
        rows[match.kind] += [
            Overlap(
                names[left],
                names[right],
                sides[right],
                match.kind,
                match.distance,
                match.transform,
                match.voices,
            )
            for left, right in islice(product(lefts, rights), room)
        ]
    for left, right in _related(loop_matches.loops, sides):
        counts["shared_source"] += 1
        if counts["shared_source"] <= MAX_LISTED:
            ours, theirs = (set(loop_matches.loops[at].lineage.source_ids) for at in (left, right))
            shared = ",".join(sorted(ours & theirs))
            row = (sides[right], "shared_source", float("nan"), Transform(), shared)
            rows["shared_source"].append(Overlap(names[left], names[right], *row))
    return Listing(counts, near_duplicates, list(chain.from_iterable(rows.values())))


def _related(loops: Sequence[DrumLoop], sides: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Index pairs of loops that share a source, grouped by held-out loop."""
    children: dict[str, list[int]] = defaultdict(list)
    for at, (loop, side) in enumerate(zip(loops, sides, strict=True)):
        if side == "train":
            for source in loop.lineage.source_ids:
                children[source].append(at)
    for at, (loop, side) in enumerate(zip(loops, sides, strict=True)):
        if side != "train":
            lefts = {left for source in loop.lineage.source_ids for left in children[source]}
            yield from ((left, at) for left in sorted(lefts))
