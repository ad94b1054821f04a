"""MIDI: note-ons in ticks out of files, loops into them. The only reader and writer there is."""

from trapgen.midi.read import DRUM_CHANNEL, Strikes, parse_strikes, read_strikes
from trapgen.midi.write import to_bytes, write_loop
