"""Parameters of the stages that prepare and audit the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trapgen.core.errors import ParameterError
from trapgen.core.kit import key_map
from trapgen.core.loop import STEPS_PER_BAR
from trapgen.core.params.define import Section, check, define

PROTOCOLS: Final = ("by_source", "published", "by_file", "random_windows")

KEY_MAP_HELP: Final = (
    "Which MIDI key is which drum. auto detects it for each file; a name that `trapgen keymap "
    "list` shows, pairs such as 36=kick 38=snare, or on the command line a CSV of such pairs apply "
    "to all files, whatever their names."
)

_GRID_HELP: Final = "Steps per bar of 4/4: 16, 24, 32, 48 or 96."


def check_key_map(name: str, value: str) -> None:
    """Check that a value is `auto`, the name of a key map or pairs.

    Raises:
        ParameterError: It is not.
    """
    if value != "auto":
        try:
            key_map(value)
        except ParameterError as error:
            raise ParameterError(name, f"auto, {error.rule}", error.received) from error


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
    key_map: str = define("auto", KEY_MAP_HELP, metavar="MAP")
    meter: str = define(
        "4/4",
        "4/4 rejects files in other meters; ignore reads every file as 4/4 from its start, as the "
        "data set of Choi et al. 2016 does.",
        choices=("4/4", "ignore"),
    )
    by_name: bool = define(
        True,
        "With key map auto, a drum's name in a file's name (kick, snare, hat) decides its voice.",
    )
    feel: str = define(
        "half_time",
        "half_time reads 70 bpm with the snare on 2 and 4 as 140 bpm with the snare on 3; keep "
        "leaves every tempo unchanged.",
        choices=("half_time", "keep"),
    )
    split_markers: bool = define(
        False, "Whether a file with markers is read as one loop per marked section."
    )

    def _check_together(self) -> None:
        check_key_map("standardize.key_map", self.key_map)


@dataclass(frozen=True, slots=True)
class SplitParams(Section):
    """Assignment of sources to train, validation and test."""

    name = "split"

    protocol: str = define(
        "by_source",
        "by_source puts related files in the same split; published keeps the publisher's split and "
        "splits other files by source. by_file and random_windows are for comparison only: they "
        "split after recombination, by loop or by bar, so that parts of one file reach several "
        "splits.",
        choices=PROTOCOLS,
    )
    validation_share: float = define(
        0.2, "Share of the files of each role (kick, snare, hat, whole kit) in validation."
    )
    test_share: float = define(0.15, "Share of the files of each role in test.")
    near_duplicate_distance: float = define(
        0.15, "Sources that differ in at most this share of their hits are kept in one split."
    )
    groups: bool = define(
        True,
        "Whether files of one pack with the same group in its pack.csv, such as a song or a "
        "performer, are kept in one split.",
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
        0.1,
        "The gate refuses a held-out loop that differs from a training loop in at most this share "
        "of hits",
    )
    similar_distance: float = define(
        0.35, "Loops that differ in at most this share of hits are listed, and compared with chance"
    )
    window_distance: float = define(
        0.2, "Passages of two bars that differ in at most this share of hits are listed"
    )
    common_pattern_share: float = define(
        0.004,
        "A one-voice pattern in both splits is listed only if its expected share of loops by "
        "chance is below this",
    )
    dedup_distance: float = define(
        0.0, "Of loops in one split within this distance, one is kept; 0: only identical hits"
    )
    overlap_tolerance: float = define(
        0.01,
        "Tolerance added to the upper end of the chance interval; the gate refuses an overlap "
        "above the sum",
    )
    max_overlap: float = define(
        0.25, "Share of equal bars above which the gate refuses, whatever is expected by chance"
    )
    chance_replicates: int = define(
        20, "Independent random splits for the chance baseline", low=2, high=10_000
    )
    self_test_leaks: int = define(
        40,
        "Training loops copied in each of several disguises, to test whether the audit finds them",
        low=1,
        high=10_000,
    )
    self_test_recall: float = define(0.99, "Minimum share of these copies that the audit must find")
    self_test_voice_recall: float = define(0.95, "The same for copies of a single voice")
    min_effective_sources: float = define(
        8.0,
        "Minimum effective number of training sources (each weighted by its share of the loops)",
        low=1,
        high=1_000_000,
    )

    def _check_together(self) -> None:
        check(
            "audit.similar_distance",
            self.near_duplicate_distance <= self.similar_distance < 1,
            "from audit.near_duplicate_distance to below 1",
            self.similar_distance,
        )
