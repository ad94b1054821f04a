"""Standardizing folders of any size, with a manifest and rejects, chunk by chunk.

The chunks may go through any order-preserving map: sequential here, or spread over threads,
processes and machines that share the files. The output is the same.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from trapgen.core import (
    HITS_NAME,
    MANIFEST,
    REJECTS,
    InputError,
    MidiError,
    OnFiles,
    Outputs,
    StandardizeParams,
    TableError,
    TrapgenError,
    describe_loop,
    list_hits,
    make_table,
    read_table,
    write_hits,
    write_table,
)
from trapgen.ingest.standardize.folder import (
    MANIFEST_NAME,
    Found,
    find_sources,
    name_in,
    read_found,
)
from trapgen.ingest.standardize.read import Standardized
from trapgen.midi import to_bytes

LOOPS_FOLDER: Final = "loops"
REJECTS_NAME: Final = "rejects.csv"
_WRITTEN: Final = (LOOPS_FOLDER, MANIFEST_NAME, HITS_NAME, REJECTS_NAME)

FILES_A_CHUNK: Final = 2_000
"""About one second of work, so that the overhead of a Prefect task is small."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Files for one worker: `files` lie in `root`, their loops go into `out`."""

    root: Path
    out: Path
    params: StandardizeParams
    files: tuple[Found, ...]


@dataclass(slots=True)
class Part:
    """Result of a chunk.

    Attributes:
        rows: Rows of the manifest, in the files' order.
        hits: Hits of each row's loop (`trapgen.core.HIT`).
        rejects: Rows of the rejects, in the files' order.
        error: Error that stopped the chunk.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    hits: list[NDArray[Any]] = field(default_factory=list)
    rejects: list[dict[str, str]] = field(default_factory=list)
    error: TrapgenError | None = None


Spread = Callable[[Callable[[Chunk], Part], Sequence[Chunk]], Iterable[Part]]
"""A map over chunks that yields the parts in the chunks' order, as `map` does."""


def standardize(
    source: Path,
    out: Path,
    params: StandardizeParams,
    *,
    spread: Spread = map,
    on_files: OnFiles | None = None,
    files_a_chunk: int = FILES_A_CHUNK,
    overwrite: bool = False,
) -> tuple[Any, Any]:
    """Read a file or folder and write its loops into `out`.

    Tables are `manifest.parquet` and `hits.parquet`, with one MIDI file per loop beside them;
    `rejects.csv` has one row per file or folder that was not read, and the rows of a `rejects.csv`
    that an import or the gathering of packs left in the source.

    Args:
        source: The file or folder.
        out: Output folder.
        params: Grid, key map and meter.
        spread: Map that applies its first argument to every chunk of the second.
        on_files: Called after each chunk.
        files_a_chunk: Number of files per chunk; the result is the same.
        overwrite: Whether existing files in `out` with other bytes may be replaced.

    Returns:
        The manifest and the rejects, as pandas frames (`trapgen.core.store.MANIFEST`, `REJECTS`).

    Raises:
        InputError: There is nothing at `source`, or no MIDI file in it; or `out` is among the
            files read, or has other files under the same names.
        TableError: A `pack.csv` or `keymaps.csv` is malformed.
    """
    sources = find_sources(source)
    root, files = sources.root, sources.files
    if not files and not sources.refused:
        raise InputError(source, "no_midi", "no MIDI file", "Check the path.")
    outputs = Outputs(out, _WRITTEN, (source, *sources.followed), overwrite)
    rows: list[dict[str, Any]] = []
    hits: list[NDArray[Any]] = []
    rejects = read_refused(root) if source.is_dir() else []
    rejects += [describe_refusal(error, root) for error in sources.refused]
    n_done = 0
    with outputs.staging() as folder:
        chunks = [
            Chunk(root, folder, params, tuple(files[at : at + files_a_chunk]))
            for at in range(0, len(files), files_a_chunk)
        ]
        for chunk, part in zip(chunks, spread(standardize_chunk, chunks), strict=True):
            if part.error is not None:
                raise part.error
            rows += part.rows
            hits += part.hits
            rejects += part.rejects
            n_done += len(chunk.files)
            if on_files:
                on_files(n_done, len(files))
        rejects.sort(key=lambda row: row["path"])
        manifest, refused = make_table(rows, MANIFEST), make_table(rejects, REJECTS)
        write_hits(folder / HITS_NAME, manifest["loop_id"], hits)
        write_table(folder / MANIFEST_NAME, manifest, MANIFEST)
        write_table(folder / REJECTS_NAME, refused, REJECTS)
    return manifest, refused


def standardize_chunk(chunk: Chunk) -> Part:
    """Read the files of a chunk and write their loops; the caller writes the rows."""
    part = Part()
    folders: set[str] = set()
    try:
        for found in chunk.files:
            try:
                results = read_found(found, chunk.root, chunk.params)
            except MidiError as error:
                part.rejects.append(describe_refusal(error, chunk.root))
                continue
            for result in results:
                if isinstance(result, MidiError):
                    part.rejects.append(describe_refusal(result, chunk.root))
                    continue
                target = f"{LOOPS_FOLDER}/{result.loop.lineage.loop_id}.mid"
                path = chunk.out / target
                try:
                    if (above := target.rpartition("/")[0]) not in folders:
                        path.parent.mkdir(parents=True, exist_ok=True)
                        folders.add(above)
                    # The folder is private to the run until everything is written.
                    path.write_bytes(to_bytes(result.loop))
                except OSError as error:
                    if error.errno != errno.ENAMETOOLONG:
                        raise
                    part.rejects.append(_refuse_name(found.path, target, chunk.root))
                    continue
                part.rows.append(_manifest_row(result, target))
                part.hits.append(list_hits(result.loop))
    except TrapgenError as error:
        part.error = error
    return part


def read_refused(folder: Path) -> list[dict[str, str]]:
    """Rows of the `rejects.csv` in a folder: what was not copied into it; none without one."""
    path = folder / REJECTS_NAME
    if not path.is_file():
        return []
    try:
        rows = read_table(path, REJECTS).to_dict("records")
    except TableError:
        return []  # another table of this name
    return [{str(key): str(value) for key, value in row.items()} for row in rows]


def _refuse_name(path: Path, target: str, root: Path) -> dict[str, str]:
    detail = "Shorten its name or those of its folders."
    refused = MidiError(path, "name_length", f"{len(target)} characters", detail)
    return describe_refusal(refused, root)


def describe_refusal(error: MidiError, root: Path) -> dict[str, str]:
    """A row of the rejects: the file's path in the folder `root`, and what is wrong with it."""
    return {
        "path": name_in(root, error.path),
        "rule": error.rule,
        "received": str(error.received),
        "detail": error.detail,
    }


def _manifest_row(result: Standardized, target: str) -> dict[str, Any]:
    found = {each.name: getattr(result, each.name) for each in fields(result)}
    found["notes"] = "; ".join(result.notes)
    return {**describe_loop(found.pop("loop"), target), **found}
