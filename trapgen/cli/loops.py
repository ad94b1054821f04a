"""Verbs that read and write loops: standardize, encode, decode, audit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from trapgen.cli.app import (
    AS_JSON,
    OVERWRITE,
    PATH,
    SOURCE,
    Notes,
    app,
    print_json,
    say,
    say_rejects,
)
from trapgen.cli.verb import Verb

if TYPE_CHECKING:
    from trapgen.core import AuditParams, StandardizeParams


@app.command(cls=Verb, takes={"params": "standardize"})
@SOURCE
@click.option("--out", type=PATH, required=True, help="Folder for loops, manifest and rejects.")
@OVERWRITE
@AS_JSON
def standardize(
    source: Path, out: Path, params: StandardizeParams, overwrite: bool, as_json: bool
) -> None:
    """Convert MIDI files to one kit and grid.

    Writes the loops as General MIDI drums, manifest.parquet with one row per loop, and rejects.csv
    with the reason for every file that was not read. Ends with exit code 3 if none was.
    """
    from trapgen.core import InputError, show_progress
    from trapgen.ingest import list_files
    from trapgen.ingest import standardize as run

    left_out = dict(list_files(source).left_out)
    with show_progress("standardizing") as on_files:
        manifest, rejects = run(source, out, params, on_files=on_files, overwrite=overwrite)
    roles = {str(role): int(n) for role, n in manifest["role"].value_counts().items()}
    if as_json:
        counts = {"loops": len(manifest), "rejects": len(rejects), "left_out": left_out}
        print_json({**counts, "roles": roles})
    notes = Notes()
    for row in manifest.itertuples(index=False):
        feel = f"read as {row.bpm:g} bpm ({row.feel})" if row.feel else ""
        silent = f"{row.leading_bars} silent bars before the first hit are skipped"
        for note in (*row.notes.split("; "), feel, silent if row.leading_bars else ""):
            if note:
                notes.add(row.loop_id, note)
    notes.say()
    listed = ", ".join(f"{n} {role}" for role, n in roles.items())
    others = ", ".join(f"{n} {ending}" for ending, n in left_out.items())
    say(
        f"{len(manifest)} loops ({listed}), {len(rejects)} files rejected, "
        f"left out: {others or 'none'}: {out}"
    )
    if not len(manifest):
        received = f"{len(rejects)} files, none of them readable"
        raise InputError(source, "no_loops", received, f"{out / 'rejects.csv'} has the reasons.")


@app.command(cls=Verb, takes={"params": "standardize"})
@SOURCE
@click.option("--out", type=PATH, required=True, help="The text file to write.")
@OVERWRITE
@AS_JSON
def encode(
    source: Path, out: Path, params: StandardizeParams, overwrite: bool, as_json: bool
) -> None:
    """Write MIDI files as text: words and BAR, one loop per line.

    Lines follow the sorted paths. With --meter ignore and --feel keep, bars are four quarters long
    from the file's start, as in the data set of Choi et al. 2016.
    """
    from trapgen.core import Outputs, write_lines
    from trapgen.ingest import read_collection

    outputs = Outputs(out.parent, (out.name,), (source,), overwrite)
    notes = Notes()
    with outputs.staging() as folder:
        loops, rejects = read_collection(source, params, notes.add)
        write_lines(folder / out.name, loops)
    say_rejects(rejects)
    notes.say()
    n_bars = sum(loop.n_bars for loop in loops)
    if as_json:
        print_json({"loops": len(loops), "bars": n_bars, "rejects": len(rejects)})
    say(f"{len(loops)} loops, {n_bars} bars: {out}")


@app.command(cls=Verb, takes={"steps_per_bar": "grid.steps_per_bar", "bpm": "sample.bpm"})
@click.argument("source", metavar="FILE", type=PATH, help="A text file of loops.")
@click.option("--out", type=PATH, required=True, help="Folder for the MIDI files, one per line.")
@OVERWRITE
@AS_JSON
def decode(
    source: Path, out: Path, steps_per_bar: int, bpm: float | None, overwrite: bool, as_json: bool
) -> None:
    """Write one MIDI file for each line of a text file.

    Also reads the files of TrapGenerator and of Choi et al. 2016, which are one long line with BAR
    before or after each bar: they become one MIDI file.
    """
    from trapgen.core import Outputs, SampleParams, read_lines, to_loop
    from trapgen.midi import write_loop

    lines = read_lines(source, steps_per_bar)
    width = max(4, len(str(len(lines))))
    with Outputs(out, (), (), overwrite).staging() as folder:
        for at, words in enumerate(lines, start=1):
            path = folder / f"{source.stem}-{at:0{width}d}.mid"
            write_loop(path, to_loop(words, steps_per_bar, SampleParams(bpm=bpm).tempo))
    if as_json:
        print_json({"loops": len(lines)})
    say(f"{len(lines)} loops: {out}")


@app.command(cls=Verb, takes={"seed": "seed", "params": "standardize", "limits": "audit"})
@click.argument(
    "train", metavar="TRAIN", type=PATH, help="Training loops: MIDI, text or a manifest."
)
@click.argument("other", metavar="OTHER", type=PATH, help="Evaluation loops.")
@click.option("--out", type=PATH, required=True, help="Folder for the report and its tables.")
@OVERWRITE
@AS_JSON
def audit(
    train: Path,
    other: Path,
    out: Path,
    seed: int,
    params: StandardizeParams,
    limits: AuditParams,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Report what two folders of loops have in common.

    The gate passes if OTHER is independent of TRAIN; if not, the exit code is 4. As a test of
    itself, the audit copies loops of TRAIN in several disguises and searches for them.
    """
    from trapgen.core import GateRefusedError, Outputs
    from trapgen.ingest import read_collection
    from trapgen.report import AUDIT_FILES, audit_collections

    sides, notes = [], Notes()
    with Outputs(out, AUDIT_FILES, (train, other), overwrite).staging() as folder:
        for source in (train, other):
            loops, rejects = read_collection(source, params, notes.add)
            say_rejects(rejects)
            sides.append(loops)
        notes.say()
        found = audit_collections(sides[0], sides[1], folder, limits, seed)
    if as_json:
        print_json(found.summary())
    say(
        f"{found.exact_bar_overlap:.1%} of the other bars occur in train exactly, "
        f"{found.near_bar_overlap:.1%} exactly or nearly: {out / 'report.html'}"
    )
    if found.reasons:
        raise GateRefusedError(found.reasons)
