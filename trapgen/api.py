"""The functions that `import trapgen` offers, on loops and files, without a pipeline.

from trapgen import generate_loops, load_model, write_midi

model = load_model()
for number, loop in enumerate(generate_loops(model, 4, seed=3, bpm=146)):
write_midi(f"loop-{number}.mid", loop)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trapgen.core import (
    SIDES,
    AuditParams,
    DrumLoop,
    ParameterError,
    StandardizeParams,
    make_section,
    resolve_key_map,
    to_words,
)

if TYPE_CHECKING:
    import pandas as pd

    from trapgen.audit import Audit
    from trapgen.generate import Generator

__all__ = [
    "DrumLoop",
    "audit_splits",
    "generate_loops",
    "load_model",
    "read_midi",
    "render_loop",
    "score_loops",
    "split_sources",
    "standardize_files",
    "write_midi",
]


def read_midi(path: str | Path, *, steps_per_bar: int = 32, **options: Any) -> DrumLoop:
    """Read one MIDI file as a loop on the grid.

    Args:
        path: The file.
        steps_per_bar: 16, 24, 32, 48 or 96.
        options: Parameters of the `standardize` stage: `key_map` (`auto`, a name, pairs such as
            `36=kick 38=snare`, or the path of a CSV of them), `by_name` (True), `meter` (`4/4`)
            and `feel` (`half_time`: what is written at 70 bpm is read at 140). The loop's `bpm` is
            None where neither file nor name states a tempo.

    Raises:
        MidiError: The file breaks a rule, or holds several loops; the error names it.
        ParameterError: An option is unknown or out of range.

    Examples:
        >>> write_midi("loop.mid", generate_loops(load_model(), 1, bars=2)[0])
        >>> loop = read_midi("loop.mid")
        >>> loop.n_bars, loop.steps_per_bar, loop.velocities.shape
        (2, 32, (64, 9))
    """
    from trapgen.ingest import read_loop

    return read_loop(Path(path), _read_options(steps_per_bar, options)).loop


def write_midi(path: str | Path, loop: DrumLoop, *, half_time: bool = False) -> None:
    """Write a loop as a Standard MIDI File on General MIDI's drum channel.

    The same loop gives the same bytes. An existing file is replaced.

    Args:
        path: The file; its folder is made.
        loop: The loop, with its tempo and microtiming.
        half_time: Write half its tempo, and two of its bars as one: 140 bpm with the snare on 3
            become 70 with the snare on 2 and 4.

    Raises:
        InputError: The file cannot be written.
        ParameterError: The tempo or the length is beyond what a MIDI file can state.

    Examples:
        >>> velocities = np.zeros((32, 9), np.uint8)
        >>> velocities[[0, 20], 0] = 100
        >>> write_midi("kick.mid", DrumLoop(velocities, bpm=140))
        >>> read_midi("kick.mid").n_onsets
        2
    """
    from trapgen.midi import write_loop

    write_loop(Path(path), loop, half_time=half_time)


def _read_options(steps_per_bar: int, options: dict[str, Any]) -> StandardizeParams:
    params: StandardizeParams = make_section("standardize", _resolve(options))
    return replace(params, steps_per_bar=steps_per_bar)


def _resolve(options: dict[str, Any]) -> dict[str, Any]:
    """The options, with the content of a key map's file in place of its path."""
    if "key_map" not in options:
        return options
    return {**options, "key_map": resolve_key_map(str(options["key_map"]))}


def standardize_files(
    source: str | Path,
    out: str | Path,
    *,
    steps_per_bar: int = 32,
    overwrite: bool = False,
    **options: Any,
) -> pd.DataFrame:
    """Read a folder of MIDI files and write its loops, their tables and the rejected files.

    Args:
        source: A folder, or one file.
        out: The folder for `manifest.parquet`, `hits.parquet`, `rejects.csv` and `loops/`; it lies
            outside `source`.
        steps_per_bar: 16, 24, 32, 48 or 96.
        overwrite: Whether other files in `out` may be replaced.
        options: As for `read_midi`.

    Returns:
        The manifest, a row a loop (`docs/formats.md` lists its columns).

    Raises:
        InputError: There is no MIDI file, or `out` lies in `source` or holds other files.

    Examples:
        >>> write_midi("packs/mine/one.mid", generate_loops(load_model(), 1)[0])
        >>> manifest = standardize_files("packs", "clean")
        >>> manifest["loop_id"].tolist()
        ['mine/one']
    """
    from trapgen.ingest import standardize

    params = _read_options(steps_per_bar, options)
    manifest, _ = standardize(Path(source), Path(out), params, overwrite=overwrite)
    found: pd.DataFrame = manifest
    return found


def split_sources(
    loops: Sequence[DrumLoop], *, seed: int = 0, **options: Any
) -> dict[str, list[DrumLoop]]:
    """Split loops into train, validation and test so that no two of them share a source.

    Loops with the same source or nearly the same hits stay together.

    Args:
        loops: Loops on one grid.
        seed: Of the assignment.
        options: Parameters of the `split` stage, as `validation_share` and `test_share`.

    Returns:
        The loops of each split, in the order given.

    Raises:
        SplitError: There are too few independent sources.

    Examples:
        >>> loops = generate_loops(load_model(), 24, bars=1, seed=2)
        >>> splits = split_sources(loops, validation_share=0.25, test_share=0.25)
        >>> {name: len(part) for name, part in splits.items()}
        {'train': 12, 'validation': 6, 'test': 6}
    """
    from trapgen.dataset import split_sources as assign

    params = make_section("split", options)
    assigned = assign(loops, params, np.random.default_rng(seed))
    pairs = list(zip(assigned, loops, strict=True))
    return {side: [loop for found, loop in pairs if found == side] for side in SIDES}


def audit_splits(
    train: Sequence[DrumLoop], test: Sequence[DrumLoop], *, seed: int = 0, **options: Any
) -> Audit:
    """Measure what test loops share with training loops, beside what chance gives.

    Args:
        train: Loops that a model learns from.
        test: Loops that it is judged on, on the same grid.
        seed: Of the chance baseline and the self-test.
        options: Parameters of the `audit` stage, as `near_duplicate_distance`.

    Returns:
        The audit: `reasons` is empty where the gate passes; `pairs` lists what was found, with
        `train/` and `other/` in front of the loops' ids.

    Raises:
        ParameterError: One of them is empty, or the grids differ.

    Examples:
        >>> loops = generate_loops(load_model(), 12, seed=5)
        >>> found = audit_splits(loops[:8], loops[6:])
        >>> found.gate, [pair.kind for pair in found.pairs[:2]]
        ('refuse', ['exact_loop', 'exact_loop'])
    """
    from trapgen.audit import audit_sides, label_splits

    params: AuditParams = make_section("audit", options)
    return audit_sides(label_splits(train, test), params, np.random.default_rng(seed))


def load_model(folder: str | Path | None = None, *, steps_per_bar: int = 32) -> Generator:
    """Load a trained model.

    Args:
        folder: A folder that training wrote, as `data/model`; by default the packaged model.
        steps_per_bar: Grid of the packaged model, 16 or 32.

    Raises:
        ModelError: Something in the folder is missing or broken.

    Examples:
        >>> load_model().network.spec.steps_per_bar
        32
    """
    from trapgen.factory import factory_folder
    from trapgen.generate import load_generator

    return load_generator(factory_folder(steps_per_bar) if folder is None else Path(folder))


def generate_loops(
    model: Generator, n_loops: int = 8, *, seed: int = 0, **controls: Any
) -> list[DrumLoop]:
    """Draw new loops from a model.

    Args:
        model: What `load_model` returned.
        n_loops: How many.
        seed: The same seed, controls and model give the same loops, in any number of loops.
        controls: Parameters of the `sample` stage, as `bars`, `bpm`, `style`, `temperature`,
            `require=("snare@3",)`, `lock`, `vary`; `trapgen generate --help` lists them.

    Returns:
        The loops. `trapgen generate` writes them with sound, picture and receipt. Trap below 100
        bpm is drawn at twice the tempo, two bars for one: `write_midi` writes it in `half_time`.

    Raises:
        ParameterError: A control is unknown or out of range, or controls contradict each other.

    Examples:
        >>> loops = generate_loops(load_model(), 2, seed=3, bpm=146, bars=4)
        >>> [(loop.lineage.loop_id, loop.bpm, loop.n_bars) for loop in loops]
        [('trap-146bpm-3-00001', 146, 4), ('trap-146bpm-3-00002', 146, 4)]
    """
    from trapgen.generate import draw_loops

    if "loops" in controls:
        raise ParameterError("loops", "given as n_loops", controls["loops"])
    params = make_section("sample", {**_resolve(controls), "loops": n_loops})
    loops, _ = draw_loops(model, params, seed)
    return loops


def score_loops(model: Generator, loops: Sequence[DrumLoop], *, style: str = "") -> pd.DataFrame:
    """Measure how well a model predicts loops.

    Args:
        model: What `load_model` returned.
        loops: Loops on the model's grid.
        style: Style of all loops, as `trap`, if the model knows it.

    Returns:
        A row a loop: `loop_id`, `n_bars` and `bits_per_step` (0 is certain; less is better).

    Raises:
        ParameterError: There is no loop, or one has another grid.

    Examples:
        >>> model = load_model()
        >>> scores = score_loops(model, generate_loops(model, 2))
        >>> scores.columns.tolist(), bool((scores["bits_per_step"] < 2).all())
        (['loop_id', 'n_bars', 'bits_per_step'], True)
    """
    import pandas as pd

    from trapgen.evaluate import model_bits_by_loop
    from trapgen.model import choose_condition

    spec = model.network.spec
    if not loops or any(loop.steps_per_bar != spec.steps_per_bar for loop in loops):
        grids = sorted({loop.steps_per_bar for loop in loops})
        raise ParameterError("loops", f"some, with {spec.steps_per_bar} steps a bar", grids)
    conditions = np.stack([choose_condition(spec, style, loop.bpm, "") for loop in loops])
    bits = model_bits_by_loop(model.network, [to_words(loop) for loop in loops], conditions)
    rows = [
        (loop.lineage.loop_id, loop.n_bars, each / loop.n_steps)
        for loop, each in zip(loops, bits.tolist(), strict=True)
    ]
    return pd.DataFrame(rows, columns=["loop_id", "n_bars", "bits_per_step"])


def render_loop(loop: DrumLoop, *, repeats: int = 1) -> NDArray[np.float32]:
    """Play a loop on the built-in 808 kit.

    Args:
        loop: The loop.
        repeats: How often it is played.

    Returns:
        `(n_samples, 2)` float32 from -1 to 1 at 44,100 Hz, with a second for the last hits to ring.

    Examples:
        >>> audio = render_loop(generate_loops(load_model(), 1, bars=1, bpm=120)[0])
        >>> audio.shape, str(audio.dtype)
        ((132300, 2), 'float32')
    """
    from trapgen.render import render

    return render(loop, repeats=repeats)
