"""Verbs that need a model: score, generate and regenerate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    show,
)
from trapgen.cli.verb import Verb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trapgen.core import SampleParams, StandardizeParams
    from trapgen.generate import Generator

_MODEL = click.option(
    "--model",
    type=PATH,
    help="A model's folder, or factory for the packaged model. Default: the champion in "
    "data/models, else data/model, where the pipeline writes its model, else the packaged one.",
)
_MODEL_GRID = click.option(
    "--steps-per-bar",
    type=int,
    metavar="N",
    help="Steps per bar of the model: selects the packaged model; with a model's folder, the "
    "command fails if its grid differs.",
)


@app.command(cls=Verb, takes={"style": "sample.style", "params": "standardize"})
@SOURCE
@_MODEL
@_MODEL_GRID
@AS_JSON
def score(
    source: Path,
    model: Path | None,
    steps_per_bar: int | None,
    style: str,
    params: StandardizeParams,
    as_json: bool,
) -> None:
    """Measure how well a model predicts loops.

    Prints bits per step for the model and its baselines, and for each loop. The style, where
    `--style` names one, and each loop's tempo, where known, are inputs of the model.
    """
    import numpy as np

    from trapgen.core import to_words
    from trapgen.evaluate import NAMES, baseline_bits, model_bits_by_loop
    from trapgen.ingest import read_collection
    from trapgen.model import AUTO, choose_condition
    from trapgen.similarity import load_training_index

    folder = _find_model(model, steps_per_bar)
    generator = _load(folder, steps_per_bar)
    grid = generator.network.spec.steps_per_bar
    notes = Notes()
    loops, rejects = read_collection(source, replace(params, steps_per_bar=grid), notes.add)
    say_rejects(rejects)
    notes.say()
    words = [to_words(loop) for loop in loops]
    spec = generator.network.spec
    style = "" if style == AUTO else style
    conditions = np.stack([choose_condition(spec, style, loop.bpm, "") for loop in loops])
    train = load_training_index(folder, whole=True).loops
    known = [to_words(loop) for loop in train]
    baselines = baseline_bits(known, words, grid)
    bits, n_steps = model_bits_by_loop(generator.network, words, conditions), list(map(len, words))
    result = {
        "bits_per_step": float(bits.sum()) / sum(n_steps),
        "n_steps": sum(n_steps),
        "n_loops": len(words),
        "baselines": baselines,
    }
    of_loops: list[dict[str, Any]] = [
        {"loop": loop.lineage.loop_id, "n_bars": loop.n_bars, "bits_per_step": each / steps}
        for loop, each, steps in zip(loops, bits.tolist(), n_steps, strict=True)
    ]
    if as_json:
        print_json({**result, "loops": of_loops})
        return
    show(f"{len(words)} loops, {result['n_steps']} steps; bits per step, lower is better:")
    for name, value in [("model", result["bits_per_step"]), *((n, baselines[n]) for n in NAMES)]:
        show(f"  {name:<10} {value:6.3f}")
    show("bits per step of each loop under the model, likeliest first:")
    for row in sorted(of_loops, key=lambda row: row["bits_per_step"]):
        show(f"  {row['bits_per_step']:6.3f} {row['loop']}")


@app.command(cls=Verb, takes={"seed": "seed", "params": "sample"})
@click.option(
    "--out", type=PATH, required=True, help="Folder for MIDI, audio, pictures and receipts."
)
@_MODEL
@_MODEL_GRID
@OVERWRITE
@AS_JSON
def generate(
    out: Path,
    model: Path | None,
    steps_per_bar: int | None,
    seed: int,
    params: SampleParams,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Generate new loops: MIDI, WAV, PNG and a receipt for each.

    The receipt records how the loop was made, its distance to the nearest training loops, and
    everything that `trapgen regenerate` needs to make the same files again. Options that take
    several values may be repeated, or take the values separated by commas.

    Voices are kick, snare, closed_hat, open_hat, low_tom, mid_tom, high_tom, ride and crash. The
    model writes one word per step, which says what voices sound, and BAR at the end of a bar.
    """
    from trapgen.generate import generate as run

    generator = _load(_find_model(model, steps_per_bar), steps_per_bar)
    receipts = run(
        generator, params, seed, out, on_loop=lambda name: say(str(out / name)), overwrite=overwrite
    )
    for note in receipts[0]["prompt"].get("notes", ()):
        say(f"note: {note}")
    _say_no_pictures()
    if as_json:
        print_json({"loops": receipts})


@app.command(cls=Verb)
@click.argument("receipt", metavar="RECEIPT", type=PATH, help="A loop's NAME.json.")
@click.option("--out", type=PATH, required=True, help="Folder for the loop's four files.")
@_MODEL
@OVERWRITE
@AS_JSON
def regenerate(
    receipt: Path, out: Path, model: Path | None, overwrite: bool, as_json: bool
) -> None:
    """Make a loop again from its receipt: the same bytes, or an error.

    Its figures, such as the novelty, are compared with those of the loop; an edited one is named.
    """
    from trapgen.generate import is_sealed, read_generation_recipe
    from trapgen.generate import regenerate as run

    stated = read_generation_recipe(receipt)[1]
    grid = stated["steps_per_bar"]
    made = run(_load(_find_model(model, grid, stated)), receipt, out, overwrite=overwrite)
    if is_sealed(stated) is None:
        say(f"note: {receipt} has no digest (an earlier version wrote it); its figures hold")
    say(str(out / made["loop"]))
    _say_no_pictures()
    if as_json:
        print_json(made)


def _say_no_pictures() -> None:
    from trapgen.render import can_draw

    if not can_draw():
        say("note: no pictures without matplotlib: pip install 'trapgen[pictures]'")


def _find_model(
    model: Path | None, steps_per_bar: int | None, receipt: Mapping[str, Any] | None = None
) -> Path:
    """The folder named, or the model in use, or the one that a receipt names; says which."""
    from trapgen.factory import DEFAULT_GRID, NAME, factory_folder
    from trapgen.model import MODELS, find_model_in_use

    if model is not None and str(model) != NAME:
        return model
    if model is None:
        made_by = MODELS / f"{receipt['model']}-{receipt['data'][:8]}" if receipt else None
        in_use = find_model_in_use(Path())
        found = (made_by, "the loop's") if made_by and made_by.is_dir() else in_use
        if found:
            say(f"model: {found[0]} ({found[1]})")
            return found[0]
    folder = factory_folder(steps_per_bar or DEFAULT_GRID)
    say(f"model: {folder} (packaged)")
    return folder


def _load(folder: Path, steps_per_bar: int | None = None) -> Generator:
    from trapgen.core import ModelError
    from trapgen.generate import load_generator

    generator = load_generator(folder)
    grid = generator.network.spec.steps_per_bar
    if steps_per_bar not in (None, grid):
        raise ModelError(
            folder, "steps_per_bar", steps_per_bar, f"The model has {grid} steps per bar."
        )
    return generator
