"""What a loop becomes when it is written through one key map and read through another."""

from __future__ import annotations

from typing import Final

from trapgen.core import KEY_MAPS, N_VOICES, VOICES, KeyMap


def _pitch(key_map: KeyMap, voice: int) -> int | None:
    """The pitch that a voice is written on: its General MIDI key, or the first of the layout."""
    pitches = [pitch for pitch, column in key_map.voices.items() if column == voice]
    if VOICES[voice].pitch in pitches:
        return VOICES[voice].pitch
    return pitches[0] if pitches else None


def _read_through(written: KeyMap, read: KeyMap) -> tuple[int, ...]:
    pitches = (_pitch(written, voice) for voice in range(N_VOICES))
    return tuple(-1 if pitch is None else int(read.column_of[pitch]) for pitch in pitches)


VOICE_MAPS: Final = tuple(
    tuple((voice, to) for voice, to in enumerate(voices) if voice != to)
    for voices in sorted(
        {
            _read_through(written, read)
            for written in KEY_MAPS.values()
            for read in KEY_MAPS.values()
        }
        - {tuple(range(N_VOICES))}
    )
)
"""Everything that two of the shipped key maps do to the voices between them.

Pairs of a voice and what becomes of it, -1 where its hits are lost; two voices may become one.
"""
