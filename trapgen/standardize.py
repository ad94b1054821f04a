"""Files as found become loops on the kit and the grid, with a count of everything on the way."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.errors import InputError, MidiError
from trapgen.kit import FULL, KEY_MAPS, KICK, N_VOICES, SNARE, KeyMap, Role, key_map, role_of_name
from trapgen.loop import DrumLoop, Lineage, source_id
from trapgen.midi import DRUM_CHANNEL, Strikes, read_strikes, write_loop
from trapgen.params import StandardizeParams
from trapgen.store import MANIFEST, REJECTS, make_table, read_table, write_table

DEFAULT_BPM: Final = 120.0
"""Tempo of a MIDI file that states none (Standard MIDI Files 1.0)."""

_MAX_STRIKES_A_BAR: Final = N_VOICES * 96
_MAX_BARS: Final = 1_000
_BPM_IN_NAME: Final = re.compile(r"(?<!\d)([1-9]\d{1,2})[ _-]?bpm", re.IGNORECASE)
_STYLES: Final = (
    "atlanta",
    "drill",
    "plugg",
    "phonk",
    "rage",
    "soul",
    "memphis",
    "cloud",
    "jersey",
)


@dataclass(frozen=True)
class Standardized:
    """A loop on the grid, and what became of every note-on of its file.

    `loop.n_onsets + collapsed_onsets + dropped_onsets` is the number of note-ons with a velocity
    above zero in the file.

    Attributes:
        loop: The loop.
        source_path: The file, relative to the folder read.
        key_map: Name of the key map, or `name` where the file's name decided the voice.
        key_map_confidence: Share of the strikes that the map knows, from 0 to 1.
        quantization_error_steps: Mean distance of the strikes from their steps.
        collapsed_onsets: Strikes that fell on a step and voice where a louder one stands.
        dropped_onsets: Strikes on pitches that the map leaves out, or beside the drum channel.
    """

    loop: DrumLoop
    source_path: str
    key_map: str
    key_map_confidence: float
    quantization_error_steps: float
    collapsed_onsets: int
    dropped_onsets: int


def find_midi(source: Path) -> list[Path]:
    """Every MIDI file in a folder and those below it, sorted; or the file itself.

    Raises:
        InputError: There is nothing at `source`.
    """
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise InputError(source, "missing", "no such file or folder", "Check the path.")
    files = (path for path in source.rglob("*") if path.suffix.lower() in (".mid", ".midi"))
    return sorted(path for path in files if path.is_file() and not path.name.startswith("."))


def quantize(
    ticks: NDArray[np.int64], ticks_per_quarter: int, steps_per_bar: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Round ticks to the grid, halves up.

    Args:
        ticks: `(n,)` times in ticks.
        ticks_per_quarter: Resolution of `ticks`.
        steps_per_bar: Steps to four quarters.

    Returns:
        `(n,)` steps, and `(n,)` what was rounded away, in steps from -0.5 up to 0.5.
    """
    ticks_per_bar = 4 * ticks_per_quarter
    steps = (2 * ticks * steps_per_bar + ticks_per_bar) // (2 * ticks_per_bar)
    offsets = (ticks * steps_per_bar - steps * ticks_per_bar) / ticks_per_bar
    return steps, offsets.astype(np.float32)


def detect_key_map(pitches: NDArray[np.uint8]) -> tuple[KeyMap, float]:
    """The key map that knows the largest share of the strikes, and that share.

    General MIDI wins a tie: the other maps extend it.
    """
    found = Counter(pitches.tolist())
    shares = {
        name: sum(count for pitch, count in found.items() if pitch in table.voices) / len(pitches)
        for name, table in KEY_MAPS.items()
    }
    best = max(shares, key=lambda name: (shares[name], name == "gm"))
    return KEY_MAPS[best], shares[best]


def read_loop(
    path: Path, params: StandardizeParams, *, root: Path | None = None, loop_id: str = ""
) -> Standardized:
    """Read one MIDI file as a loop.

    Args:
        path: The file.
        params: Grid, key map and metre.
        root: The folder that `source_path`, pack and style are taken relative to; by default the
            file's own.
        loop_id: Name of the loop; by default `source_path` without its ending.

    Raises:
        MidiError: The file is no MIDI, is cut short, has no notes or none that the key map knows,
            is in another metre than 4/4, or has more strikes a bar than a kit can play.
    """
    strikes = read_strikes(path)
    _check_strikes(path, strikes, params)
    source = path.relative_to(root or path.parent)
    role = (role_of_name(path.stem) if params.by_name else None) or FULL
    role = FULL if role.voice is not None and _plays_a_kit(strikes) else role
    kept, voices, table, confidence = _map_voices(path, strikes, role, params)
    steps, offsets = quantize(strikes.ticks[kept], strikes.ticks_per_quarter, params.steps_per_bar)
    error = float(np.abs(offsets).mean())
    n_bars = int(steps.max()) // params.steps_per_bar + 1
    if params.meter == "4/4":
        n_bars = _length_in_bars(strikes, int(steps.max()), params.steps_per_bar)
        # A strike just before the loop's end belongs to the beat that it anticipates.
        late = steps >= n_bars * params.steps_per_bar
        steps = np.where(late, 0, steps)
        offsets = np.where(late, np.float32(0), offsets)
    velocities = np.zeros((n_bars * params.steps_per_bar, N_VOICES), np.uint8)
    shifts = np.zeros(velocities.shape, np.float32)
    # Softest first, so that the loudest strike of a step stays.
    order = np.argsort(strikes.velocities[kept], kind="stable")
    velocities[steps[order], voices[order]] = strikes.velocities[kept][order]
    shifts[steps[order], voices[order]] = offsets[order]
    loop = DrumLoop(velocities, params.steps_per_bar, _tempo(strikes, path), shifts)
    words = re.findall(r"[a-z]+", source.as_posix().lower())
    lineage = Lineage(
        loop_id=loop_id or source.with_suffix("").as_posix(),
        source_ids=(source_id(loop),),
        pack=source.parts[0] if len(source.parts) > 1 else "",
        role=role.name,
        style=next((style for style in _STYLES if style in words), ""),
    )
    return Standardized(
        loop=replace(loop, lineage=lineage),
        source_path=source.as_posix(),
        key_map=table,
        key_map_confidence=confidence,
        quantization_error_steps=error,
        collapsed_onsets=len(steps) - loop.n_onsets,
        dropped_onsets=len(strikes) - len(steps),
    )


def _check_strikes(path: Path, strikes: Strikes, params: StandardizeParams) -> None:
    if strikes.is_truncated:
        raise MidiError(path, "truncated", f"{len(strikes)} notes before the cut", "Export again.")
    if not len(strikes):
        raise MidiError(path, "no_notes", 0, "A loop has at least one note-on with velocity.")
    last = int(strikes.ticks[-1])
    if params.meter == "4/4":
        for tick, numerator, denominator in strikes.meters:
            if tick <= last and numerator != denominator:
                raise MidiError(
                    path, "meter", f"{numerator}/{denominator}", "Only 4/4 loops are read."
                )
    n_bars = last // (4 * strikes.ticks_per_quarter) + 1
    if len(strikes) > n_bars * _MAX_STRIKES_A_BAR:
        raise MidiError(
            path,
            "too_dense",
            f"{len(strikes)} notes in {n_bars} bars",
            f"A kit plays at most {_MAX_STRIKES_A_BAR} a bar on the finest grid.",
        )
    if n_bars > _MAX_BARS:
        raise MidiError(path, "too_long", f"{n_bars} bars", f"At most {_MAX_BARS} bars are read.")


def _map_voices(
    path: Path, strikes: Strikes, role: Role, params: StandardizeParams
) -> tuple[NDArray[np.bool_], NDArray[np.int64], str, float]:
    """Which strikes stay `(n,)`, their voices `(n_kept,)`, the key map's name and confidence."""
    if role.voice is not None:
        n_strikes = len(strikes)
        return np.ones(n_strikes, bool), np.full(n_strikes, role.voice, np.int64), "name", 1.0
    on_drums = strikes.channels == DRUM_CHANNEL
    # In a file with other instruments only the drum channel counts; many packs use none.
    heard = on_drums if on_drums.any() else np.ones(len(strikes), bool)
    if params.key_map == "auto":
        table, _ = detect_key_map(strikes.pitches[heard])
    else:
        table = key_map(params.key_map)
    voice_of_pitch = np.full(128, -1, np.int64)
    voice_of_pitch[list(table.voices)] = list(table.voices.values())
    voices = voice_of_pitch[strikes.pitches]
    kept = heard & (voices >= 0)
    if not kept.any():
        received = sorted(set(strikes.pitches[heard].tolist()))
        raise MidiError(
            path, "no_drums", f"pitches {received}", f"None is in the key map {table.name}."
        )
    return kept, voices[kept], table.name, float(kept.sum() / heard.sum())


def _plays_a_kit(strikes: Strikes) -> bool:
    """Whether the notes are a whole kit's, whatever the name says (`Ride the lightning.mid`)."""
    voices = {KEY_MAPS["gm"].voices.get(pitch) for pitch in strikes.pitches.tolist()}
    return bool((strikes.channels == DRUM_CHANNEL).all()) and {KICK, SNARE} < voices


def _length_in_bars(strikes: Strikes, last_step: int, steps_per_bar: int) -> int:
    """Whole bars of the loop: up to the last strike, or to the file's end where that is a bar line.

    Loops come in powers of two: a file of 2 bars whose last strike lies in the first, or of 4
    whose last lies in the third, has a rest at its end. A file that ends where its last strike
    rounds to is not a bar longer for that strike.
    """
    n_bars = last_step // steps_per_bar + 1
    end = strikes.end_tick / (4 * strikes.ticks_per_quarter)
    whole = round(end)
    if abs(end - whole) * steps_per_bar >= 1 or whole < 1:
        return n_bars
    if n_bars < whole <= 2 * n_bars and whole & (whole - 1) == 0:
        return whole
    return whole if last_step == whole * steps_per_bar else n_bars


def _tempo(strikes: Strikes, path: Path) -> float:
    first = int(strikes.ticks[0])
    before = [bpm for tick, bpm in strikes.tempos if tick <= first]
    if before:
        return before[-1]
    if named := _BPM_IN_NAME.search(path.stem):
        return float(named[1])
    return strikes.tempos[0][1] if strikes.tempos else DEFAULT_BPM


def read_folder(source: Path, params: StandardizeParams) -> Iterator[Standardized | MidiError]:
    """Read every MIDI file of a folder, in the order of the sorted paths.

    A file that breaks a rule comes out as the error that says so; the rest go on.

    Raises:
        InputError: There is nothing at `source`.
    """
    root = source.parent if source.is_file() else source
    taken: set[str] = set()
    for path in find_midi(source):
        relative = path.relative_to(root)
        name = os.fsencode(relative.as_posix()).decode("utf-8", "backslashreplace")
        if name != relative.as_posix():
            yield MidiError(root / name, "name", name, "Rename it: the name is not UTF-8.")
            continue
        loop_id = relative.with_suffix("").as_posix()
        # `a.mid` and `a.midi` are two loops.
        loop_id = relative.as_posix() if loop_id in taken else loop_id
        taken.add(loop_id)
        try:
            yield read_loop(path, params, root=root, loop_id=loop_id)
        except MidiError as error:
            yield error


def standardize(source: Path, out: Path, params: StandardizeParams) -> tuple[Any, Any]:
    """Read a file or folder and write loops, `manifest.parquet` and `rejects.csv` into `out`.

    Returns:
        The manifest and the rejects, as pandas frames (`trapgen.store.MANIFEST`, `REJECTS`).

    Raises:
        InputError: There is nothing at `source`, or no MIDI file in it.
    """
    root = source.parent if source.is_file() else source
    rows: list[dict[str, Any]] = []
    rejects: list[dict[str, Any]] = []
    for result in read_folder(source, params):
        if isinstance(result, MidiError):
            relative = Path(result.path).relative_to(root).as_posix()
            rejects.append(
                {
                    "path": relative,
                    "rule": result.rule,
                    "received": str(result.received),
                    "detail": result.detail,
                }
            )
            continue
        target = Path("loops", f"{result.loop.lineage.loop_id}.mid")
        write_loop(out / target, result.loop)
        rows.append(_manifest_row(result, target))
    if not rows and not rejects:
        raise InputError(source, "no_midi", "no .mid or .midi file", "Check the path.")
    manifest, refused = make_table(rows, MANIFEST), make_table(rejects, REJECTS)
    write_table(out / "manifest.parquet", manifest, MANIFEST)
    write_table(out / "rejects.csv", refused, REJECTS)
    return manifest, refused


def _manifest_row(result: Standardized, target: Path) -> dict[str, Any]:
    loop, lineage = result.loop, result.loop.lineage
    return {
        "loop_id": lineage.loop_id,
        "source_path": result.source_path,
        "path": target.as_posix(),
        "pack": lineage.pack,
        "role": lineage.role,
        "style": lineage.style,
        "bpm": loop.bpm,
        "n_bars": loop.n_bars,
        "steps_per_bar": loop.steps_per_bar,
        "n_onsets": loop.n_onsets,
        "source_ids": lineage.source_ids,
        "key_map": result.key_map,
        "key_map_confidence": result.key_map_confidence,
        "quantization_error_steps": result.quantization_error_steps,
        "collapsed_onsets": result.collapsed_onsets,
        "dropped_onsets": result.dropped_onsets,
    }


def load_standardized(folder: Path) -> list[DrumLoop]:
    """The loops of a standardized folder, in the manifest's order, with their lineage.

    Raises:
        TableError: There is no manifest, or it breaks its schema.
        MidiError: A loop's file is missing or broken.
    """
    manifest = read_table(folder / "manifest.parquet", MANIFEST)
    return [load_row(folder, row) for row in manifest.to_dict("records")]


def load_row(folder: Path, row: Mapping[Any, Any]) -> DrumLoop:
    """The loop of a table's row: its file, read as it was written, with the row's lineage."""
    params = StandardizeParams(row["steps_per_bar"], key_map="gm", by_name=False)
    read = read_loop(folder / row["path"], params).loop
    # Bars of silence at the end are the table's to know.
    silence = ((0, row["n_bars"] * read.steps_per_bar - read.n_steps), (0, 0))
    loop = replace(
        read, velocities=np.pad(read.velocities, silence), offsets=np.pad(read.offsets, silence)
    )
    lineage = Lineage(
        loop_id=row["loop_id"],
        source_ids=row["source_ids"],
        pack=row["pack"],
        role=row["role"],
        style=row["style"],
        parents=row.get("parents", ()),
        recipe=row.get("recipe", ""),
    )
    return replace(loop, bpm=row["bpm"], lineage=lineage)
