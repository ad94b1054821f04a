"""Parameters: one frozen class a stage, checked when it is made. `params.yaml` holds the values."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from trapgen.errors import ParameterError
from trapgen.kit import KEY_MAPS
from trapgen.loop import STEPS_PER_BAR

SIDES: Final = ("train", "validation", "test")
PROTOCOLS: Final = ("by_source", "published", "by_file", "random_windows")
ARCHITECTURES: Final = ("lookback", "paper")
STRUCTURES: Final = ("enforced", "learned")


def _check(name: str, holds: bool, rule: str, received: object) -> None:
    if not holds:
        raise ParameterError(name, rule, received)


def _check_share(name: str, value: float) -> None:
    _check(name, 0 <= value <= 1, "a share from 0 to 1", value)


def _check_count(name: str, value: int, least: int = 1) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    _check(name, whole and value >= least, f"a whole number of at least {least}", value)


def _check_choice(name: str, value: object, choices: tuple[object, ...]) -> None:
    _check(name, value in choices, f"one of {', '.join(map(str, choices))}", value)


@dataclass(frozen=True, slots=True)
class GridParams:
    """The grid that every stage counts on."""

    steps_per_bar: int = 32

    def __post_init__(self) -> None:
        _check_choice("grid.steps_per_bar", self.steps_per_bar, STEPS_PER_BAR)


@dataclass(frozen=True, slots=True)
class CorpusParams:
    """What the corpus is made of: the starter packs, if wanted, and those in `data/packs`."""

    starter: bool = True


@dataclass(frozen=True, slots=True)
class StandardizeParams:
    """How files become loops.

    Attributes:
        steps_per_bar: The grid.
        key_map: A name in `trapgen.kit.KEY_MAPS`, or `auto` to choose one a file.
        meter: `4/4` rejects files in another metre; `ignore` counts bars of four quarters from
            the file's start whatever it says, as the text format of Choi et al. 2016 does.
        by_name: Whether a file name's role words decide the voice.
        feel: `half_time` brings loops written at half or twice their tempo to a half-time feel
            (see `trapgen.standardize.feel`); `keep` leaves every tempo as it is.
    """

    steps_per_bar: int = 32
    key_map: str = "auto"
    meter: str = "4/4"
    by_name: bool = True
    feel: str = "keep"

    def __post_init__(self) -> None:
        _check_choice("grid.steps_per_bar", self.steps_per_bar, STEPS_PER_BAR)
        _check_choice("standardize.key_map", self.key_map, ("auto", *KEY_MAPS))
        _check_choice("standardize.meter", self.meter, ("4/4", "ignore"))
        _check_choice("standardize.feel", self.feel, ("keep", "half_time"))


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
        _check_choice("split.protocol", self.protocol, PROTOCOLS)
        _check_share("split.validation_share", self.validation_share)
        _check_share("split.test_share", self.test_share)
        _check_share("split.near_duplicate_distance", self.near_duplicate_distance)
        _check(
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
        _check_count("augment.bars", self.bars)
        for side in SIDES:
            _check_count(f"augment.{side}_loops", self.n_loops(side), least=0)
        _check_share("augment.rotate_probability", self.rotate_probability)
        _check_share("augment.vary_probability", self.vary_probability)

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
        _check_share("audit.near_duplicate_distance", self.near_duplicate_distance)
        _check(
            "audit.similar_distance",
            self.near_duplicate_distance <= self.similar_distance < 1,
            "from audit.near_duplicate_distance up to 1",
            self.similar_distance,
        )
        _check_share("audit.window_distance", self.window_distance)
        _check_share("audit.commonplace_share", self.commonplace_share)
        _check_share("audit.dedup_distance", self.dedup_distance)
        _check_share("audit.overlap_tolerance", self.overlap_tolerance)
        _check_share("audit.max_overlap", self.max_overlap)
        _check_count("audit.chance_replicates", self.chance_replicates, least=2)
        _check_count("audit.self_test_leaks", self.self_test_leaks)
        _check_share("audit.self_test_recall", self.self_test_recall)
        _check_share("audit.self_test_voice_recall", self.self_test_voice_recall)
        _check(
            "audit.min_effective_sources",
            self.min_effective_sources >= 1,
            "at least 1",
            self.min_effective_sources,
        )


_TRAIN_COUNTS: Final = (
    "layers",
    "units",
    "window_bars",
    "batch_size",
    "epochs",
    "patience",
    "paper_window",
    "paper_stride",
)


@dataclass(frozen=True, slots=True)
class TrainParams:
    """The network and how it learns.

    The `paper` architecture brings its own sizes; its stream is cut by `paper_window` tokens, a
    window every `paper_stride`. `control_share` of the training bars is not learned but judged, as
    a control that leaks on purpose (see `trapgen.train.windows.hold_out`).
    """

    architecture: str = "lookback"
    layers: int = 2
    units: int = 192
    dropout: float = 0.3
    window_bars: int = 4
    lookback_bars: int = 2
    batch_size: int = 32
    learning_rate: float = 0.002
    epochs: int = 60
    patience: int = 6
    control_share: float = 0.05
    paper_window: int = 256
    paper_stride: int = 4

    def __post_init__(self) -> None:
        _check_choice("train.architecture", self.architecture, ARCHITECTURES)
        for name in _TRAIN_COUNTS:
            _check_count(f"train.{name}", getattr(self, name))
        _check_count("train.lookback_bars", self.lookback_bars, least=0)
        _check("train.dropout", 0 <= self.dropout < 1, "from 0 up to 1", self.dropout)
        _check("train.learning_rate", self.learning_rate > 0, "above 0", self.learning_rate)
        share = self.control_share
        _check("train.control_share", 0 < share <= 0.5, "above 0 and at most 0.5", share)


@dataclass(frozen=True, slots=True)
class SampleParams:
    """What is drawn from the model, and how.

    Controls are short texts, read when they are used (see `trapgen.sample.demand`). Voices have
    the names of `trapgen.kit.VOICES`.

    Attributes:
        loops: How many.
        bars: Bars a loop.
        bpm: Quarter notes a minute.
        temperature: Divides the scores, BAR's too.
        top_p: Of the likeliest words those that together reach it are kept.
        structure: `enforced`: BAR where a bar ends; `learned`: where the model puts it.
        primer: A MIDI file to go on from, `train` for a random training loop, or nothing.
        primer_bars: How much of the primer is heard.
        match_primer: Whether a file's bar line is looked for (see `trapgen.sample.primer`).
        top_k: Keep so many of the likeliest words; 0 for all.
        min_p: Keep the words at least so many times as likely as the likeliest.
        voice_temperatures: `closed_hat=1.2`: a temperature of this voice's own.
        lock: Voices that sound as in `lock_from`, and nowhere else.
        lock_from: The MIDI file that has them.
        require: `snare@3`: a hit on that beat of every bar; `snare@2:3.5`, in the second alone.
        forbid: The same for no hit; `open_hat`: none anywhere.
        density: `kick=2-5`: fewest and most hits a bar.
        rolls: Share of bars, drawn by chance, that have a hat hit between the 16ths; the others
            have none. None leaves it to the model.
        fills: Every so many bars the last half has four hits or more of snare and toms, and toms
            sound nowhere else; 0 leaves it to the model.
        choke: Whether open and closed hat never sound together.
        vary: A MIDI file whose steps are kept, each unless it is drawn to be written anew.
        strength: How likely that is: 0 gives the loop back where the rules allow it, 1 is free.
        swing: From straight, 0, to triplets, 1.
        humanize: Noise in the timing, from 0 to 1.
        min_novelty: Loops nearer to a training loop than this distance are drawn again.
    """

    loops: int = 8
    bars: int = 4
    bpm: float = 140.0
    temperature: float = 1.0
    top_p: float = 1.0
    structure: str = "enforced"
    primer: str = ""
    primer_bars: int = 1
    match_primer: bool = True
    top_k: int = 0
    min_p: float = 0.0
    voice_temperatures: tuple[str, ...] = ()
    lock: tuple[str, ...] = ()
    lock_from: str = ""
    require: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    density: tuple[str, ...] = ()
    rolls: float | None = None
    fills: int = 0
    choke: bool = False
    vary: str = ""
    strength: float = 0.5
    swing: float = 0.0
    humanize: float = 0.0
    min_novelty: float = 0.0

    def __post_init__(self) -> None:
        _check_count("sample.loops", self.loops)
        _check_count("sample.bars", self.bars)
        _check_count("sample.primer_bars", self.primer_bars)
        _check("sample.bpm", 20 <= self.bpm <= 400, "from 20 to 400", self.bpm)
        _check(
            "sample.temperature",
            0 < self.temperature < math.inf,
            "above 0 and finite",
            self.temperature,
        )
        _check("sample.top_p", 0 < self.top_p <= 1, "above 0 and at most 1", self.top_p)
        _check_choice("sample.structure", self.structure, STRUCTURES)
        _check_count("sample.top_k", self.top_k, least=0)
        _check_count("sample.fills", self.fills, least=0)
        for name in ("min_p", "strength", "swing", "humanize", "min_novelty"):
            _check_share(f"sample.{name}", getattr(self, name))
        if self.rolls is not None:
            _check_share("sample.rolls", self.rolls)
        is_pair = bool(self.lock) == bool(self.lock_from)
        _check("sample.lock", is_pair, "given together with sample.lock_from", self.lock)


@dataclass(frozen=True, slots=True)
class EvaluateParams:
    """How much is drawn to judge the model."""

    generated_loops: int = 128

    def __post_init__(self) -> None:
        _check_count("evaluate.generated_loops", self.generated_loops)


@dataclass(frozen=True, slots=True)
class Params:
    """All of `params.yaml`."""

    seed: int = 0
    grid: GridParams = field(default_factory=GridParams)
    corpus: CorpusParams = field(default_factory=CorpusParams)
    standardize: StandardizeParams = field(default_factory=StandardizeParams)
    split: SplitParams = field(default_factory=SplitParams)
    augment: AugmentParams = field(default_factory=AugmentParams)
    audit: AuditParams = field(default_factory=AuditParams)
    train: TrainParams = field(default_factory=TrainParams)
    sample: SampleParams = field(default_factory=SampleParams)
    evaluate: EvaluateParams = field(default_factory=EvaluateParams)

    def rng(self, stage: str) -> np.random.Generator:
        """The stage's own generator: what one stage draws moves nothing in another."""
        return np.random.default_rng([self.seed, *stage.encode()])


_SECTIONS: Final[dict[str, type[Any]]] = {
    "grid": GridParams,
    "corpus": CorpusParams,
    "standardize": StandardizeParams,
    "split": SplitParams,
    "augment": AugmentParams,
    "audit": AuditParams,
    "train": TrainParams,
    "sample": SampleParams,
    "evaluate": EvaluateParams,
}


def load_params(path: Path) -> Params:
    """Read and check `params.yaml`.

    Raises:
        ParameterError: The file is missing or no mapping, a key is unknown, or a value is outside
            its range.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ParameterError(str(path), "a readable YAML file", str(error)) from error
    if not isinstance(content, dict):
        raise ParameterError(str(path), "a mapping of sections", content)
    content = dict(content)
    seed = content.pop("seed", 0)
    _check_count("seed", seed, least=0)
    for name in content:
        _check_choice("section", name, tuple(_SECTIONS))
    made = {name: make_section(name, content.get(name, {})) for name in _SECTIONS}
    made["standardize"] = dataclasses.replace(
        made["standardize"], steps_per_bar=made["grid"].steps_per_bar
    )
    return Params(seed=seed, **made)


def make_section(name: str, values: object) -> Any:
    """One section's class from plain values, as YAML and JSON have them.

    Raises:
        ParameterError: A key is unknown, or a value is of another type or outside its range.
    """
    section = _SECTIONS[name]
    if not isinstance(values, dict):
        raise ParameterError(name, "a mapping of parameters", values)
    defaults = {item.name: item.default for item in dataclasses.fields(section)}
    if name == "standardize":
        # The grid is everybody's, and stands in a section of its own.
        del defaults["steps_per_bar"]
    made = {}
    for key, value in values.items():
        _check_choice(f"key of {name}", key, tuple(defaults))
        made[key] = _read_value(f"{name}.{key}", value, defaults[key])
    return section(**made)


def _read_value(name: str, value: object, default: object) -> object:
    """The value, if it is of its default's kind; None stands for a number that may be missing."""
    if isinstance(default, tuple):
        is_texts = isinstance(value, list) and all(isinstance(text, str) for text in value)
        _check(name, is_texts, "a list of texts", value)
        return tuple(value) if isinstance(value, list) else value
    if default is None and value is None:
        return None
    kind = float if default is None else type(default)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = is_number if kind is float else type(value) is kind
    _check(name, fits, f"a {kind.__name__}", value)
    return value
