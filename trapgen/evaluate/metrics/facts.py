"""Facts about trap drum loops: what a producer counts, in numbers that any source can give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import BEATS_A_BAR, CLOSED_HAT, KICK, OPEN_HAT, SNARE, DrumLoop

_VOICES: Final = {"kick": KICK, "snare": SNARE, "hat": CLOSED_HAT, "open_hat": OPEN_HAT}
_FAST: Final = 0.115
"""Two hits of a voice closer than this part of a quarter are faster than 32nds."""
_NEAR: Final = 0.06
"""How far from a beat, in quarters, a hit may lie and still be on it."""
_STRAIGHT: Final = (1, 3 / 4, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32)
_TRIPLETS: Final = (2 / 3, 1 / 3, 1 / 6, 1 / 12, 1 / 24)
"""Note lengths in quarters."""
_LONGEST_GAP: Final = 1.1


def _find_onsets(loop: DrumLoop) -> tuple[dict[str, NDArray[np.float64]], int]:
    """Onsets by voice in quarters, microtiming included, and the number of bars.

    A loop whose snares lie on beats 2 and 4 is counted at double tempo, as those around it.
    """
    quarters = (np.arange(loop.n_steps)[:, None] + loop.offsets) * BEATS_A_BAR / loop.steps_per_bar
    found = {
        name: np.sort(quarters[loop.onsets[:, voice], voice]) for name, voice in _VOICES.items()
    }
    beats = found["snare"] % BEATS_A_BAR
    on_2_and_4 = np.minimum(abs(beats - 1), abs(beats - 3)) < 0.1
    if on_2_and_4.sum() > (abs(beats - 2) < 0.1).sum():
        return {name: 2 * times for name, times in found.items()}, 2 * loop.n_bars
    return found, loop.n_bars


def count_facts(loops: Sequence[DrumLoop]) -> dict[str, float]:
    """Facts of trap loops.

    Args:
        loops: On any grid; all are read as at 140 bpm with the snare on beat 3.

    Returns:
        - `kicks`, `snares`, `hats` (closed) and `open_hats`: hits per bar.
        - `kick_on_1_odd`, `kick_on_1_even`: share of the first, third, ... and of the other bars
          with a kick on beat 1.
        - `kicks_on_odd_16ths`: share of kicks nearest to a sixteenth between eighths.
        - `snares_on_3`: share of snares that are on beat 3.
        - `fast_hits`: share of hits closer than a 32nd to another of the same voice.
        - `triplet_gaps`: share of gaps between closed hats, of a quarter at most, whose nearest
          note length is a triplet.

    Examples:
        >>> from trapgen.core import to_loop
        >>> import numpy as np
        >>> bar = np.zeros(16, np.int64)
        >>> bar[0], bar[8] = 1, 2
        >>> facts = count_facts([to_loop(bar, 16)])
        >>> facts["kicks"], facts["kick_on_1_odd"], facts["snares_on_3"]
        (1.0, 1.0, 1.0)
    """
    hits: Counter[str] = Counter()
    on_one: tuple[list[bool], list[bool]] = ([], [])
    n_bars = odd = on_three = fast = 0
    gaps: list[float] = []
    for loop in loops:
        onsets, bars = _find_onsets(loop)
        n_bars += bars
        hits.update({name: len(times) for name, times in onsets.items()})
        kicks, snares = onsets["kick"], onsets["snare"]
        for bar in range(bars):
            on_one[bar % 2].append(bool((abs(kicks - BEATS_A_BAR * bar) < _NEAR).any()))
        odd += int((np.round(kicks * 4) % 2).sum())
        on_three += int((abs(snares % BEATS_A_BAR - 2) < _NEAR).sum())
        for times in onsets.values():
            close = np.diff(times) < _FAST
            fast += int((np.r_[False, close] | np.r_[close, False])[: len(times)].sum())
        gaps += [gap for gap in np.diff(onsets["hat"]).tolist() if 0 < gap < _LONGEST_GAP]
    triplets = sum(
        min(_STRAIGHT + _TRIPLETS, key=lambda length: abs(np.log(gap / length))) in _TRIPLETS
        for gap in gaps
    )
    return {
        **{f"{name}s": _share(hits[name], n_bars) for name in _VOICES},
        "kick_on_1_odd": _share(sum(on_one[0]), len(on_one[0])),
        "kick_on_1_even": _share(sum(on_one[1]), len(on_one[1])),
        "kicks_on_odd_16ths": _share(odd, hits["kick"]),
        "snares_on_3": _share(on_three, hits["snare"]),
        "fast_hits": _share(fast, sum(hits.values())),
        "triplet_gaps": _share(triplets, len(gaps)),
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
