"""The loop that draws: one step of the network a token, for many loops at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import BAR, N_WORDS, PAD, ParameterError, SampleParams, add_bars, map_blocks
from trapgen.generate.constraints.combine import combine, read_demands
from trapgen.generate.constraints.mask import Guide
from trapgen.generate.constraints.parse import read_temperatures
from trapgen.generate.constraints.solver import check_demands, find_witness
from trapgen.generate.prompt import Given
from trapgen.generate.render_loops import CONTROLS, Draft, Ticket, number_tickets, to_draft
from trapgen.generate.token_sampling import choose
from trapgen.model import Agreement, Array, Network, Tokens, tell

_BLOCK: Final = 128
"""So many loops at most are written side by side, a block on each core. What is done a token waits
for the interpreter, so that small blocks would not gain by several cores."""

_PATIENCE: Final = 2
"""How many times the wanted length a model may write before a loop without BAR is cut off."""

_NOTHING: Final = Given()


def sample_words(
    network: Network,
    params: SampleParams,
    seed: int,
    given: Given = _NOTHING,
    tickets: Sequence[Ticket] | None = None,
    condition: Tokens | None = None,
) -> list[Draft]:
    """Draw loops from the network.

    With `structure` `enforced`, BAR is the only choice where a bar ends and none before; with
    `learned` the model is free, and a bar of another length is cut, or filled with silence.

    Args:
        network: The trained network.
        params: How many loops of how many bars, how tokens are chosen, what they must hold to.
        seed: Decides the draws; loop `i` is the same whatever the number of loops.
        given: Words that the loops go on from, keep or vary.
        tickets: Which loops to draw; by default the first `params.loops`.
        condition: `(4,)` numbers of the network's conditions that hold for the loops (see
            `trapgen.model.words.number_conditions`); by default unknown.

    Raises:
        ParameterError: What is given does not fit, or controls contradict each other.
    """
    check_controls(params, given, network.spec.steps_per_bar)
    tickets = number_tickets(params.loops) if tickets is None else tickets

    def write(block: Sequence[Ticket]) -> list[Draft]:
        tokens = _Block(network, params, seed, given, block, condition).write()
        return [to_draft(row, params.bars, network.spec.steps_per_bar) for row in tokens]

    blocks = (tickets[at : at + _BLOCK] for at in range(0, len(tickets), _BLOCK))
    return [draft for drafts in map_blocks(write, blocks) for draft in drafts]


def check_controls(params: SampleParams, given: Given, steps_per_bar: int) -> None:
    """See that what is asked for can be had, before anything is drawn.

    Raises:
        ParameterError: What is given does not fit, or controls contradict each other.
    """
    given.check(params.bars, steps_per_bar)
    read_temperatures(params.voice_temperatures, params.temperature)
    # Bars are independent of each other: all of them with rolls and none of them cover every draw.
    shares = {0.0: (False,), 1.0: (True,)}.get(params.rolls or 0.0, (False, True))
    for has_rolls in shares:
        roll_bars = np.full(params.bars, has_rolls)
        demands = read_demands(params, given, steps_per_bar, roll_bars)
        check_demands(demands, params.bars, steps_per_bar)
    names = [demand.name for demand in demands] + ["sample.vary"] * (given.theme is not None)
    if names and params.structure != "enforced":
        raise ParameterError(names[0], "given with sample.structure enforced", params.structure)


class _Block:
    """Rows of loops that are written side by side."""

    def __init__(
        self,
        network: Network,
        params: SampleParams,
        seed: int,
        given: Given,
        tickets: Sequence[Ticket],
        condition: Tokens | None,
    ) -> None:
        self.network, self.params, self.given = network, params, given
        self.condition = None if condition is None else np.tile(condition, (len(tickets), 1))
        self.temperatures = read_temperatures(params.voice_temperatures, params.temperature)
        steps_per_bar, length = network.spec.steps_per_bar, network.spec.codec.bar_length
        primer = given.primer
        self.before = np.zeros(0, np.int64) if primer is None else add_bars(primer, steps_per_bar)
        self.is_enforced = params.structure == "enforced"
        n_new = params.bars * length * (1 if self.is_enforced else _PATIENCE)
        drawn = {ticket: ticket.rng(seed).random(n_new) for ticket in set(tickets)}
        self.chances = np.stack([drawn[ticket] for ticket in tickets])
        self.tokens = np.full((len(tickets), len(self.before) + n_new), PAD, np.int64)
        self.tokens[:, : len(self.before)] = self.before
        self._steer(seed, tickets)

    def _steer(self, seed: int, tickets: Sequence[Ticket]) -> None:
        params, steps_per_bar = self.params, self.network.spec.steps_per_bar
        redrawn, rules, witnesses = {}, {}, {}
        for ticket in set(tickets):
            rng = ticket.rng(seed, CONTROLS)
            redrawn[ticket] = rng.random(params.bars * steps_per_bar) < params.strength
            roll_bars = rng.random(params.bars) < (params.rolls or 0)
            demands = read_demands(params, self.given, steps_per_bar, roll_bars)
            if demands:
                rules[ticket] = combine(demands, params.bars, steps_per_bar)
                witnesses[ticket] = find_witness(rules[ticket], rng)
        self.redrawn = np.stack([redrawn[ticket] for ticket in tickets])
        self.guide = None
        if rules:
            self.guide = Guide([rules[t] for t in tickets], [witnesses[t] for t in tickets])

    def write(self) -> Tokens:
        """`(n_loops, n_tokens)` what the network wrote, PAD after the last bar wanted."""
        params, tokens, start = self.params, self.tokens, len(self.before)
        steps_per_bar, length = self.network.spec.steps_per_bar, self.network.spec.codec.bar_length
        position, bar = (np.zeros(len(tokens), np.int64) for _ in range(2))
        last_bar = start // length + params.bars
        state = self.network.start(len(tokens))
        agreement = Agreement(self.network.spec, len(tokens))
        for at in range(tokens.shape[1]):
            inputs = tell(tokens, at, position, bar, agreement, self.condition)
            scores, state = self.network.step(inputs, state)
            if at >= start:
                if self.is_enforced:
                    due = position == steps_per_bar
                    scores[due, :BAR] = -np.inf
                    scores[~due, BAR] = -np.inf
                chosen = self._choose(scores, at - start)
                tokens[:, at] = np.where(bar < last_bar, chosen, PAD)
            agreement.hear(tokens[:, at], inputs.lookback[:, 0])
            is_bar = tokens[:, at] == BAR
            position = np.where(is_bar, 0, np.minimum(position + 1, steps_per_bar))
            bar += is_bar
            if (bar >= last_bar).all():
                break
        return tokens[:, start:]

    def _choose(self, scores: Array, at: int) -> Tokens:
        """The tokens of all rows at the `at`-th new place; steered where it is a step's."""
        bar, place = divmod(at, self.network.spec.codec.bar_length)
        is_step = self.is_enforced and place < self.network.spec.steps_per_bar
        step = bar * self.network.spec.steps_per_bar + place
        if is_step and self.guide:
            scores[:, :N_WORDS][~self.guide.allow(step)] = -np.inf
        if is_step and self.given.theme is not None:
            _keep(scores, int(self.given.theme[step]), ~self.redrawn[:, step])
        chosen = choose(scores, self.params, self.chances[:, at], self.temperatures)
        if is_step and self.guide:
            self.guide.advance(step, chosen)
        return chosen


def _keep(scores: Array, word: int, kept: NDArray[np.bool_]) -> None:
    """Leave only the theme's word in the rows that keep it, where the rules allow it."""
    kept = kept & np.isfinite(scores[:, word])
    its = scores[kept, word]
    scores[kept] = -np.inf
    scores[kept, word] = its
