"""Tempo of the loops to generate, and half time: what a producer means by 70 bpm.

Trap is counted either at 140 bpm with the snare on 3 or at 70 bpm with the snare on 2 and 4. The
network knows the first form alone. Below 100 bpm a loop is therefore drawn at twice its tempo, two
bars for each of its own, and written in the other form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from trapgen.core import BEATS_A_BAR, ParameterError, SampleParams, definitions
from trapgen.ingest import Standardized
from trapgen.model import ModelSpec, choose_style

_SLOW_BPM: Final = 100.0
_TRAP: Final = "trap"
_LENGTHS: Final = ("bars", "primer_bars", "fills")


def is_half_time(params: SampleParams) -> bool:
    """Whether two bars of the network are written as one, at half its tempo."""
    return params.feel == "half_time" and params.tempo < _SLOW_BPM


def check_style(params: SampleParams, spec: ModelSpec) -> SampleParams:
    """The parameters with feel `keep` if the style is not trap: others are slow at slow tempos.

    Raises:
        ParameterError: The network does not know the style.
    """
    style = choose_style(spec, params.style)
    is_trap = style.partition("/")[0] in ("", _TRAP)
    return params if is_trap else replace(params, feel="keep")


def choose_tempo(
    params: SampleParams, files: Mapping[str, Standardized]
) -> tuple[SampleParams, tuple[str, ...]]:
    """The parameters with the tempo of the loops to write, and what becomes of the files' tempos.

    A tempo that was asked for holds. Otherwise the first file with a known tempo gives its own, as
    it is written: a file at 70 bpm with the snare on 2 and 4 gives loops like that. Without any it
    is 140.

    Args:
        params: Tempo and feel; the feel becomes `keep` for a file that is slow in itself.
        files: What was read from the files of the prompt, by name.
    """
    known = {name: each for name, each in files.items() if each.loop.bpm is not None}
    if any(each.loop.play_bpm < _SLOW_BPM for each in known.values()):
        params = replace(params, feel="keep")
    if params.bpm is None and known:
        first = next(iter(known.values()))
        stated = first.stated_bpm or first.loop.play_bpm
        is_doubled = bool(first.feel) and first.loop.play_bpm > stated
        params = replace(params, bpm=stated if is_doubled else first.loop.bpm)
    params = replace(params, bpm=params.tempo)
    notes = []
    for name, each in files.items():
        if each.loop.bpm is None:
            notes.append(f"{name}: its tempo is unknown; {params.tempo:g} bpm is written")
        elif params.tempo not in (each.stated_bpm, each.loop.bpm):
            notes.append(f"{name}: its {each.loop.bpm:g} bpm become {params.tempo:g}")
    if is_half_time(params):
        notes.append(f"written at {params.tempo:g} bpm in half time: snares on 2 and 4")
    return params, tuple(notes)


def double_time(params: SampleParams) -> SampleParams:
    """The parameters in the bars that the network draws: those given, or in half time two for one.

    Bars, primer, fills, densities and the places of required and forbidden hits are translated;
    rolls and swing are those of the loop as it is drawn.

    Raises:
        ParameterError: A length is above half of what is allowed, or a density cannot be shared by
            two bars.

    Examples:
        >>> drawn = double_time(SampleParams(bpm=70, bars=1, require=("snare@2",)))
        >>> drawn.bpm, drawn.bars, drawn.require
        (140, 2, ('snare@1:3',))
    """
    if not is_half_time(params):
        return params
    for key in _LENGTHS:
        most = definitions(SampleParams)[key].high // 2
        if getattr(params, key) > most:
            rule = f"at most {most:g} below {_SLOW_BPM:g} bpm, where a bar is drawn as two"
            raise ParameterError(f"sample.{key}", rule, getattr(params, key))
    return replace(
        params,
        bpm=2 * params.tempo,
        **{key: 2 * getattr(params, key) for key in _LENGTHS},
        require=tuple(each for text in params.require for each in _place(text, params.bars)),
        forbid=tuple(each for text in params.forbid for each in _place(text, params.bars)),
        density=tuple(map(_share_out, params.density)),
    )


def _place(text: str, n_bars: int) -> list[str]:
    """`snare@2` of every bar, as places in the bars that are drawn; what is no place stays."""
    name, at, place = text.partition("@")
    bar, _, beat = place.rpartition(":")
    try:
        half, quarters = divmod(2 * (float(beat) - 1), BEATS_A_BAR)
        bars = [int(bar)] if bar else range(1, n_bars + 1)
    except ValueError:
        return [text]
    if half not in (0, 1):
        return [text]
    return [f"{name}{at}{2 * each - 1 + int(half)}:{quarters + 1:g}" for each in bars]


def _share_out(text: str) -> str:
    """`kick=4-6` a bar, as `kick=2-3` in each of the two that are drawn for it."""
    name, equals, stated = text.partition("=")
    low, dash, high = stated.partition("-")
    try:
        fewest, most = (int(bound) if bound else None for bound in (low, high if dash else low))
    except ValueError:
        return text
    least = "" if fewest is None else f"{-(-fewest // 2)}"
    upper = "" if most is None else f"{most // 2}"
    if least and upper and int(least) > int(upper):
        rule = f"an even number below {_SLOW_BPM:g} bpm, where a bar is drawn as two"
        raise ParameterError("sample.density", rule, text)
    return f"{name}{equals}{least}{dash or '-'}{upper}" if stated else text
