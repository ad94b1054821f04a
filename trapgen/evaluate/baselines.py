"""Baselines: five predictors of the next word, fitted on the same loops.

Figures are bits per step, the mean of -log2 p(word) over the steps of held-out loops, without BAR
and padding. Every baseline knows the step in the bar.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import N_WORDS, STEPS_PER_BAR, DrumLoop, ParameterError, to_words

Words = NDArray[np.int64]
Context = tuple[Hashable, ...]

NAMES: Final = ("lag_copy", "ngram", "position", "repeat_bar", "uniform")
LAGS_BARS: Final = (1, 2, 4, 8)
"""How many bars ago the word may stand that `lag_copy` repeats."""
_COPY_SHARES: Final = np.array([0.5, 0.8, 0.95, 0.99])
"""Probabilities with which the experts of `lag_copy` repeat a word."""
_SWITCH_RATES: Final = np.array([0.003, 0.03, 0.1])
"""Probabilities per step that another expert takes over."""
_RULE: Final = "at least one to train on and one held out"
_BEFORE: Final = -1
"""Stands for words before a loop's start."""


@dataclass(frozen=True)
class BackOff:
    """A back-off n-gram with Witten-Bell smoothing, from the general to the specific.

    p(w | c) = (n(c, w) + t(c) p(w | shorter c)) / (n(c) + t(c)), where n counts and t(c) is the
    number of different words seen after c; below the shortest context lies the uniform
    distribution. Witten and Bell 1991, The zero-frequency problem, method C.
    """

    contexts: Callable[[Words, int], Sequence[Context]]
    counts: dict[Context, Counter[int]]

    @classmethod
    def fit(
        cls, loops: Sequence[Words], contexts: Callable[[Words, int], Sequence[Context]]
    ) -> BackOff:
        """Count the words of `loops`, each `(n_steps,)`, after every context."""
        counts: dict[Context, Counter[int]] = defaultdict(Counter)
        for words in loops:
            for at, word in enumerate(words.tolist()):
                for context in contexts(words, at):
                    counts[context][word] += 1
        return cls(contexts, dict(counts))

    def probability(self, words: Words, at: int) -> float:
        """Probability of the word at a step, given those before it."""
        word = int(words[at])
        estimate: float = 1 / N_WORDS
        for context in self.contexts(words, at):
            seen = self.counts.get(context)
            if seen is None:
                break
            n, n_different = int(seen.total()), len(seen)
            estimate = (seen[word] + n_different * estimate) / (n + n_different)
        return estimate


def position_contexts(steps_per_bar: int) -> Callable[[Words, int], Sequence[Context]]:
    """Contexts of the `position` baseline: none, and the step in the bar."""
    return lambda _words, at: ((), ("at", at % steps_per_bar))


def ngram_contexts(steps_per_bar: int) -> Callable[[Words, int], Sequence[Context]]:
    """Contexts of the `ngram` baseline.

    None; the step in the bar; the step and the word one bar ago; and these with the last one, three
    and six words.
    """

    def contexts(words: Words, at: int) -> Sequence[Context]:
        position = at % steps_per_bar
        bar_ago = int(words[at - steps_per_bar]) if at >= steps_per_bar else _BEFORE
        known: list[Context] = [(), ("at", position), ("ago", position, bar_ago)]
        for n in (1, 3, 6):
            last = words[max(0, at - n) : at].tolist()
            padding = [_BEFORE] * (n - len(last))
            known.append((n, position, bar_ago, *padding, *last))
        return known

    return contexts


def _compare_bars(words: Words, steps_per_bar: int) -> NDArray[np.float64]:
    """1 where the word is that of a bar ago, 0 where it is not, NaN in the first bar."""
    same = np.full(len(words), np.nan)
    same[steps_per_bar:] = words[steps_per_bar:] == words[:-steps_per_bar]
    return same


def mix_copies(words: Words, ngram: NDArray[np.float64], steps_per_bar: int) -> NDArray[np.float64]:
    """Probabilities of a loop's words under `lag_copy`, given those of the n-gram.

    An expert repeats the word of 1, 2, 4 or 8 bars ago with a fixed probability, and else asks the
    n-gram, which is an expert of its own. All weigh the same at the loop's start; then Bayes' rule
    weighs them by how well they predicted the loop so far. At each step another expert takes over
    with a small probability (fixed share: Herbster and Warmuth 1998, Tracking the best expert); the
    rates of this are weighed by Bayes' rule in turn. Nothing but the n-gram is fitted.

    Args:
        words: `(n_steps,)` of a loop, from its beginning.
        ngram: `(n_steps,)` probability of each of them under the n-gram.
        steps_per_bar: The grid.

    Returns:
        `(n_steps,)` probabilities, above 0 where the n-gram's are.

    Examples:
        >>> bar = np.array([1, 0, 4, 0] * 4)
        >>> likely = mix_copies(np.tile(bar, 3), np.full(48, 1 / 512), 16)
        >>> bool(likely[:16].max() < 0.01 < 0.9 < likely[40:].min())
        True
    """
    n = len(words)
    experts = np.repeat(ngram[:, None], 1 + len(LAGS_BARS) * len(_COPY_SHARES), axis=1)
    for index, bars in enumerate(LAGS_BARS):
        lag = bars * steps_per_bar
        repeats = (words[lag:] == words[: max(0, n - lag)])[:, None]
        first = 1 + index * len(_COPY_SHARES)
        experts[lag:, first : first + len(_COPY_SHARES)] = (
            _COPY_SHARES * repeats + (1 - _COPY_SHARES) * ngram[lag:, None]
        )
    start = np.full((len(_SWITCH_RATES), experts.shape[1]), 1 / experts.shape[1])
    weights, rates = start, np.full(len(_SWITCH_RATES), 1 / len(_SWITCH_RATES))
    switch = _SWITCH_RATES[:, None]
    mixed = np.empty(n)
    for step, of_experts in enumerate(experts):
        joint = weights * of_experts
        of_rates = joint.sum(axis=1)
        mixed[step] = rates @ of_rates
        rates = rates * of_rates / mixed[step]
        weights = (1 - switch) * joint / of_rates[:, None] + switch * start
    return mixed


@dataclass(frozen=True)
class Baselines:
    """The baselines, fitted on the same loops.

    Attributes:
        ngram: Contexts of `ngram_contexts`.
        position: Contexts of `position_contexts`.
        repeat_share: Probability that a step repeats the word of a bar ago.
        steps_per_bar: The grid.
    """

    ngram: BackOff
    position: BackOff
    repeat_share: float
    steps_per_bar: int

    @classmethod
    def fit(cls, train: Sequence[Words], steps_per_bar: int) -> Baselines:
        """Fit all baselines on loops, each `(n_steps,)` int64 words in whole bars.

        Raises:
            ParameterError: There are none.
        """
        if not train:
            raise ParameterError("loops", _RULE, "none to train on")
        same = np.concatenate([_compare_bars(words, steps_per_bar) for words in train])
        n_same, n_all = np.nansum(same), np.count_nonzero(~np.isnan(same))
        ngram, position = (
            BackOff.fit(train, contexts(steps_per_bar))
            for contexts in (ngram_contexts, position_contexts)
        )
        return cls(ngram, position, float((n_same + 1) / (n_all + 2)), steps_per_bar)

    def score(self, held_out: Sequence[Words]) -> dict[str, NDArray[np.float64]]:
        """`(n_loops,)` bits of each loop, summed over its steps, by the names in `NAMES`.

        Raises:
            ParameterError: There are no loops.
        """
        if not held_out:
            raise ParameterError("loops", _RULE, "none held out")
        n_steps = np.array([len(words) for words in held_out])
        starts = np.cumsum(n_steps) - n_steps
        ngram, position = (
            _step_probabilities(model, held_out) for model in (self.ngram, self.position)
        )
        copied = map(mix_copies, held_out, np.split(ngram, starts[1:]), repeat(self.steps_per_bar))
        same = np.concatenate([_compare_bars(words, self.steps_per_bar) for words in held_out])
        repeated = self.repeat_share * same + (1 - self.repeat_share) * position
        likely = {
            "lag_copy": np.concatenate(list(copied)),
            "ngram": ngram,
            "position": position,
            # The first bar repeats none.
            "repeat_bar": np.where(np.isnan(same), position, repeated),
        }
        bits = {name: np.add.reduceat(-np.log2(each), starts) for name, each in likely.items()}
        return {**bits, "uniform": n_steps * np.log2(N_WORDS)}


def fit_baselines(train: Sequence[DrumLoop]) -> Baselines:
    """Fit all baselines on loops of one grid, at least one.

    Raises:
        ParameterError: There is none.
    """
    grid = train[0].steps_per_bar if train else STEPS_PER_BAR[0]
    return Baselines.fit([to_words(loop) for loop in train], grid)


def baseline_bits(
    train: Sequence[Words], held_out: Sequence[Words], steps_per_bar: int
) -> dict[str, float]:
    """Bits per step of every baseline on `held_out`, fitted on `train`.

    Args:
        train: Loops, each `(n_steps,)` int64 words in whole bars.
        held_out: Loops of the same kind.
        steps_per_bar: The grid.

    Returns:
        Bits per step by the names in `NAMES`.

    Raises:
        ParameterError: `train` or `held_out` is empty.
    """
    bits = Baselines.fit(train, steps_per_bar).score(held_out)
    n_steps = sum(map(len, held_out))
    return {name: float(of_loops.sum() / n_steps) for name, of_loops in bits.items()}


def _step_probabilities(model: BackOff, held_out: Sequence[Words]) -> NDArray[np.float64]:
    return np.array(
        [model.probability(words, at) for words in held_out for at in range(len(words))]
    )
