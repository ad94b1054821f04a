"""`DrumLoop`: onsets, velocities and microtiming of nine voices on a grid, with lineage."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core.errors import ParameterError
from trapgen.core.grid import BEATS_A_BAR, STEPS_PER_BAR
from trapgen.core.kit import N_VOICES, VOICES
from trapgen.core.ticks import time_notes

if TYPE_CHECKING:
    import pretty_midi

ONSET_UNITS: Final = 960
"""Units per quarter in which times are hashed to source ids."""

SOURCE_RULE: Final = "s2"
"""Version of the rule for source ids; ids of different versions cannot be compared."""

OF_HITS: Final = ("velocities", "offsets", "pitches", "lengths")
"""The arrays of a `DrumLoop`: the attributes of each hit."""

TEMPO_ORIGINS: Final = ("file", "name", "unknown")
"""Where a file's tempo is from."""

DEFAULT_BPM: Final = 120.0
"""Tempo of a MIDI file without one (Standard MIDI Files 1.0)."""

_TYPES: Final = (np.uint8, np.float32, np.uint8, np.float32)
_SOURCE: Final = b"trapgen-source"
_KEYS: Final = np.array([voice.pitch for voice in VOICES], np.uint8)


@dataclass(frozen=True, slots=True)
class Lineage:
    """Origin of a loop.

    Attributes:
        loop_id: Name of the loop, unique within its corpus.
        source_ids: Ids of all sources whose onsets it contains, sorted (see `hash_onsets`).
        pack: Name of the pack it came with.
        role: `kick`, `snare`, `hat`, `perc` or `full`.
        style: Sub-style, free text (`drill`), empty if unknown.
        parents: Ids of the loops it was made from; empty for an original.
        recipe: JSON that, with the parents, reproduces the loop; empty for an original.
    """

    loop_id: str = ""
    source_ids: tuple[str, ...] = ()
    pack: str = ""
    role: str = "full"
    style: str = ""
    parents: tuple[str, ...] = ()
    recipe: str = ""


@dataclass(frozen=True, eq=False)
class DrumLoop:
    """A drum loop in 4/4. Immutable: its arrays are read-only.

    Attributes:
        velocities: `(n_steps, 9)` uint8, 0 where a voice is silent, else 1 to 127; voices in
            the order of `trapgen.core.kit.VOICES`. `n_steps` is a whole number of bars.
        offsets: `(n_steps, 9)` float32, microtiming in steps, from -0.5 up to but not
            including 0.5; 0 where a voice is silent.
        pitches: `(n_steps, 9)` uint8, the MIDI key that each hit was read from, 0 where a voice
            is silent; by default the voice's own key.
        lengths: `(n_steps, 9)` float32, duration in steps that each hit's key was held; 0 where
            unknown, the default. Ignored by comparisons.
        steps_per_bar: One of `STEPS_PER_BAR`.
        bpm: Quarter notes per minute, above 0; None if unknown.
        lineage: Origin of the loop.

    Raises:
        ParameterError: An array has another shape or range.
    """

    velocities: NDArray[np.uint8]
    steps_per_bar: int = 32
    bpm: float | None = 140.0
    offsets: NDArray[np.float32] = field(default=None)  # type: ignore[arg-type]
    lineage: Lineage = field(default_factory=Lineage)
    pitches: NDArray[np.uint8] = field(default=None)  # type: ignore[arg-type]
    lengths: NDArray[np.float32] = field(default=None)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        _check_grid(self.steps_per_bar)
        shape = np.shape(self.velocities)
        if len(shape) != 2 or shape[1] != N_VOICES or not shape[0] or shape[0] % self.steps_per_bar:
            raise ParameterError(
                "velocities", f"(whole bars of {self.steps_per_bar} steps, {N_VOICES})", shape
            )
        cells = np.flatnonzero(np.asarray(self.velocities))
        values = []
        for name in OF_HITS:
            given = getattr(self, name)
            if given is not None and np.shape(given) != shape:
                raise ParameterError(name, f"an array {shape}", np.shape(given))
            values.append(np.zeros(len(cells)) if given is None else np.ravel(given)[cells])
        _fill(self, cells, values, shape[0])

    @property
    def play_bpm(self) -> float:
        """Tempo to play it at: its own, or `DEFAULT_BPM`, a MIDI file's without one."""
        return DEFAULT_BPM if self.bpm is None else self.bpm

    @property
    def n_steps(self) -> int:
        """Length in steps."""
        return int(self.velocities.shape[0])

    @property
    def n_bars(self) -> int:
        """Length in bars."""
        return self.n_steps // self.steps_per_bar

    @property
    def onsets(self) -> NDArray[np.bool_]:
        """`(n_steps, 9)` bool: which voice sounds at which step."""
        return self.velocities > 0

    @property
    def n_onsets(self) -> int:
        """Number of hits."""
        return int(np.count_nonzero(self.velocities))

    def to_pretty_midi(self) -> pretty_midi.PrettyMIDI:
        """The loop as a pretty_midi object: one drum instrument, and a text event where it ends.

        Voices are written on their General MIDI keys.

        Raises:
            ParameterError: The tempo is beyond what a MIDI file can state, or the loop is longer
                than pretty_midi's `MAX_TICK` (1e7 unless set otherwise: 2,604 bars).

        Examples:
            >>> import numpy as np
            >>> velocities = np.zeros((32, 9), np.uint8)
            >>> velocities[[0, 20], 0] = 100
            >>> midi = DrumLoop(velocities, bpm=120).to_pretty_midi()
            >>> [(note.start, note.pitch) for note in midi.instruments[0].notes]
            [(0.0, 36), (1.25, 36)]
        """
        from trapgen.core.pretty_midi_io import write_pretty_midi

        notes = time_notes(self.velocities, self.offsets, self.steps_per_bar)
        return write_pretty_midi(notes, self.n_bars, self.play_bpm)

    @classmethod
    def from_pretty_midi(cls, midi: pretty_midi.PrettyMIDI, steps_per_bar: int = 32) -> DrumLoop:
        """The drums of a pretty_midi object on the grid, with velocities and microtiming.

        Reads the notes of drum instruments by General MIDI's keys and leaves others out; of two
        notes at one step the louder stays. `trapgen.read_midi` reads files, finds the key map
        and reports what it leaves out.

        Args:
            midi: What pretty_midi read or made.
            steps_per_bar: One of `STEPS_PER_BAR`.

        Raises:
            ParameterError: There is no drum instrument, none of its notes is on a General MIDI
                drum key, or a value is out of range.

        Examples:
            >>> import numpy as np
            >>> velocities = np.zeros((32, 9), np.uint8)
            >>> velocities[[0, 20], 0] = 100
            >>> loop = DrumLoop(velocities, bpm=120)
            >>> DrumLoop.from_pretty_midi(loop.to_pretty_midi()) == loop
            True
        """
        from trapgen.core.pretty_midi_io import read_pretty_midi

        _check_grid(steps_per_bar)
        found = read_pretty_midi(midi, steps_per_bar)
        return place_hits(
            found.cells, found.values, found.n_bars, steps_per_bar, found.bpm, Lineage()
        )

    def __eq__(self, other: object) -> bool:
        """Same hits, velocities, microtiming, keys, grid, tempo and lineage."""
        if not isinstance(other, DrumLoop):
            return NotImplemented
        return (
            self.steps_per_bar == other.steps_per_bar
            and self.bpm == other.bpm
            and self.lineage == other.lineage
            and np.array_equal(self.velocities, other.velocities)
            and np.array_equal(self.offsets, other.offsets)
            and np.array_equal(self.pitches, other.pitches)
        )

    def __hash__(self) -> int:
        return hash((self.velocities.tobytes(), self.steps_per_bar, self.bpm, self.lineage))


def place_hits(
    cells: NDArray[np.int64],
    values: Sequence[NDArray[Any]],
    n_bars: int,
    steps_per_bar: int,
    bpm: float | None,
    lineage: Lineage,
) -> DrumLoop:
    """Make a loop from a list of hits; if two share a cell, the later one is kept.

    Args:
        cells: `(n,)` `9 * step + voice` of each hit.
        values: `(n,)` velocities (1 to 127), offsets, pitches and lengths (see `OF_HITS`).
        n_bars: Length of the loop.
        steps_per_bar: One of `STEPS_PER_BAR`.
        bpm: Quarter notes per minute, above 0; None if unknown.
        lineage: Origin of the loop.

    Raises:
        ParameterError: A value is out of range, or a hit is outside the loop.
    """
    _check_grid(steps_per_bar)
    n_steps = n_bars * steps_per_bar
    if n_steps < 1:
        raise ParameterError("n_bars", "at least 1", n_bars)
    if len(cells) and (cells.min() < 0 or cells.max() >= n_steps * N_VOICES):
        raise ParameterError("step", f"from 0 to {n_steps - 1}", "a hit outside the loop")
    loop = object.__new__(DrumLoop)
    for name, value in (("steps_per_bar", steps_per_bar), ("bpm", bpm), ("lineage", lineage)):
        object.__setattr__(loop, name, value)
    _fill(loop, cells, values, n_steps)
    return loop


def _check_grid(steps_per_bar: int) -> None:
    if steps_per_bar not in STEPS_PER_BAR:
        raise ParameterError("steps_per_bar", f"one of {STEPS_PER_BAR}", steps_per_bar)


def _fill(
    loop: DrumLoop, cells: NDArray[np.int64], values: Sequence[NDArray[Any]], n_steps: int
) -> None:
    """Set a loop's arrays from the attributes of each hit."""
    if loop.bpm is not None and not 0 < loop.bpm < np.inf:
        raise ParameterError("bpm", "above 0 and finite", loop.bpm)
    velocities, offsets, keys, lengths = values
    if len(cells) and not (velocities.min() >= 1 and velocities.max() <= 127):
        received = f"{velocities.min()} to {velocities.max()}"
        raise ParameterError("velocities", "from 1 to 127", received)
    # Comparisons with NaN are false.
    if len(cells) and not (offsets.min() >= -0.5 and offsets.max() < 0.5):
        received = f"{offsets.min()} to {offsets.max()}"
        raise ParameterError("offsets", "from -0.5 up to 0.5", received)
    if len(cells) and not (keys.min() >= 0 and keys.max() <= 127):
        raise ParameterError("pitches", "from 0 to 127", f"{keys.min()} to {keys.max()}")
    if len(cells) and not (lengths.min() >= 0 and lengths.max() < np.inf):
        received = f"{lengths.min()} to {lengths.max()}"
        raise ParameterError("lengths", "from 0, and finite", received)
    # A hit without a key, for example an added one, has the voice's own.
    keys = np.where(keys == 0, _KEYS[cells % N_VOICES], keys)
    of_hits = (velocities, offsets, keys, lengths)
    for name, dtype, known in zip(OF_HITS, _TYPES, of_hits, strict=True):
        array = np.zeros((n_steps, N_VOICES), dtype)
        array.ravel()[cells] = known
        array.setflags(write=False)
        object.__setattr__(loop, name, array)


def map_hits(loop: DrumLoop, change: Callable[[NDArray[Any]], NDArray[Any]]) -> DrumLoop:
    """Apply one change to all `(n_steps, 9)` arrays of the loop: move, cut, repeat.

    Args:
        loop: The loop.
        change: Moves hits, in whole bars, and adds none: hits are not validated again.
    """
    changed = copy(loop)
    for name in OF_HITS:
        array = change(getattr(loop, name))
        array.setflags(write=False)
        object.__setattr__(changed, name, array)
    return changed


def relabel(loop: DrumLoop, **changes: Any) -> DrumLoop:
    """The loop with changes to its lineage, such as another `loop_id`."""
    changed = copy(loop)
    object.__setattr__(changed, "lineage", replace(loop.lineage, **changes))
    return changed


def rotate(loop: DrumLoop, n_steps: int) -> DrumLoop:
    """Start the loop `n_steps` later; earlier steps wrap around to the end."""
    return map_hits(loop, lambda hits: np.roll(hits, -n_steps, axis=0))


def repeat_to(loop: DrumLoop, n_bars: int) -> DrumLoop:
    """Repeat the loop until it is `n_bars` long, cutting the last repetition if necessary.

    Raises:
        ParameterError: `n_bars` is below 1.
    """
    if n_bars < 1:
        raise ParameterError("n_bars", "at least 1", n_bars)
    n_steps = n_bars * loop.steps_per_bar
    times = -(-n_steps // loop.n_steps)
    return map_hits(loop, lambda hits: np.tile(hits, (times, 1))[:n_steps])


def cut(loop: DrumLoop, start_bar: int, n_bars: int) -> DrumLoop:
    """The window of `n_bars` whole bars from `start_bar` (0 is the first).

    Raises:
        ParameterError: The window is not within the loop.
    """
    if not 0 <= start_bar < start_bar + n_bars <= loop.n_bars:
        raise ParameterError("window", f"within {loop.n_bars} bars", (start_bar, n_bars))
    window = slice(start_bar * loop.steps_per_bar, (start_bar + n_bars) * loop.steps_per_bar)
    return map_hits(loop, lambda hits: hits[window])


def source_id(loop: DrumLoop) -> str:
    """Id of a loop without a file: its onsets as they sound (see `hash_onsets`)."""
    steps, voices = np.nonzero(loop.velocities)
    quarters = (steps + loop.offsets[steps, voices]) * (BEATS_A_BAR / loop.steps_per_bar)
    return hash_onsets(np.rint(quarters * ONSET_UNITS).astype(np.int64), voices)


def hash_onsets(times: NDArray[np.int64], voices: NDArray[np.int64]) -> str:
    """Id of a source: the version of this rule, and a hash of its onsets, sixteen hex digits.

    Tempo, resolution of the file, channel, velocity and key are ignored, as are grid, feel and
    rolls, which come later: a file has one id, however it is read. Whole silent bars before the
    first onset are also ignored.

    Args:
        times: `(n,)` int64 times of the onsets as read, in 960ths of a quarter (`ONSET_UNITS`).
        voices: `(n,)` their columns in the kit.
    """
    bar = BEATS_A_BAR * ONSET_UNITS
    onsets = times * N_VOICES + voices
    onsets.sort()
    onsets = np.append(onsets[:1], onsets[1:][onsets[1:] != onsets[:-1]])
    # An onset just before a bar line belongs to the next bar, as on the finest grid.
    first = int(onsets[0]) // N_VOICES + bar // (2 * max(STEPS_PER_BAR)) if len(onsets) else 0
    onsets -= first // bar * bar * N_VOICES
    digest = hashlib.blake2b(onsets.astype("<i8").tobytes(), digest_size=8, person=_SOURCE)
    return f"{SOURCE_RULE}-{digest.hexdigest()}"
