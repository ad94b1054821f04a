"""The frame of a page, and markup that escapes whatever is not markup already.

A page is one file: its styles and its script stand in it, and it loads nothing. The same content
gives the same bytes.
"""

from __future__ import annotations

import hashlib
import html
import json
from base64 import b64encode
from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any, Final

from trapgen.core import SIDES, write_text

_VOID: Final = frozenset(
    {"circle", "img", "input", "line", "link", "meta", "path", "polygon", "polyline", "rect"}
)
_PADS: Final = (0, 6, 7, 10, 12)
"""The steps of the brand's kick pattern, of 16."""


class Html(str):
    """Text that is markup: it is not escaped again."""

    __slots__ = ()


def tag(name: str, /, *children: object, **attributes: object) -> Html:
    """An element.

    Args:
        name: Its name.
        children: What stands in it: markup as it is, any other value as escaped text.
        attributes: By name, `_` for `-`, and one at the end dropped (`class_`); those that are
            None or False are left out, those that are True have no value.
    """
    parts = [name]
    for key, value in attributes.items():
        key = key.rstrip("_").replace("_", "-")
        if value is True:
            parts.append(key)
        elif value is not None and value is not False:
            parts.append(f'{key}="{html.escape(str(value))}"')
    if name in _VOID:
        return Html(f"<{' '.join(parts)}/>")
    return Html(f"<{' '.join(parts)}>{join(children)}</{name}>")


def join(children: Iterable[object]) -> Html:
    """Markup and values one after another, the values escaped."""
    return Html(
        "".join(
            child if isinstance(child, Html) else html.escape(str(child), quote=False)
            for child in children
        )
    )


def count(number: int, noun: str) -> str:
    """A number and its noun, in the plural unless it is one."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


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


def section(name: str, title: str, *children: object) -> Html:
    """A section of the page, `name` its anchor."""
    return tag("section", tag("h2", title), *children, id=name)


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    caption: str,
    words: bool = False,
    ours: str = "",
) -> Html:
    """A table that scrolls by itself where it is too wide.

    Args:
        head: Titles of the columns.
        rows: Their cells; the first names the row.
        caption: What the table shows.
        words: Whether the columns hold words, set from the left, and not numbers.
        ours: First cell of the row that stands out.
    """
    body = [
        tag(
            "tr",
            tag("th", first, scope="row"),
            *(tag("td", cell) for cell in rest),
            class_="ours" if first == ours else None,
        )
        for first, *rest in rows
    ]
    content = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *(tag("th", title, scope="col") for title in head))),
        tag("tbody", *body),
        class_="words" if words else None,
    )
    return tag("div", content, class_="scroll", role="region", aria_label=caption, tabindex=0)


def facts(rows: Iterable[tuple[str, object]], style: str = "facts") -> Html:
    """A list of names and what they are."""
    pairs = ((tag("dt", name), tag("dd", value)) for name, value in rows)
    return tag("dl", *chain.from_iterable(pairs), class_=style)


def tiles(rows: Iterable[tuple[str, str]]) -> Html:
    """Key figures, each with a line that says what it is."""
    return tag(
        "ul",
        *(tag("li", tag("b", figure), tag("span", words)) for figure, words in rows),
        class_="tiles",
    )


def verdict(word: str, headline: str, *children: object, passes: bool) -> Html:
    """The page's answer, before anything else."""
    return tag(
        "div",
        tag("div", word, class_="word"),
        tag("h1", headline),
        *children,
        class_=f"verdict {'pass' if passes else 'refuse'}",
    )


def embed_data(name: str, data: Any) -> Html:
    """Data for the page's script, as JSON in an element of the id `name`.

    Raises:
        ValueError: A number is not finite.
    """
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    # No string in it may end the element or begin a comment.
    return tag("script", Html(text.replace("<", "\\u003c")), type="application/json", id=name)


def write_page(
    path: Path,
    title: str,
    top: Html,
    sections: Sequence[tuple[str, str, Html]],
    *,
    script: Sequence[str] = (),
) -> None:
    """Write a page whole.

    Args:
        path: The file; its folder is made.
        title: The page's title.
        top: What stands at the top, before the table of contents.
        sections: Anchor, title in the table of contents, and the section itself.
        script: Files of this folder that the page runs, in their order. The browser is told to
            run nothing else and to load nothing.
    """
    code = _read_script(script) if script else ""
    styles = files("trapgen.report").joinpath("page.css").read_text(encoding="utf-8")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_forbid(code)) if code else "",
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        # A page without an icon makes browsers ask the server for one.
        tag("link", rel="icon", href="data:,"),
        tag("style", Html(styles)),
    )
    contents = (tag("a", words, href=f"#{anchor}") for anchor, words, _ in sections)
    body = tag(
        "body",
        tag("a", "Skip to the content", href="#main", class_="skip"),
        tag(
            "header",
            tag("div", _pads(), f"trapgen · {title}", class_="brand"),
            top,
            tag("nav", *contents, aria_label="Contents"),
            class_="page",
        ),
        tag("main", *(content for _, _, content in sections), id="main"),
        tag("footer", "Made by trapgen. This page loads nothing from the network."),
        tag("script", Html(code)) if code else "",
    )
    page = tag("html", head, body, lang="en")
    # A file name of bytes that are no UTF-8 comes as lone surrogates, which cannot be written.
    text = f"<!doctype html>\n{page}\n".encode(errors="replace").decode()
    write_text(path, text)


def _read_script(names: Sequence[str]) -> str:
    folder = files("trapgen.report")
    code = "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)
    return f'(() => {{\n"use strict";\n{code}}})();\n'


def _forbid(code: str) -> str:
    """A policy under which `code` alone runs and nothing is loaded (W3C, CSP Level 3)."""
    digest = b64encode(hashlib.sha256(code.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _pads() -> Html:
    squares = (
        tag(
            "rect",
            x=6.5 * step,
            y=4 if step % 4 else 2,
            width=5,
            height=10 if step % 4 else 14,
            rx=1,
            class_="vermilion" if step == 8 else "ink" if step in _PADS else "shade",
        )
        for step in range(16)
    )
    return tag("svg", *squares, viewBox="0 0 104 18", aria_hidden="true")
