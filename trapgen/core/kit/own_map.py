"""Key maps of the user's own, as pairs of a key and a drum: `36=kick 38=snare`."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from trapgen.core.errors import InputError, ParameterError, TableError
from trapgen.core.inputs import read_input
from trapgen.core.kit.keymaps import KEY_MAPS, KeyMap
from trapgen.core.kit.roles import role_of_name
from trapgen.core.kit.voices import VOICES

OWN: Final = "own"
"""Name of every key map that is not one of `KEY_MAPS`."""

_COLUMNS: Final = {voice.name: column for column, voice in enumerate(VOICES)}
_RULE: Final = f"one of {', '.join(KEY_MAPS)}, or pairs such as 36=kick 38=snare 42=closed_hat"
_HEADER: Final = ("key", "voice")
_LARGEST: Final = 65_536


def key_map(name: str) -> KeyMap:
    """The key map of a name, or of pairs.

    Args:
        name: A name in `KEY_MAPS`; or pairs of a key from 0 to 127 and a drum, with spaces or
            commas between them. A drum is a voice (`closed_hat`) or a word for one (`clap`).

    Raises:
        ParameterError: It is neither.

    Examples:
        >>> key_map("gm").voices[42]
        2
        >>> dict(key_map("48=kick 50=clap").voices)
        {48: 0, 50: 1}
    """
    return KEY_MAPS[name] if name in KEY_MAPS else _read_pairs(name)


@lru_cache(maxsize=256)
def _read_pairs(text: str) -> KeyMap:
    pairs = re.split(r"[\s,;]+", text.strip())
    voices: dict[int, int] = {}
    for pair in pairs:
        key, is_pair, drum = pair.partition("=")
        voice = _find_voice(drum)
        is_key = key.isascii() and key.isdigit() and len(key) <= 3 and int(key) < 128
        if not (is_pair and is_key) or voice is None or voices.get(int(key), voice) != voice:
            raise ParameterError("key_map", _RULE, text if text == pair else f"{pair} in {text}")
        voices[int(key)] = voice
    return KeyMap(OWN, "the user", MappingProxyType(voices))


def _find_voice(drum: str) -> int | None:
    if drum in _COLUMNS:
        return _COLUMNS[drum]
    role = role_of_name(drum)
    return None if role is None else role.voice


def list_pairs(table: KeyMap) -> str:
    """A key map as pairs, by key.

    Examples:
        >>> list_pairs(key_map("50=clap 48=kick"))
        '48=kick 50=snare'
    """
    found = sorted(table.voices.items())
    return " ".join(f"{key}={VOICES[column].name}" for key, column in found)


def resolve_key_map(text: str) -> str:
    """What a user gives as a key map, without a file: the content of a CSV as pairs.

    Args:
        text: The path of a CSV file, whose name ends in `.csv`; or anything else, returned as it
            is.

    Raises:
        TableError: There is no such file, or a line of it is not a key and a drum.
    """
    return load_pairs(Path(text)) if text.lower().endswith(".csv") else text


def load_pairs(path: Path) -> str:
    """Read a key map from CSV: a key and a drum a line, `48,kick` or `48=kick`.

    A line `key,voice` at the top, empty lines and lines that start with # are skipped.

    Raises:
        TableError: It cannot be read, or a line is not a key and a drum.
    """
    try:
        content = read_input(path, max_bytes=_LARGEST).decode("utf-8-sig")
    except InputError as error:
        raise TableError(path, "key_map", error.received, error.detail) from error
    except UnicodeDecodeError as error:
        raise TableError(path, "key_map", error, "It is CSV in UTF-8.") from error
    pairs: list[str] = []
    for line in content.splitlines():
        cells = [cell.strip(' "') for cell in re.split(r"[,;=\t]", line)]
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not pairs and tuple(cell.lower() for cell in cells) == _HEADER:
            continue
        pair = f"{cells[0]}={cells[1].replace(' ', '_')}" if len(cells) == 2 else line
        try:
            key_map(pair)
        except ParameterError as error:
            rule = "A line is a key from 0 to 127 and a drum: 48,kick."
            raise TableError(path, "key_map", line, rule) from error
        pairs.append(pair)
    try:
        return list_pairs(key_map(" ".join(pairs)))
    except ParameterError as error:
        rule = "It has a line a key, and at least one."
        raise TableError(path, "key_map", error.received, rule) from error


def make_csv(table: KeyMap) -> str:
    """A key map as CSV with the columns `key` and `voice`, which `load_pairs` reads."""
    rows = [",".join(_HEADER), *list_pairs(table).replace("=", ",").split()]
    return "".join(f"{row}\n" for row in rows)
