"""Reads the prompt's MIDI files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from trapgen.core import (
    BEATS_A_BAR,
    N_VOICES,
    DrumLoop,
    ParameterError,
    SampleParams,
    StandardizeParams,
    repeat_to,
    rotate,
    to_words,
)
from trapgen.generate.align_primer import match_primer
from trapgen.generate.constraints.parse import find_voice
from trapgen.generate.half_time import check_style, choose_tempo, double_time, is_half_time
from trapgen.generate.prompt import Prompt, list_played_hits
from trapgen.ingest import Standardized, read_loop, sure_from
from trapgen.model import Network

FROM_TRAIN: Final = "train"
"""Value of `primer` that selects a random training loop."""


def list_files(params: SampleParams) -> tuple[str, ...]:
    """MIDI files that the parameters name; the first one's tempo counts."""
    named = (params.vary, params.lock_from, params.primer)
    return tuple(name for name in named if name not in ("", FROM_TRAIN))


def load_prompt(
    network: Network,
    training_loops: Sequence[DrumLoop],
    params: SampleParams,
    seed: int,
    files: Mapping[str, bytes] | None = None,
) -> tuple[SampleParams, Prompt]:
    """Read the prompt's files; loops are repeated to the wanted length.

    Anything dropped from a file or changed in it is listed in the prompt's notes.

    Args:
        network: Sets the grid, and aligns the primer.
        training_loops: The training loops.
        params: Sampling parameters.
        seed: Selects the random training loop.
        files: Content of the files by name; by default they are read from the disk.

    Returns:
        The parameters with tempo and feel of the loops (see `choose_tempo`), and the prompt in the
        bars that the network draws (see `double_time`).

    Raises:
        MidiError: A file cannot be read as a loop.
        ParameterError: A locked voice is silent in its file, or a file is not in `files`.
    """
    params, spec = check_style(params, network.spec), network.spec
    reading = StandardizeParams(spec.steps_per_bar, key_map=params.key_map, feel=params.feel)
    found = {name: _read(name, reading, files) for name in dict.fromkeys(list_files(params))}
    params, notes = choose_tempo(params, found)
    drawn, prompt = double_time(params), Prompt(notes=notes)
    if params.vary:
        theme = repeat_to(found[params.vary].loop, drawn.bars)
        prompt = replace(
            prompt, theme=to_words(theme), theme_hits=list_played_hits(theme, range(N_VOICES))
        )
        prompt = _with_notes(prompt, params.vary, found[params.vary], drawn.bars, params)
    if params.lock_from:
        prompt = _with_locked(prompt, drawn, found[params.lock_from])
        prompt = _with_notes(prompt, params.lock_from, found[params.lock_from], drawn.bars, params)
    if params.primer == FROM_TRAIN:
        chosen = np.random.default_rng([seed, *FROM_TRAIN.encode()])
        loop = training_loops[int(chosen.integers(len(training_loops)))]
        prompt = replace(prompt, primer=to_words(repeat_to(loop, drawn.primer_bars)))
    elif params.primer:
        of_file = found[params.primer]
        prompt = _with_primer(prompt, drawn, network, of_file)
        prompt = _with_notes(prompt, params.primer, of_file, drawn.primer_bars, params)
    return params, prompt


def _read(path: str, reading: StandardizeParams, files: Mapping[str, bytes] | None) -> Standardized:
    if files is None:
        return read_loop(Path(path), reading)
    if path not in files:
        raise ParameterError("files", f"with the content of {path}", list(files))
    return read_loop(Path(path), reading, content=files[path])


def _with_locked(prompt: Prompt, params: SampleParams, found: Standardized) -> Prompt:
    locked = repeat_to(found.loop, params.bars)
    voices = [find_voice("sample.lock", name) for name in params.lock]
    for name, voice in zip(params.lock, voices, strict=True):
        if not locked.onsets[:, voice].any():
            rule = f"of voices that sound in the first {params.bars} bars of {params.lock_from}"
            raise ParameterError("sample.lock", rule, name)
    return replace(prompt, locked=to_words(locked), locked_hits=list_played_hits(locked, voices))


def _with_primer(
    prompt: Prompt, params: SampleParams, network: Network, found: Standardized
) -> Prompt:
    loop, beats = found.loop, 0
    if params.match_primer:
        beats = match_primer(network, loop)
        loop = rotate(loop, beats * (loop.steps_per_bar // BEATS_A_BAR))
    primer = to_words(repeat_to(loop, params.primer_bars))
    return replace(prompt, primer=primer, primer_beats=beats)


def _with_notes(
    prompt: Prompt, path: str, found: Standardized, n_bars: int, params: SampleParams
) -> Prompt:
    notes = (f"{path}: {note}" for note in _list_changes(found, n_bars, is_half_time(params)))
    return replace(prompt, notes=tuple(dict.fromkeys([*prompt.notes, *notes])))


def _list_changes(found: Standardized, n_bars: int, half_time: bool) -> Iterator[str]:
    """What is dropped or changed when a file is used for `n_bars` drawn bars, one clause each."""
    grid, needed = found.loop.steps_per_bar, found.recommended_steps_per_bar
    if found.collapsed_onsets:
        finer = f"; {needed} steps would separate them" if needed > grid else ""
        yield f"{found.collapsed_onsets} hits meet louder ones at {grid} steps per bar{finer}"
    if found.key_map_confidence < sure_from():
        share = f"{found.key_map_confidence:.0%}"
        yield f"its drums are in doubt (read by {found.key_map}, confidence {share}): see --key-map"
    if found.dropped_onsets:
        yield f"{found.dropped_onsets} notes belong to no voice of the kit"
    yield from found.explain()
    of_file = found.loop.n_bars
    a_bar = 2 if half_time else 1
    written = [f"{bars / a_bar:g}" for bars in (n_bars, of_file, n_bars % of_file)]
    if of_file > n_bars:
        yield f"only the first {written[0]} of {written[1]} bars are used"
    elif n_bars % of_file:
        yield f"its {written[1]} bars fill {written[0]}: at the end its first {written[2]} again"
