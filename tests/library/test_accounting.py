"""Every note of real drumming is accounted for: in a loop, fallen together, or left out."""

from __future__ import annotations

from pathlib import Path

import mido
import pytest

from trapgen.core import StandardizeParams
from trapgen.ingest import standardize


@pytest.fixture(scope="module")
def struck(shared: Path) -> dict[str, int]:
    """Note-ons with a velocity above zero by file of Groove, as mido counts them."""
    root = shared / "data/groove"
    return {
        path.relative_to(root).as_posix(): sum(
            message.type == "note_on" and message.velocity > 0
            for track in mido.MidiFile(path).tracks
            for message in track
        )
        for path in root.rglob("*.mid")
    }


@pytest.mark.slow
@pytest.mark.parametrize("steps_per_bar", [16, 32])
def test_all_of_groove_adds_up(
    shared: Path, struck: dict[str, int], steps_per_bar: int, tmp_path: Path
) -> None:
    params = StandardizeParams(steps_per_bar)
    manifest, rejects = standardize(shared / "data/groove", tmp_path, params)
    assert len(struck) == 1150
    read = manifest["source_path"].tolist()
    assert sorted([*read, *rejects["path"]]) == sorted(struck)
    told = manifest[["n_onsets", "collapsed_onsets", "dropped_onsets"]].sum(axis=1)
    found = dict(zip(read, told.tolist(), strict=True))
    assert found == {path: struck[path] for path in read}
    # Something of each kind is in there.
    assert (manifest["collapsed_onsets"] > 0).any()
    assert set(rejects["rule"]) == {"meter"}
