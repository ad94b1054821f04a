"""From a model's folder to loops on disk: what a producer calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trapgen.audio import render, write_wav
from trapgen.codec import to_words
from trapgen.loop import DrumLoop, repeat_to
from trapgen.midi import write_loop
from trapgen.model import Network, load_network
from trapgen.params import SampleParams, StandardizeParams
from trapgen.plot import draw_loop
from trapgen.receipt import find_nearest, hash_model, load_reference, make_receipt
from trapgen.sample import Draft, sample_words, to_loops
from trapgen.standardize import read_loop
from trapgen.store import write_json
from trapgen.velocity import VelocityProfile

FROM_TRAIN = "train"
"""The primer that stands for a random training loop."""

_SAMPLE_RATE = 44100


@dataclass(frozen=True)
class Generator:
    """A model with what it takes to turn its words into loops with receipts."""

    network: Network
    profile: VelocityProfile
    reference: list[DrumLoop]
    model_hash: str


def load_generator(folder: Path) -> Generator:
    """Read a model's folder.

    Raises:
        ModelError: Something in it is missing or broken.
    """
    network = load_network(folder)
    return Generator(
        network,
        VelocityProfile.load(folder / "velocity.json"),
        load_reference(folder / "reference.npz", network.spec.steps_per_bar),
        hash_model(network),
    )


def draw_loops(
    generator: Generator, params: SampleParams, seed: int
) -> tuple[list[DrumLoop], list[Draft]]:
    """Draw loops, and what the model itself wrote for each.

    Raises:
        MidiError: The primer is a file that cannot be read as a loop.
    """
    spec = generator.network.spec
    primer = _read_primer(generator, params, seed)
    drafts = sample_words(generator.network, params, seed, primer)
    return to_loops(drafts, generator.profile, params, spec.steps_per_bar, seed), drafts


def _read_primer(generator: Generator, params: SampleParams, seed: int) -> NDArray[np.int64] | None:
    if not params.primer:
        return None
    steps_per_bar = generator.network.spec.steps_per_bar
    if params.primer == FROM_TRAIN:
        chosen = np.random.default_rng([seed, *FROM_TRAIN.encode()])
        loop = generator.reference[int(chosen.integers(len(generator.reference)))]
    else:
        loop = read_loop(Path(params.primer), StandardizeParams(steps_per_bar)).loop
    return to_words(repeat_to(loop, params.primer_bars))


def generate(
    generator: Generator,
    params: SampleParams,
    seed: int,
    out: Path,
    on_loop: Callable[[str], None] | None = None,
) -> list[dict[str, Any]]:
    """Draw loops and write `NAME.mid`, `.wav`, `.png` and `.json` of each into `out`.

    Args:
        generator: The model.
        params: What to draw.
        seed: The same seed, parameters and model give the same bytes.
        out: The folder.
        on_loop: Called with each name when its files are written.

    Returns:
        The receipts.

    Raises:
        MidiError: The primer is a file that cannot be read as a loop.
    """
    loops, drafts = draw_loops(generator, params, seed)
    receipts = [
        make_receipt(
            loop, near, generator.reference, params, seed, generator.model_hash, draft.bar_lengths
        )
        for loop, draft, near in zip(
            loops, drafts, find_nearest(loops, generator.reference), strict=True
        )
    ]
    for loop, receipt in zip(loops, receipts, strict=True):
        name = loop.lineage.loop_id
        write_loop(out / f"{name}.mid", loop)
        write_wav(out / f"{name}.wav", render(loop, sample_rate=_SAMPLE_RATE), _SAMPLE_RATE)
        draw_loop(loop, out / f"{name}.png", title=f"{name} · {loop.bpm:g} bpm")
        write_json(out / f"{name}.json", receipt)
        if on_loop:
            on_loop(name)
    return receipts
