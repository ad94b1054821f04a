"""The starter corpus: what it promises a musician, what its parser refuses, what its MIDI holds."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from fractions import Fraction
from math import lcm
from pathlib import Path

import mido
import numpy as np
import pytest
import symusic
from hypothesis import given
from hypothesis import strategies as st

from trapgen.core import (
    CLOSED_HAT,
    CRASH,
    HIGH_TOM,
    KEY_MAPS,
    KICK,
    LOW_TOM,
    MID_TOM,
    OPEN_HAT,
    RIDE,
    SNARE,
    InputError,
    TextError,
    role_of_name,
)
from trapgen.ingest import load_starter, write_packs
from trapgen.ingest.starter.packs import name_files, read_packs
from trapgen.ingest.starter.tabs import parse_tabs, read_tabs

LOOPS = load_starter()
BY_ROLE = {
    role: [loop for loop in LOOPS if loop.lineage.role == role]
    for role in ("kick", "snare", "hat", "full")
}
BACKBEAT = 48  # beat three of a bar of 96 steps
HEADER = "[a-loop]\nstyle: drill\nbpm: 140\n"


def bars_of(loops):
    return np.concatenate([loop.velocities.reshape(-1, 96, 9) for loop in loops])


# The music


def test_every_role_has_enough_loops():
    at_least = {"kick": 48, "snare": 24, "hat": 48, "full": 30}
    assert sum(map(len, BY_ROLE.values())) == len(LOOPS)
    for role, loops in BY_ROLE.items():
        assert len(loops) >= at_least[role], role
    assert sum(not loop.onsets[:, OPEN_HAT].any() for loop in BY_ROLE["hat"]) >= 48
    assert {loop.n_bars for loop in LOOPS} <= {1, 2, 3, 4}
    assert min(loop.n_bars for loop in BY_ROLE["full"]) == 2


def test_every_loop_is_tagged():
    assert len({loop.lineage.loop_id for loop in LOOPS}) == len(LOOPS)
    for loop in LOOPS:
        kind, style, _ = loop.lineage.loop_id.split("-")
        assert {"oh": "hat"}.get(kind, kind) == loop.lineage.role
        assert loop.lineage.style == style
        assert loop.lineage.pack in read_packs()
        assert 130 <= loop.bpm <= 165
        assert loop.steps_per_bar == 96
        assert not loop.offsets.any()
    for role, loops in BY_ROLE.items():
        styles = {loop.lineage.style for loop in loops}
        assert styles == {style for pack in read_packs().values() for style in pack.styles}, role


@pytest.mark.parametrize("role", BY_ROLE)
def test_most_loops_have_bars_that_differ(role):
    varied = [
        len({bar.tobytes() for bar in loop.onsets.reshape(loop.n_bars, 96, 9)}) > 1
        for loop in BY_ROLE[role]
    ]
    assert np.mean(varied) > 0.8


def test_loops_of_one_role_have_its_voice_alone():
    voices = {"kick": [{KICK}], "snare": [{SNARE}], "hat": [{CLOSED_HAT}, {OPEN_HAT}]}
    for role, allowed in voices.items():
        for loop in BY_ROLE[role]:
            assert set(np.flatnonzero(loop.onsets.any(axis=0))) in allowed, loop.lineage.loop_id


def test_the_snare_is_on_beat_3():
    bars = bars_of(BY_ROLE["snare"] + BY_ROLE["full"])
    assert np.mean(bars[:, BACKBEAT, SNARE] >= 96) >= 0.9
    # Whatever else the snare does, it is softer than the backbeat or comes less often.
    loudness = bars[:, :, SNARE].sum(axis=0, dtype=np.int64)
    assert loudness.argmax() == BACKBEAT
    assert loudness[BACKBEAT] > 5 * np.delete(loudness, BACKBEAT).max()


def test_kicks_start_on_beat_1_and_leave_the_beat_after():
    loops = BY_ROLE["kick"] + BY_ROLE["full"]
    assert all(loop.velocities[0, KICK] >= 96 for loop in loops)
    off_the_beat = [loop.onsets[:, KICK].reshape(-1, 24)[:, 1:].any() for loop in loops]
    pick_up = [loop.onsets[:, KICK].reshape(-1, 96)[:, 84:].any() for loop in loops]
    assert all(off_the_beat)
    assert np.mean(pick_up) > 0.5


def runs_of(loop):
    """Runs of closed hats a constant gap apart: `(gap, velocities)`."""
    steps = np.flatnonzero(loop.onsets[:, CLOSED_HAT])
    velocities = loop.velocities[steps, CLOSED_HAT].astype(int)
    gaps = np.diff(steps)
    edges = [0, *(np.flatnonzero(np.diff(gaps)) + 1), len(gaps)] if len(gaps) else [0]
    return [
        (int(gaps[start]), velocities[start : stop + 1])
        for start, stop in itertools.pairwise(edges)
    ]


def test_hat_rolls_use_every_division():
    loops = BY_ROLE["hat"] + BY_ROLE["full"]
    counts = Counter(
        gap for loop in loops for gap in {gap for gap, hits in runs_of(loop) if len(hits) >= 3}
    )
    eighth, triplet, sixteenth, sixteenth_triplet, thirty_second, thirty_second_triplet = (
        counts[gap] for gap in (12, 8, 6, 4, 3, 2)
    )
    assert eighth >= 50
    assert sixteenth >= 30
    assert triplet >= 15
    assert sixteenth_triplet >= 30
    assert thirty_second >= 20
    assert thirty_second_triplet >= 10


def longest_ramp(velocities):
    """The most that velocity rises or falls without turning."""
    best = change = 0
    for step in np.diff(velocities):
        change = change + step if change * step >= 0 else step
        best = max(best, abs(change))
    return best


def test_velocities_of_rolls_are_ramps():
    rolls = [
        hits
        for loop in BY_ROLE["hat"] + BY_ROLE["full"]
        for gap, hits in runs_of(loop)
        if gap <= 4 and len(hits) >= 4
    ]
    assert len(rolls) > 80
    assert np.mean([longest_ramp(hits) >= 28 for hits in rolls]) > 0.9
    # A ramp, and not a leap: neighbors are close.
    assert np.mean([np.abs(np.diff(hits)[:-1]).max() <= 28 for hits in rolls]) > 0.9


def test_open_hats_and_other_voices_are_rare():
    hits = bars_of(LOOPS).astype(bool).sum(axis=(0, 1))
    assert hits[CLOSED_HAT] / (hits[CLOSED_HAT] + hits[OPEN_HAT]) >= 0.9
    assert sum(loop.onsets[:, OPEN_HAT].any() for loop in BY_ROLE["full"]) >= 12
    rare = hits[[LOW_TOM, MID_TOM, HIGH_TOM, RIDE, CRASH]]
    assert rare.min() > 0
    assert rare.sum() / hits.sum() < 0.02


def test_a_hat_is_open_or_closed():
    for loop in LOOPS:
        both = loop.onsets[:, CLOSED_HAT] & loop.onsets[:, OPEN_HAT]
        assert not both.any(), loop.lineage.loop_id


def distance(one, other):
    """Jaccard distance of onset sets, the least over rotations by sixteenths."""
    n_bars = lcm(one.n_bars, other.n_bars)
    a, b = (np.tile(loop.onsets, (n_bars // loop.n_bars, 1)) for loop in (one, other))
    common = max((a & np.roll(b, turn, axis=0)).sum() for turn in range(0, len(a), 6))
    return 1 - common / (a.sum() + b.sum() - common)


@pytest.mark.slow
@pytest.mark.parametrize("role", BY_ROLE)
def test_no_two_loops_are_near_duplicates(role):
    close = [
        (one.lineage.loop_id, other.lineage.loop_id)
        for one, other in itertools.combinations(BY_ROLE[role], 2)
        if distance(one, other) <= 0.15
    ]
    assert close == []


# The parser


@given(
    beats=st.lists(
        st.sampled_from([1, 2, 3, 4, 6, 8, 12]).flatmap(
            lambda n: st.text("-xX123456789", min_size=n, max_size=n)
        ),
        min_size=4,
        max_size=16,
    ).filter(lambda beats: len(beats) % 4 == 0)
)
def test_each_character_is_a_hit_at_its_share_of_the_beat(beats):
    bars = [" ".join(beats[at : at + 4]) for at in range(0, len(beats), 4)]
    (loop,) = parse_tabs(f"{HEADER}kick | {' | '.join(bars)}", "kick")
    velocity = {"x": 96, "X": 118} | {str(n): 14 * n for n in range(1, 10)}
    expected = {
        Fraction(beat) + Fraction(place, len(hits)): velocity[hit]
        for beat, hits in enumerate(beats)
        for place, hit in enumerate(hits)
        if hit != "-"
    }
    steps = np.flatnonzero(loop.velocities[:, KICK])
    assert loop.n_bars == len(bars)
    assert {Fraction(int(step), 24): loop.velocities[step, KICK] for step in steps} == expected
    assert loop.n_onsets == len(expected)


def test_a_voice_named_again_continues_its_line():
    rows = "kick | X x - - | x - - -\nclap | - - X - | - - X -|\n"
    (loop,) = parse_tabs(
        HEADER + rows + "\nkick | X - - -  # an answer\nclap | - - 5 -\n", "full", "my.tab"
    )
    assert np.flatnonzero(loop.velocities[:, KICK]).tolist() == [0, 24, 96, 192]
    assert loop.velocities[[48, 144, 240], SNARE].tolist() == [118, 118, 70]
    assert (loop.bpm, loop.lineage.style, loop.lineage.role) == (140, "drill", "full")


@pytest.mark.parametrize(
    ("text", "line", "rule", "received"),
    [
        ("# a comment\nkick | X - - -", 2, "tab_header", "'kick | X - - -'"),
        (f"{HEADER}kick | X - - -\n\n[a-loop]", 6, "tab_name", "a-loop"),
        (f"{HEADER}what is this", 4, "tab_line", "'what is this'"),
        (f"{HEADER}swing: 3", 4, "tab_key", "swing"),
        (f"{HEADER}bpm: 150", 4, "tab_key", "'bpm: 150'"),
        ("[a-loop]\nstyle:\n", 2, "tab_key", "'style: '"),
        ("[a-loop]\nbpm: fast", 2, "tab_bpm", "fast"),
        ("[a-loop]\nbpm: nan", 2, "tab_bpm", "nan"),
        ("[a-loop]\nbpm: -140", 2, "tab_bpm", "-140"),
        (f"{HEADER}cowbell | x - - -", 4, "tab_lane", "cowbell"),
        (f"{HEADER}kick | x - - - | x - -", 4, "tab_bar", "'x - -'"),
        (f"{HEADER}kick | x - - - || x - - -", 4, "tab_bar", "''"),
        (f"{HEADER}kick | x - - x--x-", 4, "tab_beat", "x--x-"),
        (f"{HEADER}kick | x - - x-o-", 4, "tab_hit", "'o'"),
        (f"{HEADER}kick | x - - x-0-", 4, "tab_hit", "'0'"),
        ("\n[a-loop]\nstyle: drill\nkick | x - - -", 2, "tab_incomplete", "a-loop"),
        (HEADER, 1, "tab_incomplete", "a-loop"),
        (f"{HEADER}kick | x - - -\nhat | x x x x | - - - -", 1, "tab_length", "'hat': 2"),
        (f"{HEADER}clap | - - X -\nsnare | - - x-x- -", 1, "tab_twice", "snare in bar 1, beat 3"),
    ],
)
def test_a_broken_line_is_named(text, line, rule, received):
    with pytest.raises(TextError, match=f"^my.tab: {rule} ") as caught:
        parse_tabs(text, "full", "my.tab")
    assert caught.value.path == Path("my.tab")
    assert caught.value.rule == rule
    assert received in str(caught.value.received)
    assert caught.value.detail.startswith(f"Line {line}: ")


def test_a_tab_has_the_voices_of_its_role(tmp_path):
    tab = tmp_path / "kick.tab"
    tab.write_text(f"{HEADER}kick | X - - -\nhat | x x x x\n", encoding="utf-8")
    with pytest.raises(TextError, match=r"kick.tab: tab_lane \(received hat\). Line 5: "):
        read_tabs(tab)
    with pytest.raises(TextError, match=r"bass.tab: unreadable"):
        read_tabs(tmp_path / "bass.tab")
    with pytest.raises(TextError, match=r"tab_role \(received bass\)"):
        parse_tabs("", "bass")


# The packs


@pytest.fixture(scope="module")
def packs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packs")
    return folder, write_packs(folder)


def test_every_loop_is_a_file_of_its_pack(packs):
    folder, paths = packs
    assert [path.relative_to(folder) for path in paths] == name_files(LOOPS)
    assert sorted(paths) == sorted(path for path in folder.rglob("*") if path.is_file())
    assert len({str(path).lower() for path in paths}) == len(LOOPS)
    for path, loop in zip(paths, LOOPS, strict=True):
        assert path.parts[-3:-1] == (loop.lineage.pack, loop.lineage.style.capitalize())


def test_the_name_tells_role_and_voice(packs):
    for path, loop in zip(packs[1], LOOPS, strict=True):
        role = role_of_name(path.stem)
        if loop.lineage.role == "full":
            assert role is None, path.name
        else:
            assert role is not None, path.name
            assert role.name == loop.lineage.role
            assert set(np.flatnonzero(loop.onsets.any(axis=0))) == {role.voice}, path.name


def test_every_file_reads_back(packs):
    for path, loop in zip(packs[1], LOOPS, strict=True):
        score = symusic.Score(str(path))
        notes = [note for track in score.tracks for note in track.notes]
        role = role_of_name(path.stem)
        read = np.zeros_like(loop.velocities)
        for note in notes:
            step = Fraction(24 * note.time, score.ticks_per_quarter)
            voice = role.voice if role else KEY_MAPS["gm"].voices[note.pitch]
            assert step.denominator == 1
            assert note.duration > 0
            read[int(step), voice] = note.velocity
        assert len(notes) == loop.n_onsets
        np.testing.assert_array_equal(read, loop.velocities, err_msg=str(path))


def test_every_track_ends_with_the_loop_and_no_note_overlaps(packs):
    for path, loop in zip(packs[1], LOOPS, strict=True):
        midi = mido.MidiFile(path)
        for track in midi.tracks:
            sounding = set()
            for message in track:
                if message.type == "note_on":
                    assert message.note not in sounding
                    sounding.add(message.note)
                elif message.type == "note_off":
                    sounding.remove(message.note)
            assert not sounding
            assert sum(m.time for m in track) == 4 * loop.n_bars * midi.ticks_per_beat


def test_packs_are_named_as_bought_packs_are(packs):
    resolutions, types, full_channels, without_tempo = set(), set(), set(), set()
    keys_of_pack = {name: set() for name in read_packs()}
    for path, loop in zip(packs[1], LOOPS, strict=True):
        midi = mido.MidiFile(path)
        messages = [message for track in midi.tracks for message in track]
        notes = [message for message in messages if message.type == "note_on"]
        tempos = [m.tempo for m in messages if m.type == "set_tempo"]
        (meter,) = [m for m in messages if m.type == "time_signature"]
        assert (meter.numerator, meter.denominator) == (4, 4)
        resolutions.add(midi.ticks_per_beat)
        types.add(midi.type)
        (channel,) = {note.channel for note in notes}
        if tempos:
            assert round(mido.tempo2bpm(tempos[0]), 2) == loop.bpm
        else:
            without_tempo.add(loop.lineage.pack)
            assert float(re.search(r"(\d+) ?bpm", path.stem)[1]) == loop.bpm
        if loop.lineage.role == "full":
            full_channels.add(channel)
        else:
            assert channel == 0
            keys_of_pack[loop.lineage.pack] |= {note.note for note in notes}
    assert resolutions == {96, 480, 960}
    assert types == {0, 1}
    assert full_channels == {0, 9}
    assert len(without_tempo) == 1
    assert sorted(map(len, keys_of_pack.values())) == [1, 1, 1, 1, 3]


def test_packs_are_written_with_the_same_bytes(packs, tmp_path):
    folder, paths = packs
    again = write_packs(tmp_path)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in paths]
    before = [path.stat().st_mtime_ns for path in paths]
    assert write_packs(folder) == paths
    assert [path.stat().st_mtime_ns for path in paths] == before


def test_a_different_file_is_not_overwritten(tmp_path):
    mine = tmp_path / name_files(LOOPS)[-1]
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"my own loop")
    with pytest.raises(InputError, match="other_file") as caught:
        write_packs(tmp_path)
    assert caught.value.path == mine
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]
    assert mine.read_bytes() == b"my own loop"
