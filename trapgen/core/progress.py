"""Progress of long work on standard error: files done, files per second, time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Final

OnFiles = Callable[[int, int], None]
"""Called with the number of files done and the total."""

Progress = Callable[[str], AbstractContextManager[OnFiles]]
"""Context manager that shows the progress of the named work."""

LINE_EVERY_S: Final = 10.0
"""Seconds between two lines without a terminal."""


@contextmanager
def show_progress(what: str) -> Iterator[OnFiles]:
    """Show a bar if standard error is a terminal, else occasional lines.

    Work that finishes within `LINE_EVERY_S` seconds writes no line.

    Args:
        what: Name of the work, as `standardizing`.
    """
    if sys.stderr.isatty():
        with _draw_bar(what) as on_files:
            yield on_files
        return
    yield every_so_often(lambda pace: print(f"{what}: {pace}", file=sys.stderr, flush=True))


def every_so_often(tell: Callable[[str], None], seconds: float = LINE_EVERY_S) -> OnFiles:
    """Report the pace as text, at most once per `seconds`, counted from now."""
    start = last = time.monotonic()

    def on_files(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= seconds:
            last = now
            tell(describe_pace(done, total, now - start))

    return on_files


def describe_pace(done: int, total: int, seconds: float) -> str:
    """The pace as text: `1,200 of 4,800 files, 400 files/s, 0:00:09 left`."""
    speed = done / seconds if seconds else 0.0
    left = f"{timedelta(seconds=round((total - done) / speed))} left" if speed else "no speed yet"
    return f"{done:,} of {total:,} files, {speed:,.0f} files/s, {left}"


@contextmanager
def _draw_bar(what: str) -> Iterator[OnFiles]:
    from click import progressbar

    start = time.monotonic()
    files: list[None] = [None]
    pace = ""
    with progressbar(
        files,
        length=1,
        label=what,
        show_eta=False,
        show_percent=False,
        item_show_func=lambda _: pace,
        file=sys.stderr,
    ) as bar:

        def on_files(done: int, total: int) -> None:
            nonlocal pace
            pace = describe_pace(done, total, time.monotonic() - start)
            bar.length = total
            bar.update(done - bar.pos, None)

        yield on_files
