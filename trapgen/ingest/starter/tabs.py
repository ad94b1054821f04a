"""Drum tabs: loops as text that a person reads and edits.

    [kick-atlanta-10]
    style: atlanta
    bpm: 141
    kick | X--- --X- ---- x-x | X--- ---x --X- ----

A loop is a header with its name, `key: value` lines, and lanes. A lane is a voice name and bars
between `|`; a bar is four beats separated by spaces; the **number of characters of a beat is its
subdivision**:

    1 quarter    2 eighths    4 sixteenths         8 thirty-seconds
                 3 eighth triplets    6 sixteenth triplets    12 thirty-second triplets

`-` is silence, `1` to `9` a hit of velocity 14 to 126 in steps of 14, `x` one of 96, `X` one of
118. A repeated lane name continues that lane, so a long loop may span several rows. `#` starts a
comment.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import (
    CLOSED_HAT,
    CRASH,
    HIGH_TOM,
    KICK,
    LOW_TOM,
    MID_TOM,
    N_VOICES,
    OPEN_HAT,
    RIDE,
    SNARE,
    DrumLoop,
    Lineage,
    TextError,
)

STEPS_PER_BEAT: Final = 24
"""The coarsest grid on which every subdivision falls on whole steps."""

STEPS_PER_BAR: Final = 4 * STEPS_PER_BEAT

SUBDIVISIONS: Final = (1, 2, 3, 4, 6, 8, 12)
"""Number of characters that a beat may have."""

VELOCITIES: Final[Mapping[str, int]] = MappingProxyType(
    {"-": 0, "x": 96, "X": 118} | {str(n): 14 * n for n in range(1, 10)}
)
"""Velocity of each character."""

LANES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "kick": KICK,
        "snare": SNARE,
        "clap": SNARE,
        "hat": CLOSED_HAT,
        "oh": OPEN_HAT,
        "lt": LOW_TOM,
        "mt": MID_TOM,
        "ht": HIGH_TOM,
        "ride": RIDE,
        "crash": CRASH,
    }
)
"""Voice of each lane."""

LANES_OF_ROLE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"kick": ("kick",), "snare": ("snare", "clap"), "hat": ("hat", "oh"), "full": tuple(LANES)}
)
"""Lanes of a loop of each role."""

_KEYS: Final = ("style", "bpm")
_HEADER: Final = re.compile(r"\[([^\[\]\s]+)\]")
_KEY: Final = re.compile(r"(\w+)\s*:\s*(.*)")
_LANE: Final = re.compile(r"(\w+)\s*\|(.*?)\|?\s*")


@dataclass
class _Draft:
    """A loop being read: its first line, its keys, and the steps of each lane so far."""

    name: str
    line: int
    keys: dict[str, str] = field(default_factory=dict)
    lanes: dict[str, list[int]] = field(default_factory=dict)


@dataclass
class _Reader:
    """One pass over the text; `line` is the current line, for messages."""

    path: Path
    role: str
    line: int = 0
    drafts: dict[str, _Draft] = field(default_factory=dict)

    def error(self, rule: str, received: object, detail: str) -> TextError:
        return TextError(self.path, rule, received, f"Line {self.line}: {detail}")

    def read(self, text: str) -> None:
        draft: _Draft | None = None
        for self.line, whole in enumerate(text.splitlines(), 1):
            line = whole.partition("#")[0].strip()
            if not line:
                continue
            if found := _HEADER.fullmatch(line):
                draft = self.open(found[1])
            elif draft is None:
                raise self.error("tab_header", repr(line), "a loop starts with [its-name].")
            elif found := _LANE.fullmatch(line):
                self.add_bars(draft, found[1], found[2])
            elif found := _KEY.fullmatch(line):
                self.add_key(draft, found[1], found[2])
            else:
                raise self.error(
                    "tab_line", repr(line), "write [name], key: value, or lane | beats."
                )

    def open(self, name: str) -> _Draft:
        if name in self.drafts:
            raise self.error(
                "tab_name", name, f"line {self.drafts[name].line} has a loop of that name."
            )
        self.drafts[name] = _Draft(name, self.line)
        return self.drafts[name]

    def add_key(self, draft: _Draft, key: str, value: str) -> None:
        if key not in _KEYS:
            raise self.error("tab_key", key, f"the keys are {', '.join(_KEYS)}.")
        if key in draft.keys or not value:
            raise self.error(
                "tab_key", repr(f"{key}: {value}"), "give each key once, with a value."
            )
        if key == "bpm" and not _is_tempo(value):
            raise self.error(
                "tab_bpm", value, "bpm is a number of quarter notes per minute, above 0."
            )
        draft.keys[key] = value

    def add_bars(self, draft: _Draft, lane: str, bars: str) -> None:
        allowed = LANES_OF_ROLE[self.role]
        if lane not in allowed:
            raise self.error(
                "tab_lane", lane, f"lanes of a {self.role} loop: {', '.join(allowed)}."
            )
        steps = draft.lanes.setdefault(lane, [])
        for bar in bars.split("|"):
            beats = bar.split()
            if len(beats) != 4:
                raise self.error("tab_bar", repr(bar.strip()), "a bar has four beats.")
            for beat in beats:
                steps += self.steps_of(beat)

    def steps_of(self, beat: str) -> list[int]:
        if len(beat) not in SUBDIVISIONS:
            raise self.error(
                "tab_beat", beat, f"a beat has {', '.join(map(str, SUBDIVISIONS))} characters."
            )
        steps = [0] * STEPS_PER_BEAT
        for place, hit in enumerate(beat):
            if hit not in VELOCITIES:
                raise self.error("tab_hit", repr(hit), "a hit is one of - x X 1 2 3 4 5 6 7 8 9.")
            steps[place * STEPS_PER_BEAT // len(beat)] = VELOCITIES[hit]
        return steps

    def close(self, draft: _Draft) -> DrumLoop:
        # A missing key shows only at the loop's end, but the header is where to look.
        self.line = draft.line
        missing = [key for key in _KEYS if key not in draft.keys]
        if missing or not draft.lanes:
            raise self.error(
                "tab_incomplete", draft.name, f"it lacks {', '.join(missing) or 'lanes'}."
            )
        n_bars = {lane: len(steps) // STEPS_PER_BAR for lane, steps in draft.lanes.items()}
        if len(set(n_bars.values())) > 1:
            raise self.error("tab_length", n_bars, "the lanes of a loop have as many bars each.")
        return DrumLoop(
            velocities=self.stack(draft),
            steps_per_bar=STEPS_PER_BAR,
            bpm=float(draft.keys["bpm"]),
            lineage=Lineage(loop_id=draft.name, role=self.role, style=draft.keys["style"]),
        )

    def stack(self, draft: _Draft) -> NDArray[np.uint8]:
        n_steps = len(next(iter(draft.lanes.values())))
        velocities = np.zeros((n_steps, N_VOICES), dtype=np.uint8)
        for lane, steps in draft.lanes.items():
            voice = velocities[:, LANES[lane]]
            hits = np.array(steps, dtype=np.uint8)
            if (both := np.flatnonzero((voice > 0) & (hits > 0))).size:
                bar, step = divmod(int(both[0]), STEPS_PER_BAR)
                raise self.error(
                    "tab_twice",
                    f"{lane} in bar {bar + 1}, beat {step / STEPS_PER_BEAT + 1:.4g}",
                    "another lane strikes that voice there: keep one of them.",
                )
            voice += hits
        return velocities


def _is_tempo(value: str) -> bool:
    try:
        return math.isfinite(float(value)) and float(value) > 0
    except ValueError:
        return False


def parse_tabs(text: str, role: str, path: str | Path = "<text>") -> tuple[DrumLoop, ...]:
    """Read the loops of a tab's text, in its order.

    Args:
        text: The tab.
        role: Role of every loop in it, a key of `LANES_OF_ROLE`.
        path: Location of the text, for messages.

    Returns:
        Loops on 96 steps per bar without microtiming; `loop_id`, `role` and `style` of the lineage
        are set.

    Raises:
        TextError: A line breaks the format; the message names the line.
    """
    if role not in LANES_OF_ROLE:
        raise TextError(path, "tab_role", role, f"The roles are {', '.join(LANES_OF_ROLE)}.")
    reader = _Reader(Path(path), role)
    reader.read(text)
    return tuple(reader.close(draft) for draft in reader.drafts.values())


def read_tabs(path: str | Path) -> tuple[DrumLoop, ...]:
    """Read a tab file whose name is its role: `kick.tab`, `full.tab`; see `parse_tabs`.

    Raises:
        TextError: The file cannot be read, its name is not a role, or a line breaks the format.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TextError(path, "unreadable", error, "A tab is a UTF-8 text file.") from error
    return parse_tabs(text, path.stem, path)
