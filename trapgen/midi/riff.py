"""MIDI files in a RIFF container (`.rmi`), as Windows and some exports write them.

Format: Multimedia Programming Interface and Data Specifications 1.0 (RIFF), and RP-029 (RMID). The
MIDI file is in the chunk `data`; chunks with titles or sounds may stand before and after it.
"""

from __future__ import annotations


def unwrap(data: bytes) -> bytes:
    """The MIDI file in a RIFF container; other bytes unchanged.

    A container whose chunks do not lead to `data` is searched for the head of a MIDI file.

    Examples:
        >>> midi = b"MThd" + bytes(10)
        >>> chunk = b"LIST" + (4).to_bytes(4, "little") + b"INFO"
        >>> chunk += b"data" + len(midi).to_bytes(4, "little") + midi
        >>> unwrap(b"RIFF" + (4 + len(chunk)).to_bytes(4, "little") + b"RMID" + chunk) == midi
        True
    """
    if data[:4] != b"RIFF":
        return data
    at = 12
    while at + 8 <= len(data):
        kind, n_bytes = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8
        if kind == b"data" and data[at : at + 4] == b"MThd":
            # Some writers state no size.
            return data[at : at + n_bytes] if n_bytes > 8 else data[at:]
        at += n_bytes + n_bytes % 2
    found = data.find(b"MThd")
    return data[found:] if found >= 0 else data
