"""MIDI: the only reader of note-ons in ticks from files, and the only writer of loops."""

from trapgen.midi.read import DRUM_CHANNEL, MAX_MIDI_BYTES, Strikes, parse_strikes, read_strikes
from trapgen.midi.write import to_bytes, write_loop
