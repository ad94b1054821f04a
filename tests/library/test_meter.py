"""Meters that are 4/4 in another notation, and those that are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.patterns import BAR, HAT, KICK, QUARTER, SNARE, hit, lay, meter, read, save, tempo, trap
from trapgen.core import MidiError

FIXTURE = [HealthCheck.function_scoped_fixture]


def write(path, events, end):
    return save(path, lay(tempo(140) + events, end))


@pytest.mark.parametrize(
    "meters",
    [
        meter(2, 4),
        meter(4, 2),
        meter(2, 2),
        meter(8, 8),
        meter(4, 4) + meter(3, 4, 2 * BAR),
        meter(2, 4) + meter(4, 4, BAR),
    ],
)
def test_bars_of_other_meters_are_bars_of_4_4(tmp_path, meters):
    found = read(write(tmp_path / "loop.mid", meters + trap(2), 2 * BAR))
    plain = read(write(tmp_path / "plain.mid", trap(2), 2 * BAR))
    assert found.loop.n_bars == 2
    assert np.array_equal(found.loop.velocities, plain.loop.velocities)
    assert (found.loop.bpm, found.notes) == (140, ())


@pytest.mark.parametrize(
    ("meters", "received"),
    [
        (meter(1, 4), "1/4"),
        (meter(3, 4), "3/4"),
        (meter(6, 8), "6/8"),
        (meter(4, 4) + meter(7, 8, BAR), "7/8"),
        (meter(4, 4) + meter(2, 4, BAR) + meter(4, 4, BAR + 2 * QUARTER), "2/4"),
        (meter(12, 8) + meter(4, 4, 6 * QUARTER), "12/8"),
    ],
)
def test_other_meters_are_refused_by_name(tmp_path, meters, received):
    path = write(tmp_path / "loop.mid", meters + trap(2), 2 * BAR)
    with pytest.raises(MidiError, match="meter") as caught:
        read(path)
    assert caught.value.received == received


def test_time_in_frames_is_refused_and_the_division_named(tmp_path):
    frames = (256 - 25) << 8 | 40
    path = save(tmp_path / "frames.mid", lay(hit(0) + hit(1000, SNARE), 2000), division=frames)
    with pytest.raises(MidiError, match="25 SMPTE frames a second") as caught:
        read(path)
    assert (caught.value.rule, caught.value.received) == ("time_division", "0xe728")


def test_12_8_is_4_4_in_triplets(tmp_path):
    events = meter(12, 8) + [event for at in range(24) for event in hit(at * 240, HAT)]
    for bar in (0, 2880):
        events += hit(bar, KICK, 120) + hit(bar + 1440, SNARE)
    found = read(write(tmp_path / "loop.mid", events, 5760), 24)
    loop = found.loop
    assert (loop.n_bars, loop.bpm, found.stated_bpm) == (2, pytest.approx(140 * 2 / 3), 140)
    assert (found.collapsed_onsets, found.max_quantization_error_steps) == (0, 0)
    assert np.flatnonzero(loop.velocities[:, 0]).tolist() == [0, 24]
    assert np.flatnonzero(loop.velocities[:, 1]).tolist() == [12, 36]
    assert np.flatnonzero(loop.velocities[:, 2]).tolist() == list(range(0, 48, 2))
    # A quarter of the file is two thirds of a beat: 120 ticks are 1/6 of it, one step of 24.
    assert loop.lengths[0, 0] == 1
    assert found.notes == ("12/8 is read as 4/4 in triplets",)


def test_a_pick_up_stands_in_a_bar_of_its_own(tmp_path):
    events = meter(1, 4) + meter(4, 4, QUARTER) + hit(360, SNARE) + trap(2, start=QUARTER)
    found = read(write(tmp_path / "loop.mid", events, QUARTER + 2 * BAR))
    plain = read(write(tmp_path / "plain.mid", trap(2), 2 * BAR))
    assert found.loop.n_bars == 3
    assert np.flatnonzero(found.loop.velocities[:32].any(axis=1)).tolist() == [30]
    assert np.array_equal(found.loop.velocities[32:], plain.loop.velocities)
    assert found.notes == ("the pick-up of 1/4 stands in a bar of its own",)


@settings(max_examples=25, suppress_health_check=FIXTURE)
@given(st.integers(1, 7), st.sampled_from([4, 8]), st.integers(1, 4))
def test_a_pick_up_of_any_length_leaves_the_bar_lines(tmp_path, numerator, denominator, bars):
    start = BAR * numerator // denominator
    if not 0 < start < BAR or (numerator, denominator) == (4, 4):
        return
    events = meter(numerator, denominator) + meter(4, 4, start) + hit(0, HAT)
    path = write(tmp_path / "loop.mid", events + trap(bars, start=start), start + bars * BAR)
    loop = read(path).loop
    assert loop.n_bars == bars + 1
    kicks = np.flatnonzero(loop.velocities[:, 0])
    assert kicks[kicks % 32 == 0].tolist() == [32 * bar for bar in range(1, bars + 1)]
