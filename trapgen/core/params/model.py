"""Parameters of the stages that train, draw and evaluate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trapgen.core.params.define import Section, check, define

_HOLD_TO: Final = "What the loops hold to"
_PLAYED: Final = "How the loops are played"
_DRAWN: Final = "How words are drawn"
_TO_BARS: Final = 64


@dataclass(frozen=True, slots=True)
class TrainParams(Section):
    """The network, and how it learns.

    The learning rate rises over the first tenth of all `epochs` and falls to nearly nothing along
    a cosine (Loshchilov and Hutter 2017, arXiv 1608.03983), so that another number of epochs is
    another training.
    """

    name = "train"

    start: str = define(
        "", "Folder of a network to go on from, which brings its shape, as trapgen/factory/32."
    )
    layers: int = define(2, "LSTMs on top of each other", low=1, high=16)
    units: int = define(192, "Width of each LSTM", low=1, high=8192, unit="units")
    dropout: float = define(0.2, "Share of activations left out while learning", below=True)
    window_bars: int = define(4, "Length of a training window", low=1, high=_TO_BARS, unit="bars")
    lookback_bars: int = define(
        2, "Bars back in which the model sees the same step", high=_TO_BARS, unit="bars"
    )
    recall_bars: int = define(
        4, "How far back recall looks for a similar place", low=1, high=_TO_BARS, unit="bars"
    )
    batch_size: int = define(32, "Windows in a batch", low=1, high=65_536)
    learning_rate: float = define(
        0.004, "Highest learning rate; it falls to nearly 0 by the last epoch", above=True
    )
    weight_decay: float = define(0.02, "Weight decay of AdamW")
    averaging: int = define(
        300, "Steps whose weights are averaged; 1 keeps the last step's", low=1, high=1_000_000
    )
    epochs: int = define(28, "Passes over the training data", low=1, high=100_000, unit="epochs")
    patience: int = define(
        6,
        "Epochs without a better clean validation before training stops",
        low=1,
        high=100_000,
        unit="epochs",
    )
    control_share: float = define(
        0.05,
        "Share of the training bars held out as a control that leaks on purpose",
        high=0.5,
        above=True,
    )
    checkpoint_minutes: float = define(
        10.0, "Time between saves within an epoch, beside one after each", high=1440, unit="minutes"
    )
    style: str = define(
        "trap", "Style told of every loop, with its own as sub-style (trap/drill); empty: its own."
    )
    humanizer_units: int = define(
        64, "Width of the LSTMs that learn how hits are played", low=1, high=8192, unit="units"
    )
    humanizer_dropout: float = define(
        0.4, "Share of their outputs left out while learning", below=True
    )
    humanizer_epochs: int = define(
        14, "Passes of the humanizer over its data", low=1, high=100_000, unit="epochs"
    )


@dataclass(frozen=True, slots=True)
class SampleParams(Section):
    """What is drawn from the model, and how.

    Controls are short texts, read when they are used (see `trapgen.generate.constraints.parse`).
    Voices have the names of `trapgen.core.kit.VOICES`.
    """

    name = "sample"

    loops: int = define(8, "How many loops are drawn", low=1, high=100_000)
    bars: int = define(4, "Length of each loop", low=1, high=_TO_BARS, unit="bars")
    bpm: float = define(140.0, "Tempo", low=20, high=400, unit="quarter notes a minute")
    style: str = define(
        "auto", "A style that the model knows (trap, drill, funk …); auto: trap, if it knows it."
    )
    kind: str = define(
        "beat", "beat, fill, or nothing, if the model knows them.", choices=("beat", "fill", "")
    )
    temperature: float = define(
        1.0, "Below 1 safer, above 1 wilder", high=1000, above=True, group=_DRAWN
    )
    top_p: float = define(
        0.97,
        "Draw among the likeliest words that together reach this probability",
        above=True,
        group=_DRAWN,
    )
    structure: str = define(
        "enforced",
        "enforced: BAR where a bar ends; learned: where the model puts it.",
        choices=("enforced", "learned"),
        group=_DRAWN,
    )
    primer: str = define(
        "",
        "A MIDI file to go on from, train for a random training loop, or nothing.",
        metavar="FILE",
    )
    primer_bars: int = define(
        1, "How much of the primer the model hears", low=1, high=_TO_BARS, unit="bars"
    )
    match_primer: bool = define(True, "Whether the bar line of a primer cut off it is looked for.")
    top_k: int = define(
        0, "Draw among so many of the likeliest words; 0: all", high=513, group=_DRAWN
    )
    min_p: float = define(
        0.0, "Draw among words at least so many times as likely as the likeliest", group=_DRAWN
    )
    voice_temperatures: tuple[str, ...] = define(
        (),
        "A voice's own temperature: closed_hat=1.2.",
        metavar="VOICE=T",
        option="--voice-temperature",
        group=_DRAWN,
    )
    lock: tuple[str, ...] = define(
        (),
        "Voices that sound and are played as in lock_from (--from), and nowhere else.",
        metavar="VOICE,VOICE",
        group=_HOLD_TO,
    )
    lock_from: str = define(
        "", "A MIDI file with the locked voices.", metavar="FILE", option="--from", group=_HOLD_TO
    )
    require: tuple[str, ...] = define(
        (),
        "A hit there: snare@3 on that beat of every bar, snare@2:3.5 in the second alone.",
        metavar="VOICE@[BAR:]BEAT",
        group=_HOLD_TO,
    )
    forbid: tuple[str, ...] = define(
        (), "No hit there; open_hat: none anywhere.", metavar="VOICE[@[BAR:]BEAT]", group=_HOLD_TO
    )
    density: tuple[str, ...] = define(
        (),
        "Fewest and most hits a bar: kick=2-5, kick=4, kick=2-, kick=-5.",
        metavar="VOICE=FEWEST-MOST",
        group=_HOLD_TO,
    )
    rolls: float | None = define(
        None,
        "Chance of each bar to have hi-hats between the 16ths, the others have none; if it is not "
        "set, the model decides",
        group=_HOLD_TO,
    )
    fills: int = define(
        0,
        "A fill of snare and toms ends every so many bars, and toms sound nowhere else; 0: the "
        "model decides",
        high=_TO_BARS,
        unit="bars",
        group=_HOLD_TO,
    )
    choke: bool = define(
        False, "Whether open and closed hi-hat never sound together.", group=_HOLD_TO
    )
    vary: str = define("", "A MIDI file whose loop is varied.", metavar="FILE", group=_HOLD_TO)
    strength: float = define(0.5, "Share of its steps that are written anew", group=_HOLD_TO)
    swing: float = define(0.0, "Straight at 0, triplets at 1", group=_PLAYED)
    humanize: float = define(
        0.0, "How much of the learned microtiming, or of noise where none is learned", group=_PLAYED
    )
    min_novelty: float = define(
        0.0, "Loops nearer to a training loop than this distance are drawn again", group=_HOLD_TO
    )

    def _check_together(self) -> None:
        is_pair = bool(self.lock) == bool(self.lock_from)
        check("sample.lock", is_pair, "given together with sample.lock_from", self.lock)


@dataclass(frozen=True, slots=True)
class EvaluateParams(Section):
    """How much is drawn to evaluate the model."""

    name = "evaluate"

    generated_loops: int = define(
        128, "Loops drawn with each seed, and at each other temperature", low=1, high=100_000
    )
    seeds: int = define(3, "Seeds, between which what is generated differs", low=1, high=1000)
