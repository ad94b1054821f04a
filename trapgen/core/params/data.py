"""Parameters of the stages that prepare and audit the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trapgen.core.kit import KEY_MAPS
from trapgen.core.loop import STEPS_PER_BAR
from trapgen.core.params.define import Section, check, define

PROTOCOLS: Final = ("by_source", "published", "by_file", "random_windows")

_GRID_HELP: Final = "Steps per bar of 4/4: 16, 24, 32, 48 or 96."


@dataclass(frozen=True, slots=True)
class GridParams(Section):
    """Grid of every stage."""

    name = "grid"

    steps_per_bar: int = define(32, _GRID_HELP, choices=STEPS_PER_BAR)


@dataclass(frozen=True, slots=True)
class CorpusParams(Section):
    """Contents of the corpus, beside the packs in `data/packs`."""

    name = "corpus"

    starter: bool = define(True, "Whether the corpus includes the starter packs.")


@dataclass(frozen=True, slots=True)
class StandardizeParams(Section):
    """Conversion of files to loops."""

    name = "standardize"

    steps_per_bar: int = define(32, _GRID_HELP, choices=STEPS_PER_BAR, section="grid")
    key_map: str = define(
        "auto",
        "Key map for files whose names state no role: detected for each file (auto), or one map "
        "for all files, by a name that `trapgen keymap list` shows.",
        choices=("auto", *KEY_MAPS),
        metavar="MAP",
    )
    meter: str = define(
        "4/4",
        "4/4 rejects files in other meters; ignore counts bars of four quarters from the file's "
        "start, as in the text of Choi et al. 2016.",
        choices=("4/4", "ignore"),
    )
    by_name: bool = define(
        True, "Whether role words in a file's name decide its voice, if key_map is auto."
    )
    feel: str = define(
        "half_time",
        "half_time reads 70 bpm with the snare on 2 and 4 as 140 bpm with the snare on 3; keep "
        "leaves every tempo unchanged.",
        choices=("half_time", "keep"),
    )


@dataclass(frozen=True, slots=True)
class SplitParams(Section):
    """Assignment of sources to train, validation and test."""

    name = "split"

    protocol: str = define(
        "by_source",
        "by_source assigns groups of related sources; published keeps a publisher's split and "
        "assigns the rest; by_file and random_windows assign recombined loops, or bars of them, "
        "and leak.",
        choices=PROTOCOLS,
    )
    validation_share: float = define(0.2, "Share of each role's sources in validation.")
    test_share: float = define(0.15, "Share of each role's sources in test.")
    near_duplicate_distance: float = define(
        0.15, "Sources that differ in at most this share of their hits are kept in one split."
    )

    def _check_together(self) -> None:
        held_out = self.validation_share + self.test_share
        rule = "below 1, so that sources are left to train on"
        check("split.validation_share + split.test_share", held_out < 1, rule, held_out)


@dataclass(frozen=True, slots=True)
class AugmentParams(Section):
    """Recombination of loops within a split."""

    name = "augment"

    bars: int = define(4, "Length of every loop", low=1, high=64, unit="bars")
    train_loops: int = define(600, "Recombined training loops", high=1_000_000)
    validation_loops: int = define(80, "Recombined validation loops", high=1_000_000)
    test_loops: int = define(80, "Recombined test loops", high=1_000_000)
    rotate_probability: float = define(0.25, "Probability that a voice is rotated by whole bars")
    vary_probability: float = define(
        0.5, "Probability that velocities change and a roll is added or removed"
    )


@dataclass(frozen=True, slots=True)
class AuditParams(Section):
    """Search settings of the audit, and limits of its gate."""

    name = "audit"

    near_duplicate_distance: float = define(
        0.1, "The gate refuses loops in different splits that differ in at most this share of hits"
    )
    similar_distance: float = define(
        0.35, "Loops that differ in at most this share of hits are listed, and compared with chance"
    )
    window_distance: float = define(
        0.2, "Pairs of consecutive bars that differ in at most this share of hits are listed"
    )
    common_pattern_share: float = define(
        0.004,
        "A shared voice pattern is listed if fewer loops than this share are expected to match it "
        "by chance",
    )
    dedup_distance: float = define(
        0.0, "Of loops in one split within this distance, one is kept; 0: only identical hits"
    )
    overlap_tolerance: float = define(0.01, "Allowed excess of a share over its chance interval")
    max_overlap: float = define(
        0.25, "Share of equal bars above which the gate refuses, whatever is expected by chance"
    )
    chance_replicates: int = define(
        20, "Independent random splits for the chance baseline", low=2, high=10_000
    )
    self_test_leaks: int = define(
        40, "Leaks of each kind planted for the self-test", low=1, high=10_000
    )
    self_test_recall: float = define(0.99, "Least recall of planted leaks")
    self_test_voice_recall: float = define(0.95, "Least recall of planted single-voice leaks")
    min_effective_sources: float = define(
        8.0, "Least effective number of training sources", low=1, high=1_000_000
    )

    def _check_together(self) -> None:
        check(
            "audit.similar_distance",
            self.near_duplicate_distance <= self.similar_distance < 1,
            "from audit.near_duplicate_distance to below 1",
            self.similar_distance,
        )
