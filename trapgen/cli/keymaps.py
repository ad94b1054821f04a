"""`trapgen keymap`: the known key maps, and the files whose key map is uncertain."""

from __future__ import annotations

from pathlib import Path

import click

from trapgen.cli.app import AS_JSON, PATH, app, print_json, say, show


@app.group()
def keymap() -> None:
    """List the key maps, and settle uncertain ones."""


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
@click.argument("pack", metavar="PACK", type=PATH, help="A folder of MIDI files.")
@click.option(
    "--set",
    "answers",
    metavar="FILE=MAP",
    multiple=True,
    help="Settle a file's key map, or the one voice that the file plays (kick, snare, "
    "closed_hat …); FILE is its path in PACK. May be repeated.",
)
@AS_JSON
def review(pack: Path, answers: tuple[str, ...], as_json: bool) -> None:
    """List the files whose key map is uncertain, and settle them.

    Answers are saved in the pack's keymaps.csv, and apply whenever the pack is read with key map
    auto.
    """
    from trapgen.core import InputError, ParameterError
    from trapgen.ingest import find_doubts, find_midi, settle

    if not pack.is_dir():
        raise InputError(pack, "missing", "no such folder", "Name a folder of MIDI files.")
    settled = {}
    for answer in answers:
        path, equals, name = answer.rpartition("=")
        if not (path and equals):
            raise ParameterError("--set", "FILE=MAP", answer)
        settled[path] = name
    if settled:
        settle(pack, settled)
        say(f"{len(settled)} settled: {pack / 'keymaps.csv'}")
    doubts = list(find_doubts(pack, find_midi(pack)))
    if as_json:
        print_json(
            {
                "unsure": [
                    {
                        "path": doubt.path,
                        "pitches": {str(pitch): n for pitch, n in doubt.pitches.items()},
                        "readings": [
                            {
                                "key_maps": [table.name for table in reading.key_maps],
                                "confidence": reading.confidence,
                            }
                            for reading in doubt.readings
                        ],
                    }
                    for doubt in doubts
                ],
                "settled": settled,
            }
        )
        return
    for doubt in doubts:
        show(doubt.path)
        show("  pitches  " + ", ".join(f"{pitch} ({n})" for pitch, n in doubt.pitches.items()))
        for reading in doubt.readings[:3]:
            names = ", ".join(table.name for table in reading.key_maps)
            show(f"  {reading.confidence:7.1%}  {names}")
    say(f"{len(doubts)} files with an uncertain key map: settle with --set FILE=MAP or FILE=VOICE")
