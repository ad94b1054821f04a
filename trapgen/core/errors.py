"""One exception tree. Every message names the place, the rule, the value received and a way out.

    TrapgenError                  1
    ├── ParameterError            2  a parameter or option outside its range
    ├── InputError                3  a file or table that breaks a rule
    │   ├── MidiError             3  a MIDI file that cannot be read as a drum loop
    │   ├── TextError             3  loop text that breaks the format
    │   ├── TableError            3  a table whose columns or rows break its schema
    │   ├── ModelError            3  a model folder that is missing, partial or of another kind
    │   └── SplitError            3  too few independent sources for the sides asked for
    └── GateRefusedError          4  the audit's gate, or a check of the data, said no

The figure is the exit code of the command line.
"""

from __future__ import annotations

import copyreg
import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 200


def _shorten(value: object) -> str:
    """A value as Python writes it, cut where it is long."""
    try:
        return _SHORT.repr(value)
    except ValueError:  # of an int that has thousands of digits
        return f"a huge {type(value).__name__}"


class TrapgenError(Exception):
    """Anything that trapgen raises on purpose."""

    exit_code = 1

    def __reduce__(self) -> tuple[Any, ...]:
        # An error made of several values has one argument, its message; it must cross processes.
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]


class ParameterError(TrapgenError, ValueError):
    """A parameter outside its range.

    Args:
        name: Dotted name of the parameter, as in `params.yaml` (`sample.temperature`).
        rule: What holds for it, continuing "must be …".
        received: The value that was given.
    """

    exit_code = 2

    def __init__(self, name: str, rule: str, received: object) -> None:
        self.name, self.rule, self.received = name, rule, received
        super().__init__(f"{name} must be {rule} (received {_shorten(received)})")


class InputError(TrapgenError):
    """A file that breaks a rule.

    Args:
        path: The file, or the folder, that was read.
        rule: The rule's short name, as it stands in `rejects.csv` (`no_notes`).
        received: The value found there.
        detail: One sentence that says what to do.
    """

    exit_code = 3

    def __init__(self, path: str | Path, rule: str, received: object, detail: str) -> None:
        self.path, self.rule, self.received, self.detail = Path(path), rule, received, detail
        super().__init__(f"{path}: {rule} (received {received}). {detail}")


class MidiError(InputError):
    """A MIDI file that cannot be read as a drum loop."""


class TextError(InputError):
    """Loop text that breaks the format."""


class TableError(InputError):
    """A table whose columns or rows break its schema."""


class ModelError(InputError):
    """A model folder that is missing, partial or made for something else."""


class SplitError(InputError):
    """Too few independent sources for the sides asked for."""


class GateRefusedError(TrapgenError):
    """A gate refused the data: the audit's, or the checks of a stage.

    Args:
        reasons: One sentence a reason, at least one.
        gate: Who refuses.
    """

    exit_code = 4

    def __init__(self, reasons: Sequence[str], gate: str = "the audit's gate") -> None:
        self.reasons = tuple(reasons)
        super().__init__(f"{gate} refuses: " + "; ".join(self.reasons))
