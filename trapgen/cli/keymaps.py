"""`trapgen keymap`: the known key maps, and the files that are read with doubt."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from trapgen.cli.app import AS_JSON, OVERWRITE, PATH, app, print_json, say, show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trapgen.ingest import Reviewed

_MOST_TRACKS: Final = 32
"""Tracks of a file that the review shows; with --json, all."""


@app.group()
def keymap() -> None:
    """List and export the key maps, and settle those of files."""


@keymap.command("list")
@AS_JSON
def list_(as_json: bool) -> None:
    """List the key maps, their keys by voice, and who publishes them."""
    from trapgen.core import KEY_MAPS, VOICES

    keys = {
        table.name: {
            voice.name: sorted(pitch for pitch, found in table.voices.items() if found == at)
            for at, voice in enumerate(VOICES)
        }
        for table in KEY_MAPS.values()
    }
    if as_json:
        tables = [
            {"name": name, "source": KEY_MAPS[name].source, "pitches": pitches}
            for name, pitches in keys.items()
        ]
        print_json({"key_maps": tables})
        return
    for name, pitches in keys.items():
        show(f"{name}: {KEY_MAPS[name].source}")
        for voice in VOICES:
            show(f"  {voice.label:<11}{' '.join(map(str, pitches[voice.name])) or '-'}")


@keymap.command()
@click.argument("name", metavar="MAP", help="A name that `trapgen keymap list` shows, or pairs.")
@click.option("--out", type=PATH, required=True, help="The CSV file to write.")
@OVERWRITE
def export(name: str, out: Path, overwrite: bool) -> None:
    """Write a key map as CSV, a key and its voice a line, to edit it.

    Every option --key-map takes such a file.
    """
    from trapgen.core import Outputs, key_map, make_csv, resolve_key_map

    table = key_map(resolve_key_map(name))
    with Outputs(out.parent, (out.name,), (), overwrite).staging() as folder:
        (folder / out.name).write_text(make_csv(table), encoding="utf-8", newline="")
    say(f"{len(table.voices)} keys: {out}")


@keymap.command()
@click.argument("pack", metavar="PACK", type=PATH, help="A folder of MIDI files.")
@click.option(
    "--set",
    "answers",
    metavar="FILE=MAP",
    multiple=True,
    help="Settle the key map of a file: a name, pairs such as '36=kick 38=snare' or a CSV of them; "
    "or the one voice that the file plays (kick, snare, closed_hat …). FILE is its path in PACK; "
    "FILE#3 is its third track. May be repeated.",
)
@AS_JSON
def review(pack: Path, answers: tuple[str, ...], as_json: bool) -> None:
    """List the files that are read with doubt, and the notes that are dropped; settle them.

    A file is in doubt if its key_map_confidence, as in the manifest, is below 0.9. Answers are
    saved in the pack's keymaps.csv, and apply whenever the pack is read with key map auto.
    """
    from trapgen.core import InputError
    from trapgen.ingest import find_midi, review_files, settle

    if not pack.is_dir():
        raise InputError(pack, "missing", "no such folder", "Name a folder of MIDI files.")
    settled = dict(_split_answer(pack, answer) for answer in answers)
    if settled:
        settle(pack, settled)
        say(f"{len(settled)} settled: {pack / 'keymaps.csv'}")
    unsure, dropping = [], []
    for found in review_files(pack, find_midi(pack)):
        if not found.is_sure:
            unsure.append(found)
        elif found.dropped:
            dropping.append(found)
    if as_json:
        lists = {"unsure": unsure, "dropping": dropping}
        described = {name: [_describe(each) for each in files] for name, files in lists.items()}
        print_json({**described, "settled": settled})
        return
    for found in (*unsure, *dropping):
        for line in _lay_out(found):
            show(line)
    say(
        f"{len(unsure)} files in doubt, {len(dropping)} others with dropped notes: settle with "
        "--set FILE=MAP or FILE=VOICE"
    )


def _split_answer(pack: Path, answer: str) -> tuple[str, str]:
    """FILE and MAP, either of which may contain `=`: FILE is the longest that is there."""
    from trapgen.core import ParameterError

    places = [at for at, character in enumerate(answer) if character == "="]
    splits = [(answer[:at], answer[at + 1 :]) for at in reversed(places)]
    splits = [(path, name) for path, name in splits if path and name]
    if not splits:
        raise ParameterError("--set", "FILE=MAP", answer)
    for path, name in splits:
        of, _, number = path.rpartition("#")
        if (pack / path).is_file() or (number.isdigit() and (pack / of).is_file()):
            return path, name
    return splits[-1]


def _describe(found: Reviewed) -> dict[str, Any]:
    reading = found.reading
    return {
        "path": found.path,
        "role": reading.role,
        "key_map": reading.key_map,
        "confidence": reading.confidence,
        "pitches": {str(pitch): n for pitch, n in found.pitches.items()},
        "dropped": [asdict(each) for each in found.dropped],
        "tracks": [asdict(track) for track in found.tracks],
        "readings": [
            {"key_maps": [table.name for table in each.key_maps], "confidence": each.confidence}
            for each in reading.readings
        ],
    }


def _lay_out(found: Reviewed) -> list[str]:
    reading = found.reading
    lines = [f"{found.path}: {reading.key_map}, confidence {reading.confidence:.1%}"]
    if not found.is_sure:
        lines.append(f"  pitches  {_count(found.pitches)}")
        for each in reading.readings[:3]:
            names = ", ".join(table.name for table in each.key_maps)
            lines.append(f"  {each.confidence:7.1%}  {names}")
    by_channel: dict[int, dict[int, int]] = {}
    for lost in found.dropped:
        by_channel.setdefault(lost.channel, {})[lost.pitch] = lost.count
    lines += [f"  dropped  channel {at}: {_count(by_channel[at])}" for at in sorted(by_channel)]
    if len(found.tracks) > 1 and (found.dropped or not found.is_sure):
        for track in found.tracks[:_MOST_TRACKS]:
            channels = ", ".join(map(str, track.channels))
            lines.append(
                f"  track {track.number}, {track.name or 'no name'}, "
                f"channel {channels}: {_count(track.pitches)}"
            )
        if (more := len(found.tracks) - _MOST_TRACKS) > 0:
            lines.append(f"  and {more} tracks more")
    return lines


def _count(pitches: Mapping[int, int]) -> str:
    return ", ".join(f"{pitch} ({n})" for pitch, n in pitches.items())
