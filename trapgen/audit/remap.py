"""Voices of a loop that was written through one key map and read through another."""

from __future__ import annotations

from typing import Final

from trapgen.core import KEY_MAPS, N_VOICES, VOICES, KeyMap


def _pitch(key_map: KeyMap, voice: int) -> int | None:
    """The pitch of a voice: its General MIDI key, or the first of the layout."""
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
"""Every change of voices that a pair of the shipped key maps causes.

Pairs of a voice and the voice that it becomes, -1 if its hits are lost; two voices may become one.
"""
