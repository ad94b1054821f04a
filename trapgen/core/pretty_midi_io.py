"""Loops to pretty_midi objects and back; `DrumLoop.to_pretty_midi` and `from_pretty_midi`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trapgen.core.errors import ParameterError
from trapgen.core.kit import N_VOICES, key_map
from trapgen.core.loop import BEATS_A_BAR, STEPS_PER_BAR, DrumLoop, Lineage, place_hits
from trapgen.core.ticks import TICKS_PER_BAR, TICKS_PER_QUARTER, time_notes

if TYPE_CHECKING:
    import pretty_midi


def write_pretty_midi(loop: DrumLoop) -> pretty_midi.PrettyMIDI:
    """See `DrumLoop.to_pretty_midi`."""
    import pretty_midi

    most_bars = int(pretty_midi.pretty_midi.MAX_TICK - 1) // TICKS_PER_BAR
    if loop.n_bars > most_bars:
        raise ParameterError("n_bars", f"at most {most_bars} for pretty_midi", loop.n_bars)
    if not 60e6 / 0xFFFFFF <= loop.bpm <= 60e6:
        raise ParameterError("bpm", "from 3.58 to 60,000,000 to be written as MIDI", loop.bpm)
    # A MIDI file states whole microseconds a quarter.
    us_per_quarter = round(60e6 / loop.bpm)
    midi = pretty_midi.PrettyMIDI(resolution=TICKS_PER_QUARTER, initial_tempo=60e6 / us_per_quarter)
    seconds_per_tick = us_per_quarter / 1e6 / TICKS_PER_QUARTER
    midi.time_signature_changes.append(pretty_midi.TimeSignature(BEATS_A_BAR, 4, 0))
    # pretty_midi has no end of a track: a text event says how long the loop is.
    end = loop.n_bars * TICKS_PER_BAR * seconds_per_tick
    midi.text_events.append(pretty_midi.Text("end", end))
    drums = pretty_midi.Instrument(0, is_drum=True, name="Drums")
    drums.notes = [
        pretty_midi.Note(velocity, key, start * seconds_per_tick, end * seconds_per_tick)
        for start, end, key, velocity in zip(
            *(row.tolist() for row in time_notes(loop)), strict=True
        )
    ]
    midi.instruments.append(drums)
    return midi


def read_pretty_midi(midi: pretty_midi.PrettyMIDI, steps_per_bar: int) -> DrumLoop:
    """See `DrumLoop.from_pretty_midi`."""
    if steps_per_bar not in STEPS_PER_BAR:
        raise ParameterError("steps_per_bar", f"one of {STEPS_PER_BAR}", steps_per_bar)
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
    return place_hits(
        steps * N_VOICES + columns[keys],
        (velocities, starts - steps, keys, ends - starts),
        n_bars,
        steps_per_bar,
        float(midi.get_tempo_changes()[1][0]),
        Lineage(),
    )
