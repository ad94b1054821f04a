"""From files as found to loops on the grid: every note-on is accounted for, every file too."""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.strategies import (
    drum_loops,
    event,
    grids,
    make_loop,
    meter,
    midi_file,
    note_off,
    note_on,
    place_on_grid,
    tempo,
    track,
)
from trapgen.core import (
    CLOSED_HAT,
    KICK,
    LOW_TOM,
    MANIFEST,
    OPEN_HAT,
    REJECTS,
    RIDE,
    SNARE,
    STEPS_PER_BAR,
    VOICES,
    InputError,
    MidiError,
    StandardizeParams,
    TableError,
    read_lines,
    read_table,
    write_lines,
)
from trapgen.ingest import find_midi, load_standardized, read_folder, read_loop, standardize
from trapgen.ingest.keymap.choose import most_known_map
from trapgen.ingest.standardize.grid import quantize
from trapgen.midi import read_strikes, write_loop

PARAMS = StandardizeParams(16, feel="keep")
BAR = 4 * 480
KICK_PITCH, SNARE_PITCH, CLAP_PITCH, HAT_PITCH = 36, 38, 39, 42
ONE_HIT = midi_file(track(note_on(0), note_off(BAR)))


def write(path, *events, **header):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(midi_file(track(*events), **header))
    return path


def hits_of(loop):
    return [(int(step), int(voice)) for step, voice in np.argwhere(loop.onsets)]


# The grid


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=20), st.integers(1, 0x7FFF), grids)
def test_quantizing_rounds_halves_up(ticks, ticks_per_quarter, steps_per_bar):
    steps, offsets = quantize(np.array(ticks), ticks_per_quarter, steps_per_bar)
    expected = [place_on_grid(tick, ticks_per_quarter, steps_per_bar) for tick in ticks]
    assert steps.tolist() == [step for step, _ in expected]
    np.testing.assert_allclose(offsets, [float(rest) for _, rest in expected], atol=1e-7)
    assert offsets.min() >= -0.5
    assert offsets.max() < 0.5


def test_half_a_step_goes_to_the_next():
    steps, offsets = quantize(np.array([0, 59, 60, 119, 120]), 480, 16)
    assert steps.tolist() == [0, 0, 1, 1, 1]
    assert offsets.tolist() == pytest.approx([0, 59 / 120, -0.5, -1 / 120, 0])


def test_hits_that_fall_together_leave_the_loudest(tmp_path):
    path = write(
        tmp_path / "loop.mid",
        note_on(0, KICK_PITCH, 50),
        note_on(20, 35, 90),
        note_on(20, KICK_PITCH, 70),
        note_on(20, SNARE_PITCH, 10),
    )
    read = read_loop(path, PARAMS)
    assert hits_of(read.loop) == [(0, KICK), (1, SNARE)]
    assert read.loop.velocities[0, KICK] == 90
    assert read.loop.offsets[0, KICK] == pytest.approx(20 / 120)
    assert read.loop.offsets[1, SNARE] == pytest.approx(-0.5)
    assert read.collapsed_onsets == 2
    assert read.quantization_error_steps == pytest.approx((0 + 20 + 40 + 60) / 120 / 4)


# Whose notes they are


@pytest.mark.parametrize(
    ("name", "pitches", "role", "voices", "table"),
    [
        ("Kick_01", [60, 61], "kick", {KICK}, "name"),
        ("02_Trap_Hat", [36, 38], "hat", {CLOSED_HAT}, "name"),
        ("OH", [42], "hat", {OPEN_HAT}, "name"),
        ("Ride the lightning", [36, 38, 42], "full", {KICK, SNARE, CLOSED_HAT}, "gm"),
        ("Kick_and_Hat", [36, 42], "full", {KICK, CLOSED_HAT}, "gm"),
        ("Open_Hat_Closed_Hat", [42, 46], "hat", {CLOSED_HAT, OPEN_HAT}, "gm"),
        ("Loop_07", [36, 39, 59], "full", {KICK, SNARE, RIDE}, "gm"),
        ("Loop_08", [36, 22, 26, 58], "full", {KICK, CLOSED_HAT, OPEN_HAT, LOW_TOM}, "roland_td11"),
    ],
)
def test_the_name_decides_or_the_key_map(tmp_path, name, pitches, role, voices, table):
    events = [note_on(120, pitch) for pitch in pitches]
    read = read_loop(write(tmp_path / f"{name}.mid", *events), PARAMS)
    assert read.loop.lineage.role == role
    assert {voice for _, voice in hits_of(read.loop)} == voices
    assert (read.key_map, read.key_map_confidence) == (table, 1.0)


def test_a_key_map_that_is_asked_for_is_taken(tmp_path):
    path = write(tmp_path / "loop.mid", note_on(0, KICK_PITCH), note_on(120, CLAP_PITCH))
    found = {name: read_loop(path, StandardizeParams(16, key_map=name)) for name in ("gm", "paper")}
    assert {name: read.key_map for name, read in found.items()} == {"gm": "gm", "paper": "paper"}
    assert [read.dropped_onsets for read in found.values()] == [0, 1]
    assert found["paper"].key_map_confidence == 0.5


def test_the_key_map_that_knows_most_is_detected():
    pitches = np.array([36, 38, 22, 22, 99], np.uint8)
    assert most_known_map(pitches).name == "roland_td11"
    assert most_known_map(np.array([36, 38], np.uint8)).name == "gm"


def test_other_instruments_are_left_out(tmp_path):
    path = write(
        tmp_path / "song.mid",
        note_on(0, KICK_PITCH),
        note_on(0, KICK_PITCH, channel=0),
        note_on(120, 60, channel=1),
        note_on(120, 99),
    )
    read = read_loop(path, PARAMS)
    assert hits_of(read.loop) == [(0, KICK)]
    assert (read.dropped_onsets, read.key_map_confidence) == (3, 0.5)
    path = write(tmp_path / "loop.mid", note_on(0, KICK_PITCH, channel=0), note_on(120, 38, 1, 0))
    assert hits_of(read_loop(path, PARAMS).loop) == [(0, KICK), (1, SNARE)]


messages = st.lists(
    st.one_of(
        st.builds(note_on, st.integers(0, 700), st.integers(30, 60), st.integers(0, 127)),
        st.builds(note_on, st.integers(0, 700), st.integers(0, 127), channel=st.integers(0, 15)),
        st.builds(note_off, st.integers(0, 300), st.integers(30, 60)),
    ),
    min_size=1,
    max_size=60,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    messages,
    st.sampled_from(["loop", "Kick_01", "Hat", "good_Snare"]),
    st.builds(
        StandardizeParams,
        grids,
        st.sampled_from(["auto", "gm", "paper", "roland_td11"]),
        st.sampled_from(["4/4", "ignore"]),
        st.booleans(),
    ),
)
def test_every_note_on_is_accounted_for(tmp_path, found, name, params):
    path = write(tmp_path / f"{name}.mid", *found)
    n_strikes = len(read_strikes(path))
    (read,) = read_folder(path, params)
    if isinstance(read, MidiError):
        assert read.rule == ("no_drums" if n_strikes else "no_notes")
        return
    assert read.loop.n_onsets + read.collapsed_onsets + read.dropped_onsets == n_strikes
    assert min(read.collapsed_onsets, read.dropped_onsets) >= 0
    assert 0 < read.key_map_confidence <= 1
    assert 0 <= read.quantization_error_steps <= 0.5
    (source,) = read.loop.lineage.source_ids
    assert re.fullmatch("s2-[0-9a-f]{16}", source)


# Length, tempo, meter


@pytest.mark.parametrize(
    ("last_beat", "end_beat", "n_bars"),
    [
        pytest.param(0, 4, 1, id="one hit and a rest"),
        pytest.param(0, 0, 1, id="ends with its hit"),
        pytest.param(3, 8, 2, id="two bars, the second silent"),
        pytest.param(9, 16, 4, id="four bars, the last silent"),
        pytest.param(3, 16, 4, id="four bars, three silent"),
        pytest.param(9, 12, 3, id="three bars"),
        pytest.param(5, 6, 2, id="ends within a bar"),
        pytest.param(7.99, 8, 2, id="anticipates the first beat"),
        pytest.param(8, 9, 3, id="begins a third bar"),
    ],
)
def test_a_loop_is_as_long_as_its_bars(tmp_path, last_beat, end_beat, n_bars):
    last, end = round(480 * last_beat), round(480 * end_beat)
    first = [note_on(0, SNARE_PITCH)]
    path = write(tmp_path / "loop.mid", *first, note_on(last, HAT_PITCH), note_off(end - last))
    read = read_loop(path, PARAMS)
    assert read.loop.n_bars == n_bars
    assert read.collapsed_onsets == 0
    anticipates = last_beat == 7.99
    assert hits_of(read.loop)[-1][0] == (0 if anticipates else round(4 * last_beat))
    assert not read.loop.offsets[0].any()


@pytest.mark.parametrize(
    ("name", "events", "bpm"),
    [
        pytest.param("loop", [note_on(0)], None, id="none"),
        pytest.param("loop", [tempo(0, 97.5), note_on(0)], 97.5, id="stated"),
        pytest.param("loop", [tempo(0, 90), tempo(9, 80), note_on(9)], 80.0, id="the last before"),
        pytest.param("loop", [tempo(0, 90), note_on(9), tempo(960, 80)], 90.0, id="changes later"),
        pytest.param("loop", [note_on(0), tempo(9, 80)], 80.0, id="stated late"),
        pytest.param("Loop 142bpm", [note_on(0)], 142.0, id="named"),
        pytest.param("Loop_95_BPM_x", [note_on(0), tempo(960, 80)], 95.0, id="named, stated late"),
        pytest.param("Loop 142bpm", [tempo(0, 90), note_on(0)], 90.0, id="named and stated"),
        pytest.param("Loop_000bpm", [note_on(0)], None, id="named nonsense"),
    ],
)
def test_the_tempo_is_the_first_hits(tmp_path, name, events, bpm):
    assert read_loop(write(tmp_path / f"{name}.mid", *events), PARAMS).loop.bpm == bpm


@pytest.mark.parametrize(
    ("events", "rule", "received"),
    [
        pytest.param([], "no_notes", "0", id="no notes"),
        pytest.param([note_on(0, velocity=0), note_off(9)], "no_notes", "0", id="only ends"),
        pytest.param([meter(0, 3, 4), note_on(0)], "meter", "3/4", id="waltz"),
        pytest.param([meter(0, 7, 8), note_on(0)], "meter", "7/8", id="seven"),
        pytest.param(
            [meter(0, 4, 4), note_on(0), meter(BAR, 5, 4), note_on(9)], "meter", "5/4", id="changes"
        ),
        pytest.param([note_on(0, 99), note_on(9, 98)], "no_drums", "pitches [98, 99]", id="alien"),
        pytest.param(
            [note_on(0), event(0, 38, 9) * 99_999],
            "too_dense",
            "100000 notes in 1 bars",
            id="dense",
        ),
        pytest.param(
            [note_on(0), note_on(BAR * 100_000)], "too_long", "100001 bars", id="too long"
        ),
        pytest.param([note_on(0), b"\0\xf5"], "truncated", "1 notes before the cut", id="nonsense"),
    ],
)
def test_files_that_hold_no_loop_are_refused(tmp_path, events, rule, received):
    path = write(tmp_path / "loop.mid", *events)
    with pytest.raises(MidiError, match=r"loop\.mid") as caught:
        read_loop(path, PARAMS)
    assert (caught.value.rule, str(caught.value.received)) == (rule, received)


def test_a_meter_can_be_ignored(tmp_path):
    path = write(tmp_path / "loop.mid", meter(0, 3, 4), note_on(0), note_on(BAR), note_off(BAR * 3))
    read = read_loop(path, StandardizeParams(16, meter="ignore"))
    assert read.loop.n_bars == 2
    assert hits_of(read.loop) == [(0, KICK), (16, KICK)]
    for numerator, denominator in ((2, 2), (8, 8)):
        path = write(tmp_path / "loop.mid", meter(0, numerator, denominator), note_on(0))
        assert read_loop(path, PARAMS).loop.n_bars == 1


# Folders


def test_loops_are_named_by_their_path(tmp_path):
    for name in ("Drill Pack/UK/Kick_01.mid", "a.mid", "a.MIDI", ".hidden.mid", "notes.txt"):
        write(tmp_path / name, note_on(0))
    *found, hidden, other = read_folder(tmp_path, PARAMS)
    assert [hidden.rule, other.rule] == ["hidden", "ending"]
    names = [(x.loop.lineage.loop_id, x.source_path) for x in found]
    assert names == [
        ("Drill Pack/UK/Kick_01", "Drill Pack/UK/Kick_01.mid"),
        ("a", "a.MIDI"),
        ("a.mid", "a.mid"),
    ]
    assert [x.loop.lineage.pack for x in found] == ["Drill Pack", "", ""]
    assert [x.loop.lineage.style for x in found] == ["drill", "", ""]


def test_one_file_is_a_folder_of_one(tmp_path):
    write(tmp_path / "a.mid", note_on(0))
    write(tmp_path / "b.mid", note_on(0))
    assert find_midi(tmp_path / "b.mid") == [tmp_path / "b.mid"]
    (read,) = read_folder(tmp_path / "b.mid", PARAMS)
    assert read.loop.lineage.loop_id == "b"


def test_a_missing_or_empty_source_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"nowhere: missing"):
        standardize(tmp_path / "nowhere", tmp_path / "out", PARAMS)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: no_midi"):
        standardize(tmp_path / "empty", tmp_path / "out", PARAMS)
    assert not (tmp_path / "out").exists()


BROKEN = {
    "cut.mid": (ONE_HIT[:-9], "truncated"),
    "empty.mid": (b"", "not_midi"),
    "long.mid": (midi_file(track(note_on(0), note_on(BAR * 5000))), "too_long"),
    "silent.mid": (midi_file(track()), "no_notes"),
    "smpte.mid": (midi_file(track(note_on(0)), division=0xE250), "time_division"),
    "text.mid": (b"I am no MIDI file.", "not_midi"),
    "waltz.mid": (midi_file(track(meter(0, 3, 4), note_on(0))), "meter"),
    "zero.mid": (midi_file(track(note_on(0)), division=0), "time_division"),
}
"""By name, sorted: what a broken file holds, and the rule that it breaks."""


def test_a_broken_file_is_rejected_and_the_others_are_read(tmp_path):
    source, out = tmp_path / "raw", tmp_path / "out"
    for name, (data, _) in BROKEN.items():
        (source / "pack").mkdir(parents=True, exist_ok=True)
        (source / "pack" / name).write_bytes(data)
    for name in ("first.mid", "pack/middle.mid", "zz.mid"):
        (source / name).write_bytes(ONE_HIT)
    manifest, rejects = standardize(source, out, PARAMS)
    assert manifest["source_path"].tolist() == ["first.mid", "pack/middle.mid", "zz.mid"]
    assert rejects["path"].tolist() == [f"pack/{name}" for name in BROKEN]
    assert rejects["rule"].tolist() == [rule for _, rule in BROKEN.values()]
    assert (rejects["received"] != "").all()
    assert (rejects["detail"] != "").all()
    assert read_table(out / "rejects.csv", REJECTS).equals(rejects)
    assert len(read_table(out / "manifest.parquet", MANIFEST)) == 3
    assert sorted(path.name for path in out.rglob("*.mid")) == ["first.mid", "middle.mid", "zz.mid"]


@pytest.mark.parametrize("n_bars", [999, 1025, 1303, 2047, 2604])
def test_a_long_loop_is_written_or_refused(tmp_path, n_bars):
    last, end = BAR * n_bars - 1000, BAR * 2 ** int(n_bars - 1).bit_length()
    write(tmp_path / "raw" / "long.mid", note_on(0), note_on(last, 38), note_off(end - last, 38))
    manifest, rejects = standardize(tmp_path / "raw", tmp_path / "out", PARAMS)
    assert len(manifest) + len(rejects) == 1
    assert [loop.n_onsets for loop in load_standardized(tmp_path / "out")] == [2] * len(manifest)


def test_a_folder_of_broken_files_is_a_folder_of_rejects(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "text.mid").write_bytes(b"I am no MIDI file.")
    manifest, rejects = standardize(tmp_path / "raw", tmp_path / "out", PARAMS)
    assert (len(manifest), len(rejects)) == (0, 1)
    assert load_standardized(tmp_path / "out") == []


def test_files_of_odd_names_are_read_or_rejected(tmp_path):
    source = tmp_path / "raw"
    source.mkdir()
    # A name in Latin-1, as old zip archives unpack it, and the longest there can be.
    names = [os.fsdecode(b"Kick_\xe9.mid"), "k" * 251 + ".mid", "Kick ü🥁, 'x'.mid", "Kick_2.mid"]
    for name in names:
        (source / name).write_bytes(ONE_HIT)
    manifest, rejects = standardize(source, tmp_path / "out", PARAMS)
    assert len(manifest) + len(rejects) == len(names)
    assert len(load_standardized(tmp_path / "out")) == len(manifest) >= 2
    assert len(read_table(tmp_path / "out" / "rejects.csv", REJECTS)) == len(rejects)


FLIPPED = bytearray(
    midi_file(
        track(tempo(0, 140), meter(0, 4, 4)),
        track(*(note_on(60, 36 + 2 * (i % 4)) + note_off(60, 36 + 2 * (i % 4)) for i in range(9))),
    )
)


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.integers(8, len(FLIPPED) - 1), st.integers(0, 255), max_size=6),
    st.sampled_from(["4/4", "ignore"]),
)
def test_flipped_bytes_give_a_loop_or_a_reject(tmp_path, flips, meter_rule):
    data = bytearray(FLIPPED)
    for at, byte in flips.items():
        data[at] = byte
    (tmp_path / "raw").mkdir(exist_ok=True)
    (tmp_path / "raw" / "flipped.mid").write_bytes(data)
    params = StandardizeParams(96, meter=meter_rule)
    manifest, rejects = standardize(tmp_path / "raw", tmp_path / "out", params, overwrite=True)
    assert len(manifest) + len(rejects) == 1
    loops = load_standardized(tmp_path / "out")
    assert [loop.n_onsets for loop in loops] == manifest["n_onsets"].tolist()


def test_standardizing_twice_gives_the_same_bytes(tmp_path):
    write(tmp_path / "raw" / "pack" / "Kick_01.mid", note_on(0), note_on(700))
    write(tmp_path / "raw" / "loop.mid", tempo(0, 140), note_on(0), note_on(333, 42))
    (tmp_path / "raw" / "broken.mid").write_bytes(b"")
    for name in ("one", "other"):
        standardize(tmp_path / "raw", tmp_path / name, PARAMS)
    one, other = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
        for folder in (tmp_path / "one", tmp_path / "other")
    )
    assert one == other
    assert len(one) == 5


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(drum_loops(steps_per_bar=48, min_hits=1), min_size=1, max_size=4))
def test_what_was_standardized_is_loaded(tmp_path, loops):
    for path in (tmp_path / "raw").glob("*.mid"):
        path.unlink()
    for at, loop in enumerate(loops):
        write_loop(tmp_path / "raw" / f"{at}.mid", loop)
    params = StandardizeParams(48, feel="keep")
    standardize(tmp_path / "raw", tmp_path / "out", params, overwrite=True)
    read = [found.loop for found in read_folder(tmp_path / "raw", params)]
    assert load_standardized(tmp_path / "out") == read


@settings(max_examples=40)
@given(drum_loops(min_hits=1), st.integers(1, 3), st.sampled_from([96, 480, 1920]))
def test_a_source_has_one_id_however_its_file_is_written_and_read(loop, silent_bars, division):
    steps, voices = np.nonzero(loop.velocities)
    # In parts of a quarter that every one of these resolutions can state.
    times = steps * (96 // loop.steps_per_bar)

    def write(quarter, late, bpm):
        ticks = times * quarter // 24 + late * 4 * quarter
        deltas = np.diff(ticks, prepend=0).tolist()
        keys = [VOICES[voice].pitch for voice in voices]
        notes = [note_on(delta, key) for delta, key in zip(deltas, keys, strict=True)]
        return midi_file(track(tempo(0, bpm), *notes), division=quarter)

    ids = set()
    with tempfile.TemporaryDirectory() as folder:
        for quarter, late, bpm in ((96, 0, 140), (division, silent_bars, 70)):
            path = Path(folder, "beat.mid")
            path.write_bytes(write(quarter, late, bpm))
            for grid, feel in product(STEPS_PER_BAR, ("keep", "half_time")):
                params = StandardizeParams(grid, "gm", by_name=False, feel=feel)
                ids |= set(read_loop(path, params).loop.lineage.source_ids)
    assert len(ids) == 1


def test_loops_by_hand_have_one_id_each_on_every_grid_and_under_both_feels(shared):
    ids = [
        {
            read_loop(path, StandardizeParams(grid, feel=feel)).loop.lineage.source_ids
            for grid, feel in product((16, 32, 96), ("keep", "half_time"))
        }
        for path in find_midi(shared / "data" / "by-hand")
    ]
    assert [len(each) for each in ids] == [1] * 11
    assert len(set.union(*ids)) == 11


def test_keys_and_lengths_are_read_as_they_are(tmp_path):
    notes = [note_on(0, CLAP_PITCH), note_off(240, CLAP_PITCH)]
    notes += [note_on(240, SNARE_PITCH), note_off(480, SNARE_PITCH)]
    loop = read_loop(write(tmp_path / "loop.mid", *notes), StandardizeParams(16)).loop
    assert loop.pitches[[0, 4], SNARE].tolist() == [CLAP_PITCH, SNARE_PITCH]
    assert loop.lengths[[0, 4], SNARE].tolist() == [2, 4]


def test_silent_bars_at_the_end_are_kept(tmp_path):
    # Three bars of which the last two are silent but for an anticipation of the first beat.
    late = 3 * BAR - 5
    path = tmp_path / "raw" / "loop.mid"
    write(path, note_on(0), note_on(late, SNARE_PITCH), note_off(5))
    manifest, _ = standardize(tmp_path / "raw", tmp_path / "out", PARAMS)
    (loop,) = load_standardized(tmp_path / "out")
    assert (loop.n_bars, manifest["n_bars"].tolist()) == (3, [3])
    assert loop == read_loop(path, PARAMS).loop


def test_loading_nothing_is_an_error(tmp_path):
    with pytest.raises(TableError, match=r"manifest\.parquet: unreadable"):
        load_standardized(tmp_path)
    write(tmp_path / "raw" / "a.mid", note_on(0))
    standardize(tmp_path / "raw", tmp_path / "out", PARAMS)
    (tmp_path / "out" / "hits.parquet").unlink()
    with pytest.raises(TableError, match=r"hits\.parquet: unreadable"):
        load_standardized(tmp_path / "out")


def test_a_path_is_read_relative_to_its_root(tmp_path):
    path = write(tmp_path / "Memphis" / "x" / "loop.mid", note_on(0))
    read = read_loop(path, PARAMS, name=path.relative_to(tmp_path).as_posix())
    assert read.source_path == "Memphis/x/loop.mid"
    assert (read.loop.lineage.pack, read.loop.lineage.style) == ("Memphis", "memphis")
    assert read_loop(path, PARAMS, loop_id="mine").loop.lineage.loop_id == "mine"
    assert read_loop(path, PARAMS).source_path == "loop.mid"


def test_a_loop_of_every_voice_survives(tmp_path):
    kit = make_loop(*((voice, voice) for voice in range(len(VOICES))))
    write_loop(tmp_path / "kit.mid", kit)
    assert hits_of(read_loop(tmp_path / "kit.mid", PARAMS).loop) == hits_of(kit)


# Real files


def count_bars(lines, steps_per_bar=16):
    bars = np.concatenate([line.reshape(-1, steps_per_bar) for line in lines])
    return Counter(map(tuple, bars.tolist()))


def test_metallica_is_the_papers_text(shared, tmp_path):
    folder = shared / "data" / "metallica"
    params = StandardizeParams(16, "paper", "ignore", feel="keep")
    write_lines(tmp_path / "text.txt", [x.loop for x in read_folder(folder, params)])
    ours = count_bars(read_lines(tmp_path / "text.txt", 16))
    theirs = count_bars(read_lines(folder / "metallica_drums_text.txt", 16))
    assert ours.total() == 10_927
    assert ours == theirs


def test_trap_parts_are_single_voices(shared):
    reads = list(read_folder(shared / "data" / "trap-loops" / "parts", StandardizeParams()))
    assert Counter(x.loop.lineage.role for x in reads) == {"kick": 10, "snare": 4, "hat": 12}
    voices = {
        role: {voice for x in reads if x.loop.lineage.role == role for _, voice in hits_of(x.loop)}
        for role in ("kick", "snare", "hat")
    }
    assert voices == {"kick": {KICK}, "snare": {SNARE}, "hat": {CLOSED_HAT}}
    assert {VOICES[voice].pitch for found in voices.values() for voice in found} == {36, 38, 42}
    assert {x.dropped_onsets for x in reads} == {0}


@pytest.mark.slow
def test_trap_loops_are_full(shared):
    folder = shared / "data" / "trap-loops" / "combined"
    reads = list(read_folder(folder, StandardizeParams()))
    assert len(reads) == 500
    assert {x.loop.lineage.role for x in reads} == {"full"}
    paths = find_midi(folder)
    assert [Path(x.source_path).name for x in reads] == [path.name for path in paths]
    for path, x in list(zip(paths, reads, strict=True))[::50]:
        total = x.loop.n_onsets + x.collapsed_onsets + x.dropped_onsets
        assert total == len(read_strikes(path))
