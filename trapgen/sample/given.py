"""What a producer hands in as music: a primer, lanes to keep, a loop to vary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.codec import BAR_WORD, N_WORDS, to_text
from trapgen.errors import ParameterError
from trapgen.kit import N_VOICES

Words = NDArray[np.int64]

_LIKE_LOOPS: Final = ("lanes", "theme")
_WORDS: Final = ("primer", *_LIKE_LOOPS)


@dataclass(frozen=True, eq=False)
class Given:
    """Words that go into a draw; each `(n_steps,)` int64 in whole bars, or None.

    Attributes:
        primer: What the loops go on from; not part of them.
        lanes: As long as the loops: where the locked voices sound.
        theme: As long as the loops: the loop that is varied.
        primer_beats: By how many beats the primer's file was turned to meet its bar line.
    """

    primer: Words | None = None
    lanes: Words | None = None
    theme: Words | None = None
    primer_beats: int = 0

    def check(self, n_bars: int, steps_per_bar: int) -> None:
        """Hold the lengths against those of the loops.

        Raises:
            ParameterError: The primer is not in whole bars, or lanes or theme have another length
                than the loops.
        """
        primer = self.primer
        if primer is not None and (not len(primer) or len(primer) % steps_per_bar):
            raise ParameterError("primer", f"whole bars of {steps_per_bar} steps", len(primer))
        for name in _LIKE_LOOPS:
            words = getattr(self, name)
            if words is not None and len(words) != n_bars * steps_per_bar:
                rule = f"as long as the loops, {n_bars * steps_per_bar} steps"
                raise ParameterError(name, rule, len(words))

    def to_json(self, steps_per_bar: int) -> dict[str, Any]:
        """Words as a line of text, as `trapgen.codec` writes it; what is None is left out."""
        pieces = {name: getattr(self, name) for name in _WORDS}
        lines = {
            name: to_text(words, steps_per_bar)
            for name, words in pieces.items()
            if words is not None
        }
        return lines | ({} if self.primer is None else {"primer_beats": self.primer_beats})

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Given:
        """Read what `to_json` gave.

        Raises:
            ParameterError: A key is unknown, or a line holds something else than words and BAR.
        """
        content = dict(content)
        beats = int(content.pop("primer_beats", 0))
        for name in content:
            if name not in _WORDS:
                raise ParameterError("given", f"one of {', '.join(_WORDS)}", name)
        words = {name: _parse(name, line) for name, line in content.items()}
        return cls(**words, primer_beats=beats)


def _parse(name: str, line: object) -> Words:
    tokens = [token for token in str(line).split() if token != BAR_WORD]
    try:
        words = [int(token, 2) for token in tokens]
    except ValueError:
        words = [-1]
    if not words or min(words) < 0 or max(words) >= N_WORDS:
        raise ParameterError(f"given.{name}", f"words of {N_VOICES} bits, and BAR", line)
    return np.array(words, np.int64)
