"""Conditions of a whole loop: style, sub-style, tempo band, beat or fill."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from trapgen.core import ParameterError
from trapgen.model.words.spec import N_CONDITIONS, ModelSpec, Tokens

Names = tuple[str, ...]
"""`N_CONDITIONS` names of a loop's conditions, one per slot; empty where unknown."""

_BAND_BPM: Final = 20
_LOWEST_BPM: Final = 60
_HIGHEST_BPM: Final = 200


def name_conditions(style: str = "", bpm: float | None = None, kind: str = "") -> Names:
    """The conditions of a loop.

    Args:
        style: For example `funk` or `funk/fast`, where the part after the slash is the sub-style.
        bpm: Tempo, encoded in bands of 20 from 60 to 200.
        kind: `beat` or `fill`.
    """
    main, _, sub = style.partition("/")
    band = ""
    if bpm is not None:
        whole = int(min(max(bpm, _LOWEST_BPM), _HIGHEST_BPM)) // _BAND_BPM * _BAND_BPM
        band = f"bpm:{whole}"
    return (
        f"style:{main}" if main else "",
        f"style:{style}" if sub else "",
        band,
        f"kind:{kind}" if kind else "",
    )


def name_loop(style: str, bpm: float | None, kind: str = "beat", base: str = "trap") -> Names:
    """The conditions of a loop in a corpus of one style.

    Args:
        style: The loop's own style, used as the sub-style of `base`; a style that already has a
            sub-style is kept.
        bpm: Tempo.
        kind: `beat` or `fill`.
        base: The corpus' style; if empty, each loop has only its own.
    """
    if base and "/" not in style:
        style = f"{base}/{style}" if style else base
    return name_conditions(style, bpm, kind)


def list_conditions(loops: Iterable[Names]) -> tuple[str, ...]:
    """Every condition of some loop, sorted: the network's condition vocabulary."""
    return tuple(sorted({name for names in loops for name in names if name}))


def number_conditions(loops: Sequence[Names], spec: ModelSpec) -> Tokens:
    """`(n_loops, 4)` numbers of the loops' conditions; 0 where the network does not know one."""
    numbers = {name: at for at, name in enumerate(spec.conditions, start=1)}
    known = [[numbers.get(name, 0) for name in names] for names in loops]
    return np.array(known, np.int64).reshape(len(loops), N_CONDITIONS)


AUTO: Final = "auto"
"""Style used by `auto`, if the network knows it."""

_TRAP: Final = "trap"


def choose_condition(spec: ModelSpec, style: str, bpm: float | None, kind: str) -> Tokens:
    """The condition input for loops to generate.

    Args:
        spec: The network.
        style: A style of the network, `trap` or `trap/drill`; a sub-style with a unique name may
            be given alone, as `drill`. `auto` is trap if known and otherwise unknown; empty is
            unknown.
        bpm: Tempo; used if the network knows its band. None if unknown.
        kind: `beat`, used if the network knows it, or `fill`; empty for neither.

    Returns:
        `(4,)` numbers of the spec's conditions; 0 where unknown.

    Raises:
        ParameterError: The network does not know the style, or no fills.
    """
    style = choose_style(spec, style)
    if kind not in ("", "beat") and f"kind:{kind}" not in spec.conditions:
        raise ParameterError("sample.kind", "beat: this model knows no other", kind)
    condition: Tokens = number_conditions([name_conditions(style, bpm, kind)], spec)[0]
    return condition


def choose_style(spec: ModelSpec, style: str) -> str:
    """The full name of a style to generate: `trap/drill` for `drill`; empty for unknown.

    Raises:
        ParameterError: The network does not know the style.
    """
    known = list_styles(spec)
    if style == AUTO:
        return _TRAP if _TRAP in known else ""
    if not style or style in known:
        return style
    ends = [name for name in known if name.partition("/")[2] == style]
    if len(ends) != 1:
        listed = ", ".join(known) or "none: this model was trained without styles"
        raise ParameterError("sample.style", f"one that the model knows ({listed})", style)
    return ends[0]


def list_styles(spec: ModelSpec) -> tuple[str, ...]:
    """The styles that a network knows, sorted: `funk`, `trap`, `trap/drill`."""
    prefix = "style:"
    return tuple(name.removeprefix(prefix) for name in spec.conditions if name.startswith(prefix))
