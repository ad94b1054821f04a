"""Parameters of the stages that make and audit the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trapgen.core.kit import KEY_MAPS
from trapgen.core.loop import STEPS_PER_BAR
from trapgen.core.params.define import Section, check, define

PROTOCOLS: Final = ("by_source", "published", "by_file", "random_windows")

_GRID_HELP: Final = "Steps that a bar of 4/4 is divided into: 16, 24, 32, 48 or 96."


@dataclass(frozen=True, slots=True)
class GridParams(Section):
    """The grid that every stage counts on."""

    name = "grid"

    steps_per_bar: int = define(32, _GRID_HELP, choices=STEPS_PER_BAR)


@dataclass(frozen=True, slots=True)
class CorpusParams(Section):
    """What the corpus is made of, beside the packs in `data/packs`."""

    name = "corpus"

    starter: bool = define(True, "Whether the starter packs are part of the corpus.")


@dataclass(frozen=True, slots=True)
class StandardizeParams(Section):
    """How files become loops."""

    name = "standardize"

    steps_per_bar: int = define(32, _GRID_HELP, choices=STEPS_PER_BAR, section="grid")
    key_map: str = define(
        "auto",
        "Key map of files that have no role in their names, chosen for each one (auto), or that of "
        "all files, by a name that `trapgen keymap list` shows.",
        choices=("auto", *KEY_MAPS),
        metavar="MAP",
    )
    meter: str = define(
        "4/4",
        "4/4 rejects files in other meters; ignore counts bars of four quarters from the file's "
        "start, as the text of Choi et al. 2016 does.",
        choices=("4/4", "ignore"),
    )
    by_name: bool = define(
        True, "Whether role words in a file's name decide its voice, unless a key map is named."
    )
    feel: str = define(
        "half_time",
        "half_time reads 70 bpm with the snare on 2 and 4 as 140 with the snare on 3; keep leaves "
        "every tempo as it is.",
        choices=("half_time", "keep"),
    )


@dataclass(frozen=True, slots=True)
class SplitParams(Section):
    """How sources are dealt to train, validation and test."""

    name = "split"

    protocol: str = define(
        "by_source",
        "by_source deals groups of related sources, published keeps a publisher's split and deals "
        "the rest; by_file and random_windows deal recombined loops, or bars of them, and leak.",
        choices=PROTOCOLS,
    )
    validation_share: float = define(0.2, "Share of the sources of each role for validation.")
    test_share: float = define(0.15, "Share of the sources of each role for test.")
    near_duplicate_distance: float = define(
        0.15, "Sources that differ in at most this share of their hits stay together."
    )

    def _check_together(self) -> None:
        held_out = self.validation_share + self.test_share
        rule = "below 1, so that something is left to train on"
        check("split.validation_share + split.test_share", held_out < 1, rule, held_out)


@dataclass(frozen=True, slots=True)
class AugmentParams(Section):
    """How loops are recombined within a side of the split."""

    name = "augment"

    bars: int = define(4, "Length that every loop is brought to", low=1, high=64, unit="bars")
    train_loops: int = define(600, "Loops recombined for training", high=1_000_000)
    validation_loops: int = define(80, "Loops recombined for validation", high=1_000_000)
    test_loops: int = define(80, "Loops recombined for test", high=1_000_000)
    rotate_probability: float = define(0.25, "Chance that a voice starts on a later bar")
    vary_probability: float = define(
        0.5, "Chance that velocities change and a roll is added or taken away"
    )


@dataclass(frozen=True, slots=True)
class AuditParams(Section):
    """What the audit looks for, and what its gate allows."""

    name = "audit"

    near_duplicate_distance: float = define(
        0.1, "The gate refuses loops across the split that differ in at most this share of hits"
    )
    similar_distance: float = define(
        0.35, "Loops that differ in at most this share are listed, and held against chance"
    )
    window_distance: float = define(0.2, "The same of two bars on end, which are listed, too")
    common_pattern_share: float = define(
        0.004,
        "A voice's pattern in common is listed if by chance fewer loops than this share have it",
    )
    dedup_distance: float = define(
        0.0, "Of loops this near on one side of the split one is kept; 0: of the same hits"
    )
    overlap_tolerance: float = define(0.01, "How far a share may lie above its chance interval")
    max_overlap: float = define(0.25, "Share of equal bars that is refused whatever chance says")
    chance_replicates: int = define(
        20, "Independent splits drawn for the chance baseline", low=2, high=10_000
    )
    self_test_leaks: int = define(
        40, "Leaks of each kind put in for the self-test", low=1, high=10_000
    )
    self_test_recall: float = define(0.99, "Least share of them that the search must find")
    self_test_voice_recall: float = define(0.95, "The same of leaks of a single voice")
    min_effective_sources: float = define(
        8.0, "Fewest effective sources to train on", low=1, high=1_000_000
    )

    def _check_together(self) -> None:
        check(
            "audit.similar_distance",
            self.near_duplicate_distance <= self.similar_distance < 1,
            "from audit.near_duplicate_distance to below 1",
            self.similar_distance,
        )
