"""The verbs that read and write loops: standardize, encode, decode, audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trapgen.cli.app import (
    AsJson,
    Grid,
    KeyMapName,
    Overwrite,
    Source,
    app,
    print_json,
    say,
    say_rejects,
)


@app.command()
def standardize(
    source: Source,
    out: Annotated[Path, typer.Option(help="Folder for loops, manifest and rejects.")],
    steps_per_bar: Grid = 32,
    key_map: KeyMapName = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Bring MIDI files to one kit and grid.

    Writes the loops as General MIDI drums, manifest.parquet with a row a loop, and rejects.csv
    with the reason for every file that was not read.
    """
    from trapgen.core import StandardizeParams, show_progress
    from trapgen.ingest import standardize as run

    params = StandardizeParams(steps_per_bar, key_map)
    with show_progress("standardizing") as on_files:
        manifest, rejects = run(source, out, params, on_files=on_files, overwrite=overwrite)
    roles = {str(role): int(n) for role, n in manifest["role"].value_counts().items()}
    if as_json:
        print_json({"loops": len(manifest), "rejects": len(rejects), "roles": roles})
    listed = ", ".join(f"{n} {role}" for role, n in roles.items())
    say(f"{len(manifest)} loops ({listed}), {len(rejects)} files rejected: {out}")


@app.command()
def encode(
    source: Source,
    out: Annotated[Path, typer.Option(help="The text file to write.")],
    steps_per_bar: Grid = 32,
    key_map: KeyMapName = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write MIDI files as words and BAR, one loop a line, in the order of the sorted paths.

    Text has no metre: bars are four quarters long from the file's start, whatever it says, as in
    the text of Choi et al. 2016. A key map that is named reads all files, whatever their names.
    """
    from trapgen.core import Outputs, StandardizeParams, write_lines
    from trapgen.ingest import read_collection

    params = StandardizeParams(steps_per_bar, key_map, "ignore", by_name=key_map == "auto")
    outputs = Outputs(out.parent, (out.name,), (source,), overwrite)
    loops, rejects = read_collection(source, params)
    with outputs.staging() as folder:
        write_lines(folder / out.name, loops)
    say_rejects(rejects)
    n_bars = sum(loop.n_bars for loop in loops)
    if as_json:
        print_json({"loops": len(loops), "bars": n_bars, "rejects": len(rejects)})
    say(f"{len(loops)} loops, {n_bars} bars: {out}")


@app.command()
def decode(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A text file of loops.")],
    out: Annotated[Path, typer.Option(help="Folder for a MIDI file a line.")],
    bpm: Annotated[float, typer.Option(help="Tempo, quarter notes a minute.")] = 140.0,
    steps_per_bar: Grid = 32,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write a MIDI file for each line of a text file.

    Reads TrapGenerator's and the paper's text too: one long line, BAR first or last.
    """
    from trapgen.core import Outputs, read_lines, to_loop
    from trapgen.midi import write_loop

    lines = read_lines(source, steps_per_bar)
    width = max(4, len(str(len(lines))))
    with Outputs(out, (), (), overwrite).staging() as folder:
        for at, words in enumerate(lines, start=1):
            path = folder / f"{source.stem}-{at:0{width}d}.mid"
            write_loop(path, to_loop(words, steps_per_bar, bpm))
    if as_json:
        print_json({"loops": len(lines)})
    say(f"{len(lines)} loops: {out}")


@app.command()
def audit(
    train: Annotated[
        Path,
        typer.Argument(
            metavar="TRAIN", help="Loops that are trained on: MIDI, text or a manifest."
        ),
    ],
    other: Annotated[Path, typer.Argument(metavar="OTHER", help="Loops that it is judged on.")],
    out: Annotated[Path, typer.Option(help="Folder for the report and its tables.")],
    steps_per_bar: Grid = 32,
    key_map: KeyMapName = "auto",
    seed: Annotated[int, typer.Option(help="Of the draws behind chance and self-test.")] = 0,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Say what two folders of loops have in common; exit code 4 when the gate refuses."""
    from trapgen.core import AuditParams, GateRefusedError, Outputs, StandardizeParams
    from trapgen.ingest import read_collection
    from trapgen.report import AUDIT_FILES, audit_collections

    params = StandardizeParams(steps_per_bar, key_map)
    outputs = Outputs(out, AUDIT_FILES, (train, other), overwrite)
    sides = []
    for source in (train, other):
        loops, rejects = read_collection(source, params)
        say_rejects(rejects)
        sides.append(loops)
    with outputs.staging() as folder:
        found = audit_collections(sides[0], sides[1], folder, AuditParams(), seed)
    if as_json:
        print_json(found.summary())
    say(
        f"{found.exact_bar_overlap:.1%} of the other bars stand in train exactly, "
        f"{found.near_bar_overlap:.1%} at least nearly: {out / 'report.html'}"
    )
    if found.reasons:
        raise GateRefusedError(found.reasons)
