"""Training data: performances and loops by split, with their conditions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from trapgen.audit import Audit, audit_corpus
from trapgen.core import (
    SIDES,
    AugmentParams,
    DrumLoop,
    Params,
    StandardizeParams,
    TrainParams,
    make_rng,
    to_words,
)
from trapgen.dataset import augment_sides, find_components, split_sources
from trapgen.ingest import INFO, Standardized, parse_info, read_folder, write_packs
from trapgen.model import Names, Tokens, name_conditions, name_loop


@dataclass(frozen=True)
class Side:
    """Loops of one split, with their conditions."""

    loops: list[DrumLoop]
    names: list[Names]

    @property
    def words(self) -> list[Tokens]:
        """`(n_steps,)` words of each loop."""
        return [to_words(loop) for loop in self.loops]

    @property
    def n_bars(self) -> int:
        """Bars of all loops."""
        return sum(loop.n_bars for loop in self.loops)

    def __add__(self, other: Side) -> Side:
        return Side(self.loops + other.loops, self.names + other.names)


Sides = dict[str, Side]


def read_groove(folder: Path, steps_per_bar: int) -> Sides:
    """Groove's 4/4 performances by published split, without tempo conversion."""
    labels = parse_info(folder / INFO, (folder / INFO).read_bytes()) or {}
    sides = {side: Side([], []) for side in SIDES}
    params = StandardizeParams(steps_per_bar, feel="keep", by_name=False, key_map="roland_td11")
    for found in read_folder(folder, params):
        if isinstance(found, Standardized):
            known = labels[found.source_path]
            side = sides[known["split"]]
            side.loops.append(found.loop)
            side.names.append(name_conditions(known["style"], float(known["bpm"]), known["kind"]))
    return sides


@dataclass(frozen=True)
class Starter:
    """The starter corpus, split by source and recombined with the pipeline's defaults.

    Attributes:
        params: Of split, recombination and audit.
        sources: Its loops as written.
        sides: Full and recombined loops by split.
    """

    params: Params
    sources: list[DrumLoop]
    sides: Sides

    @property
    def components(self) -> dict[str, int]:
        """The group of related sources of each source, by its id."""
        found = find_components(self.sources, self.params.split).tolist()
        pairs = zip(self.sources, found, strict=True)
        return {name: component for loop, component in pairs for name in loop.lineage.source_ids}

    def audit(self) -> Audit:
        """Audit of the split."""
        sided = [(side, loop) for side in SIDES for loop in self.sides[side].loops]
        return audit_corpus(sided, self.sources, self.params)


def read_starter(steps_per_bar: int, n_loops: int, seed: int) -> Starter:
    """Read, split and recombine the starter corpus.

    Args:
        steps_per_bar: The grid.
        n_loops: Number of recombined training loops, in addition to its full loops.
        seed: Random seed of split, recombination and audit.
    """
    params = Params(seed=seed, augment=AugmentParams(train_loops=n_loops))
    with TemporaryDirectory() as folder:
        write_packs(Path(folder))
        read = list(read_folder(Path(folder), StandardizeParams(steps_per_bar, feel="keep")))
    sources = [found.loop for found in read if isinstance(found, Standardized)]
    sides = {side: Side([], []) for side in SIDES}
    dealt = split_sources(sources, params.split, make_rng(seed, "split"))
    made = augment_sides(sources, dealt, params.augment, params.split, make_rng(seed, "augment"))
    for side, loop in made:
        sides[side].loops.append(loop)
        sides[side].names.append(name_loop(loop.lineage.style, loop.bpm, base=TrainParams().style))
    return Starter(params, sources, sides)


def read_words(folder: Path, steps_per_bar: int) -> list[Tokens]:
    """Words of every MIDI file in a folder."""
    read = read_folder(folder, StandardizeParams(steps_per_bar, feel="keep"))
    return [to_words(found.loop) for found in read if isinstance(found, Standardized)]
