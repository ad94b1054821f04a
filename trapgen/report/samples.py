"""A page of generated loops that can be listened to: a row a loop, its sound within the page."""

from __future__ import annotations

import io
import wave
from base64 import b64encode
from pathlib import Path
from typing import Final

import numpy as np

from trapgen.core import read_json
from trapgen.report.page import write_page

_MOST: Final = 40
"""Loops of a page that have picture and sound: more would make it slow to open."""


def embed_sound(path: Path) -> str:
    """A WAV file of 16 bits as a `data:` address, mono and at half its sample rate."""
    with wave.open(str(path)) as sound:
        shape = (-1, sound.getnchannels())
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(shape)
        rate = sound.getframerate()
    mono = samples.mean(axis=1)
    halved = mono[: len(mono) // 2 * 2].reshape(-1, 2).mean(axis=1)
    content = io.BytesIO()
    with wave.open(content, "wb") as small:
        small.setnchannels(1)
        small.setsampwidth(2)
        small.setframerate(rate // 2)
        small.writeframes(np.rint(halved).astype("<i2").tobytes())
    return f"data:audio/wav;base64,{b64encode(content.getvalue()).decode('ascii')}"


def write_samples_page(path: Path, folder: Path) -> None:
    """Write the page of the loops in a folder.

    Args:
        path: The page.
        folder: What `trapgen generate` wrote: `NAME.json`, `.wav` and, with matplotlib, `.png`.
    """
    receipts = sorted(folder.glob("*.json"))
    rows = []
    for at, receipt in enumerate(receipts):
        sound, picture = receipt.with_suffix(".wav"), receipt.with_suffix(".png")
        is_shown = at < _MOST
        rows.append(
            {
                "name": receipt.stem,
                "receipt": read_json(receipt),
                "sound": embed_sound(sound) if is_shown and sound.is_file() else "",
                "picture": _embed_picture(picture) if is_shown and picture.is_file() else "",
            }
        )
    write_page(path, "samples.html.j2", {"rows": rows, "most": _MOST})


def _embed_picture(path: Path) -> str:
    return f"data:image/png;base64,{b64encode(path.read_bytes()).decode('ascii')}"
