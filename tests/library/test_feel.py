"""One feel, leading silence and the grid that a file asks for."""

from pathlib import Path

import mido
import numpy as np
import pytest

from trapgen.core import SplitParams, StandardizeParams, to_words
from trapgen.dataset import find_components
from trapgen.ingest import Standardized, read_loop

QUARTER = 480
KICK, SNARE, HAT = 36, 38, 42


def write(path: Path, hits: list[tuple[float, int]], bpm: float, end: float = 0) -> Path:
    """A file of hits at times in quarters, that ends `end` quarters after its start."""
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm))])
    now = 0
    for quarters, key in sorted(hits):
        tick = round(quarters * QUARTER)
        track.append(mido.Message("note_on", channel=9, note=key, velocity=90, time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, round(end * QUARTER) - now)))
    midi = mido.MidiFile(ticks_per_beat=QUARTER)
    midi.tracks.append(track)
    midi.save(path)
    return path


def read(path: Path, feel: str = "half_time", steps_per_bar: int = 32) -> Standardized:
    return read_loop(path, StandardizeParams(steps_per_bar, feel=feel))


# Two bars at 140 with the snare on 3; hats in eighths.
TRAP = [
    *((quarters / 2, HAT) for quarters in range(16)),
    *((quarters, KICK) for quarters in (0, 2.5, 4, 7.5)),
    *((quarters, SNARE) for quarters in (2, 6)),
]


def test_three_notations_are_one_loop(tmp_path: Path) -> None:
    plain = read(write(tmp_path / "a.mid", TRAP, 140, end=8))
    slow = read(write(tmp_path / "b.mid", [(t / 2, key) for t, key in TRAP], 70, end=4))
    fast = read(write(tmp_path / "c.mid", [(t * 2, key) for t, key in TRAP], 280, end=16))
    for other in (slow, fast):
        assert np.array_equal(to_words(other.loop), to_words(plain.loop))
        assert other.loop.bpm == plain.loop.bpm == 140
    # Their ids are those of three files; that they are one source, the split sees by their hits.
    loops = [plain.loop, slow.loop, fast.loop]
    assert len({loop.lineage.source_ids for loop in loops}) == 3
    assert set(find_components(loops, SplitParams()).tolist()) == {0}
    assert plain.feel == ""
    assert "70 bpm with 100% of the snares on 2 and 4" in slow.feel
    assert "280 bpm" in fast.feel


def test_feel_keep_changes_no_time(tmp_path: Path) -> None:
    kept = read(write(tmp_path / "b.mid", [(t / 2, key) for t, key in TRAP], 70, end=4), "keep")
    assert (kept.loop.bpm, kept.loop.n_bars, kept.feel) == (70, 1, "")


def test_a_slow_beat_in_half_time_stays_slow(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.mid", TRAP, 70, end=8)).loop.bpm == 70


@pytest.mark.parametrize(("bpm", "expected"), [(70, 140), (95, 95), (140, 140), (280, 140)])
def test_without_a_snare_the_tempo_decides_the_feel(
    tmp_path: Path, bpm: float, expected: float
) -> None:
    found = read(write(tmp_path / "Kick_1.mid", [(0, 60), (1.5, 60), (3, 60)], bpm, end=4))
    assert found.loop.bpm == expected
    assert bool(found.feel) == (bpm != expected)


def test_silent_bars_before_the_loop_are_dropped(tmp_path: Path) -> None:
    plain = read(write(tmp_path / "a.mid", TRAP, 140, end=8))
    late = read(write(tmp_path / "b.mid", [(t + 8, key) for t, key in TRAP], 140, end=16))
    assert late.leading_bars == 2
    assert np.array_equal(late.loop.velocities, plain.loop.velocities)


def test_a_rest_before_the_first_hit_keeps_its_place(tmp_path: Path) -> None:
    found = read(write(tmp_path / "Snare_1.mid", [(2, 60), (6, 60)], 140, end=8))
    assert found.leading_bars == 0
    assert np.flatnonzero(found.loop.onsets.any(axis=1)).tolist() == [16, 48]


def test_a_pick_up_does_not_shift_the_bar_lines(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.mid", [(3.5, KICK), *((t + 4, k) for t, k in TRAP)], 140))
    assert found.leading_bars == 0
    assert found.loop.onsets[28, 0]
    assert found.loop.onsets[32, 0]


@pytest.mark.parametrize(
    ("step", "expected"), [(1 / 4, 16), (1 / 6, 24), (1 / 8, 32), (1 / 12, 48), (1 / 24, 96)]
)
def test_the_grid_that_fits_is_recommended(tmp_path: Path, step: float, expected: int) -> None:
    hits = [(at * step, HAT) for at in range(round(4 / step))]
    found = read(write(tmp_path / "a.mid", hits, 140, end=4))
    assert found.recommended_steps_per_bar == expected
    exact = read(tmp_path / "a.mid", steps_per_bar=expected)
    assert exact.max_quantization_error_steps == 0
    assert exact.collapsed_onsets == 0
    assert found.max_quantization_error_steps >= found.quantization_error_steps >= 0
