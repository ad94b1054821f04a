"""A loop's receipt: how it was made, and its distance to the training data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import (
    N_VOICES,
    VOICES,
    DrumLoop,
    ParameterError,
    SampleParams,
    TableError,
    check_seed,
    find_version,
    list_definitions,
    make_section,
    read_json,
)
from trapgen.generate.half_time import double_time, is_half_time
from trapgen.generate.prompt import Prompt
from trapgen.generate.render_loops import LoopSeed
from trapgen.midi import to_bytes
from trapgen.similarity import Pair, lay_over

_ROUNDING: Final = ("numpy", "onnxruntime")
"""Packages whose other versions may round differently."""
_PROMPT_OF: Final = {"primer": "primer", "lock": "locked", "vary": "theme"}
_COUNTS: Final = ("seed", "number", "attempt")
_KEYS: Final = frozenset(
    {"number", "attempt", "seed", "steps_per_bar", "model", "data", "code", "midi", "prompt"}
)


@dataclass(frozen=True, eq=False)
class GenerationRecipe:
    """Everything that, with the model, reproduces a loop."""

    seed: int
    loop_seed: LoopSeed
    params: SampleParams
    prompt: Prompt


@cache
def hash_code() -> str:
    """Hash of the library's source text and data tables, sixteen hex digits."""
    folder = Path(__file__).parents[1]
    digest = _new_digest()
    files = [*folder.rglob("*.py"), *(folder / "ingest").rglob("*.json")]
    for name in sorted(path.relative_to(folder).as_posix() for path in files):
        digest.update(name.encode() + b"\0" + (folder / name).read_bytes())
    return digest.hexdigest()


def make_receipt(
    loop: DrumLoop,
    recipe: GenerationRecipe,
    nearest: Sequence[Pair],
    training_loops: Sequence[DrumLoop],
    held_out: NDArray[np.float32],
    hashes: Mapping[str, str],
    bar_lengths: Sequence[int],
) -> dict[str, Any]:
    """Content of `NAME.json` for a loop.

    Args:
        loop: The loop.
        recipe: Its generation recipe.
        nearest: Its nearest training loops, as indices into `training_loops`.
        training_loops: The training loops.
        held_out: `(n_loops,)` distances of held-out loops to their nearest training loop.
        hashes: Hashes of `model` and `data`.
        bar_lengths: Length in steps that the network gave each bar.
    """
    drawn: Mapping[str, Any] = asdict(recipe.params)
    novelty = nearest[0].distance if nearest else 1.0
    return {
        "loop": loop.lineage.loop_id,
        "model": hashes["model"],
        "data": hashes["data"],
        "code": hash_code(),
        "software": {"trapgen": find_version(), **{name: version(name) for name in _ROUNDING}},
        "seed": recipe.seed,
        "number": recipe.loop_seed.number,
        "attempt": recipe.loop_seed.attempt,
        **{key: _to_plain(drawn[key]) for key in _list_controls()},
        "prompt": recipe.prompt.to_json(loop.steps_per_bar),
        "steps_per_bar": loop.steps_per_bar,
        "n_onsets": loop.n_onsets,
        "bar_lengths": list(bar_lengths),
        "midi": hash_midi(loop, half_time=is_half_time(recipe.params)),
        "novelty": round(novelty, 4),
        "novelty_percentile": _percentile(novelty, held_out),
        "nearest": [
            {
                "loop_id": training_loops[pair.right].lineage.loop_id,
                "distance": round(pair.distance, 4),
                "rotation_beats": pair.rotation_beats,
                "transform": str(pair.transform),
                "shared_voices": find_shared_voices(loop, training_loops[pair.right], pair),
            }
            for pair in nearest
        ],
    }


def hash_midi(loop: DrumLoop, *, half_time: bool = False) -> str:
    """Hash of the loop's MIDI bytes, sixteen hex digits."""
    digest = _new_digest()
    digest.update(to_bytes(loop, half_time=half_time))
    return digest.hexdigest()


def to_midi(loop: DrumLoop, receipt: Mapping[str, Any]) -> bytes:
    """The MIDI file of a generated loop, in the time that its receipt states."""
    params = SampleParams(bpm=receipt["bpm"], feel=receipt["feel"])
    return to_bytes(loop, half_time=is_half_time(params))


def read_generation_recipe(path: Path) -> tuple[GenerationRecipe, dict[str, Any]]:
    """A loop's generation recipe, and the whole content of its receipt.

    Raises:
        TableError: The file is not a receipt, or has another version.
    """
    advice = "Name a receipt, the NAME.json beside a loop."
    try:
        stated = read_json(path)
    except TableError as error:
        raise TableError(path, error.rule, error.received, advice) from error
    controls = _list_controls()
    needed = {*_KEYS, *controls}
    missing = sorted(needed - set(stated)) if isinstance(stated, dict) else ["everything"]
    if missing:
        received = f"without {', '.join(missing)}"
        raise TableError(path, "keys", received, "Name a receipt written by this version.")
    try:
        params = make_section("sample", {key: stated[key] for key in controls})
        prompt = Prompt.from_json(stated["prompt"])
        seed, number, attempt = (int(stated[key]) for key in _COUNTS)
        check_seed(seed)
        if number < 0 or attempt < 0:
            raise ParameterError("number and attempt", "counted from 0", (number, attempt))
        if params.bpm is None:
            raise ParameterError("bpm", "a number", None)
        prompt.check(double_time(params).bars, int(stated["steps_per_bar"]))
        for control, name in _PROMPT_OF.items():
            is_there = getattr(prompt, name) is not None
            if is_there != bool(getattr(params, control)):
                raise ParameterError(f"prompt.{name}", f"there with {control}, and else not", name)
    except (ParameterError, TypeError, ValueError, AttributeError) as error:
        raise TableError(path, "values", error, "Receipts must not be edited.") from error
    return GenerationRecipe(seed, LoopSeed(number, attempt), params, prompt), stated


def _list_controls() -> list[str]:
    """Parameters that a receipt holds: all but the number of loops."""
    return [key for key in list_definitions("sample") if key != "loops"]


def _percentile(novelty: float, held_out: NDArray[np.float32]) -> float | None:
    """Share of held-out loops that are nearer to the training data; None without any."""
    return round(float(np.mean(held_out < novelty)), 4) if len(held_out) else None


def _to_plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _new_digest() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=8)


def find_shared_voices(loop: DrumLoop, other: DrumLoop, pair: Pair) -> list[str]:
    """Names of the voices that sound at the same steps in both, as the pair lays them over."""
    ours, theirs = (each.onsets for each in lay_over(loop, other, pair.transform))
    return [
        VOICES[voice].name
        for voice in range(N_VOICES)
        if ours[:, voice].any() and np.array_equal(ours[:, voice], theirs[:, voice])
    ]
