"""The verbs that need a model: score and generate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from trapgen.cli.app import AsJson, KeyMapName, Source, app, print_json, say, say_rejects

if TYPE_CHECKING:
    from trapgen.generate import Generator

DEFAULT_MODEL: Final = Path("data/model")

Model = Annotated[
    Path, typer.Option("--model", help="A model's folder, as the pipeline leaves in data/model.")
]


@app.command()
def score(
    source: Source,
    model: Model = DEFAULT_MODEL,
    steps_per_bar: Annotated[
        int | None, typer.Option(help="The model's grid, if it must be that one.")
    ] = None,
    key_map: KeyMapName = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure how well a model predicts loops: bits per step, beside its baselines."""
    from trapgen.baselines import NAMES, baseline_bits
    from trapgen.codec import to_words
    from trapgen.compare import read_side
    from trapgen.metrics import model_bits
    from trapgen.params import StandardizeParams

    generator = _load(model, steps_per_bar)
    grid = generator.network.spec.steps_per_bar
    loops, rejects = read_side(source, StandardizeParams(grid, key_map))
    say_rejects(rejects)
    words = [to_words(loop) for loop in loops]
    known = [to_words(loop) for loop in generator.reference]
    baselines = baseline_bits(known, words, grid)
    result = {
        "bits_per_step": model_bits(generator.network, words),
        "n_steps": sum(map(len, words)),
        "n_loops": len(words),
        "baselines": baselines,
    }
    if as_json:
        print_json(result)
        return
    print(f"{len(words)} loops, {result['n_steps']} steps; bits per step, less is better:")
    for name, bits in [("model", result["bits_per_step"]), *((n, baselines[n]) for n in NAMES)]:
        print(f"  {name:<10} {bits:6.3f}")


@app.command()
def generate(
    out: Annotated[Path, typer.Option(help="Folder for MIDI, sound, pictures and receipts.")],
    model: Model = DEFAULT_MODEL,
    loops: Annotated[int, typer.Option(help="How many loops.")] = 8,
    bars: Annotated[int, typer.Option(help="Bars a loop.")] = 4,
    bpm: Annotated[float, typer.Option(help="Tempo, quarter notes a minute.")] = 140.0,
    temperature: Annotated[float, typer.Option(help="Below 1 safer, above 1 wilder.")] = 1.0,
    top_p: Annotated[
        float, typer.Option(help="Draw only among the likeliest words that together reach this.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    structure: Annotated[
        str, typer.Option(help="enforced: BAR where a bar ends; learned: where the model puts it.")
    ] = "enforced",
    primer: Annotated[
        str,
        typer.Option(help="A MIDI file to go on from, or train: a random training loop."),
    ] = "",
    primer_bars: Annotated[int, typer.Option(help="How much of the primer is heard.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Draw new loops: MIDI, WAV, PNG and a receipt each.

    The receipt says how the loop was made and how far it is from the nearest training loops.
    """
    from trapgen.generate import generate as run
    from trapgen.params import SampleParams

    params = SampleParams(loops, bars, bpm, temperature, top_p, structure, primer, primer_bars)
    receipts = run(_load(model), params, seed, out, on_loop=lambda name: say(str(out / name)))
    if as_json:
        print_json({"loops": receipts})


def _load(model: Path, steps_per_bar: int | None = None) -> Generator:
    from trapgen.errors import ModelError
    from trapgen.generate import load_generator

    generator = load_generator(model)
    grid = generator.network.spec.steps_per_bar
    if steps_per_bar not in (None, grid):
        raise ModelError(
            model, "steps_per_bar", steps_per_bar, f"This model counts {grid} steps to a bar."
        )
    return generator
