"""Loops to pretty_midi objects and back; `DrumLoop.to_pretty_midi` and `from_pretty_midi`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trapgen.core.errors import ParameterError
from trapgen.core.grid import BEATS_A_BAR
from trapgen.core.kit import N_VOICES, key_map
from trapgen.core.ticks import TICKS_PER_BAR, TICKS_PER_QUARTER, Notes

if TYPE_CHECKING:
    import pretty_midi


class ReadHits(NamedTuple):
    """Hits of a pretty_midi object, as `trapgen.core.place_hits` takes them."""

    cells: NDArray[np.int64]
    values: tuple[NDArray[Any], ...]
    n_bars: int
    bpm: float


def write_pretty_midi(notes: Notes, n_bars: int, bpm: float) -> pretty_midi.PrettyMIDI:
    """See `DrumLoop.to_pretty_midi`."""
    import pretty_midi

    most_bars = int(pretty_midi.pretty_midi.MAX_TICK - 1) // TICKS_PER_BAR
    if n_bars > most_bars:
        raise ParameterError("n_bars", f"at most {most_bars} for pretty_midi", n_bars)
    if not 60e6 / 0xFFFFFF <= bpm <= 60e6:
        raise ParameterError("bpm", "from 3.58 to 60,000,000 to be written as MIDI", bpm)
    # A MIDI file states whole microseconds a quarter.
    us_per_quarter = round(60e6 / bpm)
    midi = pretty_midi.PrettyMIDI(resolution=TICKS_PER_QUARTER, initial_tempo=60e6 / us_per_quarter)
    seconds_per_tick = us_per_quarter / 1e6 / TICKS_PER_QUARTER
    midi.time_signature_changes.append(pretty_midi.TimeSignature(BEATS_A_BAR, 4, 0))
    # pretty_midi has no end of a track: a text event says how long the loop is.
    end = n_bars * TICKS_PER_BAR * seconds_per_tick
    midi.text_events.append(pretty_midi.Text("end", end))
    drums = pretty_midi.Instrument(0, is_drum=True, name="Drums")
    drums.notes = [
        pretty_midi.Note(velocity, key, start * seconds_per_tick, end * seconds_per_tick)
        for start, end, key, velocity in zip(*(row.tolist() for row in notes), strict=True)
    ]
    midi.instruments.append(drums)
    return midi


def read_pretty_midi(midi: pretty_midi.PrettyMIDI, steps_per_bar: int) -> ReadHits:
    """See `DrumLoop.from_pretty_midi`."""
    drums = [part for part in midi.instruments if part.is_drum]
    notes = [note for part in drums for note in part.notes]
    columns = key_map("gm").column_of
    # The loudest comes last, and stays where two notes share a step.
    known = sorted((n for n in notes if columns[n.pitch] >= 0), key=lambda note: note.velocity)
    if not drums or (notes and not known):
        received = f"{len(drums)} drum instruments with keys {sorted({n.pitch for n in notes})}"
        raise ParameterError("pretty_midi", "drum notes on General MIDI keys", received)
    ticks_per_step = BEATS_A_BAR * midi.resolution / steps_per_bar
    starts = np.array([midi.time_to_tick(note.start) for note in known], float) / ticks_per_step
    ends = np.array([midi.time_to_tick(note.end) for note in known], float) / ticks_per_step
    steps = np.floor(starts + 0.5).astype(np.int64)
    keys = np.array([note.pitch for note in known], np.uint8)
    velocities = np.array([note.velocity for note in known], np.uint8)
    # The end counts where it lies on a bar line, as the text event of a written loop does.
    end = midi.time_to_tick(midi.get_end_time()) / ticks_per_step
    whole_bars = round(end / steps_per_bar)
    is_on_bar = abs(end - whole_bars * steps_per_bar) < 0.5
    n_bars = max(int(steps.max(initial=0)) // steps_per_bar + 1, whole_bars if is_on_bar else 0)
    values = (velocities, starts - steps, keys, ends - starts)
    bpm = float(midi.get_tempo_changes()[1][0])
    return ReadHits(steps * N_VOICES + columns[keys], values, n_bars, bpm)
