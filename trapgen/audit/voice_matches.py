"""Voice matches: one voice of a loop that another loop plays, hit for hit.

Voice patterns are compared as circular, under all rotations by beats: at equal length, repeated,
cut short, or as an excerpt. Any voice is compared with any voice, because a misread key map moves
patterns to other voices. Common patterns, which match by chance, are left out.

The search is exact: windows of up to four bars are joined by a 64-bit hash, and every match is
compared in full.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.audit.common_patterns import CommonPatterns
from trapgen.core import BEATS_A_BAR, N_VOICES, Columns, DrumLoop
from trapgen.similarity import Transform

_SEED_BARS: Final = 4
_MOVED_BITS: Final = 20.0
"""Least surprisal in bits of a match between two voices, which have more ways to match."""

_BLOCK: Final = 2**22

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class VoiceMatches(Columns):
    """Voice patterns that two loops have in common, as columns.

    Attributes:
        target: `(n,)` index of the loop that plays the pattern, as a circular loop.
        query: `(n,)` index of the loop whose whole pattern it is.
        target_voice: `(n,)` its voice in the target.
        query_voice: `(n,)` its voice in the query.
        beats: `(n,)` beat of the target at which the query begins.
        bits: `(n,)` surprisal of the pattern by chance, minus a correction for the number of
            positions at which it could match.
    """

    target: Ints
    query: Ints
    target_voice: Ints
    query_voice: Ints
    beats: Ints
    bits: NDArray[np.float64]


_NONE: Final = np.zeros(0, np.int64)
_NOTHING: Final = VoiceMatches(_NONE, _NONE, _NONE, _NONE, _NONE, np.zeros(0))


@dataclass(frozen=True)
class _Rows:
    """All sounding voices, their beats concatenated.

    Attributes:
        loop: `(n_lanes,)` index of the loop.
        voice: `(n_lanes,)`.
        start: `(n_lanes,)` index of each voice's first beat.
        n_beats: `(n_lanes,)` its length.
        beats: `(n_beats_in_all,)` uint64, the hits of each beat as bits.
    """

    loop: Ints
    voice: Ints
    start: Ints
    n_beats: Ints
    beats: NDArray[np.uint64]


@dataclass(frozen=True)
class _Queries:
    """Patterns to search for: rows of `_Rows`, first beats of their seeds, surprisal in bits."""

    row: Ints
    seed: Ints
    bits: NDArray[np.float64]


def find_voice_matches(
    loops: Sequence[DrumLoop], chance: CommonPatterns, common_pattern_share: float
) -> VoiceMatches:
    """All voice patterns that two loops have in common, except common patterns.

    Args:
        loops: Distinct loops on one grid, at least one.
        chance: Chance model of voice patterns.
        common_pattern_share: Patterns that at least this share of loops is expected to play by
            chance are left out; between two different voices the limit is 2**-20 if that is less.

    Returns:
        One entry per pair of target and query pattern, sorted by query, target and their voices.
    """
    rows = _list_rows(loops)
    least = float(-np.log2(max(common_pattern_share, np.finfo(float).tiny)))
    found = [
        matches
        for n_bars, queries in _choose_queries(loops, rows, chance, least).items()
        for matches in _match(rows, queries, n_bars * BEATS_A_BAR)
    ]
    matches = VoiceMatches.join([_NOTHING, *found])
    is_moved = matches.target_voice != matches.query_voice
    matches = matches.take(matches.bits > np.where(is_moved, max(least, _MOVED_BITS), least))
    order = (matches.target_voice, matches.query_voice, matches.target, matches.query)
    return matches.take(np.lexsort(order))


def _list_rows(loops: Sequence[DrumLoop]) -> _Rows:
    beat = loops[0].steps_per_bar // BEATS_A_BAR
    weights = np.uint64(1) << np.arange(beat, dtype=np.uint64)
    loop_of, voice_of, beats = [], [], [np.zeros(0, np.uint64)]
    for at, loop in enumerate(loops):
        onsets = loop.onsets.reshape(-1, beat, N_VOICES).astype(np.uint64)
        words = np.einsum("bsv,s->vb", onsets, weights)
        for voice in np.flatnonzero(words.any(axis=1)).tolist():
            loop_of.append(at)
            voice_of.append(voice)
            beats.append(words[voice])
    lengths = np.array([len(pattern) for pattern in beats], np.int64)
    return _Rows(
        loop=np.array(loop_of, np.int64),
        voice=np.array(voice_of, np.int64),
        start=np.cumsum(lengths)[:-1],
        n_beats=lengths[1:],
        beats=np.concatenate(beats),
    )


def _choose_queries(
    loops: Sequence[DrumLoop], rows: _Rows, chance: CommonPatterns, least: float
) -> dict[int, _Queries]:
    """Patterns to search for, by seed length in bars; a seed begins at the least likely bar."""
    chosen: dict[int, list[tuple[int, int, float]]] = {}
    for row, (at, voice) in enumerate(zip(rows.loop.tolist(), rows.voice.tolist(), strict=True)):
        bars = loops[at].onsets[:, voice].reshape(loops[at].n_bars, -1)
        first = list({bar.tobytes(): n for n, bar in reversed(list(enumerate(bars)))}.values())
        bits = chance.bits_of_bars(voice, bars[first])
        if bits.sum() > least:
            n_bars = min(len(bars), _SEED_BARS)
            bar = min(first[int(bits.argmax())], len(bars) - n_bars)
            chosen.setdefault(n_bars, []).append((row, bar * BEATS_A_BAR, float(bits.sum())))
    return {
        n_bars: _Queries(*(np.array(column) for column in zip(*items, strict=True)))
        for n_bars, items in sorted(chosen.items())
    }


def _match(rows: _Rows, queries: _Queries, n_beats: int) -> Iterator[VoiceMatches]:
    """Yield matches of a query's seed of `n_beats` that extend to the whole query."""
    hashes = _hash_windows(rows, n_beats)
    order = np.argsort(hashes, kind="stable")
    row_of = np.repeat(np.arange(len(rows.loop)), rows.n_beats)
    seeds = hashes[rows.start[queries.row] + queries.seed]
    low = np.searchsorted(hashes[order], seeds)
    n_found = np.searchsorted(hashes[order], seeds, side="right") - low
    work = np.cumsum(n_found * rows.n_beats[queries.row])
    for block in np.split(np.arange(len(seeds)), np.flatnonzero(np.diff(work // _BLOCK)) + 1):
        times = n_found[block]
        query = np.repeat(block, times)
        nth = np.arange(len(query)) - np.repeat(np.cumsum(times) - times, times)
        place = order[low[query] + nth]
        ours, target = queries.row[query], row_of[place]
        begin = (place - rows.start[target] - queries.seed[query]) % rows.n_beats[target]
        other = rows.loop[target] != rows.loop[ours]
        yield _compare(rows, queries, query[other], target[other], begin[other])


def _compare(
    rows: _Rows, queries: _Queries, query: Ints, target: Ints, begin: Ints
) -> VoiceMatches:
    """Candidates that match from end to end; the first position in each target."""
    ours = queries.row[query]
    n_ours, n_theirs = rows.n_beats[ours], rows.n_beats[target]
    candidate = np.repeat(np.arange(len(query)), n_ours)
    beat = np.arange(len(candidate)) - np.repeat(np.cumsum(n_ours) - n_ours, n_ours)
    going_round = (begin[candidate] + beat) % n_theirs[candidate]
    same = (
        rows.beats[rows.start[ours][candidate] + beat]
        == rows.beats[rows.start[target][candidate] + going_round]
    )
    holds = np.ones(len(query), bool)
    holds[candidate[~same]] = False
    kept = np.flatnonzero(holds)
    kept = kept[np.lexsort((begin[kept], target[kept], query[kept]))]
    _, first = np.unique(np.stack([query[kept], target[kept]]), axis=1, return_index=True)
    kept = kept[first]
    # Longer loops offer more positions to match by chance.
    places = np.log2(np.maximum(1, n_theirs[kept] / n_ours[kept]))
    return VoiceMatches(
        target=rows.loop[target[kept]],
        query=rows.loop[ours[kept]],
        target_voice=rows.voice[target[kept]],
        query_voice=rows.voice[ours[kept]],
        beats=begin[kept],
        bits=queries.bits[query[kept]] - places,
    )


def _hash_windows(rows: _Rows, n_beats: int) -> NDArray[np.uint64]:
    """`(n_beats_in_all,)` hash of the window from each beat, its voice pattern being circular."""
    # A polynomial modulo 2**64 with fixed random odd factors.
    factors = np.random.default_rng(0).integers(1, 2**63, n_beats, dtype=np.uint64) * 2 + 1
    start, length = (np.repeat(each, rows.n_beats) for each in (rows.start, rows.n_beats))
    place = np.arange(len(rows.beats)) - start
    mixed = (rows.beats + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    hashes = np.zeros(len(rows.beats), np.uint64)
    for beat, factor in enumerate(factors):
        hashes += factor * mixed[start + (place + beat) % length]
    return hashes


def place_voice(
    target: DrumLoop, query: DrumLoop, beats: int, *, target_is_left: bool
) -> Transform:
    """The transform that aligns the right loop with the left one at a voice match.

    Args:
        target: The loop that plays the pattern, as a circular loop.
        query: The loop whose whole pattern it is.
        beats: Beat of the target at which the query begins.
        target_is_left: Whether the target is the left loop.
    """
    if query.n_bars % target.n_bars == 0:
        turned = -beats % (target.n_bars * BEATS_A_BAR) if target_is_left else beats
        return Transform(rotation_beats=turned)
    left_beat, right_beat = (beats, 0) if target_is_left else (0, beats)
    return Transform(left_beat=left_beat, right_beat=right_beat, n_bars=query.n_bars)
