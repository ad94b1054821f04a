"""Conversion of one file to its loops, or an error that names the broken rule."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import (
    BEATS_A_BAR,
    N_VOICES,
    ONSET_UNITS,
    STEPS_PER_BAR,
    DrumLoop,
    Lineage,
    MidiError,
    StandardizeParams,
    hash_onsets,
    place_hits,
)
from trapgen.ingest.keymap.assign import Assignment, assign_voices
from trapgen.ingest.keymap.choose import drums_of
from trapgen.ingest.standardize.feel import Feel, apply_feel, choose_feel
from trapgen.ingest.standardize.grid import find_length, quantize, recommend_grid, wrap_end
from trapgen.ingest.standardize.meter import Bars, align_bars
from trapgen.ingest.standardize.parts import Part, split_parts
from trapgen.ingest.standardize.tempo import find_tempo
from trapgen.midi import Strikes, parse_strikes, read_strikes

_MAX_STRIKES_A_BAR: Final = N_VOICES * 96
_MAX_BARS: Final = 1_000
_MOST_KEYS: Final = 8
_STYLES: Final = (
    "atlanta",
    "drill",
    "plugg",
    "phonk",
    "rage",
    "soul",
    "memphis",
    "cloud",
    "jersey",
)


@dataclass(frozen=True)
class Standardized:
    """A loop on the grid, with an account of every note-on of its file.

    `loop.n_onsets + collapsed_onsets + dropped_onsets` is the number of note-ons with a velocity
    above zero in the file; of a file with several loops, their sum is.

    Attributes:
        loop: The loop.
        source_path: The file, relative to the folder read.
        key_map: Name of the key map; or what else decided the voices (see `Assignment`).
        key_map_confidence: Confidence from 0 to 1 (see `assign_voices`): below
            `trapgen.ingest.keymap.sure_from` a key map needs review.
        quantization_error_steps: Mean distance of the strikes from their steps.
        max_quantization_error_steps: Largest distance.
        recommended_steps_per_bar: The grid that fits this file (see `recommend_grid`).
        leading_bars: Silent bars dropped before the first strike.
        feel: Why the tempo was doubled or halved; empty if it was not.
        collapsed_onsets: Strikes dropped because a louder one has the same step and voice.
        dropped_onsets: Strikes on pitches without a voice, or outside the drum channel.
        published_split: Split assigned by the file's publisher; empty if not stated.
        group: Group that its pack states for the file; empty for none. The loops of a file that
            holds several are a group.
        part: Which part of its file the loop is; empty if the file holds one loop.
        tempo_from: Where the tempo is from: `file`, `name` or `unknown`.
        stated_bpm: The tempo as the file or its name states it; None if unknown.
        notes: What else was done or found, one clause each.
    """

    loop: DrumLoop
    source_path: str
    key_map: str
    key_map_confidence: float
    quantization_error_steps: float
    max_quantization_error_steps: float
    recommended_steps_per_bar: int
    leading_bars: int
    feel: str
    collapsed_onsets: int
    dropped_onsets: int
    published_split: str = ""
    group: str = ""
    part: str = ""
    tempo_from: str = "file"
    stated_bpm: float | None = None
    notes: tuple[str, ...] = ()

    def explain(self) -> tuple[str, ...]:
        """What was done to the file beside quantizing it, one clause each."""
        clauses = [*self.notes]
        if self.feel:
            clauses.append(f"read as {self.loop.bpm:g} bpm ({self.feel})")
        if self.leading_bars:
            clauses.append(f"{self.leading_bars} silent bars before the first hit are skipped")
        return tuple(clauses)


def read_loop(
    path: Path,
    params: StandardizeParams,
    *,
    name: str = "",
    loop_id: str = "",
    content: bytes | None = None,
) -> Standardized:
    """Read a MIDI file that holds one loop; see `read_loops`.

    Raises:
        MidiError: As with `read_loops`, or the file holds several loops.
    """
    loops = read_loops(path, params, name=name, loop_id=loop_id, content=content)
    if len(loops) > 1:
        parts = "; ".join(loop.part for loop in loops if isinstance(loop, Standardized))
        detail = "Standardize it and name one of its loops."
        raise MidiError(path, "several_loops", parts, detail)
    (only,) = loops
    if isinstance(only, MidiError):
        raise only
    return only


def read_loops(
    path: Path,
    params: StandardizeParams,
    *,
    name: str = "",
    loop_id: str = "",
    content: bytes | None = None,
) -> list[Standardized | MidiError]:
    """Read the loops of one MIDI file: several if it holds patterns or takes (see `split_parts`).

    Args:
        path: The file.
        params: Grid, key map, meter, feel and whether to split at markers.
        name: Its path in the folder read, with slashes, which becomes `source_path` and determines
            pack and style; by default the file's own name.
        loop_id: Name of the loop; by default `name` without its extension. Several loops are named
            by the file and their number: `song.mid/1`.
        content: The file's bytes, if they are not on the disk.

    Returns:
        The loops in the file's order; errors in place of parts that hold none.

    Raises:
        MidiError: The file is not MIDI, is cut short, has no notes or none that the key map knows,
            has another meter than 4/4, or has more strikes per bar than a kit can play.
    """
    strikes = read_strikes(path) if content is None else parse_strikes(content, path)
    if strikes.is_truncated:
        raise MidiError(path, "truncated", f"{len(strikes)} notes before the cut", "Export again.")
    if not len(strikes):
        raise MidiError(path, "no_notes", 0, "A loop has at least one note-on with velocity.")
    parts, name = split_parts(strikes, params), name or path.name
    whole = loop_id or name.removesuffix(path.suffix)
    loops: list[Standardized | MidiError] = []
    for number, part in enumerate(parts, start=1):
        own = f"{name}/{number:0{len(str(len(parts)))}d}" if len(parts) > 1 else whole
        try:
            loop = _read_part(path, part, params, name, own)
        except MidiError as error:
            if len(parts) == 1:
                raise
            received = f"{part.label}: {error.received}"
            loops.append(MidiError(path, error.rule, received, error.detail))
            continue
        notes, group = loop.notes, ""
        if number == 1:
            notes = (*strikes.damage, *notes)
        if len(parts) > 1:
            notes, group = (f"one of {len(parts)} loops in its file", *notes), name
        loops.append(replace(loop, notes=notes, group=group, part=part.label))
    errors = [loop for loop in loops if isinstance(loop, MidiError)]
    if len(errors) == len(loops):
        raise errors[0]
    return loops


def _read_part(
    path: Path, part: Part, params: StandardizeParams, name: str, loop_id: str
) -> Standardized:
    strikes, n_strikes = part.strikes, len(part.strikes)
    _check_strikes(path, strikes)
    tempo, bars = find_tempo(strikes, path), Bars(strikes)
    if params.meter == "4/4":
        bars = align_bars(strikes, path)
    bpm = None if tempo.bpm is None else tempo.bpm * bars.tempo_factor
    above = path.parents
    root = above[min(name.count("/"), len(above) - 1)]
    played = assign_voices(path, bars.strikes, params, root)
    notes = [_list_other_channels(bars.strikes, played.voices)]
    if len(strikes.markers) > 1:
        notes.append(f"{len(strikes.markers)} markers: --split-markers reads a loop for each")
    strikes, voices = _drop_unvoiced(path, bars.strikes, played)
    feel, leading_bars = Feel(), 0
    source = _name_source(strikes, voices)
    lengths = strikes.lengths() / strikes.ticks_per_quarter
    if params.feel == "half_time":
        feel = choose_feel(strikes.ticks, voices, strikes.ticks_per_quarter, bpm)
        strikes = apply_feel(strikes, feel)
    if params.meter == "4/4":
        strikes, leading_bars = _drop_leading_bars(strikes)
    grid = params.steps_per_bar
    steps, offsets = quantize(strikes.ticks, strikes.ticks_per_quarter, grid)
    errors = np.abs(offsets)
    n_bars = int(steps[-1]) // grid + 1
    if params.meter == "4/4":
        length = find_length(strikes)
        late, n_bars = wrap_end(steps, voices, length, grid)
        steps[late], offsets[late] = 0, 0
        if length.n_dropped:
            notes.append(f"{length.n_dropped} silent bars after bar {n_bars} are dropped")
    lengths *= feel.factor * grid / BEATS_A_BAR
    # Sorted by velocity, so that the loudest strike of a step is kept.
    order = strikes.velocities.argsort(kind="stable")
    cells = (steps * N_VOICES + voices)[order]
    of_hits = [a[order] for a in (strikes.velocities, offsets, strikes.pitches, lengths)]
    pack, is_in_pack, _ = name.partition("/")
    words = re.findall(r"[a-z]+", name.lower())
    lineage = Lineage(
        loop_id=loop_id,
        source_ids=(source,),
        pack=pack if is_in_pack else "",
        role=played.role,
        style=next((style for style in _STYLES if style in words), ""),
    )
    bpm = None if bpm is None else bpm * feel.factor
    loop = place_hits(cells, of_hits, n_bars, grid, bpm, lineage)
    return Standardized(
        loop=loop,
        source_path=name,
        key_map=played.key_map,
        key_map_confidence=played.confidence,
        quantization_error_steps=float(errors.sum() / len(errors)),
        max_quantization_error_steps=float(errors.max()),
        recommended_steps_per_bar=recommend_grid(strikes.ticks, strikes.ticks_per_quarter),
        leading_bars=leading_bars,
        feel=feel.reason,
        collapsed_onsets=len(strikes) - loop.n_onsets,
        dropped_onsets=n_strikes - len(strikes),
        tempo_from=tempo.origin,
        stated_bpm=tempo.bpm,
        notes=tuple(filter(None, (tempo.note, *bars.notes, *notes))),
    )


def _drop_unvoiced(
    path: Path, strikes: Strikes, played: Assignment
) -> tuple[Strikes, NDArray[np.int64]]:
    kept = played.voices >= 0
    if not kept.any():
        received = f"pitches {sorted(set(strikes.pitches.tolist()))}"
        raise MidiError(path, "no_drums", received, f"None is in the key map {played.key_map}.")
    return strikes.select(kept), played.voices[kept]


def _list_other_channels(strikes: Strikes, voices: NDArray[np.int64]) -> str:
    """Strikes on channels that are not read as drums: how many, on which keys."""
    others = strikes.select((voices < 0) & ~drums_of(strikes))
    channels = []
    for channel in np.unique(others.channels).tolist():
        keys = others.pitches[others.channels == channel]
        listed = ", ".join(map(str, np.unique(keys).tolist()[:_MOST_KEYS]))
        more = " …" if len(np.unique(keys)) > _MOST_KEYS else ""
        channels.append(f"channel {channel + 1}: {len(keys)} notes on {listed}{more}")
    return f"not read as drums: {', '.join(channels)}" if channels else ""


def _name_source(strikes: Strikes, voices: NDArray[np.int64]) -> str:
    """Id of a file's onsets as read, to the nearest 960th of a quarter (see `hash_onsets`)."""
    quarter = strikes.ticks_per_quarter
    return hash_onsets((2 * ONSET_UNITS * strikes.ticks + quarter) // (2 * quarter), voices)


def _drop_leading_bars(strikes: Strikes) -> tuple[Strikes, int]:
    """Drop the whole bars before the first strike; bar lines stay in place.

    A strike just before a bar line belongs to the next bar, as it would after quantization on any
    grid. A file of 2, 4, 8 … bars that is silent for less than half of them begins with a rest.
    """
    ticks_per_bar = 4 * strikes.ticks_per_quarter
    n_bars = (int(strikes.ticks[0]) + ticks_per_bar // (2 * max(STEPS_PER_BAR))) // ticks_per_bar
    whole = round(strikes.end_tick / ticks_per_bar)
    ends_on_bar = abs(strikes.end_tick - whole * ticks_per_bar) < ticks_per_bar // max(
        STEPS_PER_BAR
    )
    is_loop = ends_on_bar and whole > 0 and whole & (whole - 1) == 0
    if not n_bars or (is_loop and 2 * n_bars < whole):
        return strikes, 0
    ticks = np.maximum(0, strikes.ticks - n_bars * ticks_per_bar)
    end_tick = strikes.end_tick - n_bars * ticks_per_bar
    return replace(strikes, ticks=ticks, end_tick=end_tick), n_bars


def _check_strikes(path: Path, strikes: Strikes) -> None:
    n_bars = int(strikes.ticks[-1]) // (4 * strikes.ticks_per_quarter) + 1
    if len(strikes) > n_bars * _MAX_STRIKES_A_BAR:
        raise MidiError(
            path,
            "too_dense",
            f"{len(strikes)} notes in {n_bars} bars",
            f"A kit plays at most {_MAX_STRIKES_A_BAR} per bar on the finest grid.",
        )
    if n_bars > _MAX_BARS:
        raise MidiError(path, "too_long", f"{n_bars} bars", f"At most {_MAX_BARS} bars are read.")
