"""Baselines: four predictors of the next word, fitted on the same loops.

Figures are bits per step, the mean of -log2 p(word) over the steps of held-out loops, without BAR
and padding. Every baseline knows the step in the bar.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import N_WORDS, ParameterError

Words = NDArray[np.int64]
Context = tuple[Hashable, ...]

NAMES: Final = ("ngram", "position", "repeat_bar", "uniform")
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


def _repeat_bits(
    train: Sequence[Words], held_out: Sequence[Words], steps_per_bar: int
) -> Iterator[float]:
    """Bits of each step if a bar repeats the last one with a probability fitted on `train`.

    Where it does not repeat, and in the first bar, the `position` baseline predicts the word.
    """
    pairs = [(words[steps_per_bar:], words[:-steps_per_bar]) for words in train]
    n_same = sum(int((now == before).sum()) for now, before in pairs)
    n_all = sum(len(now) for now, _ in pairs)
    share = (n_same + 1) / (n_all + 2)
    position = BackOff.fit(train, position_contexts(steps_per_bar))
    for words in held_out:
        for at in range(len(words)):
            estimate = position.probability(words, at)
            if at >= steps_per_bar:
                repeats = words[at] == words[at - steps_per_bar]
                estimate = share * bool(repeats) + (1 - share) * estimate
            yield -float(np.log2(estimate))


def loop_bits(
    train: Sequence[Words], held_out: Sequence[Words], steps_per_bar: int
) -> dict[str, NDArray[np.float64]]:
    """Bits of each held-out loop under every baseline, fitted on `train`.

    Args:
        train: Loops, each `(n_steps,)` int64 words in whole bars.
        held_out: Loops of the same kind.
        steps_per_bar: The grid.

    Returns:
        `(n_loops,)` bits, summed over the steps of each loop, by the names in `NAMES`.

    Raises:
        ParameterError: `train` or `held_out` is empty.
    """
    if not train or not held_out:
        raise ParameterError(
            "loops", "at least one to train on and one held out", (len(train), len(held_out))
        )
    n_steps = np.array([len(words) for words in held_out])
    starts = np.cumsum(n_steps) - n_steps
    bits = {
        name: _step_bits(BackOff.fit(train, contexts(steps_per_bar)), held_out)
        for name, contexts in (("ngram", ngram_contexts), ("position", position_contexts))
    }
    bits["repeat_bar"] = list(_repeat_bits(train, held_out, steps_per_bar))
    summed = {name: np.add.reduceat(values, starts) for name, values in bits.items()}
    return {**summed, "uniform": n_steps * np.log2(N_WORDS)}


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
    n_steps = sum(map(len, held_out))
    bits = loop_bits(train, held_out, steps_per_bar)
    return {name: float(of_loops.sum() / n_steps) for name, of_loops in bits.items()}


def _step_bits(model: BackOff, held_out: Sequence[Words]) -> list[float]:
    return [
        -float(np.log2(model.probability(words, at)))
        for words in held_out
        for at in range(len(words))
    ]
