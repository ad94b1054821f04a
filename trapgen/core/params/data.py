"""Parameters of the stages that make and audit the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trapgen.core.kit import KEY_MAPS
from trapgen.core.loop import STEPS_PER_BAR
from trapgen.core.params.check import check, check_choice, check_count, check_share

SIDES: Final = ("train", "validation", "test")
PROTOCOLS: Final = ("by_source", "published", "by_file", "random_windows")


@dataclass(frozen=True, slots=True)
class GridParams:
    """The grid that every stage counts on."""

    steps_per_bar: int = 32

    def __post_init__(self) -> None:
        check_choice("grid.steps_per_bar", self.steps_per_bar, STEPS_PER_BAR)


@dataclass(frozen=True, slots=True)
class CorpusParams:
    """What the corpus is made of: the starter packs, if wanted, and those in `data/packs`."""

    starter: bool = True


@dataclass(frozen=True, slots=True)
class StandardizeParams:
    """How files become loops.

    Attributes:
        steps_per_bar: The grid.
        key_map: A name in `trapgen.core.kit.KEY_MAPS`, or `auto` to choose one a file.
        meter: `4/4` rejects files in another metre; `ignore` counts bars of four quarters from
            the file's start whatever it says, as the text format of Choi et al. 2016 does.
        by_name: Whether a file name's role words decide the voice.
        feel: `half_time` brings loops written at half or twice their tempo to a half-time feel
            (see `trapgen.ingest.standardize.feel`); `keep` leaves every tempo as it is.
    """

    steps_per_bar: int = 32
    key_map: str = "auto"
    meter: str = "4/4"
    by_name: bool = True
    feel: str = "keep"

    def __post_init__(self) -> None:
        check_choice("grid.steps_per_bar", self.steps_per_bar, STEPS_PER_BAR)
        check_choice("standardize.key_map", self.key_map, ("auto", *KEY_MAPS))
        check_choice("standardize.meter", self.meter, ("4/4", "ignore"))
        check_choice("standardize.feel", self.feel, ("keep", "half_time"))


@dataclass(frozen=True, slots=True)
class SplitParams:
    """How sources are dealt to sides.

    `by_source` deals whole groups of related sources; `published` leaves files where their
    publisher put them and deals the rest by source; `by_file` and `random_windows` deal loops, or
    bars of them, after recombination.
    """

    protocol: str = "by_source"
    validation_share: float = 0.2
    test_share: float = 0.15
    near_duplicate_distance: float = 0.15

    def __post_init__(self) -> None:
        check_choice("split.protocol", self.protocol, PROTOCOLS)
        check_share("split.validation_share", self.validation_share)
        check_share("split.test_share", self.test_share)
        check_share("split.near_duplicate_distance", self.near_duplicate_distance)
        check(
            "split.validation_share + split.test_share",
            self.validation_share + self.test_share < 1,
            "below 1, so that something is left to train on",
            self.validation_share + self.test_share,
        )

    def share(self, side: str) -> float:
        """The share of sources that a side gets, from 0 to 1."""
        held_out = {"validation": self.validation_share, "test": self.test_share}
        return held_out.get(side, 1 - sum(held_out.values()))


@dataclass(frozen=True, slots=True)
class AugmentParams:
    """How loops are recombined within a side."""

    bars: int = 4
    train_loops: int = 600
    validation_loops: int = 80
    test_loops: int = 80
    rotate_probability: float = 0.25
    vary_probability: float = 0.5

    def __post_init__(self) -> None:
        check_count("augment.bars", self.bars)
        for side in SIDES:
            check_count(f"augment.{side}_loops", self.n_loops(side), least=0)
        check_share("augment.rotate_probability", self.rotate_probability)
        check_share("augment.vary_probability", self.vary_probability)

    def n_loops(self, side: str) -> int:
        """How many loops are recombined for a side."""
        counts = (self.train_loops, self.validation_loops, self.test_loops)
        return dict(zip(SIDES, counts, strict=True))[side]


@dataclass(frozen=True, slots=True)
class AuditParams:
    """What the gate allows.

    Attributes:
        near_duplicate_distance: Loops across sides within it are the same, or nearly: the gate
            refuses them.
        similar_distance: Loops within it are listed, and their share is held against chance: two
            hits a bar added or taken away are found.
        window_distance: Two bars on end within it are told as the same, or nearly.
        commonplace_share: A lane in common is told only if fewer loops than this share play it by
            chance.
        dedup_distance: Of loops within it on one side one is kept; 0 for the same hits.
        overlap_tolerance: How far a share may lie over its chance interval.
        max_overlap: Exact bar overlap that is refused whatever chance says.
        chance_replicates: Independent splits drawn for the chance baseline.
        self_test_leaks: Copies of each kind put in.
        self_test_recall: Least share of them that the search must find.
        self_test_voice_recall: The same of those of which one voice was taken.
        min_effective_sources: Fewest effective sources of the training side.
    """

    near_duplicate_distance: float = 0.1
    similar_distance: float = 0.35
    window_distance: float = 0.2
    commonplace_share: float = 0.004
    dedup_distance: float = 0.0
    overlap_tolerance: float = 0.01
    max_overlap: float = 0.25
    chance_replicates: int = 20
    self_test_leaks: int = 40
    self_test_recall: float = 0.99
    self_test_voice_recall: float = 0.95
    min_effective_sources: float = 8.0

    def __post_init__(self) -> None:
        check_share("audit.near_duplicate_distance", self.near_duplicate_distance)
        check(
            "audit.similar_distance",
            self.near_duplicate_distance <= self.similar_distance < 1,
            "from audit.near_duplicate_distance up to 1",
            self.similar_distance,
        )
        check_share("audit.window_distance", self.window_distance)
        check_share("audit.commonplace_share", self.commonplace_share)
        check_share("audit.dedup_distance", self.dedup_distance)
        check_share("audit.overlap_tolerance", self.overlap_tolerance)
        check_share("audit.max_overlap", self.max_overlap)
        check_count("audit.chance_replicates", self.chance_replicates, least=2)
        check_count("audit.self_test_leaks", self.self_test_leaks)
        check_share("audit.self_test_recall", self.self_test_recall)
        check_share("audit.self_test_voice_recall", self.self_test_voice_recall)
        check(
            "audit.min_effective_sources",
            self.min_effective_sources >= 1,
            "at least 1",
            self.min_effective_sources,
        )
