"""Decoding: one network step per token, for many loops at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import BAR, N_WORDS, PAD, ParameterError, SampleParams, add_bars, map_blocks
from trapgen.generate.constraints.combine import combine, parse_constraints
from trapgen.generate.constraints.mask import ConstraintMask
from trapgen.generate.constraints.parse import read_temperatures
from trapgen.generate.constraints.solver import check_constraints, solve_constraints
from trapgen.generate.prompt import Prompt
from trapgen.generate.render_loops import (
    CONTROLS,
    DecodedLoop,
    LoopSeed,
    decode_tokens,
    first_seeds,
)
from trapgen.generate.token_sampling import sample_tokens
from trapgen.model import Array, LagSimilarity, Network, Tokens, make_step_inputs

_BLOCK: Final = 128
"""Most loops decoded side by side; each core decodes one block. Python code runs once per token and
holds the interpreter lock, so smaller blocks on more cores would not be faster."""

_PATIENCE: Final = 2
"""A loop without BAR is cut off at this multiple of the wanted length."""

_NO_PROMPT: Final = Prompt()


def sample_words(
    network: Network,
    params: SampleParams,
    seed: int,
    prompt: Prompt = _NO_PROMPT,
    loop_seeds: Sequence[LoopSeed] | None = None,
    condition: Tokens | None = None,
) -> list[DecodedLoop]:
    """Sample loops from the network.

    With `structure` `enforced`, BAR is the only choice where a bar ends and is excluded elsewhere;
    with `learned` nothing is masked, and a bar of another length is cut or padded with silence.

    Args:
        network: The trained network.
        params: Number and length of loops, token sampling, and constraints.
        seed: Random seed; loop `i` is the same whatever the number of loops.
        prompt: Words to continue, keep or vary.
        loop_seeds: Which loops to sample; by default the first `params.loops`.
        condition: `(4,)` numbers of the network's conditions for these loops (see
            `trapgen.model.words.number_conditions`); by default unknown.

    Raises:
        ParameterError: The prompt does not fit, or constraints contradict each other.
    """
    check_controls(params, prompt, network.spec.steps_per_bar)
    loop_seeds = first_seeds(params.loops) if loop_seeds is None else loop_seeds

    def write(block: Sequence[LoopSeed]) -> list[DecodedLoop]:
        tokens = _DecodingBlock(network, params, seed, prompt, block, condition).write()
        return [decode_tokens(row, params.bars, network.spec.steps_per_bar) for row in tokens]

    blocks = (loop_seeds[at : at + _BLOCK] for at in range(0, len(loop_seeds), _BLOCK))
    return [decoded for decoded_loops in map_blocks(write, blocks) for decoded in decoded_loops]


def check_controls(params: SampleParams, prompt: Prompt, steps_per_bar: int) -> None:
    """Check that the constraints can be satisfied, before anything is sampled.

    Raises:
        ParameterError: The prompt does not fit, or constraints contradict each other.
    """
    prompt.check(params.bars, steps_per_bar)
    read_temperatures(params.voice_temperatures, params.temperature)
    # Bars are independent: checking rolls in all bars, then in none, covers every draw.
    shares = {0.0: (False,), 1.0: (True,)}.get(params.rolls or 0.0, (False, True))
    for has_rolls in shares:
        roll_bars = np.full(params.bars, has_rolls)
        constraints = parse_constraints(params, prompt, steps_per_bar, roll_bars)
        check_constraints(constraints, params.bars, steps_per_bar)
    names = [constraint.name for constraint in constraints] + ["sample.vary"] * (
        prompt.theme is not None
    )
    if names and params.structure != "enforced":
        raise ParameterError(names[0], "given with sample.structure enforced", params.structure)


class _DecodingBlock:
    """Rows of loops that are decoded side by side."""

    def __init__(
        self,
        network: Network,
        params: SampleParams,
        seed: int,
        prompt: Prompt,
        loop_seeds: Sequence[LoopSeed],
        condition: Tokens | None,
    ) -> None:
        self.network, self.params, self.prompt = network, params, prompt
        self.condition = None if condition is None else np.tile(condition, (len(loop_seeds), 1))
        self.temperatures = read_temperatures(params.voice_temperatures, params.temperature)
        steps_per_bar, length = network.spec.steps_per_bar, network.spec.codec.bar_length
        primer = prompt.primer
        self.before = np.zeros(0, np.int64) if primer is None else add_bars(primer, steps_per_bar)
        self.is_enforced = params.structure == "enforced"
        n_new = params.bars * length * (1 if self.is_enforced else _PATIENCE)
        drawn = {loop_seed: loop_seed.rng(seed).random(n_new) for loop_seed in set(loop_seeds)}
        self.chances = np.stack([drawn[loop_seed] for loop_seed in loop_seeds])
        self.tokens = np.full((len(loop_seeds), len(self.before) + n_new), PAD, np.int64)
        self.tokens[:, : len(self.before)] = self.before
        self._steer(seed, loop_seeds)

    def _steer(self, seed: int, loop_seeds: Sequence[LoopSeed]) -> None:
        params, steps_per_bar = self.params, self.network.spec.steps_per_bar
        redrawn, combined, solutions = {}, {}, {}
        for loop_seed in set(loop_seeds):
            rng = loop_seed.rng(seed, CONTROLS)
            redrawn[loop_seed] = rng.random(params.bars * steps_per_bar) < params.strength
            roll_bars = rng.random(params.bars) < (params.rolls or 0)
            constraints = parse_constraints(params, self.prompt, steps_per_bar, roll_bars)
            if constraints:
                combined[loop_seed] = combine(constraints, params.bars, steps_per_bar)
                solutions[loop_seed] = solve_constraints(combined[loop_seed], rng)
        self.redrawn = np.stack([redrawn[loop_seed] for loop_seed in loop_seeds])
        self.mask = None
        if combined:
            self.mask = ConstraintMask(
                [combined[t] for t in loop_seeds], [solutions[t] for t in loop_seeds]
            )

    def write(self) -> Tokens:
        """`(n_loops, n_tokens)` sampled tokens, PAD after the last wanted bar."""
        params, tokens, start = self.params, self.tokens, len(self.before)
        steps_per_bar, length = self.network.spec.steps_per_bar, self.network.spec.codec.bar_length
        position, bar = (np.zeros(len(tokens), np.int64) for _ in range(2))
        last_bar = start // length + params.bars
        state = self.network.start(len(tokens))
        lag_similarity = LagSimilarity(self.network.spec, len(tokens))
        for at in range(tokens.shape[1]):
            inputs = make_step_inputs(tokens, at, position, bar, lag_similarity, self.condition)
            logits, state = self.network.step(inputs, state)
            if at >= start:
                if self.is_enforced:
                    due = position == steps_per_bar
                    logits[due, :BAR] = -np.inf
                    logits[~due, BAR] = -np.inf
                chosen = self._sample(logits, at - start)
                tokens[:, at] = np.where(bar < last_bar, chosen, PAD)
            lag_similarity.update(tokens[:, at], inputs.lookback[:, 0])
            is_bar = tokens[:, at] == BAR
            position = np.where(is_bar, 0, np.minimum(position + 1, steps_per_bar))
            bar += is_bar
            if (bar >= last_bar).all():
                break
        return tokens[:, start:]

    def _sample(self, logits: Array, at: int) -> Tokens:
        """Tokens of all rows at the new position `at`; masked by the constraints at steps."""
        bar, place = divmod(at, self.network.spec.codec.bar_length)
        is_step = self.is_enforced and place < self.network.spec.steps_per_bar
        step = bar * self.network.spec.steps_per_bar + place
        if is_step and self.mask:
            logits[:, :N_WORDS][~self.mask.allow(step)] = -np.inf
        if is_step and self.prompt.theme is not None:
            _keep(logits, int(self.prompt.theme[step]), ~self.redrawn[:, step])
        chosen = sample_tokens(logits, self.params, self.chances[:, at], self.temperatures)
        if is_step and self.mask:
            self.mask.advance(step, chosen)
        return chosen


def _keep(logits: Array, word: int, kept: NDArray[np.bool_]) -> None:
    """Allow only the theme's word in rows that keep it, where the constraints permit."""
    kept = kept & np.isfinite(logits[:, word])
    its = logits[kept, word]
    logits[kept] = -np.inf
    logits[kept, word] = its
