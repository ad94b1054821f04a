"""The raw corpus, and what packs say of their files on the way to the sides."""

from pathlib import Path

import numpy as np
import pytest

from trapgen.core import (
    MANIFEST,
    PACK,
    DrumLoop,
    InputError,
    SplitError,
    SplitParams,
    StandardizeParams,
    make_table,
    read_table,
    write_table,
)
from trapgen.dataset import split_sources
from trapgen.ingest import (
    Standardized,
    gather_packs,
    import_pack,
    load_standardized,
    load_starter,
    read_folder,
    standardize,
)
from trapgen.midi import write_loop

FULL = [loop for loop in load_starter() if loop.lineage.role == "full"][:9]


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    """A pack of full loops whose publisher has split six of nine."""
    sides = ["train", "train", "train", "validation", "test", "test", "", "", ""]
    rows = []
    for at, (loop, side) in enumerate(zip(FULL, sides, strict=True)):
        path = tmp_path / "packs" / "mine" / "deep" / f"beat-{at}.mid"
        write_loop(path, loop)
        row = {"path": f"deep/beat-{at}.mid", "sha256": "", "size": path.stat().st_size}
        rows.append(row | {"style": f"style-{at}", "bpm": "", "meter": "4-4", "split": side})
    for row in rows:
        row |= {"performer": "", "kind": ""}
    write_table(tmp_path / "packs/mine/pack.csv", make_table(rows, PACK), PACK)
    return tmp_path / "packs"


def test_packs_stand_beside_the_starter_byte_for_byte(packs: Path, tmp_path: Path) -> None:
    loose = packs / "alone.mid"
    write_loop(loose, FULL[0])
    n_files = gather_packs(packs, tmp_path / "raw")
    assert n_files == len(load_starter()) + len(FULL) + 1
    assert len(list((tmp_path / "raw").rglob("*.mid"))) == n_files
    assert (tmp_path / "raw/unsorted/alone.mid").read_bytes() == loose.read_bytes()
    for path in (packs / "mine").rglob("*.*"):
        assert (tmp_path / "raw" / path.relative_to(packs)).read_bytes() == path.read_bytes()


def test_the_starter_can_be_left_out(packs: Path, tmp_path: Path) -> None:
    assert gather_packs(packs, tmp_path / "raw", starter=False) == len(FULL)
    with pytest.raises(InputError, match="no_midi"):
        gather_packs(tmp_path / "nothing", tmp_path / "empty", starter=False)


def test_a_pack_named_like_the_starters_is_refused(tmp_path: Path) -> None:
    gather_packs(tmp_path / "none", tmp_path / "raw")
    taken = next((tmp_path / "raw").rglob("*.mid")).relative_to(tmp_path / "raw")
    write_loop(tmp_path / "packs" / taken, FULL[0])
    with pytest.raises(InputError, match="name_clash"):
        gather_packs(tmp_path / "packs", tmp_path / "again")


def test_style_and_published_side_reach_the_manifest(packs: Path, tmp_path: Path) -> None:
    gather_packs(packs, tmp_path / "raw", starter=False)
    standardize(tmp_path / "raw", tmp_path / "out", StandardizeParams())
    manifest = read_table(tmp_path / "out/manifest.parquet", MANIFEST)
    assert manifest["style"].tolist() == [f"style-{at}" for at in range(9)]
    loops = load_standardized(tmp_path / "out")
    published = manifest["published_split"].tolist()
    rng = np.random.default_rng(0)
    sides = split_sources(loops, SplitParams("published"), rng, published=published)
    assert sides[:6] == published[:6] == ["train"] * 3 + ["validation"] + ["test"] * 2
    assert set(sides[6:]) == {"train", "validation", "test"}


@pytest.mark.parametrize("published", [[""] * 9, ["training"] * 9])
def test_a_published_split_has_to_be_there_and_known(published: list[str]) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(SplitError, match="published_split"):
        split_sources(FULL, SplitParams("published"), rng, published=published)


@pytest.mark.slow
def test_groove_keeps_its_published_split(shared: Path, tmp_path: Path) -> None:
    import_pack(shared / "data/groove", tmp_path / "groove")
    told = read_table(tmp_path / "groove/pack.csv", PACK).set_index("path")
    n_read = 0
    for result in read_folder(tmp_path / "groove", StandardizeParams()):
        if isinstance(result, Standardized):
            row = told.loc[result.source_path]
            assert (result.published_split, result.loop.lineage.style) == (row.split, row.style)
            n_read += 1
    assert n_read > 1100


def test_a_loop_that_begins_with_a_rest_comes_back_with_it(tmp_path: Path) -> None:
    velocities = np.zeros((4 * 32, 9), np.uint8)
    velocities[40, 0] = velocities[70, 0] = 100
    write_loop(tmp_path / "in/Kick_1.mid", DrumLoop(velocities, 32))
    manifest, _ = standardize(tmp_path / "in", tmp_path / "out", StandardizeParams())
    assert manifest[["n_bars", "leading_bars"]].values.tolist() == [[4, 0]]
    [loop] = load_standardized(tmp_path / "out")
    assert np.array_equal(loop.velocities, velocities)
