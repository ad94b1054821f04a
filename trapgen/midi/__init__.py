"""MIDI: note-ons in ticks out of files, loops into them. The only reader and writer there is."""

from trapgen.midi.read import DRUM_CHANNEL, Strikes, parse_strikes, read_strikes
from trapgen.midi.write import TICKS_PER_QUARTER, to_bytes, to_pretty_midi, write_loop

__all__ = [
    "DRUM_CHANNEL",
    "TICKS_PER_QUARTER",
    "Strikes",
    "parse_strikes",
    "read_strikes",
    "to_bytes",
    "to_pretty_midi",
    "write_loop",
]
