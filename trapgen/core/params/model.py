"""Parameters of the stages that train, draw and judge."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from trapgen.core.params.check import check, check_choice, check_count, check_share

STRUCTURES: Final = ("enforced", "learned")
KINDS: Final = ("beat", "fill", "")


_TRAIN_COUNTS: Final = (
    "layers",
    "units",
    "window_bars",
    "recall_bars",
    "batch_size",
    "averaging",
    "epochs",
    "patience",
    "humanizer_units",
    "humanizer_epochs",
)


@dataclass(frozen=True, slots=True)
class TrainParams:
    """The network and how it learns.

    The learning rate rises over the first tenth of all `epochs` and falls to nearly nothing along
    a cosine (Loshchilov and Hutter 2017, arXiv 1608.03983), so that another number of epochs is
    another training. `averaging` keeps an exponential mean of the weights of so many steps: that
    is the network judged and kept; 1 is the last step's alone. `start` is the folder of a network
    to go on from (see `training.pretrain`), which brings its own shape; empty for none.
    `checkpoint_minutes` is how often a training is saved within an epoch, to be taken up there.

    `control_share` of the training bars is not learned but judged, as a control that leaks on
    purpose (see `trapgen.model.training.windows.hold_out`).

    `style` is told of every loop, with the loop's own as its sub-style: `trap/drill`; empty tells
    the loop's own alone. The humanizer (see `trapgen.model.humanizer`) has LSTMs of
    `humanizer_units` and learns for `humanizer_epochs`.
    """

    start: str = ""
    layers: int = 2
    units: int = 192
    dropout: float = 0.2
    window_bars: int = 4
    lookback_bars: int = 2
    recall_bars: int = 4
    batch_size: int = 32
    learning_rate: float = 0.004
    weight_decay: float = 0.02
    averaging: int = 300
    epochs: int = 28
    patience: int = 6
    control_share: float = 0.05
    checkpoint_minutes: float = 10.0
    style: str = "trap"
    humanizer_units: int = 64
    humanizer_dropout: float = 0.4
    humanizer_epochs: int = 14

    def __post_init__(self) -> None:
        for name in _TRAIN_COUNTS:
            check_count(f"train.{name}", getattr(self, name))
        check_count("train.lookback_bars", self.lookback_bars, least=0)
        for name in ("dropout", "humanizer_dropout"):
            share = getattr(self, name)
            check(f"train.{name}", 0 <= share < 1, "from 0 up to 1", share)
        check("train.learning_rate", self.learning_rate > 0, "above 0", self.learning_rate)
        decay = self.weight_decay
        check("train.weight_decay", 0 <= decay < math.inf, "from 0 up, and finite", decay)
        share = self.control_share
        check("train.control_share", 0 < share <= 0.5, "above 0 and at most 0.5", share)
        minutes = self.checkpoint_minutes
        check("train.checkpoint_minutes", minutes >= 0, "from 0 up", minutes)


@dataclass(frozen=True, slots=True)
class SampleParams:
    """What is drawn from the model, and how.

    Controls are short texts, read when they are used (see `trapgen.generate.constraints.parse`).
    Voices have the names of `trapgen.core.kit.VOICES`.

    Attributes:
        loops: How many.
        bars: Bars a loop.
        bpm: Quarter notes a minute.
        style: What the model is told they are, one of those it was trained on; `auto` for trap
            where it knows it, empty for nothing (see `trapgen.model.words.choose_condition`).
        kind: `beat` or `fill`, told where the model knows it; empty for neither.
        temperature: Divides the scores, BAR's too.
        top_p: Of the likeliest words those that together reach it are kept.
        structure: `enforced`: BAR where a bar ends; `learned`: where the model puts it.
        primer: A MIDI file to go on from, `train` for a random training loop, or nothing.
        primer_bars: How much of the primer is heard.
        match_primer: Whether a file's bar line is looked for (see `trapgen.generate.align_primer`).
        top_k: Keep so many of the likeliest words; 0 for all.
        min_p: Keep the words at least so many times as likely as the likeliest.
        voice_temperatures: `closed_hat=1.2`: a temperature of this voice's own.
        lock: Voices that sound and are played as in `lock_from`, and nowhere else.
        lock_from: The MIDI file that has them.
        require: `snare@3`: a hit on that beat of every bar; `snare@2:3.5`, in the second alone.
        forbid: The same for no hit; `open_hat`: none anywhere.
        density: `kick=2-5`: fewest and most hits a bar.
        rolls: Chance of each bar to have a hat hit between the 16ths; the others have none. None
            leaves it to the model.
        fills: Every so many bars the last half has four hits or more of snare and toms, and toms
            sound nowhere else; 0 leaves it to the model.
        choke: Whether open and closed hat never sound together.
        vary: A MIDI file whose steps are kept, each unless it is drawn to be written anew.
        strength: How likely that is: 0 gives the loop back where the rules allow it, 1 is free.
            Hits that stay are played as in the file; with `swing` or `humanize`, at a new time.
        swing: From straight, 0, to triplets, 1.
        humanize: How much of the microtiming that the model has learned or, where it has none, of
            noise in the timing, from 0 to 1.
        min_novelty: Loops nearer to a training loop than this distance are drawn again.
    """

    loops: int = 8
    bars: int = 4
    bpm: float = 140.0
    style: str = "auto"
    kind: str = "beat"
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
        check_count("sample.loops", self.loops)
        check_count("sample.bars", self.bars)
        check_count("sample.primer_bars", self.primer_bars)
        check("sample.bpm", 20 <= self.bpm <= 400, "from 20 to 400", self.bpm)
        check(
            "sample.temperature",
            0 < self.temperature < math.inf,
            "above 0 and finite",
            self.temperature,
        )
        check("sample.top_p", 0 < self.top_p <= 1, "above 0 and at most 1", self.top_p)
        check_choice("sample.kind", self.kind, KINDS)
        check_choice("sample.structure", self.structure, STRUCTURES)
        check_count("sample.top_k", self.top_k, least=0)
        check_count("sample.fills", self.fills, least=0)
        for name in ("min_p", "strength", "swing", "humanize", "min_novelty"):
            check_share(f"sample.{name}", getattr(self, name))
        if self.rolls is not None:
            check_share("sample.rolls", self.rolls)
        is_pair = bool(self.lock) == bool(self.lock_from)
        check("sample.lock", is_pair, "given together with sample.lock_from", self.lock)


@dataclass(frozen=True, slots=True)
class EvaluateParams:
    """How much is drawn to judge the model: so many loops with each of so many seeds."""

    generated_loops: int = 128
    seeds: int = 3

    def __post_init__(self) -> None:
        check_count("evaluate.generated_loops", self.generated_loops)
        check_count("evaluate.seeds", self.seeds)
