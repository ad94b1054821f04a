"""Pictures within a page, and the generated loops to look at and listen to."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from trapgen.core import InputError, ParameterError
from trapgen.report.page import Html, count, facts, join, section, tag

_SAMPLE: Final = ("name", "picture", "receipt")
_RECEIPT: Final = (
    *("loop", "seed", "temperature", "top_p", "structure"),
    *("bpm", "primer", "model", "nearest"),
)
_SAMPLES: Final = "../samples"
"""Where the samples lie, seen from the page."""


def require(name: str, table: Mapping[str, Any], keys: Sequence[str]) -> None:
    """Hold a table against the keys that it must have.

    Raises:
        ParameterError: One of them is missing.
    """
    if missing := [key for key in keys if key not in table]:
        raise ParameterError(name, f"a table with {', '.join(missing)}", list(table))


def image(file: Path, alt: str) -> Html:
    """A PNG file within the page, and what it shows for those who do not see it.

    Raises:
        InputError: The file cannot be read.
    """
    try:
        content = b64encode(file.read_bytes()).decode("ascii")
    except OSError as error:
        raise InputError(file, "unreadable", error.strerror, "Draw the picture again.") from error
    return tag("img", src=f"data:image/png;base64,{content}", alt=alt)


def samples_section(samples: Sequence[Mapping[str, Any]]) -> Html:
    """The generated loops: picture, sound, MIDI, and what their receipts say.

    Raises:
        ParameterError: A sample or its receipt lacks a key.
        InputError: A picture cannot be read.
    """
    title = "How it sounds"
    if not samples:
        return section("samples", title, tag("p", "No loop was drawn."))
    return section("samples", title, tag("div", *map(_draw_sample, samples), class_="gallery"))


def _draw_sample(sample: Mapping[str, Any]) -> Html:
    require("sample", sample, _SAMPLE)
    name, receipt = str(sample["name"]), sample["receipt"]
    require(f"receipt of {name}", receipt, _RECEIPT)
    rows = (
        ("Nearest in train", _describe_nearest(receipt["nearest"])),
        ("Seed", receipt["seed"]),
        ("Temperature", f"{receipt['temperature']:g}, top-p {receipt['top_p']:g}"),
        ("Tempo", f"{receipt['bpm']:g} bpm"),
        ("Bars", receipt["structure"]),
        ("Primer", receipt["primer"] or "none"),
        ("Model", tag("span", receipt["model"], class_="name")),
    )
    place = f"{_SAMPLES}/{quote(name)}"
    return tag(
        "article",
        tag("h3", name),
        tag(
            "div",
            image(Path(sample["picture"]), f"The hits of {name} on a grid, a lane a voice"),
            class_="scroll",
            role="region",
            tabindex=0,
            aria_label=f"Picture of {name}",
        ),
        tag(
            "div",
            tag("audio", controls=True, preload="none", src=f"{place}.wav", aria_label=name),
            tag(
                "p",
                tag("a", "MIDI", href=f"{place}.mid"),
                " · ",
                tag("a", "WAV", href=f"{place}.wav"),
            ),
        ),
        facts(rows),
    )


def _describe_nearest(nearest: Sequence[Mapping[str, Any]]) -> object:
    if not nearest:
        return "not known"
    first = nearest[0]
    away = f", {first['distance']:.2f} away" if first["distance"] else ", the same hits"
    turned = f", rotated by {count(first['rotation_beats'], 'beat')}"
    name = tag("span", first["loop_id"], class_="name")
    return join([name, away, turned if first["rotation_beats"] else ""])
