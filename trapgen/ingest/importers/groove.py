"""The Groove MIDI Dataset: its table, its attribution, its download.

Jon Gillick, Adam Roberts, Jesse Engel, Douglas Eck, David Bamman: Learning to Groove with Inverse
Sequence Transformations. ICML 2019. https://magenta.tensorflow.org/datasets/groove
"""

from __future__ import annotations

import csv
import hashlib
import io
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Protocol

from trapgen.core import InputError, TableError
from trapgen.ingest.importers.entry import CHUNK_BYTES

INFO: Final = "info.csv"

COLUMNS: Final = [
    "drummer",
    "session",
    "id",
    "style",
    "bpm",
    "beat_type",
    "time_signature",
    "midi_filename",
    "audio_filename",
    "duration",
    "split",
]
"""Columns of `info.csv`, version 1.0.0."""

LABELS: Final[Mapping[str, str]] = {
    "style": "style",
    "bpm": "bpm",
    "meter": "time_signature",
    "performer": "drummer",
    "split": "split",
    "kind": "beat_type",
}
"""Columns of `pack.csv`, and the columns of `info.csv` that they repeat unchanged."""

URL: Final = "https://storage.googleapis.com/magentadata/datasets/groove/groove-v1.0.0-midionly.zip"
SHA256: Final = "651cbc524ffb891be1a3e46d89dc82a1cecb09a57c748c7b45b844c4841dcc1e"
"""SHA-256 of the ZIP at `URL`, as tensorflow/datasets pins it (tensorflow_datasets/datasets/groove/
checksums.tsv at 90b66237)."""
N_BYTES: Final = 3_260_318
"""Size of that ZIP, from the same line."""

CREDIT: Final = """\
Version 1.0.0, made available by Google LLC under the Creative Commons Attribution 4.0 International
license (CC BY 4.0): https://creativecommons.org/licenses/by/4.0/

Source: https://magenta.tensorflow.org/datasets/groove

Please cite: Jon Gillick, Adam Roberts, Jesse Engel, Douglas Eck, and David Bamman. "Learning to
Groove with Inverse Sequence Transformations." International Conference on Machine Learning (ICML),
2019.
"""
"""Notice that the license requires wherever the dataset or a derivative is distributed."""

ATTRIBUTION: Final = f"""\
# Groove MIDI Dataset

{CREDIT}
Changes: none. The MIDI files are byte for byte as published. `pack.csv` repeats columns of the
dataset's `info.csv`; audio is not part of this pack.
"""


def parse_info(path: Path, data: bytes) -> dict[str, dict[str, str]] | None:
    """Labels of each performance in `info.csv`.

    Args:
        path: The table's name, for messages.
        data: The table.

    Returns:
        `midi_filename` to the labels in `LABELS`; None if the table has other columns and is not
        Groove's.

    Raises:
        TableError: It has Groove's columns, and a malformed or repeated row.
    """
    rows = csv.reader(io.StringIO(data.decode("utf-8", "replace"), newline=""))
    labels: dict[str, dict[str, str]] = {}
    try:
        if next(rows, []) != COLUMNS:
            return None
        performances = list(rows)
    except csv.Error as error:
        raise TableError(path, "not_a_table", error, "Take it from the dataset again.") from error
    for line, row in enumerate(performances, start=2):
        if len(row) != len(COLUMNS):
            raise TableError(path, "columns", len(row), f"Row {line} needs {COLUMNS}.")
        cells = dict(zip(COLUMNS, row, strict=True))
        name = cells["midi_filename"]
        if name in labels:
            raise TableError(path, "duplicate_name", name, "Each performance has one row.")
        labels[name] = {label: cells[column] for label, column in LABELS.items()}
    return labels


class Opener(Protocol):
    """Opens a URL: `urllib.request.urlopen`, or a function with the same first arguments."""

    def __call__(self, url: str, *, timeout: float) -> Any:
        """A context manager with a `read` method that takes a number of bytes."""


@contextmanager
def download_groove(
    folder: Path,
    *,
    url: str = URL,
    sha256: str = SHA256,
    n_bytes: int = N_BYTES,
    opener: Opener = urllib.request.urlopen,
) -> Iterator[Path]:
    """Yield the published ZIP, downloaded and checked against its digest; it is deleted afterwards.

    Args:
        folder: Folder of the temporary file, `.trapgen-*`.
        url: The publisher's address, or a mirror's.
        sha256: Expected digest, in hex.
        n_bytes: Expected size; nothing beyond it is read.
        opener: Opens the URL.

    Raises:
        InputError: The download failed, or the file is not the published one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".trapgen-", dir=folder) as temporary:
        path = Path(temporary, "groove.zip")
        digest, taken = hashlib.sha256(), 0
        try:
            with opener(url, timeout=60) as answer, path.open("wb") as file:
                while piece := answer.read(min(CHUNK_BYTES, n_bytes + 1 - taken)):
                    taken += len(piece)
                    digest.update(piece)
                    file.write(piece)
        except (OSError, ValueError, HTTPException) as error:
            detail = "Download it by hand and give its path instead."
            raise InputError(url, "download", error, detail) from error
        if (taken, digest.hexdigest()) != (n_bytes, sha256):
            received = f"{taken} bytes, {digest.hexdigest()}"
            raise InputError(url, "sha256", received, f"It must be {n_bytes} bytes, {sha256}.")
        yield path
