"""The exception tree. A message states the place, the rule, the value received and a remedy.

    TrapgenError                  1
    ├── ParameterError            2  a parameter or option outside its range
    ├── InputError                3  a file or table that breaks a rule
    │   ├── MidiError             3  a MIDI file that cannot be read as a drum loop
    │   ├── TextError             3  loop text that breaks the format
    │   ├── TableError            3  a table whose columns or rows break its schema
    │   ├── ModelError            3  a model folder that is missing, incomplete or incompatible
    │   ├── SplitError            3  too few independent sources for the requested splits
    │   └── WriteError            3  a file that cannot be written
    └── GateRefusedError          4  the audit's gate, or a check of the data, refused

The number is the exit code of the command line.
"""

from __future__ import annotations

import copyreg
import errno
import os
import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

_MOST_CHARACTERS: Final = 500
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 200


def printable(text: str) -> str:
    r"""A text that is safe to print and to write: unprintable characters are escaped.

    Examples:
        >>> print(printable("new\nline and \x1b[31mred"))
        new\nline and \x1b[31mred
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )


def _shorten(value: object) -> str:
    """A value as Python writes it, shortened if long."""
    try:
        return _SHORT.repr(value)
    except ValueError:  # of an int that has thousands of digits
        return f"a huge {type(value).__name__}"


def _cut(value: object) -> object:
    """The value; the two ends of its text if that is long."""
    try:
        text = str(value)
    except ValueError:
        return f"a huge {type(value).__name__}"
    half = _MOST_CHARACTERS // 2
    return value if len(text) <= _MOST_CHARACTERS else f"{text[:half]} … {text[-half:]}"


class TrapgenError(Exception):
    """Base class of all errors that trapgen raises on purpose.

    Its message is one line that is safe to print, whatever names and values it quotes.
    """

    exit_code = 1

    def __str__(self) -> str:
        return printable(super().__str__())

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors with several arguments pickle as their one message, to cross processes.
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]


class ParameterError(TrapgenError, ValueError):
    """A parameter out of its range.

    Args:
        name: Dotted name of the parameter, as in `params.yaml` (`sample.temperature`).
        rule: The condition, completing "must be …".
        received: The value received.
    """

    exit_code = 2

    def __init__(self, name: str, rule: str, received: object) -> None:
        self.name, self.rule, self.received = name, rule, received
        super().__init__(f"{name} must be {rule} (received {_shorten(received)})")


class InputError(TrapgenError):
    """A file that breaks a rule.

    Args:
        path: The file or folder that was read.
        rule: Short name of the rule, as in `rejects.csv` (`no_notes`).
        received: The value found; a long one is cut.
        detail: One sentence with a remedy.
    """

    exit_code = 3

    def __init__(self, path: str | Path, rule: str, received: object, detail: str) -> None:
        self.path, self.rule, self.received, self.detail = Path(path), rule, _cut(received), detail
        super().__init__(f"{path}: {rule} (received {self.received}). {_cut(detail)}")


class MidiError(InputError):
    """A MIDI file that cannot be read as a drum loop."""


class TextError(InputError):
    """Loop text that breaks the format."""


class TableError(InputError):
    """A table whose columns or rows break its schema."""


class ModelError(InputError):
    """A model folder that is missing, incomplete or incompatible."""


class SplitError(InputError):
    """Too few independent sources for the requested splits."""


_NO_SPACE: Final = "Free some space, and run it again: nothing that was there has changed."
_NO_RIGHT: Final = "Name a folder that can be written."
_WHAT_TO_DO: Final = {
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EFBIG: _NO_SPACE,
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: _NO_RIGHT,
    errno.EEXIST: _NO_RIGHT,
    errno.ENOTDIR: _NO_RIGHT,
    errno.ENAMETOOLONG: "Name a place with a shorter path.",
}


class WriteError(InputError):
    """A file that cannot be written: a full disk, a folder that is read-only.

    Args:
        path: The file or folder that was to be written.
        error: What the operating system said; if it names another file, that is the path.
        rule: Short name of the rule.
    """

    def __init__(self, path: str | Path, error: OSError, rule: str = "not_written") -> None:
        named = str(error.filename or "")
        # A temporary name says nothing to the user.
        where = path if not named or ".part-" in named else named
        self.error = error
        detail = _WHAT_TO_DO.get(error.errno or 0, "Check the disk, and run it again.")
        # Other libraries put words of their own beside the number.
        received = os.strerror(error.errno) if error.errno else str(error)
        super().__init__(where, rule, received, detail)


class GateRefusedError(TrapgenError):
    """A gate refused the data: the audit's, or the checks of a stage.

    Args:
        reasons: One sentence per reason, at least one.
        gate: Name of the gate.
    """

    exit_code = 4

    def __init__(self, reasons: Sequence[str], gate: str = "the audit's gate") -> None:
        self.reasons = tuple(reasons)
        super().__init__(f"{gate} refuses: " + "; ".join(self.reasons))
