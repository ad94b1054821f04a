"""The verbs that need a model: score, generate and regenerate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from trapgen.cli.app import AsJson, KeyMapName, Overwrite, Source, app, print_json, say, say_rejects

if TYPE_CHECKING:
    from trapgen.generate import Generator

TRAINED: Final = Path("data/model")
"""Where the pipeline leaves its model."""

_CONTROLS: Final = "What the loops hold to"

Model = Annotated[
    Path | None,
    typer.Option(
        "--model",
        help="A model's folder, or factory: the one in the package. By default data/model, as the "
        "pipeline leaves it, and where that is missing the packaged one.",
        show_default=False,
    ),
]
ModelGrid = Annotated[
    int | None,
    typer.Option("--steps-per-bar", help="The model's grid, if it must be that one."),
]
Style = Annotated[str, typer.Option(help="One that the model knows; auto: trap, if it does.")]


@app.command()
def score(
    source: Source,
    model: Model = None,
    steps_per_bar: ModelGrid = None,
    style: Style = "auto",
    key_map: KeyMapName = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure how well a model predicts loops: bits per step, beside its baselines.

    The model is told the style and each loop's tempo, if it knows them.
    """
    import numpy as np

    from trapgen.core import StandardizeParams, to_words
    from trapgen.evaluate import NAMES, baseline_bits, model_bits
    from trapgen.ingest import read_collection
    from trapgen.model import choose_condition, load_training_index

    folder = _find_model(model, steps_per_bar)
    generator = _load(folder, steps_per_bar)
    grid = generator.network.spec.steps_per_bar
    loops, rejects = read_collection(source, StandardizeParams(grid, key_map))
    say_rejects(rejects)
    words = [to_words(loop) for loop in loops]
    spec = generator.network.spec
    told = np.stack([choose_condition(spec, style, loop.bpm, "beat") for loop in loops])
    train = load_training_index(folder, whole=True).loops
    known = [to_words(loop) for loop in train]
    baselines = baseline_bits(known, words, grid)
    result = {
        "bits_per_step": model_bits(generator.network, words, told),
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
    model: Model = None,
    steps_per_bar: ModelGrid = None,
    loops: Annotated[int, typer.Option(help="How many loops.")] = 8,
    bars: Annotated[int, typer.Option(help="Bars a loop.")] = 4,
    bpm: Annotated[float, typer.Option(help="Tempo, quarter notes a minute.")] = 140.0,
    style: Style = "auto",
    kind: Annotated[str, typer.Option(help="beat, fill, or nothing.")] = "beat",
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
    match_primer: Annotated[
        bool,
        typer.Option(
            help="Find the bar line of a primer that was cut off it.", rich_help_panel=_CONTROLS
        ),
    ] = True,
    top_k: Annotated[
        int, typer.Option(help="Draw among so many of the likeliest words; 0: all.")
    ] = 0,
    min_p: Annotated[
        float, typer.Option(help="Drop words less likely than this share of the likeliest.")
    ] = 0.0,
    voice_temperature: Annotated[
        list[str] | None, typer.Option(metavar="VOICE=T", help="A voice's own temperature.")
    ] = None,
    lock: Annotated[
        str,
        typer.Option(
            metavar="VOICE,VOICE",
            help="Keep these voices as they are in --from, and write the rest.",
            rich_help_panel=_CONTROLS,
        ),
    ] = "",
    lock_from: Annotated[
        str,
        typer.Option(
            "--from", metavar="FILE", help="A MIDI file with the voices.", rich_help_panel=_CONTROLS
        ),
    ] = "",
    require: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VOICE@[BAR:]BEAT",
            help="A hit there: snare@3 in every bar, snare@2:3.5 in the second.",
            rich_help_panel=_CONTROLS,
        ),
    ] = None,
    forbid: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VOICE[@[BAR:]BEAT]",
            help="No hit there, or of that voice at all.",
            rich_help_panel=_CONTROLS,
        ),
    ] = None,
    density: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VOICE=FEWEST-MOST",
            help="Hits a bar: kick=2-5, kick=4, kick=2-, kick=-5.",
            rich_help_panel=_CONTROLS,
        ),
    ] = None,
    rolls: Annotated[
        float | None,
        typer.Option(
            help="Chance of a bar to have hats between the 16ths; the others have none.",
            rich_help_panel=_CONTROLS,
        ),
    ] = None,
    fills: Annotated[
        int,
        typer.Option(
            help="A fill of snare and toms at the end of every so many bars; toms nowhere else.",
            rich_help_panel=_CONTROLS,
        ),
    ] = 0,
    choke: Annotated[
        bool,
        typer.Option(
            "--choke", help="Never open and closed hat together.", rich_help_panel=_CONTROLS
        ),
    ] = False,
    vary: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="Write variations of this MIDI file.", rich_help_panel=_CONTROLS
        ),
    ] = "",
    strength: Annotated[
        float,
        typer.Option(help="Share of its steps written anew, 0 to 1.", rich_help_panel=_CONTROLS),
    ] = 0.5,
    swing: Annotated[
        float, typer.Option(help="From straight, 0, to triplets, 1.", rich_help_panel=_CONTROLS)
    ] = 0.0,
    humanize: Annotated[
        float,
        typer.Option(help="How much of the learned timing, 0 to 1.", rich_help_panel=_CONTROLS),
    ] = 0.0,
    min_novelty: Annotated[
        float,
        typer.Option(
            help="Draw a loop again that is nearer to a training loop than this, 0 to 1.",
            rich_help_panel=_CONTROLS,
        ),
    ] = 0.0,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Draw new loops: MIDI, WAV, PNG and a receipt each.

    The receipt says how the loop was made, how far it is from the nearest training loops, and all
    that `trapgen regenerate` needs to make the same files again.
    """
    from trapgen.core import SampleParams
    from trapgen.generate import generate as run

    params = SampleParams(
        loops=loops,
        bars=bars,
        bpm=bpm,
        style=style,
        kind=kind,
        temperature=temperature,
        top_p=top_p,
        structure=structure,
        primer=primer,
        primer_bars=primer_bars,
        match_primer=match_primer,
        top_k=top_k,
        min_p=min_p,
        voice_temperatures=tuple(voice_temperature or ()),
        lock=tuple(filter(None, lock.split(","))),
        lock_from=lock_from,
        require=tuple(require or ()),
        forbid=tuple(forbid or ()),
        density=tuple(density or ()),
        rolls=rolls,
        fills=fills,
        choke=choke,
        vary=vary,
        strength=strength,
        swing=swing,
        humanize=humanize,
        min_novelty=min_novelty,
    )
    generator = _load(_find_model(model, steps_per_bar), steps_per_bar)
    receipts = run(
        generator,
        params,
        seed,
        out,
        on_loop=lambda name: say(str(out / name)),
        overwrite=overwrite,
    )
    for note in receipts[0]["given"].get("notes", ()):
        say(f"note: {note}")
    if as_json:
        print_json({"loops": receipts})


@app.command()
def regenerate(
    receipt: Annotated[Path, typer.Argument(metavar="RECEIPT", help="A loop's NAME.json.")],
    out: Annotated[Path, typer.Option(help="Folder for the loop's four files.")],
    model: Model = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Make a loop again from its receipt and the model: the same bytes, or a refusal."""
    from trapgen.generate import read_making
    from trapgen.generate import regenerate as run

    grid = read_making(receipt)[1]["steps_per_bar"]
    made = run(_load(_find_model(model, grid)), receipt, out, overwrite=overwrite)
    say(str(out / made["loop"]))
    if as_json:
        print_json(made)


def _find_model(model: Path | None, steps_per_bar: int | None) -> Path:
    from trapgen.factory import DEFAULT_GRID, NAME, factory_folder

    if str(model) == NAME or (model is None and not TRAINED.exists()):
        return factory_folder(steps_per_bar or DEFAULT_GRID)
    return model or TRAINED


def _load(folder: Path, steps_per_bar: int | None = None) -> Generator:
    from trapgen.core import ModelError
    from trapgen.generate import load_generator

    generator = load_generator(folder)
    grid = generator.network.spec.steps_per_bar
    if steps_per_bar not in (None, grid):
        raise ModelError(
            folder, "steps_per_bar", steps_per_bar, f"This model counts {grid} steps to a bar."
        )
    return generator
