"""Draw which room imports which, from the code's own imports.

`python -m docs.draw_rooms` writes `docs/rooms.svg` and `docs/rooms-matrix.svg`; a test holds both
to what the code gives.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import grimp

FOLDER: Final = Path(__file__).parent
Imports = frozenset[tuple[str, str]]

PACKAGES: Final = ("flows", "tasks", "training", "trapgen")

COLUMNS: Final = {
    "flows": 2.3,
    "training": 0.9,
    "tasks": 2.3,
    "cli": 4.7,
    "evaluate": 1.8,
    "report": 3.4,
    "audit": 1.05,
    "generate": 2.5,
    "model": 0.0,
    "dataset": 1.05,
    "ingest": 2.1,
    "similarity": 0.5,
    "midi": 1.6,
    "render": 3.4,
    "factory": 4.7,
    "core": 2.1,
}
"""Where a room stands from the left; how high it stands follows from its imports."""

NEW: Final = 5.8
"""Where a room stands that has no column yet."""

WIDTH, HEIGHT = 128, 40
ACROSS, UP, MARGIN = 168, 92, 24
CELL = 30

STYLE: Final = """\
  <style>
    text { font: 15px system-ui, sans-serif; fill: #1d2733; }
    .paper { fill: #ffffff; }
    .library { fill: #e7eef7; stroke: #2f5d92; }
    .around { fill: #f6ecd9; stroke: #9a6a14; }
    .arrow { fill: none; stroke: #55616e; stroke-width: 1.3; marker-end: url(#tip); }
    .rule { stroke: #d5dbe2; }
    .dot { fill: #2f5d92; }
  </style>
  <marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"
          orient="auto"><path d="M0 0 8 4 0 8z" fill="#55616e"/></marker>
"""


def find_imports() -> Imports:
    """Pairs of rooms: one that imports, and one that it imports."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    found = set()
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            start, end = _room(module), _room(imported)
            if start and end and start != end:
                found.add((start, end))
    return frozenset(found)


def draw_arrows(imports: Imports) -> str:
    """Rooms as boxes, each above all that it imports; an arrow that others imply is left out."""
    heights = _stack(imports)
    top = max(heights.values())
    places = {
        room: (
            MARGIN + WIDTH / 2 + COLUMNS.get(room, NEW) * ACROSS,
            MARGIN + HEIGHT / 2 + (top - height) * UP,
        )
        for room, height in heights.items()
    }
    width = max(x for x, _ in places.values()) + WIDTH / 2 + MARGIN
    lines = [_open(width, top * UP + HEIGHT + 2 * MARGIN, "Which room imports which")]
    for start, end in _reduce(imports):
        (x1, y1), (x2, y2) = places[start], places[end]
        y1, y2 = y1 + HEIGHT / 2, y2 - HEIGHT / 2
        bend = (y2 - y1) * 0.35
        curve = f"M{x1:g} {y1:g}C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}"
        lines.append(f'  <path class="arrow" d="{curve}"><title>{start} uses {end}</title></path>')
    for room, (x, y) in sorted(places.items()):
        kind = "around" if room in PACKAGES else "library"
        lines.append(
            f'  <rect class="{kind}" x="{x - WIDTH / 2:g}" y="{y - HEIGHT / 2:g}" '
            f'width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        )
        lines.append(f'  <text x="{x:g}" y="{y + 5:g}" text-anchor="middle">{room}</text>')
    return "\n".join([*lines, "</svg>", ""])


def draw_matrix(imports: Imports) -> str:
    """A row a room, with a dot under each room that it imports."""
    heights = _stack(imports)
    rooms = sorted(heights, key=lambda room: (-heights[room], COLUMNS.get(room, NEW)))
    left, head = 110, 100
    size = CELL * len(rooms)
    lines = [_open(left + size + MARGIN, head + size + MARGIN, "All imports between rooms")]
    for index, room in enumerate(rooms):
        middle = head + (index + 0.5) * CELL
        across = left + (index + 0.5) * CELL
        lines.append(f'  <text x="{left - 10}" y="{middle + 5:g}" text-anchor="end">{room}</text>')
        lines.append(
            f'  <text transform="translate({across + 5:g} {head - 8}) rotate(-60)">{room}</text>'
        )
        lines.append(
            f'  <path class="rule" d="M{left} {middle + CELL / 2:g}H{left + size}'
            f'M{across + CELL / 2:g} {head}V{head + size}"/>'
        )
    for start, end in sorted(imports):
        x = left + (rooms.index(end) + 0.5) * CELL
        y = head + (rooms.index(start) + 0.5) * CELL
        lines.append(
            f'  <circle class="dot" cx="{x:g}" cy="{y:g}" r="6">'
            f"<title>{start} imports {end}</title></circle>"
        )
    return "\n".join([*lines, "</svg>", ""])


def draw() -> dict[Path, str]:
    """Both pictures, by the file that each belongs in."""
    imports = find_imports()
    return {
        FOLDER / "rooms.svg": draw_arrows(imports),
        FOLDER / "rooms-matrix.svg": draw_matrix(imports),
    }


def _room(module: str) -> str:
    package, _, rest = module.partition(".")
    return rest.partition(".")[0] if package == "trapgen" else package


def _stack(imports: Imports) -> dict[str, int]:
    """The longest way down from each room, in arrows."""

    @cache
    def height(room: str) -> int:
        return max((height(end) + 1 for start, end in imports if start == room), default=0)

    return {room: height(room) for pair in imports for room in pair}


def _reduce(imports: Imports) -> list[tuple[str, str]]:
    """The arrows that no way through other rooms implies."""

    @cache
    def reached(room: str) -> frozenset[str]:
        ends = {end for start, end in imports if start == room}
        return frozenset(ends.union(*map(reached, ends)))

    return [
        (start, end)
        for start, end in sorted(imports)
        if not any(end in reached(via) for begin, via in imports if begin == start)
    ]


def _open(width: float, height: float, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img">\n'
        f"  <title>{title}</title>\n{STYLE}"
        f'  <rect class="paper" width="{width:g}" height="{height:g}"/>'
    )


if __name__ == "__main__":
    for path, picture in draw().items():
        path.write_text(picture, encoding="utf-8")
        print(path.relative_to(FOLDER.parent))
