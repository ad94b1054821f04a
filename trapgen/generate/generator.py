"""From a model's folder to loops on disk: the main entry point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

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
from trapgen.generate.decode import sample_words
from trapgen.generate.half_time import double_time, is_half_time
from trapgen.generate.prompt import Prompt
from trapgen.generate.read_prompt import list_files, load_prompt
from trapgen.generate.receipt import GenerationRecipe, make_receipt, read_generation_recipe
from trapgen.generate.render_loops import DecodedLoop, LoopSeed, name_sample, to_loops
from trapgen.midi import write_loop
from trapgen.model import (
    HUMANIZER_FILES,
    Humanizer,
    Network,
    Tokens,
    choose_condition,
    hash_data,
    hash_model,
    load_humanizer,
    load_network,
)
from trapgen.render import can_draw, draw_loop, render, write_wav
from trapgen.similarity import Pair, load_training_index, rank_nearest

_SAMPLE_RATE = 44100

_ATTEMPTS: Final = 20
"""Most attempts at a loop until it is novel enough."""


@dataclass(frozen=True)
class Generator:
    """A model with everything needed to turn its words into loops with receipts.

    Attributes:
        network: Predicts words.
        humanizer: Predicts velocities and microtiming.
        training_loops: The training loops.
        model_hash: Identifies the weights.
        held_out: `(n_loops,)` distances of held-out loops to the nearest training loop.
        data_hash: Identifies the training index, held-out distances and humanizer.
    """

    network: Network
    humanizer: Humanizer
    training_loops: list[DrumLoop]
    model_hash: str
    held_out: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    data_hash: str = ""

    def condition(self, params: SampleParams) -> Tokens:
        """`(4,)` the network's condition input (see `trapgen.model.choose_condition`).

        Raises:
            ParameterError: The network does not know the style or kind.
        """
        return choose_condition(self.network.spec, params.style, params.tempo, params.kind)


def load_generator(folder: Path) -> Generator:
    """Read a model's folder.

    Raises:
        ModelError: A file is missing or broken.
    """
    network, humanizer = load_network(folder), load_humanizer(folder)
    _check_fit(network, humanizer, folder)
    index = load_training_index(folder)
    return Generator(
        network, humanizer, index.loops, hash_model(network), index.held_out, hash_data(folder)
    )


def _check_fit(network: Network, humanizer: Humanizer, folder: Path) -> None:
    """Check that network and humanizer share the grid and the numbering of conditions.

    Raises:
        ModelError: They were not trained together.
    """
    ours, theirs = network.spec, humanizer.spec
    # A network without conditions maps every condition to 0, which means unknown in both.
    same = not ours.conditions or ours.conditions == theirs.conditions
    if ours.steps_per_bar != theirs.steps_per_bar or not same:
        path, detail = folder / HUMANIZER_FILES[0], "Network and humanizer must be saved together."
        raise ModelError(path, "humanizer", "another grid, or other conditions", detail)


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
    params, prompt = _load_prompt(generator, params, seed)
    params = double_time(params)
    condition = generator.condition(params)
    decoded_loops = sample_words(generator.network, params, seed, prompt, condition=condition)
    loops = to_loops(
        decoded_loops, generator.humanizer, params, seed, condition=condition, prompt=prompt
    )
    return loops, decoded_loops


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
    names = [name_sample(seed, number) for number in range(params.loops)]
    files = tuple(map(Path, list_files(params)))
    outputs = Outputs(out, _name_files(*names), files, overwrite)
    params, prompt = _load_prompt(generator, params, seed)
    made = _make_novel(generator, params, seed, prompt)
    novel = [one for one in made.values() if one.is_novel(params)]

    def write(one: _Drawn) -> dict[str, Any]:
        return _write(
            generator, GenerationRecipe(seed, one.loop_seed, params, prompt), one, outputs
        )

    receipts = []
    # One core renders audio while another decodes.
    for receipt in map_blocks(write, novel):
        receipts.append(receipt)
        if on_loop:
            on_loop(receipt["loop"])
    _refuse_too_near(made, params)
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
    params, prompt = _load_prompt(generator, params, seed, files)
    made = _make_novel(generator, params, seed, prompt)
    _refuse_too_near(made, params)
    return [
        (one.loop, _receive(generator, GenerationRecipe(seed, one.loop_seed, params, prompt), one))
        for one in made.values()
    ]


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
        TableError: The receipt is missing, or lacks a key.
        ModelError: It names another model, other training data, or a loop with other bytes.
        InputError: An output file would replace the receipt, or a file of another run.
    """
    recipe, stated = read_generation_recipe(receipt)
    name = name_sample(recipe.seed, recipe.loop_seed.number)
    outputs = Outputs(out, _name_files(name), (receipt,), overwrite)
    for key, ours in (("model", generator.model_hash), ("data", generator.data_hash)):
        if stated[key] != ours:
            detail = f"This folder's is {ours}: name the folder of the model that made the loop."
            raise ModelError(receipt, f"another_{key}", stated[key], detail)
    (one,) = _make(
        generator, recipe.params, recipe.seed, recipe.prompt, [recipe.loop_seed]
    ).values()
    again = _receive(generator, recipe, one)
    if again["midi"] != stated["midi"]:
        detail = (
            f"The receipt gives {again['midi']} here. Made by {_name_software(stated)}; read by "
            f"{_name_software(again)}. Other processors may round differently, too."
        )
        raise ModelError(receipt, "another_loop", stated["midi"], detail)
    return _write(generator, recipe, one, outputs)


def _name_software(receipt: Mapping[str, Any]) -> str:
    versions = {"code": receipt["code"], **receipt.get("software", {})}
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _load_prompt(
    generator: Generator, params: SampleParams, seed: int, files: Mapping[str, bytes] | None = None
) -> tuple[SampleParams, Prompt]:
    return load_prompt(generator.network, generator.training_loops, params, seed, files)


@dataclass(frozen=True)
class _Drawn:
    """A sampled loop, and the training loops nearest to it."""

    loop_seed: LoopSeed
    loop: DrumLoop
    decoded: DecodedLoop
    nearest: list[Pair]

    def is_novel(self, params: SampleParams) -> bool:
        return not self.nearest or self.nearest[0].distance >= params.min_novelty


def _make_novel(
    generator: Generator, params: SampleParams, seed: int, prompt: Prompt
) -> dict[int, _Drawn]:
    """Loops by their number; those too near to a training loop are drawn again."""
    made: dict[int, _Drawn] = {}
    loop_seeds = [LoopSeed(number) for number in range(params.loops)]
    while loop_seeds:
        made.update(_make(generator, params, seed, prompt, loop_seeds))
        loop_seeds = [
            replace(one.loop_seed, attempt=one.loop_seed.attempt + 1)
            for one in map(made.__getitem__, range(params.loops))
            if not one.is_novel(params) and one.loop_seed.attempt + 1 < _ATTEMPTS
        ]
    return made


def _refuse_too_near(made: Mapping[int, _Drawn], params: SampleParams) -> None:
    """Refuse loops that no attempt made novel.

    Raises:
        GateRefusedError: There are some.
    """
    reasons = [
        f"{one.loop.lineage.loop_id} was drawn {_ATTEMPTS} times, the last one "
        f"{one.nearest[0].distance:.2f} from a training loop, not {params.min_novelty:g}"
        for one in made.values()
        if not one.is_novel(params)
    ]
    if reasons:
        raise GateRefusedError(reasons, "sample.min_novelty")


def _make(
    generator: Generator,
    params: SampleParams,
    seed: int,
    prompt: Prompt,
    loop_seeds: Sequence[LoopSeed],
) -> dict[int, _Drawn]:
    """Loops by their number."""
    params = double_time(params)
    condition = generator.condition(params)
    decoded_loops = sample_words(generator.network, params, seed, prompt, loop_seeds, condition)
    loops = to_loops(
        decoded_loops, generator.humanizer, params, seed, loop_seeds, condition, prompt
    )
    nearest = rank_nearest(loops, generator.training_loops)
    made = map(_Drawn, loop_seeds, loops, decoded_loops, nearest)
    return {one.loop_seed.number: one for one in made}


def _receive(generator: Generator, recipe: GenerationRecipe, one: _Drawn) -> dict[str, Any]:
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


def _write(
    generator: Generator, recipe: GenerationRecipe, one: _Drawn, outputs: Outputs
) -> dict[str, Any]:
    loop, name = one.loop, one.loop.lineage.loop_id
    receipt = _receive(generator, recipe, one)
    midi, wav, png, json = _name_files(name)
    with outputs.staging() as folder:
        write_loop(folder / midi, loop, half_time=is_half_time(recipe.params))
        write_wav(folder / wav, render(loop, sample_rate=_SAMPLE_RATE), _SAMPLE_RATE)
        if can_draw():
            draw_loop(loop, folder / png, title=f"{name} · {recipe.params.tempo:g} bpm")
        write_json(folder / json, receipt)
    return receipt
