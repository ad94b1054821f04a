"""`DrumLoop`: onsets, velocities and microtiming of nine voices on a grid, with their lineage."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from trapgen.core.errors import ParameterError
from trapgen.core.kit import N_VOICES

STEPS_PER_BAR = (16, 24, 32, 48, 96)
"""Grids that a 4/4 bar may be divided into."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a loop comes from.

    Attributes:
        loop_id: Name of the loop, unique within its corpus.
        source_ids: Ids of every source whose onsets went into it, sorted (see `source_id`).
        pack: Name of the pack it came with.
        role: `kick`, `snare`, `hat`, `perc` or `full`.
        style: Sub-style, free text (`drill`), empty if unknown.
        parents: Loop ids it was made from; empty for an original.
        recipe: JSON that, with the parents, makes the loop again; empty for an original.
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
        steps_per_bar: One of `STEPS_PER_BAR`.
        bpm: Quarter notes a minute, above 0.
        lineage: Where the loop comes from.

    Raises:
        ParameterError: An array has another shape or range.
    """

    velocities: NDArray[np.uint8]
    steps_per_bar: int = 32
    bpm: float = 140.0
    offsets: NDArray[np.float32] = field(default=None)  # type: ignore[arg-type]
    lineage: Lineage = field(default_factory=Lineage)

    def __post_init__(self) -> None:
        if self.steps_per_bar not in STEPS_PER_BAR:
            raise ParameterError("steps_per_bar", f"one of {STEPS_PER_BAR}", self.steps_per_bar)
        raw = np.asarray(self.velocities)
        shape = raw.shape
        if len(shape) != 2 or shape[1] != N_VOICES or not shape[0] or shape[0] % self.steps_per_bar:
            raise ParameterError(
                "velocities", f"(whole bars of {self.steps_per_bar} steps, {N_VOICES})", shape
            )
        if raw.min() < 0 or raw.max() > 127:
            raise ParameterError("velocities", "from 0 to 127", f"{raw.min()} to {raw.max()}")
        velocities = np.array(raw, dtype=np.uint8)
        if not 0 < self.bpm < np.inf:
            raise ParameterError("bpm", "above 0 and finite", self.bpm)
        told = np.zeros(shape) if self.offsets is None else np.asarray(self.offsets)
        if told.shape != shape:
            raise ParameterError("offsets", f"an array {shape}", told.shape)
        offsets = np.where(velocities > 0, told, 0).astype(np.float32)
        if not ((offsets >= -0.5) & (offsets < 0.5)).all():
            raise ParameterError(
                "offsets", "from -0.5 up to 0.5", f"{offsets.min()} to {offsets.max()}"
            )
        velocities.setflags(write=False)
        offsets.setflags(write=False)
        object.__setattr__(self, "velocities", velocities)
        object.__setattr__(self, "offsets", offsets)

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

    def __eq__(self, other: object) -> bool:
        """Same hits, velocities, microtiming, grid, tempo and lineage."""
        if not isinstance(other, DrumLoop):
            return NotImplemented
        return (
            self.steps_per_bar == other.steps_per_bar
            and self.bpm == other.bpm
            and self.lineage == other.lineage
            and np.array_equal(self.velocities, other.velocities)
            and np.array_equal(self.offsets, other.offsets)
        )

    def __hash__(self) -> int:
        return hash((self.velocities.tobytes(), self.steps_per_bar, self.bpm, self.lineage))


def rotate(loop: DrumLoop, n_steps: int) -> DrumLoop:
    """Start the loop `n_steps` later; what was before comes round at the end."""
    return replace(
        loop,
        velocities=np.roll(loop.velocities, -n_steps, axis=0),
        offsets=np.roll(loop.offsets, -n_steps, axis=0),
    )


def repeat_to(loop: DrumLoop, n_bars: int) -> DrumLoop:
    """Repeat the loop until it is `n_bars` long, cutting the last repetition if it must.

    Raises:
        ParameterError: `n_bars` is below 1.
    """
    if n_bars < 1:
        raise ParameterError("n_bars", "at least 1", n_bars)
    n_steps = n_bars * loop.steps_per_bar
    times = -(-n_steps // loop.n_steps)
    return replace(
        loop,
        velocities=np.tile(loop.velocities, (times, 1))[:n_steps],
        offsets=np.tile(loop.offsets, (times, 1))[:n_steps],
    )


def cut(loop: DrumLoop, start_bar: int, n_bars: int) -> DrumLoop:
    """The window of `n_bars` whole bars from `start_bar` (0 is the first).

    Raises:
        ParameterError: The window does not lie within the loop.
    """
    if not 0 <= start_bar < start_bar + n_bars <= loop.n_bars:
        raise ParameterError("window", f"within {loop.n_bars} bars", (start_bar, n_bars))
    at = slice(start_bar * loop.steps_per_bar, (start_bar + n_bars) * loop.steps_per_bar)
    return replace(loop, velocities=loop.velocities[at], offsets=loop.offsets[at])


def source_id(loop: DrumLoop) -> str:
    """Sixteen hex digits that name the loop's canonical onsets.

    Tempo, resolution of the file, channel, velocity and key map do not enter; onset times enter
    as fractions of a bar, so that one loop read on two grids that both hold it has one id.
    """
    return hash_onsets(loop.velocities, loop.steps_per_bar)


def hash_onsets(velocities: NDArray[np.uint8], steps_per_bar: int) -> str:
    """The `source_id` of a loop of `(n_steps, 9)` velocities."""
    steps, voices = np.divmod(np.flatnonzero(velocities), N_VOICES)
    # Rows are (96ths of a bar, voice).
    rows = np.empty((len(steps), 2), "<u4")
    rows[:, 0], rows[:, 1] = steps * (96 // steps_per_bar), voices
    return hashlib.blake2b(rows.tobytes(), digest_size=8, person=b"trapgen-source").hexdigest()
