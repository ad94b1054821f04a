"""Pages as jinja2 templates: one file each that loads nothing; the same values give the same bytes.

What a page says stands in `templates/`; Python computes the values.
"""

from __future__ import annotations

import functools
import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trapgen.core import SIDES, write_text

if TYPE_CHECKING:
    from jinja2 import Environment


@functools.cache
def environment() -> Environment:
    """The templates of this folder; jinja2 is loaded when the first page is written."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader("trapgen.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    # `tojson` escapes what could end a script element.
    templates.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    templates.filters |= {
        "count": count,
        "number": lambda number: f"{number:,}",
        "decimals": lambda number, places: f"{number:.{places}f}",
        "signed": lambda number, places: f"{number:+.{places}f}",
        "short": lambda number: f"{number:g}",
        "percent": percent,
        "sentence": sentence,
        "words": lambda name: name.replace("_", " "),
    }
    return templates


def count(number: int, noun: str, plural: str = "") -> str:
    """A number and its noun, in the plural unless it is one."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural or noun + 's'}"


def percent(share: float) -> str:
    """A share from 0 to 1 in percent; neither end is reached by rounding."""
    if share in (0, 1):
        return f"{share:.0%}"
    if not 0.0001 <= share <= 0.9999:
        return "under 0.01%" if share < 0.5 else "over 99.99%"
    return f"{share:.1%}" if 0.001 <= share <= 0.999 else f"{share:.2%}"


def sentence(words: str) -> str:
    """The words with a capital in front and a period at their end."""
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith('.') else '.'}"


def order_sides(sides: Iterable[str]) -> list[str]:
    """Train, validation and test in this order, then any other side by name."""
    return sorted(
        sides, key=lambda side: (SIDES.index(side) if side in SIDES else len(SIDES), side)
    )


def say(template: str, macro: str, **values: object) -> str:
    """What a template's macro makes of some values, as plain text."""
    module = environment().get_template(template).module
    text: str = getattr(module, macro)(**values).unescape()
    return text


def write_page(
    path: Path, template: str, values: Mapping[str, Any], *, scripts: Sequence[str] = ()
) -> None:
    """Render a template and write the page.

    Args:
        path: The file; its folder is made.
        template: A file of `templates/` that extends `page.html.j2`.
        values: What it is rendered with.
        scripts: Files of this folder that the page runs, in their order. The browser may
            run nothing else and to load nothing.

    Raises:
        ValueError: A number of a data island is not finite.
    """
    from markupsafe import Markup

    folder = files("trapgen.report")
    code = "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in scripts)
    code = f'(() => {{\n"use strict";\n{code}}})();\n' if code else ""
    text = (
        environment()
        .get_template(template)
        .render(
            values,
            styles=Markup(folder.joinpath("page.css").read_text(encoding="utf-8")),
            script=Markup(code),
            script_hash=b64encode(hashlib.sha256(code.encode()).digest()).decode("ascii"),
        )
    )
    # A file name of bytes that are no UTF-8 comes as lone surrogates, which cannot be written.
    write_text(path, text.encode(errors="replace").decode())
