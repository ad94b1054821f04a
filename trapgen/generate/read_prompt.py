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
from trapgen.generate.prompt import Prompt, list_played_hits
from trapgen.ingest import Standardized, read_loop, sure_from
from trapgen.model import Network

FROM_TRAIN: Final = "train"
"""Value of `primer` that selects a random training loop."""


def list_files(params: SampleParams) -> tuple[str, ...]:
    """MIDI files that the parameters name."""
    named = (params.lock_from, params.vary, params.primer)
    return tuple(name for name in named if name not in ("", FROM_TRAIN))


def load_prompt(
    network: Network,
    training_loops: Sequence[DrumLoop],
    params: SampleParams,
    seed: int,
    files: Mapping[str, bytes] | None = None,
) -> Prompt:
    """Read the prompt's files; loops are repeated to the wanted length.

    Anything dropped from a file is listed in the prompt's notes.

    Args:
        network: Sets the grid, and aligns the primer.
        training_loops: The training loops.
        params: Sampling parameters.
        seed: Selects the random training loop.
        files: Content of the files by name; by default they are read from the disk.

    Raises:
        MidiError: A file cannot be read as a loop.
        ParameterError: A locked voice is silent in its file, or a file is not in `files`.
    """
    prompt = Prompt()
    if params.lock_from:
        found = _read(params.lock_from, network, params, files)
        prompt = _with_locked(prompt, params, found)
    if params.vary:
        found = _read(params.vary, network, params, files)
        theme = repeat_to(found.loop, params.bars)
        prompt = replace(
            prompt, theme=to_words(theme), theme_hits=list_played_hits(theme, range(N_VOICES))
        )
        prompt = _with_notes(prompt, params.vary, found, params.bars)
    if params.primer == FROM_TRAIN:
        chosen = np.random.default_rng([seed, *FROM_TRAIN.encode()])
        loop = training_loops[int(chosen.integers(len(training_loops)))]
        prompt = replace(prompt, primer=to_words(repeat_to(loop, params.primer_bars)))
    elif params.primer:
        found = _read(params.primer, network, params, files)
        prompt = _with_primer(prompt, params, network, found)
    return prompt


def _read(
    path: str, network: Network, params: SampleParams, files: Mapping[str, bytes] | None
) -> Standardized:
    if files is not None and path not in files:
        raise ParameterError("files", f"with the content of {path}", list(files))
    reading = StandardizeParams(network.spec.steps_per_bar, key_map=params.key_map)
    return read_loop(Path(path), reading, content=None if files is None else files[path])


def _with_locked(prompt: Prompt, params: SampleParams, found: Standardized) -> Prompt:
    locked = repeat_to(found.loop, params.bars)
    voices = [find_voice("sample.lock", name) for name in params.lock]
    for name, voice in zip(params.lock, voices, strict=True):
        if not locked.onsets[:, voice].any():
            rule = f"of voices that sound in the first {params.bars} bars of {params.lock_from}"
            raise ParameterError("sample.lock", rule, name)
    prompt = replace(prompt, locked=to_words(locked), locked_hits=list_played_hits(locked, voices))
    return _with_notes(prompt, params.lock_from, found, params.bars)


def _with_primer(
    prompt: Prompt, params: SampleParams, network: Network, found: Standardized
) -> Prompt:
    loop, beats = found.loop, 0
    if params.match_primer:
        beats = match_primer(network, loop)
        loop = rotate(loop, beats * (loop.steps_per_bar // BEATS_A_BAR))
    primer = to_words(repeat_to(loop, params.primer_bars))
    prompt = replace(prompt, primer=primer, primer_beats=beats)
    return _with_notes(prompt, params.primer, found, params.primer_bars)


def _with_notes(prompt: Prompt, path: str, found: Standardized, n_bars: int) -> Prompt:
    notes = (f"{path}: {note}" for note in _list_losses(found, n_bars))
    return replace(prompt, notes=tuple(dict.fromkeys([*prompt.notes, *notes])))


def _list_losses(found: Standardized, n_bars: int) -> Iterator[str]:
    """What is dropped when a file is used for loops of `n_bars` bars, one clause each."""
    grid, needed = found.loop.steps_per_bar, found.recommended_steps_per_bar
    if found.collapsed_onsets:
        finer = f"; {needed} steps would separate them" if needed > grid else ""
        yield f"{found.collapsed_onsets} hits meet louder ones at {grid} steps per bar{finer}"
    if found.key_map_confidence < sure_from():
        share = f"{found.key_map_confidence:.0%}"
        yield f"its drums are in doubt (read by {found.key_map}, confidence {share}): see --key-map"
    if found.dropped_onsets:
        yield f"{found.dropped_onsets} notes belong to no voice of the kit"
    if found.feel:
        yield f"read as {found.loop.bpm:g} bpm ({found.feel})"
    if found.leading_bars:
        yield f"{found.leading_bars} silent bars before the first hit are skipped"
    if found.loop.n_bars > n_bars:
        yield f"only the first {n_bars} of {found.loop.n_bars} bars are used"
