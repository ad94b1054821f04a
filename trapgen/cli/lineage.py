"""Lineage of a loop, a receipt, a model or a source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from trapgen.cli.app import AS_JSON, PATH, app, print_json, show
from trapgen.cli.verb import Verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trapgen.core import StandardizeParams

_KEYS: Final = ("model", "data", "code", "seed", "number", "attempt", "novelty", "nearest")


@app.command(cls=Verb, takes={"key_map": "standardize.key_map"})
@click.argument(
    "file",
    type=PATH,
    help="A loop or its receipt, a model's folder, any MIDI file that models may have learned, or "
    "the id of a source.",
)
@AS_JSON
def lineage(file: Path, key_map: str, as_json: bool) -> None:
    """Say where a loop or a model comes from, and which models learned from a file.

    Of a generated loop: its model, seed and nearest training loops. Of a model: its data,
    parameters and start model, when it was champion, and why. Of another MIDI file: the models in
    data/models and data/model that have learned it. Run it in the checkout.
    """
    from trapgen.core import StandardizeParams

    found = _trace(file, StandardizeParams(key_map=key_map))
    if as_json:
        print_json(found)
        return
    for line in _lay_out(found):
        show(line)


def _trace(file: Path, params: StandardizeParams) -> dict[str, Any]:
    from trapgen.core import SOURCE_RULE, InputError, read_json
    from trapgen.ingest import read_loop

    if file.is_dir():
        return {"model": _describe_model(file)}
    receipt = file.with_suffix(".json")
    if receipt.is_file():
        stated = read_json(receipt)
        if isinstance(stated, dict) and {"model", "data"} <= stated.keys():
            return _trace_receipt(receipt)
    if file.name.startswith(f"{SOURCE_RULE}-"):
        return _trace_source(file.name)
    if not file.is_file():
        raise InputError(file, "missing", "no such file or folder", "Check the path.")
    read = read_loop(file, params)
    return {"file": str(file), **_trace_source(read.loop.lineage.source_ids[0])}


def _trace_receipt(path: Path) -> dict[str, Any]:
    from trapgen.core import TableError
    from trapgen.generate import is_sealed, read_generation_recipe

    stated = read_generation_recipe(path)[1]
    if is_sealed(stated) is False:
        detail = "Receipts must not be edited: `trapgen regenerate` names what was."
        raise TableError(path, "edited", "another digest", detail)
    version = f"{stated['model']}-{stated['data'][:8]}"
    folder = _find_version(version)
    model = _describe_model(folder) if folder else {"version": version, "folder": None}
    return {
        "loop": {key: stated[key] for key in ("loop", *_KEYS) if key in stated},
        "model": {**model, "reign": _list_reign(version)},
    }


def _list_models() -> list[Path]:
    from trapgen.model import CANDIDATE, MODELS

    stored = sorted(path.parent for path in MODELS.glob("*/model.json"))
    return [*stored, *([CANDIDATE] if (CANDIDATE / "model.json").is_file() else [])]


def _find_version(version: str) -> Path | None:
    from trapgen.factory import GRIDS, factory_folder
    from trapgen.model import name_version

    folders = [*_list_models(), *map(factory_folder, GRIDS)]
    return next((folder for folder in folders if name_version(folder) == version), None)


def _describe_model(folder: Path) -> dict[str, Any]:
    from trapgen.core import ModelError, read_json
    from trapgen.model import name_version

    version = name_version(folder)
    path = folder / "lineage.json"
    known = read_json(path) if path.is_file() else {}
    if not isinstance(known, dict):
        raise ModelError(path, "keys", type(known).__name__, "Train the model again.")
    return {"version": version, "folder": str(folder), **known, "reign": _list_reign(version)}


def _list_reign(version: str) -> list[dict[str, str]]:
    """The ledger's rows about a version: judged, or replaced as champion."""
    from trapgen.model import MODELS, read_ledger

    return [
        row
        for row in read_ledger(MODELS)
        if version in (row["version"], row["champion"], row["previous"])
    ]


def _trace_source(source: str) -> dict[str, Any]:
    """The models whose training index holds a source."""
    from trapgen.core import LOOPS, read_rows
    from trapgen.model import name_version

    learned = []
    for folder in _list_models():
        rows = read_rows(folder / "loops.parquet", LOOPS)
        holding = [row["loop_id"] for row in rows if source in row["source_ids"]]
        if holding:
            version = name_version(folder)
            learned.append({"version": version, "folder": str(folder), "loops": len(holding),
                            "reign": _list_reign(version)})  # fmt: skip
    return {"source": source, "learned_by": learned}


def _lay_out(found: Any, name: str = "", depth: int = 0) -> Sequence[str]:
    """Lines of a tree of values; empty values are left out."""
    indent = "  " * max(0, depth - 1)
    if isinstance(found, dict):
        lines = [f"{indent}{name}"] if name else []
        for key, value in found.items():
            lines += _lay_out(value, key.replace("_", " "), depth + 1)
        return lines
    if isinstance(found, list) and any(isinstance(each, dict) for each in found):
        lines = [f"{indent}{name}"]
        for each in found:
            parts = [f"{key} {value}" for key, value in each.items() if value not in ("", None, [])]
            lines.append(f"{indent}  " + ", ".join(parts))
        return lines
    if found in ("", None, [], {}):
        return [f"{indent}{name}: none"]
    return [f"{indent}{name}: {found}"]
