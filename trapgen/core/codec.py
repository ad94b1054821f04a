"""Loops as text: one word per step, `BAR` after each bar, one loop per line.

A word is `0b` and one digit per voice, in the kit's order from the left. The vocabulary is closed:
all possible words, `BAR`, and two control tokens that never occur in the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core.errors import ModelError, TableError, TextError
from trapgen.core.inputs import read_input
from trapgen.core.kit import N_VOICES, VOICES
from trapgen.core.loop import STEPS_PER_BAR, DrumLoop
from trapgen.core.store import read_json, write_json, write_text

N_WORDS: Final[int] = 2**N_VOICES
BAR: Final = N_WORDS
START: Final = N_WORDS + 1
PAD: Final = N_WORDS + 2
N_TARGETS: Final = N_WORDS + 1
"""Tokens that a model can predict: words and BAR."""

BAR_WORD: Final = "BAR"
_BIT_VALUES: Final = 2 ** np.arange(N_VOICES - 1, -1, -1)
_MAX_TEXT_BYTES: Final = 1 << 26
DECODED_VELOCITY: Final = 100
"""Velocity of decoded hits: the text contains none."""


@dataclass(frozen=True, slots=True)
class Codec:
    """Meaning of text and tokens; saved beside the weights, so that nothing is copied by hand."""

    steps_per_bar: int = 32

    @property
    def bar_length(self) -> int:
        """Tokens per bar: its steps and BAR."""
        return self.steps_per_bar + 1

    def save(self, path: Path) -> None:
        """Write `codec.json`."""
        write_json(path, {"steps_per_bar": self.steps_per_bar, **_vocabulary()})

    @classmethod
    def load(cls, path: Path) -> Codec:
        """Read `codec.json`.

        Raises:
            ModelError: The file is missing, broken, or for another kit or vocabulary.
        """
        try:
            content = read_json(path)
        except TableError as error:
            raise ModelError(path, error.rule, error.received, "Train the model again.") from error
        if not isinstance(content, dict) or content.get("steps_per_bar") not in STEPS_PER_BAR:
            raise ModelError(path, "steps_per_bar", content, f"It must be one of {STEPS_PER_BAR}.")
        for key, value in _vocabulary().items():
            if content.get(key) != value:
                raise ModelError(
                    path, key, content.get(key), f"This version reads {value}: train again."
                )
        return cls(content["steps_per_bar"])


def _vocabulary() -> dict[str, Any]:
    return {
        "voices": [voice.name for voice in VOICES],
        "pitches": [voice.pitch for voice in VOICES],
        "tokens": {"BAR": BAR, "START": START, "PAD": PAD},
    }


def to_words(loop: DrumLoop) -> NDArray[np.int64]:
    """The loop's words: `(n_steps,)` int64 from 0 to 511; the kick is the highest bit."""
    return np.asarray(loop.onsets @ _BIT_VALUES, dtype=np.int64)


def to_onsets(words: NDArray[np.int64]) -> NDArray[np.bool_]:
    """`(..., 9)` bool onsets of `(...)` words."""
    return (words[..., None] & _BIT_VALUES) > 0


def to_loop(words: NDArray[np.int64], steps_per_bar: int, bpm: float | None = 140.0) -> DrumLoop:
    """A loop of `(n_steps,)` words; every hit has the velocity `DECODED_VELOCITY`."""
    velocities = np.where(to_onsets(words), DECODED_VELOCITY, 0).astype(np.uint8)
    return DrumLoop(velocities, steps_per_bar, bpm)


def add_bars(words: NDArray[np.int64], steps_per_bar: int) -> NDArray[np.int64]:
    """Tokens of whole bars of words: `(n_bars * (steps_per_bar + 1),)`, BAR at each bar's end."""
    bars = words.reshape(-1, steps_per_bar)
    return np.column_stack([bars, np.full(len(bars), BAR)]).ravel()


def to_text(words: NDArray[np.int64], steps_per_bar: int) -> str:
    """One line of text, without a line end."""
    return " ".join(
        BAR_WORD if token == BAR else f"0b{token:0{N_VOICES}b}"
        for token in add_bars(words, steps_per_bar).tolist()
    )


def write_lines(path: Path, loops: Iterable[DrumLoop]) -> None:
    """Write a text file, one line per loop."""
    lines = (to_text(to_words(loop), loop.steps_per_bar) + "\n" for loop in loops)
    write_text(path, "".join(lines))


def read_lines(path: Path, steps_per_bar: int) -> list[NDArray[np.int64]]:
    """Read a text file: `(n_steps,)` words per line.

    Also reads the format of TrapGenerator and Choi et al. 2016: one long line, BAR first or last.
    Empty lines are skipped.

    Raises:
        TextError: The file cannot be read, contains something that is neither a word nor BAR, or
            has a bar with another number of steps.
    """
    try:
        # Editors on Windows put a byte order mark in front.
        text = read_input(path, TextError, max_bytes=_MAX_TEXT_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TextError(path, "unreadable", error, "Loop text is UTF-8.") from error
    lines = [
        _parse_line(path, number, line.split(), steps_per_bar)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip()
    ]
    if not lines:
        raise TextError(path, "empty", f"{len(text)} characters", "The file contains no loop.")
    return lines


def _parse_line(
    path: Path, number: int, tokens: Sequence[str], steps_per_bar: int
) -> NDArray[np.int64]:
    bars: list[list[int]] = [[]]
    for token in tokens:
        if token == BAR_WORD:
            bars.append([])
        elif len(token) == 2 + N_VOICES and token[:2] == "0b" and set(token[2:]) <= {"0", "1"}:
            bars[-1].append(int(token[2:], 2))
        else:
            raise TextError(
                path, "word", f"{token!r} in line {number}", f"0b and {N_VOICES} digits, or BAR."
            )
    # BAR may start bars, end them, or only separate them.
    bars = bars[1:] if not bars[0] else bars
    bars = bars[:-1] if bars and not bars[-1] else bars
    for at, bar in enumerate(bars, start=1):
        if len(bar) != steps_per_bar:
            raise TextError(
                path,
                "bar_length",
                f"{len(bar)} steps in bar {at} of line {number}",
                f"Every bar has {steps_per_bar}; another grid is read with --steps-per-bar.",
            )
    if not bars:
        raise TextError(path, "empty", f"line {number}", "A line holds at least one bar.")
    return np.array(bars, dtype=np.int64).ravel()
