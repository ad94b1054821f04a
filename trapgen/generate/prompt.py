"""The prompt: a primer to continue, voices to keep, a loop to vary."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import BAR_WORD, N_VOICES, N_WORDS, DrumLoop, ParameterError, to_text

Words = NDArray[np.int64]
Hits = NDArray[np.float64]

_LIKE_LOOPS: Final = ("locked", "theme")
_WORDS: Final = ("primer", *_LIKE_LOOPS)
_HITS: Final = {"locked_hits": "locked", "theme_hits": "theme"}


@dataclass(frozen=True, eq=False)
class Prompt:
    """Words that condition sampling; each `(n_steps,)` int64 in whole bars, or None.

    Attributes:
        primer: What the loops continue; not part of them.
        locked: Onsets of the locked voices; as long as the loops.
        theme: The loop to vary; as long as the loops.
        locked_hits: `(n_hits, 4)` float64, playback of the locked voices: step, voice, velocity
            and offset in steps of each hit.
        theme_hits: The same of the loop to vary.
        primer_beats: Beats by which the primer's file was rotated to its bar line.
        notes: What was dropped from the files, one sentence each.
    """

    primer: Words | None = None
    locked: Words | None = None
    theme: Words | None = None
    locked_hits: Hits | None = None
    theme_hits: Hits | None = None
    primer_beats: int = 0
    notes: tuple[str, ...] = ()

    def check(self, n_bars: int, steps_per_bar: int) -> None:
        """Check lengths against those of the loops.

        Raises:
            ParameterError: The primer is not in whole bars, or locked voices or theme differ in
                length from the loops.
        """
        primer = self.primer
        if primer is not None and (not len(primer) or len(primer) % steps_per_bar):
            raise ParameterError("primer", f"whole bars of {steps_per_bar} steps", len(primer))
        for name in _LIKE_LOOPS:
            words = getattr(self, name)
            if words is not None and len(words) != n_bars * steps_per_bar:
                rule = f"as long as the loops, {n_bars * steps_per_bar} steps"
                raise ParameterError(name, rule, len(words))

    def play(
        self, velocities: NDArray[np.uint8], offsets: NDArray[np.float32], *, is_timed: bool
    ) -> None:
        """Apply the prompt's playback to locked voices, and to kept hits of a varied loop.

        Args:
            velocities: `(n_steps, 9)` of a loop that keeps the locked voices; modified in place.
            offsets: `(n_steps, 9)` in steps; modified in place.
            is_timed: Whether the loop has its own microtiming, which kept hits of a varied loop
                then follow.
        """
        if self.theme_hits is not None:
            steps, voices, hard, early = _columns(self.theme_hits)
            left = velocities[steps, voices] > 0
            steps, voices = steps[left], voices[left]
            velocities[steps, voices] = hard[left]
            if not is_timed:
                offsets[steps, voices] = early[left]
        if self.locked_hits is not None:
            steps, voices, hard, early = _columns(self.locked_hits)
            velocities[steps, voices], offsets[steps, voices] = hard, early

    def to_json(self, steps_per_bar: int) -> dict[str, Any]:
        """Words as lines of text in the format of `trapgen.core.codec`, without None values."""
        pieces = {name: getattr(self, name) for name in _WORDS}
        lines: dict[str, Any] = {
            name: to_text(words, steps_per_bar)
            for name, words in pieces.items()
            if words is not None
        }
        for name in _HITS:
            if (hits := getattr(self, name)) is not None:
                lines[name] = hits.tolist()
        if self.primer is not None:
            lines["primer_beats"] = self.primer_beats
        return lines | ({"notes": list(self.notes)} if self.notes else {})

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Prompt:
        """Read the output of `to_json`.

        Raises:
            ParameterError: A key is unknown, a line holds anything but words and BAR, or a hit
                anything but a step, a voice, a velocity and an offset.
        """
        content = dict(content)
        played = {name: content.pop(name, None) for name in _HITS}
        beats = int(content.pop("primer_beats", 0))
        notes = tuple(map(str, content.pop("notes", ())))
        for name in content:
            if name not in _WORDS:
                raise ParameterError("prompt", f"one of {', '.join(_WORDS)}", name)
        words: dict[str, Any] = {name: _parse(name, line) for name, line in content.items()}
        prompt = cls(**words, primer_beats=beats, notes=notes)
        hits: dict[str, Any] = {
            name: _read_hits(name, played[name], words.get(of))
            for name, of in _HITS.items()
            if played[name] is not None
        }
        return replace(prompt, **hits)


def list_played_hits(loop: DrumLoop, voices: Collection[int]) -> Hits:
    """`(n_hits, 4)` step, voice, velocity and offset of the hits of some voices."""
    found = loop.onsets & np.isin(np.arange(N_VOICES), list(voices))
    steps, at = np.nonzero(found)
    played = (steps, at, loop.velocities[found], loop.offsets[found])
    return np.column_stack([np.asarray(column, np.float64) for column in played])


def _columns(hits: Hits) -> tuple[Words, Words, NDArray[np.uint8], NDArray[np.float32]]:
    steps, voices = hits[:, :2].astype(np.int64).T
    return steps, voices, hits[:, 2].astype(np.uint8), hits[:, 3].astype(np.float32)


def _read_hits(name: str, hits: Any, words: Words | None) -> Hits:
    n_steps = 0 if words is None else len(words)
    lowest = (0, 0, 1, -0.5)
    highest = (n_steps - 1, N_VOICES - 1, 127, np.nextafter(np.float32(0.5), np.float32(0)))
    rule = f"step below {n_steps}, voice, velocity and offset of each hit"
    try:
        found = np.array(hits, np.float64).reshape(len(hits), len(lowest))
    except (ArithmeticError, TypeError, ValueError):
        raise ParameterError(f"prompt.{name}", rule, hits) from None
    fits = ((found >= lowest) & (found <= highest)).all(axis=1)
    if not fits.all():
        raise ParameterError(f"prompt.{name}", rule, found[~fits][0].tolist())
    return found


def _parse(name: str, line: object) -> Words:
    tokens = [token for token in str(line).split() if token != BAR_WORD]
    try:
        words = [int(token, 2) for token in tokens]
    except ValueError:
        words = [-1]
    if not words or min(words) < 0 or max(words) >= N_WORDS:
        raise ParameterError(f"prompt.{name}", f"words of {N_VOICES} bits, and BAR", line)
    return np.array(words, np.int64)
