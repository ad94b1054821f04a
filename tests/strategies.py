"""What tests are made of: loops drawn by Hypothesis, and MIDI files put together byte by byte."""

from __future__ import annotations

import struct
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from trapgen.core import N_VOICES, STEPS_PER_BAR, VOICES, DrumLoop
from trapgen.midi.write import TICKS_PER_QUARTER

grids = st.sampled_from(STEPS_PER_BAR)
tempos = st.integers(20_00, 400_00).map(lambda hundredths: hundredths / 100)


@st.composite
def drum_loops(draw, steps_per_bar=grids, max_bars=3, min_hits=0, max_hits=24, voices=range(9)):
    """Loops of any grid, tempo, velocity and microtiming, in whole ticks of a written file."""
    grid = draw(steps_per_bar) if isinstance(steps_per_bar, st.SearchStrategy) else steps_per_bar
    n_steps = grid * draw(st.integers(1, max_bars))
    half_step = 2 * TICKS_PER_QUARTER // grid
    places = st.tuples(st.integers(0, n_steps - 1), st.sampled_from(list(voices)))
    strokes = st.tuples(st.integers(1, 127), st.integers(-half_step, half_step - 1))
    hits = draw(st.dictionaries(places, strokes, min_size=min_hits, max_size=max_hits))
    velocities = np.zeros((n_steps, N_VOICES), np.uint8)
    offsets = np.zeros(velocities.shape, np.float32)
    for place, (velocity, ticks) in hits.items():
        velocities[place], offsets[place] = velocity, ticks / (2 * half_step)
    return DrumLoop(velocities, grid, draw(tempos), offsets)


def make_loop(*hits, bars=1, steps_per_bar=16, velocity=100, **others):
    """A loop with hits at `(step, voice)`."""
    velocities = np.zeros((bars * steps_per_bar, N_VOICES), np.uint8)
    for step, voice in hits:
        velocities[step, voice] = velocity
    return DrumLoop(velocities, steps_per_bar, **others)


def random_loop(rng, bars=2, steps_per_bar=16, density=0.2, **others):
    """A loop in which every voice sounds at every step with the probability `density`."""
    shape = (bars * steps_per_bar, N_VOICES)
    velocities = (rng.random(shape) < density) * rng.integers(1, 128, shape)
    return DrumLoop(velocities, steps_per_bar, **others)


def variable_length(number):
    """A variable-length quantity of Standard MIDI Files."""
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(0x80 | number & 0x7F)
    return bytes(reversed(digits))


def event(delta, *message):
    """An event `delta` ticks after the one before it."""
    return variable_length(delta) + bytes(message)


def note_on(delta, pitch=VOICES[0].pitch, velocity=100, channel=9):
    return event(delta, 0x90 | channel, pitch, velocity)


def note_off(delta, pitch=VOICES[0].pitch, channel=9):
    return event(delta, 0x80 | channel, pitch, 64)


def tempo(delta, bpm):
    return event(delta, 0xFF, 0x51, 3, *round(60e6 / bpm).to_bytes(3, "big"))


def meter(delta, numerator, denominator):
    return event(delta, 0xFF, 0x58, 4, numerator, denominator.bit_length() - 1, 24, 8)


END = event(0, 0xFF, 0x2F, 0)


def track(*events, end=END):
    body = b"".join(events) + end
    return b"MTrk" + struct.pack(">I", len(body)) + body


def midi_file(*tracks, division=480, n_tracks=None):
    """The bytes of a MIDI file of tracks."""
    count = len(tracks) if n_tracks is None else n_tracks
    return b"MThd" + struct.pack(">IHHH", 6, int(count > 1), count, division) + b"".join(tracks)


def place_on_grid(tick, ticks_per_quarter, steps_per_bar):
    """Step and rest of a tick in exact arithmetic, halves up: what `quantize` has to give."""
    exact = Fraction(tick * steps_per_bar, 4 * ticks_per_quarter)
    step = (exact + Fraction(1, 2)).__floor__()
    return step, exact - step
