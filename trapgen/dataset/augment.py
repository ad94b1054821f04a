"""Recombination of the sources of one split: kick + snare + hat, rotated, repeated, varied.

Every loop carries a recipe, JSON that with its parents reproduces it. Full loops provide their
voices as parts, and are also kept unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import (
    CLOSED_HAT,
    KICK,
    N_VOICES,
    OF_HITS,
    OPEN_HAT,
    RIDE,
    SIDES,
    SNARE,
    AugmentParams,
    DrumLoop,
    Lineage,
    Sided,
    SplitError,
    SplitParams,
    repeat_to,
    rotate,
    write_loops,
)
from trapgen.dataset.split import PART_ROLES, POOL, deal_loops
from trapgen.midi import write_loop

if TYPE_CHECKING:
    import pandas as pd

PART_VOICES: Final = {"kick": (KICK,), "snare": (SNARE,), "hat": (CLOSED_HAT, OPEN_HAT, RIDE)}
_VELOCITY_SPREAD: Final = 6.0


def augment_sides(
    loops: Sequence[DrumLoop],
    sides: Sequence[str],
    params: AugmentParams,
    split: SplitParams,
    rng: np.random.Generator,
) -> list[tuple[str, DrumLoop]]:
    """Make every split's loops from its own sources.

    Args:
        loops: The standardized loops.
        sides: Split of each loop, as `split_sources` assigned it.
        params: Number, length and variation of the loops.
        split: How to assign loops under a protocol that splits after recombination.
        rng: Random generator of all draws.

    Returns:
        Split and loop, originals of full loops first, then the recombined ones.

    Raises:
        SplitError: A split that should get loops has no parts to recombine.
    """
    counts = (params.train_loops, params.validation_loops, params.test_loops)
    to_make = dict(zip(SIDES, counts, strict=True))
    made: list[tuple[str, DrumLoop]] = []
    for side in (POOL, *SIDES):
        ours = [loop for loop, at in zip(loops, sides, strict=True) if at == side]
        if not ours:
            continue
        n_loops = sum(to_make.values()) if side == POOL else to_make[side]
        results = [*keep_full(ours, params), *recombine(ours, n_loops, params, rng, prefix=side)]
        made += deal_loops(results, split, rng) if side == POOL else [(side, x) for x in results]
    return made


def keep_full(loops: Sequence[DrumLoop], params: AugmentParams) -> list[DrumLoop]:
    """The full loops among `loops`, repeated to the common length if they are shorter."""
    full = (loop for loop in loops if loop.lineage.role == "full")
    return [repeat_to(loop, max(params.bars, loop.n_bars)) for loop in full]


def recombine(
    loops: Sequence[DrumLoop],
    n_loops: int,
    params: AugmentParams,
    rng: np.random.Generator,
    prefix: str = "",
) -> list[DrumLoop]:
    """Draw `n_loops` kick + snare + hat combinations.

    Combinations repeat only after all have been used.

    Raises:
        SplitError: A part has no source, and there is no full loop either.
    """
    parts = {role: [loop for loop in loops if _lends(loop, role)] for role in PART_ROLES}
    if not all(parts.values()):
        if any(loop.lineage.role == "full" for loop in loops):
            return []
        raise SplitError(
            Path(prefix or "the loops"),
            "too_few_sources",
            ", ".join(f"{len(found)} {role}" for role, found in parts.items()),
            "Recombining needs a kick, a snare and a hat: add the missing part.",
        )
    by_id = {loop.lineage.loop_id: loop for loop in loops}
    n_combinations = int(np.prod([len(found) for found in parts.values()]))
    order: list[int] = []
    while len(order) < n_loops:
        n_more = min(n_combinations, n_loops - len(order))
        order += rng.choice(n_combinations, size=n_more, replace=False).tolist()
    made = []
    for at, combination in enumerate(order):
        chosen = np.unravel_index(combination, [len(found) for found in parts.values()])
        pick = {role: parts[role][i] for role, i in zip(PART_ROLES, chosen, strict=True)}
        recipe = _draw_recipe(pick, params, rng)
        made.append(apply_recipe(recipe, by_id, loop_id=f"{prefix}/{at:05d}"))
    return made


def _lends(loop: DrumLoop, role: str) -> bool:
    if loop.lineage.role not in (role, "full"):
        return False
    return bool(loop.onsets[:, PART_VOICES[role]].any())


def _draw_recipe(
    pick: Mapping[str, DrumLoop], params: AugmentParams, rng: np.random.Generator
) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    for role, loop in pick.items():
        turned = rng.random() < params.rotate_probability
        bars = int(rng.integers(loop.n_bars)) if turned else 0
        bars = _find_sound(loop, role, bars, params.bars)
        parts.append({"role": role, "parent": loop.lineage.loop_id, "rotate_bars": bars})
    varied = rng.random() < params.vary_probability
    vary = int(rng.integers(2**32)) if varied else None
    return {"bars": params.bars, "parts": parts, "vary": vary}


def _find_sound(loop: DrumLoop, role: str, start: int, n_bars: int) -> int:
    """The first bar from `start` on from which a part sounds within `n_bars`: it may rest long."""
    steps, _ = np.nonzero(loop.onsets[:, PART_VOICES[role]])
    sounding = set((steps // loop.steps_per_bar).tolist())
    for later in range(loop.n_bars):
        bar = (start + later) % loop.n_bars
        if any((bar + at) % loop.n_bars in sounding for at in range(n_bars)):
            return bar
    return start


def apply_recipe(
    recipe: Mapping[str, Any], loops: Mapping[str, DrumLoop], loop_id: str = ""
) -> DrumLoop:
    """Make the loop of a recipe.

    Args:
        recipe: `bars`, the common length; `parts`, each with its `role`, its `parent`'s loop id
            and `rotate_bars`; `vary`, random seed of the variation or None.
        loops: The parents by loop id.
        loop_id: Id of the result.
    """
    parents = [loops[part["parent"]] for part in recipe["parts"]]
    first = parents[0]
    shape = (recipe["bars"] * first.steps_per_bar, N_VOICES)
    arrays = {name: np.zeros(shape, getattr(first, name).dtype) for name in OF_HITS}
    for part, parent in zip(recipe["parts"], parents, strict=True):
        turned = rotate(parent, part["rotate_bars"] * parent.steps_per_bar)
        laid = repeat_to(turned, recipe["bars"])
        voices = PART_VOICES[part["role"]]
        for name, array in arrays.items():
            array[:, voices] = getattr(laid, name)[:, voices]
    if recipe["vary"] is not None:
        rng = np.random.default_rng(recipe["vary"])
        arrays["velocities"] = vary(arrays["velocities"], first.steps_per_bar, rng)
    styles = {parent.lineage.style for parent in parents}
    lineage = Lineage(
        loop_id=loop_id,
        source_ids=tuple(sorted({i for parent in parents for i in parent.lineage.source_ids})),
        pack=",".join(sorted({parent.lineage.pack for parent in parents})),
        role="full",
        style=styles.pop() if len(styles) == 1 else "",
        parents=tuple(parent.lineage.loop_id for parent in parents),
        recipe=json.dumps(recipe, sort_keys=True),
    )
    bpm = next((parent.bpm for parent in parents if parent.bpm is not None), None)
    return DrumLoop(steps_per_bar=first.steps_per_bar, bpm=bpm, lineage=lineage, **arrays)


def vary(
    velocities: NDArray[np.uint8], steps_per_bar: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """A copy with other velocities and, if the hat allows it, one roll more or less.

    Args:
        velocities: `(n_steps, 9)` uint8.
        steps_per_bar: The grid.
        rng: Random generator of the changes.

    Returns:
        `(n_steps, 9)` uint8; velocities of hits remain from 1 to 127.
    """
    varied = velocities.copy()
    hat = varied[:, CLOSED_HAT]
    eighth = steps_per_bar // 8
    starts = np.arange(0, len(hat), eighth)
    slots = hat.reshape(-1, eighth) > 0
    # A roll fills an eighth; it can replace a single hit, and be replaced by one.
    single = starts[slots[:, 0] & (slots.sum(axis=1) == 1)]
    rolled = starts[slots.all(axis=1)]
    choices = [found for found in (single, rolled) if len(found)]
    if choices:
        found = choices[int(rng.integers(len(choices)))]
        at = int(rng.choice(found))
        if found is single:
            gap = max(1, eighth // 6)
            ramp = np.linspace(0.55, 1.0, eighth // gap)[:: int(rng.choice([-1, 1]))]
            hat[at : at + eighth : gap] = np.clip(np.rint(ramp * hat[at]), 1, 127)
        else:
            hat[at + 1 : at + eighth] = 0
    noise = np.rint(rng.normal(0, _VELOCITY_SPREAD, varied.shape)).astype(np.int64)
    return np.where(varied > 0, np.clip(varied + noise, 1, 127), 0).astype(np.uint8)


def write_augmented(folder: Path, made: Sided) -> pd.DataFrame:
    """Write the tables of each split's loops (see `write_loops`), and one MIDI file per loop."""
    paths = [
        Path("loops", side, f"{loop.lineage.loop_id.removeprefix(side + '/')}.mid")
        for side, loop in made
    ]
    for path, (_, loop) in zip(paths, made, strict=True):
        write_loop(folder / path, loop)
    return write_loops(folder, made, paths)
