"""A small 808-style synthesizer: nine synthesized voices, and rendering of loops.

Nothing is sampled. Facts about the original circuits are from:

- Werner, Abel and Smith 2014, "The TR-808 Cymbal" (ICMC): six square waves at the frequencies of
  `METAL_HZ`, through band-passes at 3,440 and 7,100 Hz, for hats and cymbals alike.
- Roland, TR-808 service notes (1981): the bass drum starts above its pitch and falls onto it; the
  snare is two resonators and high-passed noise; the clap is noise around 1 kHz under three
  sawtooth strokes 10 ms apart, a fourth of 20 ms and a "reverb" of 100 ms.

Tunings, decays and levels are chosen for this project: the kick is tuned to G1, the toms to E2, B2
and E3.
"""

from __future__ import annotations

import functools
import wave
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi, sin, sqrt
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trapgen.core import DrumLoop, ParameterError, kit, replacing

METAL_HZ: Final = (205.3, 304.4, 369.6, 522.7, 540.0, 800.0)
"""The six oscillators behind every hat and cymbal (Werner et al. 2014)."""

SAMPLE_RATES: Final = (8_000, 192_000)
"""Lowest and highest sample rate in Hz."""

CEILING: Final = 10 ** (-1 / 20)
"""Peak of a mix, -1 dBFS: a mix that exceeds it is attenuated as a whole."""

_WRITTEN: Final = 2**20
"""Samples that are converted at a time."""
_DYNAMIC_RANGE_DB: Final = 40.0
_CUT_S: Final = 0.004
CUT_BY: Final[Mapping[int, tuple[int, ...]]] = {
    kit.KICK: (kit.KICK,),
    kit.OPEN_HAT: (kit.OPEN_HAT, kit.CLOSED_HAT),
}
"""Voices that cut off each voice."""


_Signal = NDArray[np.float64]


def render(
    loop: DrumLoop, *, sample_rate: int = 44100, repeats: int = 1, tail_s: float = 1.0
) -> NDArray[np.float32]:
    """Render a loop with the kit.

    A hit starts at sample `round((step + offset) / steps_per_bar * 4 * 60 / bpm * sample_rate)`,
    or at 0 if that is negative. Velocity sets level and brightness. A kick cuts off the previous
    kick, and either hat cuts off a sounding open hat.

    Args:
        loop: The loop.
        sample_rate: In Hz, within `SAMPLE_RATES`.
        repeats: Number of repetitions, at least 1.
        tail_s: Seconds after the last bar for the last hits to decay, at least 0.

    Returns:
        `(n_samples, 2)` float32, left and right, within ±`CEILING`; the same arguments give the
        same bytes.

    Raises:
        ParameterError: `sample_rate`, `repeats` or `tail_s` is out of range.
    """
    _check_sample_rate(sample_rate)
    if repeats < 1:
        raise ParameterError("repeats", "at least 1", repeats)
    if not 0 <= tail_s < float("inf"):
        raise ParameterError("tail_s", "at least 0 and finite", tail_s)
    n_tail = round(tail_s * sample_rate)
    n_samples = int(_samples(loop, np.array(loop.n_steps * repeats), sample_rate)) + n_tail

    passes = np.arange(repeats)[:, None] * loop.n_steps
    starts = []
    for onsets, offsets in zip(loop.onsets.T, loop.offsets.T, strict=True):
        steps = passes + np.flatnonzero(onsets) + offsets[onsets].astype(np.float64)
        starts.append(np.maximum(_samples(loop, steps.ravel(), sample_rate), 0))

    mix = np.zeros((n_samples, 2), np.float32)
    for voice in range(kit.N_VOICES):
        cuts = np.sort([n_samples, *(cut for by in CUT_BY.get(voice, ()) for cut in starts[by])])
        stops = cuts[np.minimum(np.searchsorted(cuts, starts[voice], "right"), len(cuts) - 1)]
        gains = velocity_gain(loop.velocities[loop.onsets[:, voice], voice])
        angle = (1 + _KIT[voice].pan) * pi / 4
        pan = np.array([cos(angle), sin(angle)], np.float32)
        lane = np.zeros(n_samples, np.float32)
        for start, stop, gain in zip(starts[voice], stops, np.tile(gains, repeats), strict=True):
            hit = _strike(voice, sample_rate, float(gain), int(stop - start))
            room = lane[start : start + len(hit)]
            room += hit[: len(room)]
        if len(starts[voice]):
            mix += lane[:, None] * pan

    # Sounds that still ring fade out over the second half of the tail.
    if n_fade := n_tail // 2:
        mix[-n_fade:] *= np.cos(np.linspace(0, pi / 2, n_fade, dtype=np.float32))[:, None] ** 2
    peak = float(np.abs(mix).max(initial=0))
    return mix * np.float32(CEILING / peak) if peak > CEILING else mix


def render_voice(voice: int, *, sample_rate: int, length_s: float) -> NDArray[np.float32]:
    """One hit of a voice at full velocity.

    Args:
        voice: Index of the voice.
        sample_rate: In Hz, within `SAMPLE_RATES`.
        length_s: Length of the sound in seconds; it fades out over the last third.

    Returns:
        `(n_samples,)` float32.

    Raises:
        ParameterError: `sample_rate` is out of range.
    """
    _check_sample_rate(sample_rate)
    sound = np.add(*_sound(voice, sample_rate))[: round(length_s * sample_rate)]
    n_fade = len(sound) // 3
    sound[len(sound) - n_fade :] *= np.linspace(1, 0, n_fade, dtype=np.float32)
    return sound


def write_wav(path: Path, audio: ArrayLike, sample_rate: int) -> None:
    """Write 16-bit PCM, atomically.

    Args:
        path: The file; its folder is created.
        audio: `(n_samples,)` or `(n_samples, n_channels)`, -1 to 1.
        sample_rate: In Hz, within `SAMPLE_RATES`.

    Raises:
        ParameterError: `audio` has another shape or range, or `sample_rate` is out of range.
    """
    _check_sample_rate(sample_rate)
    samples = np.asarray(audio)
    if samples.ndim not in (1, 2) or 0 in samples.shape[1:]:
        raise ParameterError("audio", "(n_samples,) or (n_samples, n_channels)", samples.shape)
    # A long loop is converted in parts, which take less memory.
    parts = [samples[at : at + _WRITTEN] for at in range(0, len(samples), _WRITTEN)]
    for part in parts:
        # Written such that NaN fails too.
        if not (peak := float(np.abs(part).max(initial=0))) <= 1:
            raise ParameterError("audio", "from -1 to 1", f"a peak of {peak}")
    with replacing(path) as temporary, wave.open(str(temporary), "wb") as file:
        file.setnchannels(samples.shape[1] if samples.ndim == 2 else 1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        for part in parts:
            values = np.rint(part.astype(np.float64) * 32767)
            file.writeframesraw(values.astype("<i2").tobytes())


def velocity_gain(velocities: ArrayLike) -> NDArray[np.float64]:
    """Amplitude of MIDI velocities: a square law over 40 dB, from 0.01 at 1 to 1 at 127.

    Dannenberg 2006, "The Interpretation of MIDI Velocity" (ICMC), measured that synthesizers
    follow a square law.
    """
    softest = sqrt(10 ** (-_DYNAMIC_RANGE_DB / 20))
    share = (np.asarray(velocities, np.float64) - 1) / 126
    return (softest + (1 - softest) * share) ** 2


def _check_sample_rate(sample_rate: int) -> None:
    low, high = SAMPLE_RATES
    if not isinstance(sample_rate, int | np.integer) or not low <= sample_rate <= high:
        raise ParameterError("sample_rate", f"a whole number from {low} to {high}", sample_rate)


def _samples(loop: DrumLoop, steps: _Signal, sample_rate: int) -> NDArray[np.int64]:
    """Convert times in steps to whole samples: a bar is four quarters."""
    seconds = steps / loop.steps_per_bar * 4 * 60 / loop.play_bpm
    return np.rint(seconds * sample_rate).astype(np.int64)


def _strike(voice: int, sample_rate: int, gain: float, n_samples: int) -> NDArray[np.float32]:
    """One hit, `(n,)` float32: duller if soft, cut with a short fade after `n_samples`."""
    n_cut = round(_CUT_S * sample_rate)
    body, edge = (part[: n_samples + n_cut] for part in _sound(voice, sample_rate))
    hit = np.float32(gain) * body + np.float32(gain * (0.3 + 0.7 * gain)) * edge
    if len(hit) > n_samples:
        hit[n_samples:] *= np.linspace(1, 0, n_cut, dtype=np.float32)[: len(hit) - n_samples]
    return hit


@functools.cache
def _sound(voice: int, sample_rate: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A voice at full velocity as the sum of two parts: its body and its bright component."""
    made = _KIT[voice]
    t = np.arange(round(made.length_s * sample_rate)) / sample_rate
    sound = made.synthesize(t, sample_rate)
    sound *= np.minimum(1, (made.length_s - t) / (0.1 * made.length_s))
    sound *= made.level / np.abs(sound).max()
    # First order: with factor b on the bright component, the energy at x times its frequency is
    # (1 + b²x²) / (1 + x²) of the whole's, so a harder hit is louder at every frequency.
    body = _filter(sound, sample_rate, made.edge_hz, (1,), (1, 1))
    parts = body.astype(np.float32), (sound - body).astype(np.float32)
    for part in parts:
        part.setflags(write=False)
    return parts


def _filter(
    signal: _Signal, rate: int, hz: float, top: Sequence[float], bottom: Sequence[float]
) -> _Signal:
    """Apply the analog filter top(s) / bottom(s), s in units of `hz`, to the spectrum."""
    # Padding for what rings past the end, which would otherwise wrap around to the start.
    n_padded = 1 << (len(signal) + rate // 20).bit_length()
    s = 1j * np.fft.rfftfreq(n_padded, 1 / rate) / hz
    response = np.polyval(top, s) / np.polyval(bottom, s)
    filtered: _Signal = np.fft.irfft(np.fft.rfft(signal, n_padded) * response, n_padded)
    return filtered[: len(signal)]


def _band(signal: _Signal, rate: int, hz: float, q: float) -> _Signal:
    return _filter(signal, rate, hz, (1 / q, 0), (1, 1 / q, 1))


def _high(signal: _Signal, rate: int, hz: float) -> _Signal:
    return _filter(signal, rate, hz, (1, 0, 0), (1, sqrt(2), 1))


def _level(signal: _Signal) -> _Signal:
    return signal / float(signal.std())


def _fall(t: _Signal, time_s: float) -> _Signal:
    envelope: _Signal = np.exp(-t / time_s)
    return envelope


def _tone(t: _Signal, hz: float, start_hz: float, fall_s: float) -> _Signal:
    """A sine that falls exponentially from `start_hz` to `hz`; its phase is the integral."""
    return np.sin(2 * pi * (hz * t + (start_hz - hz) * fall_s * (1 - _fall(t, fall_s))))


def _noise(t: _Signal, rate: int, seed: int) -> _Signal:
    """White noise of equal density per hertz at any sample rate."""
    return np.random.default_rng(seed).standard_normal(len(t)) * sqrt(rate / 44100)


def _metal(t: _Signal, rate: int) -> _Signal:
    """The six square waves, with edges rounded by PolyBLEP against aliasing.

    Välimäki and Huovilainen 2007, "Antialiasing Oscillators in Subtractive Synthesis" (IEEE
    Signal Processing Magazine 24-2).
    """
    total = np.zeros_like(t)
    for number, hz in enumerate(METAL_HZ):
        step = hz / rate
        # The golden ratio spreads the phases, so that no two oscillators start together.
        phase = (hz * t + number * (sqrt(5) - 1) / 2) % 1
        total += np.where(phase < 0.5, 1.0, -1.0)
        for edge, sign in ((phase, 1), ((phase + 0.5) % 1, -1)):
            after, before = edge / step, (edge - 1) / step
            total += sign * np.where(edge < step, 2 * after - after * after - 1, 0)
            total += sign * np.where(edge > 1 - step, before * before + 2 * before + 1, 0)
    return total / len(METAL_HZ)


def _kick(t: _Signal, rate: int) -> _Signal:
    # Overdrive adds the overtones that small loudspeakers need.
    boom: _Signal = np.tanh(1.8 * _tone(t, 49, 200, 0.018) * _fall(t, 0.45))
    return boom + 0.5 * _band(_noise(t, rate, 1) * _fall(t, 0.0025), rate, 2500, 0.7)


def _snare(t: _Signal, rate: int) -> _Signal:
    low = _tone(t, 180, 260, 0.012) * _fall(t, 0.07)
    high = _tone(t, 335, 420, 0.01) * _fall(t, 0.045)
    wires = _high(_noise(t, rate, 2) * _fall(t, 0.07), rate, 1800)
    strokes = np.where(t < 0.03, _fall(t % 0.01, 0.004), _fall(t - 0.03, 0.02))
    clap = _band(_noise(t, rate, 3) * (strokes + 0.25 * _fall(t, 0.1)), rate, 1000, 1.5)
    return low + 0.6 * high + 0.35 * wires + 0.9 * clap


def _tom(hz: float, t: _Signal, rate: int) -> _Signal:
    skin = _band(_noise(t, rate, 4) * _fall(t, 0.03), rate, 4 * hz, 0.7)
    return _tone(t, hz, 1.6 * hz, 0.05) * _fall(t, 25 / hz) + 0.15 * skin


def _hat(fall_s: float, t: _Signal, rate: int) -> _Signal:
    metal = _high(_band(_metal(t, rate), rate, 7100, 1.2), rate, 7000)
    hiss = _high(_noise(t, rate, 5), rate, 8000)
    return (_level(metal) + 0.35 * _level(hiss)) * _fall(t, fall_s)


def _cymbal(low: float, attack: float, fall_s: float, t: _Signal, rate: int) -> _Signal:
    """A low band with a short decay, a high one that rings, and a hiss at the attack."""
    metal = _metal(t, rate)
    body = _level(_band(metal, rate, 3440, 2.5)) * _fall(t, 0.4 * fall_s)
    shimmer = _level(_high(_band(metal, rate, 7100, 1.2), rate, 6000)) * _fall(t, fall_s)
    hiss = _level(_high(_noise(t, rate, 6), rate, 5000)) * _fall(t, 0.3 * fall_s)
    return low * body + shimmer + attack * hiss


@dataclass(frozen=True, slots=True)
class _Made:
    """Mix of a voice: its peak `level`, and its pan from left -1 to right 1."""

    synthesize: Callable[[_Signal, int], _Signal]
    length_s: float
    level: float
    pan: float
    edge_hz: float


_KIT: Final = {
    kit.KICK: _Made(_kick, 2.0, 0.8, 0.0, 300),
    kit.SNARE: _Made(_snare, 0.6, 0.6, 0.0, 2500),
    kit.CLOSED_HAT: _Made(functools.partial(_hat, 0.022), 0.2, 0.25, 0.15, 9000),
    kit.OPEN_HAT: _Made(functools.partial(_hat, 0.16), 0.9, 0.25, 0.15, 9000),
    kit.LOW_TOM: _Made(functools.partial(_tom, 82.4), 1.2, 0.5, 0.35, 400),
    kit.MID_TOM: _Made(functools.partial(_tom, 123.5), 0.9, 0.5, 0.0, 600),
    kit.HIGH_TOM: _Made(functools.partial(_tom, 164.8), 0.7, 0.5, -0.35, 800),
    kit.RIDE: _Made(functools.partial(_cymbal, 0.8, 0.2, 0.5), 2.0, 0.25, 0.4, 6000),
    kit.CRASH: _Made(functools.partial(_cymbal, 0.4, 1.2, 0.8), 3.0, 0.4, -0.4, 6000),
}
