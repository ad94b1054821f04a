"""How long a loop is: what its file says, and what its last hit says where the file does not."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.patterns import BAR, HAT, KICK, SNARE, hit, lay, read, save, tempo
from trapgen.core import STEPS_PER_BAR

FIXTURE = [HealthCheck.function_scoped_fixture]


def write_kicks(path, ticks, end):
    events = [event for tick in ticks for event in hit(tick)]
    return save(path, lay(tempo(140) + events, end))


@pytest.mark.parametrize(
    ("ticks", "bars"),
    [
        pytest.param([0], 4, id="one hit"),
        pytest.param([0, 720, 1200], 4, id="bar 1 of 4"),
        pytest.param([0, BAR + 720, 2 * BAR + 960], 8, id="3 of 8"),
        pytest.param([bar * BAR for bar in range(5)], 6, id="5 of 6"),
        pytest.param([0, BAR], 3, id="2 of 3"),
    ],
)
def test_silent_bars_at_the_end_stay(tmp_path, ticks, bars):
    found = read(write_kicks(tmp_path / "Kick.mid", ticks, bars * BAR))
    assert (found.loop.n_bars, found.loop.n_onsets, found.notes) == (bars, len(ticks), ())


def test_silence_beyond_any_loop_is_dropped_and_told(tmp_path):
    found = read(write_kicks(tmp_path / "Kick.mid", [0, BAR], 200 * BAR))
    assert found.loop.n_bars == 2
    assert found.notes == ("198 silent bars after bar 2 are dropped",)


PADS = 96
PAD_BAR = 4 * PADS


def write_pads(path, end, shift):
    """Two bars of a pad machine: downbeats played early, hats late."""
    events = tempo(92)
    for at in (0, PAD_BAR):
        events += hit(max(0, at - 2), KICK, 6) + hit(at + 97, SNARE, 6) + hit(at + 289, SNARE, 6)
        for eighth in range(8):
            events += hit(at + eighth * 48 + shift, HAT, 6)
    return save(path, lay(events + hit(2 * PAD_BAR - 2, KICK, 6), end), division=PADS)


@pytest.mark.parametrize("steps_per_bar", STEPS_PER_BAR)
@pytest.mark.parametrize(("beyond", "shift"), [(0, 0), (-1, 1), (1, 1), (4, 2), (48, 2)])
def test_a_downbeat_played_early_at_the_end_makes_no_bar(tmp_path, beyond, shift, steps_per_bar):
    path = write_pads(tmp_path / "pads.mid", 2 * PAD_BAR + beyond, shift)
    assert read(path, steps_per_bar, feel="keep").loop.n_bars == 2
    assert read(path, steps_per_bar).loop.n_bars == 4  # at 184, with the snare on 3


def test_an_early_hit_of_another_voice_begins_a_bar(tmp_path):
    path = save(tmp_path / "fill.mid", lay(hit(0, KICK) + hit(960, SNARE) + hit(BAR - 4, 49, 480)))
    found = read(path)
    assert found.loop.n_bars == 2
    assert found.loop.onsets[32, 8]


def test_hits_without_a_length_are_read(tmp_path):
    events = []
    for step in range(32):
        events += hit(step * 120, HAT, 0)
        if step % 16 in (0, 6):
            events += hit(step * 120, KICK, 0)
        if step % 16 == 8:
            events += hit(step * 120, SNARE, 0)[:1]
    found = read(save(tmp_path / "a.mid", lay(events, 2 * BAR)))
    assert (found.loop.n_onsets, found.loop.n_bars) == (38, 2)


@settings(max_examples=40, suppress_health_check=FIXTURE)
@given(st.data(), st.integers(1, 40), st.sampled_from([24, 96, 480, 960]))
def test_a_file_is_as_long_as_it_says(tmp_path, data, bars, division):
    """Wherever its hits are, a few ticks off or not; on every grid and after other silence."""
    bar = 4 * division
    first = data.draw(st.integers(0, bar - 1))
    later = data.draw(st.lists(st.integers(0, bars * bar - 1), max_size=6))
    end = bars * bar + data.draw(st.integers(-(bar // 48), bar // 48))
    events = [event for tick in {first, *later} for event in hit(tick, length=1)]
    last = max(first, *later, 0) + 1
    path = save(tmp_path / "Kick.mid", lay(events, max(end, last)), division=division)
    grid = data.draw(st.sampled_from(STEPS_PER_BAR))
    found = read(path, grid)
    assert found.loop.n_bars + found.leading_bars == bars
    assert found.loop.n_onsets + found.collapsed_onsets == len({first, *later})
