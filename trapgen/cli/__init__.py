"""The command `trapgen`: every verb works on files alone, without the pipeline.

Results go to files and, with `--json`, as one object to standard output; progress and messages go
to standard error. Heavy imports stand in the verbs, so that `--help` is quick.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from trapgen.errors import TrapgenError

if TYPE_CHECKING:
    from trapgen.errors import MidiError
    from trapgen.generate import Generator

app = typer.Typer(
    name="trapgen",
    help="Learn trap drum loops from a handful of MIDI files, and draw new ones.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DEFAULT_MODEL: Final = Path("data/model")

Source = Annotated[
    Path, typer.Argument(metavar="SRC", help="A file, or a folder that is searched through.")
]
Grid = Annotated[
    int, typer.Option("--steps-per-bar", help="Steps to a bar of 4/4: 16, 24, 32, 48 or 96.")
]
KeyMapName = Annotated[
    str,
    typer.Option(
        "--key-map", help="auto, gm, paper or roland_td11, for files with no role in their name."
    ),
]
Model = Annotated[
    Path, typer.Option("--model", help="A model's folder, as the pipeline leaves in data/model.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


def main() -> None:
    """Run the command; an error of the project's own ends with its exit code and one sentence."""
    try:
        app()
    except TrapgenError as error:
        _say(f"error: {error}")
        sys.exit(error.exit_code)


def _say(message: str) -> None:
    print(message, file=sys.stderr)


def _say_rejects(rejects: Iterable[MidiError]) -> None:
    for error in rejects:
        _say(f"rejected: {error}")


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False))


@app.command()
def standardize(
    source: Source,
    out: Annotated[Path, typer.Option(help="Folder for loops, manifest and rejects.")],
    steps_per_bar: Grid = 32,
    key_map: KeyMapName = "auto",
    as_json: AsJson = False,
) -> None:
    """Bring MIDI files to one kit and grid.

    Writes the loops as General MIDI drums, manifest.parquet with a row a loop, and rejects.csv
    with the reason for every file that was not read.
    """
    from trapgen.params import StandardizeParams
    from trapgen.standardize import standardize as run

    manifest, rejects = run(source, out, StandardizeParams(steps_per_bar, key_map))
    roles = {str(role): int(n) for role, n in manifest["role"].value_counts().items()}
    if as_json:
        _print_json({"loops": len(manifest), "rejects": len(rejects), "roles": roles})
    listed = ", ".join(f"{n} {role}" for role, n in roles.items())
    _say(f"{len(manifest)} loops ({listed}), {len(rejects)} files rejected: {out}")


@app.command()
def encode(
    source: Source,
    out: Annotated[Path, typer.Option(help="The text file to write.")],
    steps_per_bar: Grid = 32,
    key_map: KeyMapName = "auto",
    as_json: AsJson = False,
) -> None:
    """Write MIDI files as words and BAR, one loop a line, in the order of the sorted paths.

    Text has no metre: bars are four quarters long from the file's start, whatever it says, as in
    the text of Choi et al. 2016. A key map that is named reads all files, whatever their names.
    """
    from trapgen.codec import write_lines
    from trapgen.compare import read_side
    from trapgen.params import StandardizeParams

    params = StandardizeParams(steps_per_bar, key_map, "ignore", by_name=key_map == "auto")
    loops, rejects = read_side(source, params)
    write_lines(out, loops)
    _say_rejects(rejects)
    n_bars = sum(loop.n_bars for loop in loops)
    if as_json:
        _print_json({"loops": len(loops), "bars": n_bars, "rejects": len(rejects)})
    _say(f"{len(loops)} loops, {n_bars} bars: {out}")


@app.command()
def decode(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A text file of loops.")],
    out: Annotated[Path, typer.Option(help="Folder for a MIDI file a line.")],
    bpm: Annotated[float, typer.Option(help="Tempo, quarter notes a minute.")] = 140.0,
    steps_per_bar: Grid = 32,
    as_json: AsJson = False,
) -> None:
    """Write a MIDI file for each line of a text file.

    Reads TrapGenerator's and the paper's text too: one long line, BAR first or last.
    """
    from trapgen.codec import read_lines, to_loop
    from trapgen.midi import write_loop

    lines = read_lines(source, steps_per_bar)
    width = max(4, len(str(len(lines))))
    for at, words in enumerate(lines, start=1):
        path = out / f"{source.stem}-{at:0{width}d}.mid"
        write_loop(path, to_loop(words, steps_per_bar, bpm))
    if as_json:
        _print_json({"loops": len(lines)})
    _say(f"{len(lines)} loops: {out}")


@app.command()
def audit(
    train: Annotated[Path, typer.Argument(metavar="TRAIN", help="Loops that are trained on.")],
    other: Annotated[Path, typer.Argument(metavar="OTHER", help="Loops that it is judged on.")],
    out: Annotated[Path, typer.Option(help="Folder for the report and its tables.")],
    steps_per_bar: Grid = 32,
    key_map: KeyMapName = "auto",
    seed: Annotated[int, typer.Option(help="Of the draws behind chance and self-test.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Say what two folders of loops have in common; exit code 4 when the gate refuses."""
    from trapgen.compare import compare_folders, read_side
    from trapgen.errors import GateRefusedError
    from trapgen.params import AuditParams, StandardizeParams

    params = StandardizeParams(steps_per_bar, key_map)
    sides = []
    for source in (train, other):
        loops, rejects = read_side(source, params)
        _say_rejects(rejects)
        sides.append(loops)
    found = compare_folders(sides[0], sides[1], out, AuditParams(), seed)
    if as_json:
        _print_json(found.summary())
    _say(
        f"{found.exact_bar_overlap:.1%} of the other bars stand in train, "
        f"{found.near_bar_overlap:.1%} of them nearly: {out / 'report.html'}"
    )
    if found.reasons:
        raise GateRefusedError(found.reasons)


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
    _say_rejects(rejects)
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
        _print_json(result)
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
    receipts = run(_load(model), params, seed, out, on_loop=lambda name: _say(str(out / name)))
    if as_json:
        _print_json({"loops": receipts})


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


# Verbs that stand in modules of their own register themselves.
from trapgen.cli import importing  # noqa: E402, F401
