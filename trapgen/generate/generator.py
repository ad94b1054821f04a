"""From a model to loops on disk: the main entry point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from trapgen.core import (
    DrumLoop,
    GateRefusedError,
    ModelError,
    Outputs,
    SampleParams,
    check_seed,
    map_blocks,
    write_json,
)
from trapgen.generate.draw import ATTEMPTS, Drawing, Drawn, Generator
from trapgen.generate.half_time import is_half_time
from trapgen.generate.read_prompt import list_files
from trapgen.generate.receipt import (
    GenerationRecipe,
    check_figures,
    make_receipt,
    read_generation_recipe,
)
from trapgen.generate.render_loops import DecodedLoop, first_seeds
from trapgen.midi import write_loop
from trapgen.render import can_draw, draw_loop, render, write_wav

_SAMPLE_RATE = 44100


def draw_loops(
    generator: Generator, params: SampleParams, seed: int
) -> tuple[list[DrumLoop], list[DecodedLoop]]:
    """Generate loops, with the network's raw output for each; `min_novelty` is ignored.

    In half time (see `trapgen.generate.half_time`) they are as drawn: at twice the tempo, with two
    bars for one.

    Raises:
        MidiError: A prompt file cannot be read as a loop.
        ParameterError: Controls contradict each other.
    """
    drawing = Drawing.begin(generator, params, seed)
    loop_seeds = first_seeds(params.loops)
    decoded_loops = drawing.decode(loop_seeds)
    return drawing.play(loop_seeds, decoded_loops), decoded_loops


def generate(
    generator: Generator,
    params: SampleParams,
    seed: int,
    out: Path,
    on_loop: Callable[[str], None] | None = None,
    *,
    overwrite: bool = False,
) -> list[dict[str, Any]]:
    """Generate loops and write `NAME.mid`, `.wav`, `.png` and `.json` for each into `out`.

    Without matplotlib there is no `.png`.

    A loop nearer to a training loop than `min_novelty` is drawn again, up to 20 times in all.

    Args:
        generator: The model.
        params: What to generate.
        seed: The same seed, parameters and model give the same bytes.
        out: Output folder.
        on_loop: Called with each name after its files are written.
        overwrite: Whether existing files with other bytes may be replaced.

    Returns:
        The receipts.

    Raises:
        InputError: An output file would replace a prompt file, or a file of another run.
        MidiError: A prompt file cannot be read as a loop.
        ParameterError: Constraints contradict each other.
        GateRefusedError: Some loops stayed too near to a training loop in every attempt. The other
            loops are written.
    """
    check_seed(seed)
    drawing = Drawing.begin(generator, params, seed)
    files = tuple(map(Path, list_files(params)))
    names = [drawing.name(number) for number in range(params.loops)] if files else []
    outputs = Outputs(out, _name_files(*names), files, overwrite)
    receipts, too_near = [], []
    with outputs.hold() as stage:

        def write(one: Drawn) -> dict[str, Any]:
            receipt = _receive(generator, drawing.recipe(one), one)
            with stage() as folder:
                _write(one.loop, receipt, drawing.params, folder)
            return receipt

        for block in drawing.draw():
            # One core renders audio while another draws pictures.
            for receipt in map_blocks(write, [one for one in block if one.is_novel(params)]):
                receipts.append(receipt)
                if on_loop:
                    on_loop(receipt["loop"])
            too_near += _list_too_near(block, params)
    _refuse_too_near(too_near)
    return receipts


def generate_in_memory(
    generator: Generator,
    params: SampleParams,
    seed: int,
    files: Mapping[str, bytes] = MappingProxyType({}),
) -> list[tuple[DrumLoop, dict[str, Any]]]:
    """Generate the loops that `generate` writes, with their receipts, and touch no file.

    Args:
        generator: The model.
        params: What to generate.
        seed: The same seed, parameters and model give the same loops.
        files: Content of the MIDI files that the parameters name.

    Raises:
        MidiError: A prompt file cannot be read as a loop.
        ParameterError: Constraints contradict each other, or a prompt file is not in `files`.
        GateRefusedError: Some loops stayed too near to a training loop in every attempt.
    """
    check_seed(seed)
    drawing = Drawing.begin(generator, params, seed, files)
    made = [one for block in drawing.draw() for one in block]
    _refuse_too_near(_list_too_near(made, params))
    return [(one.loop, _receive(generator, drawing.recipe(one), one)) for one in made]


def regenerate(
    generator: Generator, receipt: Path, out: Path, *, overwrite: bool = False
) -> dict[str, Any]:
    """Make a loop again from its receipt, and write its four files into `out`.

    Args:
        generator: The model that the receipt names.
        receipt: `NAME.json`.
        out: Output folder.
        overwrite: Whether existing files with other bytes may be replaced.

    Returns:
        The new receipt; with the same code it equals the old one.

    Raises:
        TableError: The receipt is missing, lacks a key, or was edited: a figure in it is not the
            loop's.
        ModelError: It names another model, other training data, or a loop with other bytes.
        InputError: An output file would replace the receipt, or a file of another run.
    """
    recipe, stated = read_generation_recipe(receipt)
    drawing = Drawing(generator, recipe.params, recipe.seed, recipe.prompt)
    name = drawing.name(recipe.loop_seed.number)
    outputs = Outputs(out, _name_files(name), (receipt,), overwrite)
    for key, ours in (("model", generator.model_hash), ("data", generator.data_hash)):
        if stated[key] != ours:
            detail = f"This folder's is {ours}: name the folder of the model that made the loop."
            raise ModelError(receipt, f"another_{key}", stated[key], detail)
    (one,) = drawing.compare([recipe.loop_seed], drawing.decode([recipe.loop_seed]))
    again = _receive(generator, recipe, one)
    if again["midi"] != stated["midi"]:
        detail = (
            f"The receipt gives {again['midi']} here. Made by {_name_software(stated)}; read by "
            f"{_name_software(again)}. Other processors may round differently, too."
        )
        raise ModelError(receipt, "another_loop", stated["midi"], detail)
    check_figures(receipt, stated, again)
    with outputs.staging() as folder:
        _write(one.loop, again, recipe.params, folder)
    return again


def _name_software(receipt: Mapping[str, Any]) -> str:
    versions = {"code": receipt["code"], **receipt.get("software", {})}
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _list_too_near(drawn: Sequence[Drawn], params: SampleParams) -> list[str]:
    """One sentence for each loop that no attempt made novel."""
    return [
        f"{one.loop.lineage.loop_id} was drawn {ATTEMPTS} times, the last one "
        f"{one.nearest[0].distance:.2f} from a training loop, not {params.min_novelty:g}"
        for one in drawn
        if not one.is_novel(params)
    ]


def _refuse_too_near(reasons: Sequence[str]) -> None:
    if reasons:
        raise GateRefusedError(reasons, "sample.min_novelty")


def _receive(generator: Generator, recipe: GenerationRecipe, one: Drawn) -> dict[str, Any]:
    return make_receipt(
        one.loop,
        recipe,
        one.nearest,
        generator.training_loops,
        generator.held_out,
        {"model": generator.model_hash, "data": generator.data_hash},
        one.decoded.bar_lengths,
    )


def _name_files(*names: str) -> tuple[str, ...]:
    return tuple(
        f"{name}{suffix}" for name in names for suffix in (".mid", ".wav", ".png", ".json")
    )


def _write(loop: DrumLoop, receipt: Mapping[str, Any], params: SampleParams, folder: Path) -> None:
    """Write a loop's files."""
    name = loop.lineage.loop_id
    midi, wav, png, json = _name_files(name)
    write_loop(folder / midi, loop, half_time=is_half_time(params))
    write_wav(folder / wav, render(loop, sample_rate=_SAMPLE_RATE), _SAMPLE_RATE)
    if can_draw():
        draw_loop(loop, folder / png, title=f"{name} · {params.tempo:g} bpm")
    write_json(folder / json, receipt)
