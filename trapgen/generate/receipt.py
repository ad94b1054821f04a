"""A loop's receipt: how it was made, and how far it is from anything in the training data."""

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

from trapgen import __version__
from trapgen.core import (
    N_VOICES,
    VOICES,
    DrumLoop,
    ModelError,
    ParameterError,
    SampleParams,
    TableError,
    check_seed,
    list_definitions,
    make_section,
    read_json,
)
from trapgen.generate.prompt import Given
from trapgen.generate.render_loops import Ticket
from trapgen.midi import to_bytes
from trapgen.similarity import Pair, lay_over

_ROUNDING: Final = ("numpy", "onnxruntime")
"""Other versions of these may round differently."""
_GIVEN_FOR: Final = {"primer": "primer", "lock": "lanes", "vary": "theme"}
_COUNTS: Final = ("seed", "number", "attempt")
_KEYS: Final = frozenset(
    {"number", "attempt", "seed", "steps_per_bar", "model", "data", "code", "midi", "given"}
)


@dataclass(frozen=True, eq=False)
class Making:
    """All that, with the model, makes a loop again."""

    seed: int
    ticket: Ticket
    params: SampleParams
    given: Given


def hash_file(*paths: Path) -> str:
    """Sixteen hex digits that name the content of files, in the order given.

    Raises:
        ModelError: One cannot be read.
    """
    digest = _new_digest()
    for path in paths:
        try:
            digest.update(path.read_bytes())
        except OSError as error:
            raise ModelError(path, "unreadable", error, "Train the model again.") from error
    return digest.hexdigest()


@cache
def hash_code() -> str:
    """Sixteen hex digits that name the library's own source text, with its tables of numbers."""
    folder = Path(__file__).parents[1]
    digest = _new_digest()
    files = [*folder.rglob("*.py"), *(folder / "ingest").rglob("*.json")]
    for name in sorted(path.relative_to(folder).as_posix() for path in files):
        digest.update(name.encode() + b"\0" + (folder / name).read_bytes())
    return digest.hexdigest()


def make_receipt(
    loop: DrumLoop,
    making: Making,
    nearest: Sequence[Pair],
    reference: Sequence[DrumLoop],
    held_out: NDArray[np.float32],
    hashes: Mapping[str, str],
    bar_lengths: Sequence[int],
) -> dict[str, Any]:
    """What `NAME.json` holds beside a sample.

    Args:
        loop: The loop.
        making: How it was drawn.
        nearest: Its nearest training loops, as indices into `reference`.
        reference: The training loops.
        held_out: `(n_loops,)` distances of held-out loops to their nearest training loop.
        hashes: Names of `model` and `data`.
        bar_lengths: Steps that the model gave each bar itself.
    """
    drawn: Mapping[str, Any] = asdict(making.params)
    novelty = nearest[0].distance if nearest else 1.0
    return {
        "loop": loop.lineage.loop_id,
        "model": hashes["model"],
        "data": hashes["data"],
        "code": hash_code(),
        "software": {"trapgen": __version__, **{name: version(name) for name in _ROUNDING}},
        "seed": making.seed,
        "number": making.ticket.number,
        "attempt": making.ticket.attempt,
        **{key: _to_plain(drawn[key]) for key in _list_controls()},
        "given": making.given.to_json(loop.steps_per_bar),
        "steps_per_bar": loop.steps_per_bar,
        "n_onsets": loop.n_onsets,
        "bar_lengths": list(bar_lengths),
        "midi": hash_midi(loop),
        "novelty": round(novelty, 4),
        "novelty_percentile": _percentile(novelty, held_out),
        "nearest": [
            {
                "loop_id": reference[pair.right].lineage.loop_id,
                "distance": round(pair.distance, 4),
                "rotation_beats": pair.rotation_beats,
                "transform": str(pair.transform),
                "shared_voices": find_shared_voices(loop, reference[pair.right], pair),
            }
            for pair in nearest
        ],
    }


def hash_midi(loop: DrumLoop) -> str:
    """Sixteen hex digits that name the loop's MIDI file."""
    digest = _new_digest()
    digest.update(to_bytes(loop))
    return digest.hexdigest()


def read_making(path: Path) -> tuple[Making, dict[str, Any]]:
    """How a loop was made, and all that its receipt says.

    Raises:
        TableError: The file is no receipt, or one of another version.
    """
    advice = "Name a receipt, the NAME.json beside a loop."
    try:
        told = read_json(path)
    except TableError as error:
        raise TableError(path, error.rule, error.received, advice) from error
    controls = _list_controls()
    needed = {*_KEYS, *controls}
    missing = sorted(needed - set(told)) if isinstance(told, dict) else ["everything"]
    if missing:
        received = f"without {', '.join(missing)}"
        raise TableError(path, "keys", received, "Name a receipt that this version has written.")
    try:
        params = make_section("sample", {key: told[key] for key in controls})
        given = Given.from_json(told["given"])
        seed, number, attempt = (int(told[key]) for key in _COUNTS)
        check_seed(seed)
        if number < 0 or attempt < 0:
            raise ParameterError("number and attempt", "counted from 0", (number, attempt))
        given.check(params.bars, int(told["steps_per_bar"]))
        for control, name in _GIVEN_FOR.items():
            is_there = getattr(given, name) is not None
            if is_there != bool(getattr(params, control)):
                raise ParameterError(f"given.{name}", f"there with {control}, and else not", name)
    except (ParameterError, TypeError, ValueError, AttributeError) as error:
        raise TableError(path, "values", error, "A receipt is not to be edited.") from error
    return Making(seed, Ticket(number, attempt), params, given), told


def _list_controls() -> list[str]:
    """The parameters that a receipt holds: one loop does not say how many there were."""
    return [key for key in list_definitions("sample") if key != "loops"]


def _percentile(novelty: float, held_out: NDArray[np.float32]) -> float | None:
    """The share of held-out loops that are nearer to the training data; None without any."""
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
