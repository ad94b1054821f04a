"""Parameters of the train, sample and evaluate stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trapgen.core.params.data import KEY_MAP_HELP, check_key_map
from trapgen.core.params.define import Section, check, define

_HOLD_TO: Final = "Constraints"
_PLAYED: Final = "Playback"
_DRAWN: Final = "Token sampling"
_TO_BARS: Final = 64
_DEFAULT_BPM: Final = 140.0


@dataclass(frozen=True, slots=True)
class TrainParams(Section):
    """Network and training.

    The learning rate rises over the first tenth of all `epochs` and falls to nearly 0 along a
    cosine (Loshchilov and Hutter 2017, arXiv 1608.03983), so another number of epochs is another
    training run.
    """

    name = "train"

    start: str = define(
        "",
        "Folder of a model to fine-tune, in data/start; it sets layers and units, and what it has "
        "learned counts as training data. "
        "Empty: train from scratch.",
    )
    layers: int = define(2, "Stacked LSTM layers", low=1, high=16)
    units: int = define(192, "Width of each LSTM", low=1, high=8192, unit="units")
    dropout: float = define(0.2, "Dropout rate", below=True)
    window_bars: int = define(4, "Length of a training window", low=1, high=_TO_BARS, unit="bars")
    lookback_bars: int = define(
        2,
        "Previous bars; the network sees the word at the same step of each",
        high=_TO_BARS,
        unit="bars",
    )
    recall_bars: int = define(
        4,
        "Earlier bars in which the network searches for a similar passage to copy from",
        low=1,
        high=_TO_BARS,
        unit="bars",
    )
    batch_size: int = define(32, "Windows per batch", low=1, high=65_536)
    learning_rate: float = define(
        0.004, "Peak learning rate; it falls to nearly 0 by the last epoch", above=True
    )
    weight_decay: float = define(0.02, "Weight decay of AdamW")
    averaging: int = define(
        300,
        "Optimizer updates over which weights are averaged; 1: no averaging",
        low=1,
        high=1_000_000,
    )
    epochs: int = define(28, "Passes over the training data", low=1, high=100_000, unit="epochs")
    patience: int = define(
        6,
        "Epochs without a lower clean validation loss before training stops",
        low=1,
        high=100_000,
        unit="epochs",
    )
    control_share: float = define(
        0.05,
        "Share of the training bars set aside as a second validation set from the same sources: it "
        "shows how much leakage would flatter the result",
        high=0.5,
        above=True,
    )
    checkpoint_minutes: float = define(
        10.0, "Time between saves within an epoch; each epoch also saves", high=1440, unit="minutes"
    )
    style: str = define(
        "trap",
        "Main style of every training loop; the loop's own style becomes its sub-style "
        "(trap/drill). Empty: the network sees only the loop's own style.",
    )
    humanizer_units: int = define(
        64,
        "Width of the LSTMs of the humanizer, which predicts velocity and microtiming",
        low=1,
        high=8192,
        unit="units",
    )
    humanizer_dropout: float = define(0.4, "Dropout rate of the humanizer", below=True)
    humanizer_epochs: int = define(
        14, "Passes of the humanizer over its training data", low=1, high=100_000, unit="epochs"
    )


@dataclass(frozen=True, slots=True)
class SampleParams(Section):
    """Loops to generate.

    Controls are short texts, parsed when they are used (see `trapgen.generate.constraints.parse`).
    Voice names are those of `trapgen.core.kit.VOICES`.
    """

    name = "sample"

    loops: int = define(8, "Number of loops; names have five digits", low=1, high=99_999)
    bars: int = define(
        4, "Length of each loop; 512 bars are 15 minutes at 140 bpm", low=1, high=512, unit="bars"
    )
    bpm: float | None = define(
        None,
        "Tempo; unset: that of a given file, else 140",
        low=20,
        high=400,
        unit="quarter notes per minute",
    )
    feel: str = define(
        "half_time",
        "half_time: below 100 bpm, trap is written as producers count it, with the snare on 2 and "
        "4; given files are read likewise. keep: as the model counts, with the snare on 3.",
        choices=("half_time", "keep"),
    )
    style: str = define(
        "auto", "A style that the model knows (trap, drill, funk …); auto: trap, if known."
    )
    kind: str = define(
        "beat",
        "Kind of loop; fill needs a model trained on fills. Empty: unspecified.",
        choices=("beat", "fill", ""),
    )
    temperature: float = define(
        1.0, "Below 1: safer; above 1: wilder", low=1e-6, high=1000, group=_DRAWN
    )
    top_p: float = define(
        0.97,
        "Sample from the likeliest words that together reach this probability",
        above=True,
        group=_DRAWN,
    )
    structure: str = define(
        "enforced",
        "enforced: bars have their exact length; learned: they end where the model writes BAR.",
        choices=("enforced", "learned"),
        group=_DRAWN,
    )
    primer: str = define(
        "", "A MIDI file to continue; the word train takes a random training loop.", metavar="FILE"
    )
    primer_bars: int = define(
        1, "Length of the primer that the model reads", low=1, high=_TO_BARS, unit="bars"
    )
    match_primer: bool = define(
        True, "Whether to find the bar line of a primer that does not begin on one."
    )
    key_map: str = define(
        "auto", KEY_MAP_HELP.replace("to all files", "to the given files"), metavar="MAP"
    )
    top_k: int = define(
        0, "Number of likeliest words to sample from; 0: all", high=513, group=_DRAWN
    )
    min_p: float = define(
        0.0,
        "Drop words less likely than this fraction of the likeliest one's probability",
        group=_DRAWN,
    )
    voice_temperatures: tuple[str, ...] = define(
        (),
        "Temperature of single voices: closed_hat=1.2.",
        metavar="VOICE=T",
        option="--voice-temperature",
        group=_DRAWN,
    )
    lock: tuple[str, ...] = define(
        (),
        "Voices copied from the file in lock_from (--from): hits, velocities and timing.",
        metavar="VOICE,VOICE",
        group=_HOLD_TO,
    )
    lock_from: str = define(
        "", "A MIDI file with the locked voices.", metavar="FILE", option="--from", group=_HOLD_TO
    )
    require: tuple[str, ...] = define(
        (),
        "Required hits: snare@3 on that beat of every bar, snare@2:3.5 in the second bar only.",
        metavar="VOICE@[BAR:]BEAT",
        group=_HOLD_TO,
    )
    forbid: tuple[str, ...] = define(
        (),
        "Forbidden hits: snare@3 or snare@2:3.5; open_hat: none anywhere.",
        metavar="VOICE[@[BAR:]BEAT]",
        group=_HOLD_TO,
    )
    density: tuple[str, ...] = define(
        (),
        "Fewest and most hits per bar: kick=2-5, kick=4, kick=2-, kick=-5.",
        metavar="VOICE=FEWEST-MOST",
        group=_HOLD_TO,
    )
    rolls: float | None = define(
        None,
        "Probability that a bar has hi-hats between the 16ths; other bars have none; unset: the "
        "model decides",
        group=_HOLD_TO,
    )
    fills: int = define(
        0,
        "A fill of snare and toms ends every group of this many bars, and toms sound nowhere else; "
        "0: the model decides",
        high=_TO_BARS,
        unit="bars",
        group=_HOLD_TO,
    )
    choke: bool = define(
        False, "Whether open and closed hi-hat never sound together.", group=_HOLD_TO
    )
    vary: str = define("", "A MIDI file with a loop to vary.", metavar="FILE", group=_HOLD_TO)
    strength: float = define(0.5, "Share of the varied loop's steps to rewrite", group=_HOLD_TO)
    swing: float = define(0.0, "0: straight; 1: triplets", group=_PLAYED)
    humanize: float = define(
        0.0, "Amount of learned microtiming, or of noise if none is learned", group=_PLAYED
    )
    min_novelty: float = define(
        0.0,
        "A loop nearer than this to a training loop (share of differing hits) is generated again, "
        "up to 20 times",
        group=_HOLD_TO,
    )

    @property
    def tempo(self) -> float:
        """The tempo, 140 if unset."""
        return _DEFAULT_BPM if self.bpm is None else self.bpm

    def _check_together(self) -> None:
        is_pair = bool(self.lock) == bool(self.lock_from)
        check("sample.lock", is_pair, "given together with sample.lock_from", self.lock)
        check_key_map("sample.key_map", self.key_map)


@dataclass(frozen=True, slots=True)
class EvaluateParams(Section):
    """Number of loops to generate for evaluation."""

    name = "evaluate"

    generated_loops: int = define(
        128,
        "Loops generated for each seed at temperature 1, and for each other temperature in the "
        "report",
        low=1,
        high=100_000,
    )
    seeds: int = define(3, "Random seeds, to measure variation between draws", low=1, high=1000)
    outside: tuple[str, ...] = define(
        (),
        "Folders of loops in data/outside that nothing is trained on: each is an exam of its own.",
        metavar="FOLDER",
    )


@dataclass(frozen=True, slots=True)
class PromoteParams(Section):
    """The rule by which a new model replaces the one in use."""

    name = "promote"

    min_gain: float = define(
        0.0,
        "The gain on the clean test, with its whole 95% interval, must be above this",
        high=9,
        unit="bits per step",
    )
    copies_tolerance: float = define(
        0.02,
        "By how much the share of two-bar passages that occur in the training data may exceed the "
        "champion's",
    )
    min_test_loops: int = define(
        8,
        "With fewer test loops that neither model has learned, the two cannot be compared, and a "
        "new series begins",
        low=1,
        high=100_000,
    )
    generated_loops: int = define(
        64, "Loops generated by each model to measure copies", low=1, high=100_000
    )
    keep_versions: int = define(
        10, "Models that were never promoted, the newest of which stay", high=100_000
    )
    keep_days: float = define(30.0, "Age up to which all models stay", high=36_500, unit="days")
