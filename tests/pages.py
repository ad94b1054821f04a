"""Pages taken apart, and audits to write pages of: what the tests of the reports share."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from trapgen.audit import Audit, Chance, Decision, Overlap, Sided, audit_sides
from trapgen.core import (
    KICK,
    N_VOICES,
    AuditParams,
    AugmentParams,
    DrumLoop,
    Lineage,
    SplitParams,
    source_id,
)
from trapgen.dataset import augment_sides, split_sources
from trapgen.ingest import load_starter

# Five leaks of a kind are too few to ask for 99% of them.
AUDIT = AuditParams(chance_replicates=4, self_test_leaks=5)
AUGMENT = AugmentParams(train_loops=60, validation_loops=15, test_loops=15)
CHANCE = Chance(0.02, 0.01, 0.04, 20, "splits of the same sources")
HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(2)">&amp;<!--'


class Page(HTMLParser):
    """A page taken apart: its elements, its text, and whether its tags match.

    `inert` has the elements of its templates, which only a script shows.
    """

    VOID = frozenset({"meta", "link", "img", "input"})

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inert: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self.stack: list[str] = []
        self.feed(self.source)
        self.close()
        assert self.stack == []
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, name, attributes):
        self.handle_startendtag(name, attributes)
        if name not in self.VOID:
            self.stack.append(name)

    def handle_startendtag(self, name, attributes):
        found = self.inert if "template" in self.stack else self.elements
        found.append((name, dict(attributes)))

    def handle_endtag(self, name):
        assert self.stack.pop() == name

    def handle_data(self, data):
        if "template" not in self.stack:
            (self.scripts if self.stack[-1:] == ["script"] else self.words).append(data)

    def all(self, name, /, **wanted):
        wanted = {key.rstrip("_").replace("_", "-"): value for key, value in wanted.items()}
        return [
            found
            for kind, found in self.elements
            if kind == name and wanted.items() <= found.items()
        ]


def assert_stands_alone(page: Page) -> None:
    """Nothing is loaded, every anchor leads somewhere, every picture has words."""
    for script in page.all("script"):
        assert set(script) <= {"type", "id"}
    (styles,) = re.findall(r"<style>(.*?)</style>", page.source, re.DOTALL)
    assert not re.search(r"url\(|@import|//", styles)
    everything = page.elements + page.inert
    ids = [found["id"] for _, found in everything if "id" in found]
    assert len(ids) == len(set(ids))
    for name, found in everything:
        assert not [key for key in found if key.startswith("on") or key == "style"]
        for key in ("href", "src", "srcset", "data", "action", "poster"):
            address = found.get(key, "")
            assert not re.match(r"\s*([a-z]+:)?//|javascript:", address, re.IGNORECASE), address
            assert not address.startswith("#") or address[1:] in ids
        if name == "img":
            assert found["src"].startswith("data:image/png;base64,")
            assert found["alt"]
    for svg in page.all("svg", class_="chart") + page.all("svg", class_="grid"):
        assert svg["aria-label"]


def make_loop(hits, name, bars=1, sources=None, **lineage) -> DrumLoop:
    """A loop at 16 steps a bar of `(step, voice)` hits."""
    velocities = np.zeros((16 * bars, N_VOICES), np.uint8)
    velocities[tuple(np.array(hits).T)] = 100
    sources = (name,) if sources is None else sources
    return DrumLoop(velocities, 16, lineage=Lineage(name, sources, **lineage))


def random_loop(rng, name, bars=2, steps_per_bar=16, density=0.1, bpm=140.0, **lineage) -> DrumLoop:
    """A loop of random hits, one of them a kick on the first step."""
    shape = (steps_per_bar * bars, N_VOICES)
    velocities = np.where(rng.random(shape) < density, rng.integers(1, 128, shape), 0)
    velocities[0, KICK] = 90
    offsets = rng.uniform(-0.5, 0.49, shape)
    found = {"source_ids": (name,), **lineage}
    return DrumLoop(velocities, steps_per_bar, bpm, offsets, Lineage(name, **found))


def by_id(sided: Sided) -> Mapping[str, DrumLoop]:
    """The loops of all sides by their ids."""
    return {one.lineage.loop_id: one for _, one in sided}


def audit(sided: Sided, **options) -> Audit:
    """An audit of a few draws and leaks."""
    return audit_sides(sided, AUDIT, np.random.default_rng(0), **options)


@functools.cache
def audit_starter(protocol: str) -> tuple[Sided, Audit]:
    """Sides of the starter corpus, made by a protocol, and their audit."""
    sources = [
        replace(one, lineage=replace(one.lineage, source_ids=(source_id(one),)))
        for one in load_starter()
    ]
    clean = SplitParams()

    def draw(rng, split=clean):
        sides = split_sources(sources, split, rng)
        return augment_sides(sources, sides, AUGMENT, split, rng)

    sided = draw(np.random.default_rng(1), SplitParams(protocol))
    return sided, audit(sided, protocol=protocol, draw_independent=draw)


def fabricate(sided: Sided, pairs: Sequence[Overlap], **changes) -> Audit:
    """An audit of some sides that found just these pairs."""
    kinds = {pair.kind for pair in pairs}
    found = Audit(
        protocol="as given",
        n_loops={side: sum(s == side for s, _ in sided) for side in dict(sided)},
        n_sources=dict.fromkeys(dict(sided), 1),
        effective_sources=dict.fromkeys(dict(sided), 1.0),
        exact_bar_overlap=0.1,
        exact_bar_overlap_by_side={side: 0.1 for side in dict(sided) if side != "train"},
        near_bar_overlap=0.2,
        exact_loop_overlap=0.0,
        n_pairs={kind: sum(pair.kind == kind for pair in pairs) for kind in kinds},
        pairs=tuple(pairs),
        chance=CHANCE,
        self_test={"injected": 1, "found": 1, "recall": {"exact": 1.0}, "false_alarms": 0.0},
        decisions=tuple(Decision(one.lineage.loop_id, side, True, "") for side, one in sided),
    )
    return replace(found, **changes)
