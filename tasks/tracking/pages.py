"""Pages as MLflow shows them: in a frame in which a link to a file beside them leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from trapgen.core import write_text
from trapgen.report import embed_sound

_LINK: Final = re.compile(r'<a href="(?!#|[a-z]+:)([^"]+)">(.*?)</a>', re.DOTALL)
_SOUND: Final = re.compile(r'(<audio[^>]* src=")(?![a-z]+:)([^"]+\.wav)(")')


def embed_neighbors(page: Path, folder: Path) -> None:
    """Put the sounds that a page refers to into it, and name other files instead of linking them.

    Args:
        page: A copy of the page; rewritten.
        folder: The folder in which the page stands.
    """
    text = page.read_text(encoding="utf-8")

    def embed(found: re.Match[str]) -> str:
        sound = folder / found[2]
        return f"{found[1]}{embed_sound(sound)}{found[3]}" if sound.is_file() else found[0]

    def name(found: re.Match[str]) -> str:
        return f"{found[2]} (<code>{found[1].removeprefix('../')}</code>)"

    write_text(page, _LINK.sub(name, _SOUND.sub(embed, text)))
