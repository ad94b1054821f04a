"""The kit's voices as short sounds within a page."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Final

import numpy as np

from trapgen.core import kit
from trapgen.render import CUT_BY, render_voice, velocity_gain

_SHORT: Final = {
    kit.KICK: (8_000, 1.2),
    kit.SNARE: (24_000, 0.35),
    kit.CLOSED_HAT: (24_000, 0.1),
    kit.OPEN_HAT: (24_000, 0.5),
    kit.LOW_TOM: (8_000, 0.7),
    kit.MID_TOM: (8_000, 0.6),
    kit.HIGH_TOM: (8_000, 0.5),
    kit.RIDE: (24_000, 0.7),
    kit.CRASH: (24_000, 0.9),
}
"""Sample rate in Hz and length in seconds: what is low needs few samples."""

_MU: Final = 255
"""Of the law by which samples become bytes (ITU-T G.711): quiet ones keep their detail."""


def embed_kit() -> dict[str, Any]:
    """The kit, and how it is played.

    Returns:
        `sounds`, of each voice its sample rate and int8 samples in Base64; `gains`, the amplitude
        of each velocity from 0 to 127; `cuts`, by voice, the voices that end it.
    """
    gains = velocity_gain(np.arange(1, 128)).round(4).tolist()
    sounds = [_embed_voice(voice) for voice in range(kit.N_VOICES)]
    return {"sounds": sounds, "gains": [0, *gains], "cuts": CUT_BY}


def _embed_voice(voice: int) -> tuple[int, str]:
    sample_rate, length_s = _SHORT[voice]
    sound = render_voice(voice, sample_rate=sample_rate, length_s=length_s)
    loudness = np.log1p(_MU * np.abs(sound)) / np.log1p(_MU)
    samples = np.rint(127 * np.sign(sound) * loudness).astype(np.int8)
    return sample_rate, b64encode(samples.tobytes()).decode("ascii")
