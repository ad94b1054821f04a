"""MIDI files in a RIFF container (`.rmi`), as Windows and some exports write them.

Format: Multimedia Programming Interface and Data Specifications 1.0 (RIFF), and RP-029 (RMID). The
MIDI file is in the chunk `data`; chunks with titles or sounds may stand before and after it.
"""

from __future__ import annotations


def find_start(data: bytes) -> int:
    """Where the MIDI file in a RIFF container starts; 0 for other bytes, -1 if there is none.

    A container whose chunks do not lead to `data` is searched for the head of a MIDI file.

    Examples:
        >>> midi = b"MThd" + bytes(10)
        >>> chunks = b"LIST" + (4).to_bytes(4, "little") + b"INFO"
        >>> chunks += b"data" + len(midi).to_bytes(4, "little") + midi
        >>> find_start(b"RIFF" + (4 + len(chunks)).to_bytes(4, "little") + b"RMID" + chunks)
        32
    """
    if data[:4] != b"RIFF":
        return 0
    at = 12
    while at + 8 <= len(data):
        kind, n_bytes = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8
        if kind == b"data" and data[at : at + 4] == b"MThd":
            return at
        at += n_bytes + n_bytes % 2
    return data.find(b"MThd")
