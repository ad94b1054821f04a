"""MIDI files in RIFF containers, with any chunk first."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import END, midi_file, note_on, track
from trapgen.core import MidiError
from trapgen.midi import parse_strikes

MIDI = midi_file(track(note_on(0), note_on(480, 38), end=END))
CHUNKS = st.lists(
    st.tuples(
        st.sampled_from([b"LIST", b"DISP", b"INFO", b"fmt "]),
        st.binary(max_size=300) | st.just(b"INFOINAMMThd\0\0\0\6 song") | st.just(bytes(70_000)),
    ),
    max_size=3,
)


def chunk(kind, body, n_bytes=None):
    size = len(body) if n_bytes is None else n_bytes
    return kind + size.to_bytes(4, "little") + body + bytes(len(body) % 2)


@given(CHUNKS, CHUNKS, st.sampled_from([None, 0, 0xFFFFFFFF]))
def test_a_container_gives_its_file_whatever_stands_around_it(before, after, n_bytes):
    # Behind a size that is none, nothing can be told from the file.
    after = [] if n_bytes is not None else after
    body = b"".join(chunk(*each) for each in before)
    body += chunk(b"data", MIDI, n_bytes) + b"".join(chunk(*each) for each in after)
    found = parse_strikes(b"RIFF" + len(b"RMID" + body).to_bytes(4, "little") + b"RMID" + body)
    expected = parse_strikes(MIDI)
    for name in ("ticks", "pitches", "velocities", "ends"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))
    assert found.end_tick == expected.end_tick
    assert not found.is_truncated


def test_a_container_whose_chunks_lead_nowhere_is_searched():
    assert len(parse_strikes(b"RIFF" + b"\xff" * 40 + MIDI)) == 2
    for data in (b"RIFF", b"RIFF" + bytes(90), b"RIFF\0\0\0\0WAVEdata" + bytes(90)):
        with pytest.raises(MidiError, match="not_midi"):
            parse_strikes(data)
