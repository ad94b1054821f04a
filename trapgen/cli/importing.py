"""`trapgen import`: packs from outside."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from trapgen.cli.app import AsJson, app, print_json, say


@app.command("import")
def import_(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SRC",
            help="A folder of MIDI files, a ZIP, the Groove MIDI Dataset as either, or one file.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The pack's folder, such as data/packs/NAME.")],
    download: Annotated[
        bool,
        typer.Option("--download", help="With SRC groove: fetch the dataset from its publisher."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Copy the MIDI files of a folder or ZIP into a pack, byte for byte.

    Writes pack.csv with a row a file, rejects.csv with the reason for every entry refused, and
    ATTRIBUTION.md where the source's license asks for it. Interrupted, the same command goes on.
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
