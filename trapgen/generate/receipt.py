"""A loop's receipt: how it was made, and its distance to the training data."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from trapgen.core import (
    N_VOICES,
    STEPS_PER_BAR,
    VOICES,
    DrumLoop,
    ParameterError,
    SampleParams,
    TableError,
    check_seed,
    cut,
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
_DIGEST: Final = "digest"
_UNPROVEN: Final = frozenset({"loop", "code", "software", _DIGEST})
"""Keys that may differ where the same loop is made again."""
_MAX_NUMBER: Final = 1_000_000
_HASH: Final = re.compile(r"[0-9a-z]{0,64}")
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
    receipt = {
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
                "transform": _describe(pair),
                "shared_voices": find_shared_voices(loop, training_loops[pair.right], pair),
            }
            for pair in nearest
        ],
    }
    return {**receipt, _DIGEST: _hash_receipt(receipt)}


def is_sealed(receipt: Mapping[str, Any]) -> bool | None:
    """Whether a receipt's digest fits its content; None without one, as of earlier versions.

    The digest shows edits by hand. It is no signature: whoever edits can make it anew, so
    `regenerate` also compares every figure.
    """
    if _DIGEST not in receipt:
        return None
    return bool(receipt[_DIGEST] == _hash_receipt(receipt))


def check_figures(path: Path, stated: Mapping[str, Any], made: Mapping[str, Any]) -> None:
    """Compare a receipt with the one of the same loop, made again.

    Args:
        path: The receipt.
        stated: Its content.
        made: What the loop gives here.

    Raises:
        TableError: A figure differs, or the digest does not fit; the error names the figures.
    """
    figures = [key for key in made if key in stated and key not in _UNPROVEN]
    wrong = [found for key in figures for found in _compare(key, stated[key], made[key])]
    if wrong:
        received = ", ".join(f"{name} {_shorten(value)}" for name, value, _ in wrong)
        true = ", ".join(f"{name} {_shorten(value)}" for name, _, value in wrong)
        detail = f"The loop gives {true}: the receipt was edited, or made by other code."
        raise TableError(path, "forged", received, detail)
    if is_sealed(stated) is False:
        strange = sorted(set(stated) - set(made))
        received = f"another digest; {', '.join(strange) or 'name, code or software'} edited"
        detail = "Receipts must not be edited; the figures of this loop hold."
        raise TableError(path, "edited", received, detail)


def _compare(name: str, stated: Any, made: Any) -> Iterator[tuple[str, Any, Any]]:
    """Names of the values that differ, at any depth, with both values."""
    if isinstance(stated, dict) and isinstance(made, dict) and stated.keys() == made.keys():
        for key in made:
            yield from _compare(f"{name}.{key}", stated[key], made[key])
    elif isinstance(stated, list) and isinstance(made, list) and len(stated) == len(made):
        for at, (theirs, ours) in enumerate(zip(stated, made, strict=True)):
            yield from _compare(f"{name}[{at}]", theirs, ours)
    elif stated != made:
        yield name, stated, made


def _hash_receipt(receipt: Mapping[str, Any]) -> str:
    content = {key: value for key, value in receipt.items() if key != _DIGEST}
    digest = _new_digest()
    digest.update(json.dumps(content, sort_keys=True).encode())
    return digest.hexdigest()


def _shorten(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:80]} …"


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
        _check_names(stated)
        prompt = Prompt.from_json(stated["prompt"])
        seed, number, attempt = (int(stated[key]) for key in _COUNTS)
        check_seed(seed)
        if not 0 <= number < _MAX_NUMBER or not 0 <= attempt < _MAX_NUMBER:
            raise ParameterError("number and attempt", "counted from 0", (number, attempt))
        if params.bpm is None:
            raise ParameterError("bpm", "a number", None)
        drawn, steps_per_bar = double_time(params), stated["steps_per_bar"]
        prompt.check(drawn.bars, steps_per_bar)
        n_steps = drawn.primer_bars * steps_per_bar
        if prompt.primer is not None and len(prompt.primer) != n_steps:
            raise ParameterError("primer", f"{n_steps} steps, as primer_bars", len(prompt.primer))
        for control, name in _PROMPT_OF.items():
            is_there = getattr(prompt, name) is not None
            if is_there != bool(getattr(params, control)):
                raise ParameterError(f"prompt.{name}", f"there with {control}, and else not", name)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise TableError(path, "values", error, "Receipts must not be edited.") from error
    return GenerationRecipe(seed, LoopSeed(number, attempt), params, prompt), stated


def _check_names(stated: Mapping[str, Any]) -> None:
    """Check the grid, the hashes and the software that a receipt names."""
    if type(stated["steps_per_bar"]) is not int or stated["steps_per_bar"] not in STEPS_PER_BAR:
        raise ParameterError("steps_per_bar", f"one of {STEPS_PER_BAR}", stated["steps_per_bar"])
    for key in ("model", "data", "code", "midi"):
        if not (isinstance(stated[key], str) and _HASH.fullmatch(stated[key])):
            raise ParameterError(key, "a hash", stated[key])
    software = stated.get("software", {})
    if not isinstance(software, dict) or not all(isinstance(n, str) for n in software.values()):
        raise ParameterError("software", "versions by name", software)


def _list_controls() -> list[str]:
    """Parameters that a receipt holds: all but the number of loops."""
    return [key for key in list_definitions("sample") if key != "loops"]


def _describe(pair: Pair) -> str:
    """How the training loop matches, as text: `bars 9 to 24, rotated by 2 beats`."""
    bars = f"bars {pair.first_bar + 1} to {pair.first_bar + pair.n_bars}" if pair.n_bars else ""
    return ", ".join(filter(None, (bars, str(pair.transform))))


def _percentile(novelty: float, held_out: NDArray[np.float32]) -> float | None:
    """Share of held-out loops that are nearer to the training data; None without any."""
    return round(float(np.mean(held_out < novelty)), 4) if len(held_out) else None


def _to_plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _new_digest() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=8)


def find_shared_voices(loop: DrumLoop, other: DrumLoop, pair: Pair) -> list[str]:
    """Names of the voices that sound at the same steps in both, as the pair lays them over."""
    passage = cut(loop, pair.first_bar, pair.n_bars) if pair.n_bars else loop
    ours, theirs = (each.onsets for each in lay_over(passage, other, pair.transform))
    return [
        VOICES[voice].name
        for voice in range(N_VOICES)
        if ours[:, voice].any() and np.array_equal(ours[:, voice], theirs[:, voice])
    ]
