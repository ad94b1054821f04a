"""`trapgen import`: import packs."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from trapgen.cli.app import AS_JSON, PATH, app, print_json, say


@app.command("import")
@click.argument(
    "source",
    metavar="SRC",
    type=PATH,
    help="A folder of MIDI files, a ZIP, one file, or the Groove MIDI Dataset: with or without "
    "its audio.",
)
@click.option("--out", type=PATH, required=True, help="The pack's folder, such as data/packs/NAME.")
@click.option(
    "--download",
    is_flag=True,
    help="With the word groove as SRC: fetch the Groove MIDI Dataset from its publisher.",
)
@AS_JSON
def import_(source: Path, out: Path, download: bool, as_json: bool) -> None:
    """Copy the MIDI files of a folder or ZIP, byte for byte.

    Writes pack.csv with one row per file, rejects.csv with the reason for every refused entry, and
    ATTRIBUTION.md if the source's license requires it. After an interruption, the same command
    resumes.
    """
    from trapgen.core import InputError, ParameterError, show_progress
    from trapgen.ingest import download_groove, import_pack

    if download and source != Path("groove"):
        raise ParameterError("--download", "given with SRC groove", str(source))
    if not download and source == Path("groove") and not source.exists():
        raise InputError(source, "missing", "no such folder", "Add --download to fetch it.")
    with ExitStack() as stack:
        path = stack.enter_context(download_groove(out)) if download else source
        on_file = stack.enter_context(show_progress("importing"))
        imported = import_pack(path, out, on_file=on_file)
    result = imported.summarize()
    if as_json:
        print_json(result)
    for row in imported.rejects.itertuples(index=False):
        say(f"refused: {row.path}: {row.rule} (received {row.received}). {row.detail}")
    left_out = ", ".join(f"{n} {ending}" for ending, n in imported.left_out.items())
    say(
        f"{result['files']} files ({result['written']} new), {result['rejects']} refused, "
        f"left out: {left_out or 'none'}: {out}"
    )
