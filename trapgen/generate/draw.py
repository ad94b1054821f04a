"""A model, and drawing loops with it: decoded, played, and compared with the training loops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import DrumLoop, ModelError, SampleParams, relabel
from trapgen.generate.decode import sample_words
from trapgen.generate.half_time import double_time
from trapgen.generate.prompt import Prompt
from trapgen.generate.read_prompt import load_prompt
from trapgen.generate.receipt import GenerationRecipe
from trapgen.generate.render_loops import DecodedLoop, LoopSeed, name_sample, to_loops
from trapgen.model import (
    HUMANIZER_FILES,
    Humanizer,
    Network,
    Tokens,
    choose_condition,
    choose_style,
    hash_data,
    hash_model,
    load_humanizer,
    load_network,
)
from trapgen.similarity import Pair, load_training_index, rank_nearest

ATTEMPTS: Final = 20
"""Most attempts at a loop until it is novel enough."""

_DECODED_LOOPS: Final = 256
"""Loops decoded before the first of them are compared: two blocks, each on a core."""
_COMPARED_BARS: Final = 128
"""Bars of the loops that are compared with the training loops at a time, if that is 8 loops."""


@dataclass(frozen=True)
class Generator:
    """A model with everything needed to turn its words into loops with receipts.

    Attributes:
        network: Predicts words.
        humanizer: Predicts velocities and microtiming.
        training_loops: The training loops.
        model_hash: Identifies the weights.
        held_out: `(n_loops,)` distances of held-out loops to the nearest training loop.
        data_hash: Identifies the training index, held-out distances and humanizer.
    """

    network: Network
    humanizer: Humanizer
    training_loops: list[DrumLoop]
    model_hash: str
    held_out: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    data_hash: str = ""

    def condition(self, params: SampleParams) -> Tokens:
        """`(4,)` the network's condition input (see `trapgen.model.choose_condition`).

        Raises:
            ParameterError: The network does not know the style or kind.
        """
        return choose_condition(self.network.spec, params.style, params.tempo, params.kind)


def load_generator(folder: Path) -> Generator:
    """Read a model's folder.

    Raises:
        ModelError: A file is missing or broken.
    """
    network, humanizer = load_network(folder), load_humanizer(folder)
    _check_fit(network, humanizer, folder)
    index = load_training_index(folder)
    return Generator(
        network, humanizer, index.loops, hash_model(network), index.held_out, hash_data(folder)
    )


def _check_fit(network: Network, humanizer: Humanizer, folder: Path) -> None:
    """Check that network and humanizer share the grid and the numbering of conditions.

    Raises:
        ModelError: They were not trained together.
    """
    ours, theirs = network.spec, humanizer.spec
    # A network without conditions maps every condition to 0, which means unknown in both.
    same = not ours.conditions or ours.conditions == theirs.conditions
    if ours.steps_per_bar != theirs.steps_per_bar or not same:
        path, detail = folder / HUMANIZER_FILES[0], "Network and humanizer must be saved together."
        raise ModelError(path, "humanizer", "another grid, or other conditions", detail)


@dataclass(frozen=True)
class Drawn:
    """A sampled loop, and the training loops nearest to it."""

    loop_seed: LoopSeed
    loop: DrumLoop
    decoded: DecodedLoop
    nearest: list[Pair]

    def is_novel(self, params: SampleParams) -> bool:
        """Whether it is far enough from every training loop."""
        return not self.nearest or self.nearest[0].distance >= params.min_novelty


@dataclass(frozen=True)
class Drawing:
    """Loops of one run: which are drawn does not depend on how many.

    Attributes:
        generator: The model.
        params: What to generate, with the tempo of the loops.
        seed: Random seed of the run.
        prompt: What it goes on from, in the bars that the network draws.
    """

    generator: Generator
    params: SampleParams
    seed: int
    prompt: Prompt

    @classmethod
    def begin(
        cls,
        generator: Generator,
        params: SampleParams,
        seed: int,
        files: Mapping[str, bytes] | None = None,
    ) -> Drawing:
        """Read the prompt's files, from the disk or from their given content.

        Raises:
            MidiError: A prompt file cannot be read as a loop.
            ParameterError: A prompt file is not in `files`, or does not fit.
        """
        network, known = generator.network, generator.training_loops
        params, prompt = load_prompt(network, known, params, seed, files)
        return cls(generator, params, seed, prompt)

    def name(self, number: int) -> str:
        """Base name of a loop's files (see `name_sample`)."""
        style = choose_style(self.generator.network.spec, self.params.style)
        return name_sample(style, self.params.tempo, self.seed, number)

    def recipe(self, one: Drawn) -> GenerationRecipe:
        """Everything that, with the model, reproduces a loop."""
        return GenerationRecipe(self.seed, one.loop_seed, self.params, self.prompt)

    def draw(self) -> Iterator[list[Drawn]]:
        """All loops in order, some at a time, so that memory does not grow with their number.

        Those too near to a training loop have been drawn again.

        Raises:
            ParameterError: Constraints contradict each other.
        """
        n_compared = max(8, _COMPARED_BARS // self._drawn.bars)
        for first in range(0, self.params.loops, _DECODED_LOOPS):
            numbers = range(first, min(first + _DECODED_LOOPS, self.params.loops))
            loop_seeds = [LoopSeed(number) for number in numbers]
            decoded_loops = self.decode(loop_seeds)
            for start in range(0, len(loop_seeds), n_compared):
                some = slice(start, start + n_compared)
                yield self._draw_novel(loop_seeds[some], decoded_loops[some])

    def _draw_novel(
        self, loop_seeds: Sequence[LoopSeed], decoded_loops: Sequence[DecodedLoop]
    ) -> list[Drawn]:
        """Decoded loops, or later attempts at those that are too near to a training loop."""
        made: dict[int, Drawn] = {}
        while loop_seeds:
            drawn = self.compare(loop_seeds, decoded_loops)
            made |= {one.loop_seed.number: one for one in drawn}
            loop_seeds = [
                replace(one.loop_seed, attempt=one.loop_seed.attempt + 1)
                for one in drawn
                if not one.is_novel(self.params) and one.loop_seed.attempt + 1 < ATTEMPTS
            ]
            decoded_loops = self.decode(loop_seeds)
        return list(made.values())

    def decode(self, loop_seeds: Sequence[LoopSeed]) -> list[DecodedLoop]:
        """The network's raw output for some loops."""
        condition = self.generator.condition(self._drawn)
        network = self.generator.network
        return sample_words(network, self._drawn, self.seed, self.prompt, loop_seeds, condition)

    def play(
        self, loop_seeds: Sequence[LoopSeed], decoded_loops: Sequence[DecodedLoop]
    ) -> list[DrumLoop]:
        """Decoded loops with velocities, microtiming and names."""
        loops = to_loops(
            decoded_loops,
            self.generator.humanizer,
            self._drawn,
            self.seed,
            loop_seeds,
            self.generator.condition(self._drawn),
            self.prompt,
        )
        return [
            relabel(loop, loop_id=self.name(loop_seed.number))
            for loop, loop_seed in zip(loops, loop_seeds, strict=True)
        ]

    def compare(
        self, loop_seeds: Sequence[LoopSeed], decoded_loops: Sequence[DecodedLoop]
    ) -> list[Drawn]:
        """The loops of decoded ones, with the training loops nearest to each."""
        loops = self.play(loop_seeds, decoded_loops)
        nearest = rank_nearest(loops, self.generator.training_loops)
        return list(map(Drawn, loop_seeds, loops, decoded_loops, nearest))

    @property
    def _drawn(self) -> SampleParams:
        """The parameters in the bars that the network draws."""
        return double_time(self.params)
