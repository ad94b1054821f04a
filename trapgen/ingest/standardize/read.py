"""Conversion of one file to one loop, or an error that names the broken rule."""

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
from trapgen.ingest.standardize.feel import Feel, apply_feel, choose_feel
from trapgen.ingest.standardize.grid import length_in_bars, quantize, recommend_grid
from trapgen.midi import Strikes, parse_strikes, read_strikes

DEFAULT_BPM: Final = 120.0
"""Tempo of a MIDI file without one (Standard MIDI Files 1.0)."""

_MAX_STRIKES_A_BAR: Final = N_VOICES * 96
_MAX_BARS: Final = 1_000
_BPM_IN_NAME: Final = re.compile(r"(?<!\d)([1-9]\d{1,2})[ _-]?bpm", re.IGNORECASE)
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
    above zero in the file.

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
        group: Group that its pack states for the file; empty for none.
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


def read_loop(
    path: Path,
    params: StandardizeParams,
    *,
    name: str = "",
    loop_id: str = "",
    content: bytes | None = None,
) -> Standardized:
    """Read one MIDI file as a loop.

    Args:
        path: The file.
        params: Grid, key map and meter.
        name: Its path in the folder read, with slashes, which becomes `source_path` and determines
            pack and style; by default the file's own name.
        loop_id: Name of the loop; by default `name` without its extension.
        content: The file's bytes, if they are not on the disk.

    Raises:
        MidiError: The file is not MIDI, is cut short, has no notes or none that the key map knows,
            has another meter than 4/4, or has more strikes per bar than a kit can play.
    """
    strikes = read_strikes(path) if content is None else parse_strikes(content, path)
    _check_strikes(path, strikes, params)
    bpm, n_strikes = _tempo(strikes, path), len(strikes)
    name = name or path.name
    above = path.parents
    played = assign_voices(path, strikes, params, above[min(name.count("/"), len(above) - 1)])
    strikes, voices = _drop_unvoiced(path, strikes, played)
    feel, leading_bars = Feel(), 0
    source = _name_source(strikes, voices)
    lengths = strikes.lengths() / strikes.ticks_per_quarter
    if params.feel == "half_time":
        feel = choose_feel(strikes.ticks, voices, strikes.ticks_per_quarter, bpm)
        strikes = apply_feel(strikes, feel)
    if params.meter == "4/4":
        strikes, leading_bars = _drop_leading_bars(strikes)
    steps, offsets = quantize(strikes.ticks, strikes.ticks_per_quarter, params.steps_per_bar)
    errors = np.abs(offsets)
    last_step = int(steps[-1])
    n_bars = last_step // params.steps_per_bar + 1
    if params.meter == "4/4":
        n_bars = length_in_bars(strikes, last_step, params.steps_per_bar)
    n_steps = n_bars * params.steps_per_bar
    if last_step >= n_steps:
        # A strike just before the loop's end belongs to the beat after it.
        late = steps >= n_steps
        steps[late], offsets[late] = 0, 0
    lengths *= feel.factor * params.steps_per_bar / BEATS_A_BAR
    # Sorted by velocity, so that the loudest strike of a step is kept.
    order = strikes.velocities.argsort(kind="stable")
    cells = (steps * N_VOICES + voices)[order]
    of_hits = [a[order] for a in (strikes.velocities, offsets, strikes.pitches, lengths)]
    pack, is_in_pack, _ = name.partition("/")
    words = re.findall(r"[a-z]+", name.lower())
    lineage = Lineage(
        loop_id=loop_id or name.removesuffix(path.suffix),
        source_ids=(source,),
        pack=pack if is_in_pack else "",
        role=played.role,
        style=next((style for style in _STYLES if style in words), ""),
    )
    grid = params.steps_per_bar
    loop = place_hits(cells, of_hits, n_bars, grid, bpm * feel.factor, lineage)
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
    )


def _drop_unvoiced(
    path: Path, strikes: Strikes, played: Assignment
) -> tuple[Strikes, NDArray[np.int64]]:
    kept = played.voices >= 0
    if not kept.any():
        received = f"pitches {sorted(set(strikes.pitches.tolist()))}"
        raise MidiError(path, "no_drums", received, f"None is in the key map {played.key_map}.")
    return strikes.select(kept), played.voices[kept]


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


def _check_strikes(path: Path, strikes: Strikes, params: StandardizeParams) -> None:
    if strikes.is_truncated:
        raise MidiError(path, "truncated", f"{len(strikes)} notes before the cut", "Export again.")
    if not len(strikes):
        raise MidiError(path, "no_notes", 0, "A loop has at least one note-on with velocity.")
    last = int(strikes.ticks[-1])
    if params.meter == "4/4":
        for tick, numerator, denominator in strikes.meters:
            if tick <= last and numerator != denominator:
                raise MidiError(
                    path, "meter", f"{numerator}/{denominator}", "Only 4/4 loops are read."
                )
    n_bars = last // (4 * strikes.ticks_per_quarter) + 1
    if len(strikes) > n_bars * _MAX_STRIKES_A_BAR:
        raise MidiError(
            path,
            "too_dense",
            f"{len(strikes)} notes in {n_bars} bars",
            f"A kit plays at most {_MAX_STRIKES_A_BAR} per bar on the finest grid.",
        )
    if n_bars > _MAX_BARS:
        raise MidiError(path, "too_long", f"{n_bars} bars", f"At most {_MAX_BARS} bars are read.")


def _tempo(strikes: Strikes, path: Path) -> float:
    first = int(strikes.ticks[0])
    before = [bpm for tick, bpm in strikes.tempos if tick <= first]
    if before:
        return before[-1]
    if named := _BPM_IN_NAME.search(path.stem):
        return float(named[1])
    return strikes.tempos[0][1] if strikes.tempos else DEFAULT_BPM
