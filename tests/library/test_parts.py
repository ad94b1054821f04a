"""Files that hold several loops: patterns, takes and marked sections; and second kits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.command import trapgen
from tests.patterns import BAR, HAT, KICK, SNARE, hit, lay, marker, named, read, save, tempo, trap
from trapgen.core import MidiError, StandardizeParams, read_lines
from trapgen.ingest import load_standardized, standardize
from trapgen.ingest.collection import read_collection
from trapgen.ingest.standardize.read import read_loops
from trapgen.midi import read_strikes

FIXTURE = [HealthCheck.function_scoped_fixture]


def pattern(kicks, hats, bpm=140):
    events = tempo(bpm)
    for steps, key in ((kicks, KICK), ((8,), SNARE), (hats, HAT)):
        for step in steps:
            events += hit(step * 120, key)
    return lay(events, BAR)


PATTERNS = [
    pattern((0, 6), range(0, 16, 2)),
    pattern((0, 3, 10), range(0, 16, 4), 150),
    pattern((2, 11), range(1, 16, 2)),
]


def take(title, kicks, shift):
    events = named(title)
    for bar in (0, BAR):
        for step in kicks:
            events += hit(bar + step * 120 + shift, KICK)
        events += hit(bar + 960 + shift, SNARE)
        for eighth in range(8):
            events += hit(bar + eighth * 240 + shift, HAT)
    return lay(events, 2 * BAR)


TAKES = [
    take("Drums take 1", (0, 6), 0),
    take("Drums take 2", (0, 7), 5),
    take("Drums take 3 (muted)", (3, 11), 9),
]


def test_tracks_of_format_2_are_loops_of_their_own(tmp_path):
    path = save(tmp_path / "raw" / "patterns.mid", *PATTERNS, kind=2)
    manifest, rejects = standardize(tmp_path / "raw", tmp_path / "out", StandardizeParams())
    assert rejects.empty
    assert manifest["loop_id"].tolist() == [f"patterns.mid/{number}" for number in (1, 2, 3)]
    assert manifest["part"].tolist() == [f"pattern {number} of 3" for number in (1, 2, 3)]
    assert manifest["n_onsets"].tolist() == [11, 8, 11]
    assert manifest["bpm"].tolist() == [140, 150, 140]
    assert set(manifest["n_bars"]) == {1}
    # They are of one source for the split.
    assert set(manifest["group"]) == {"patterns.mid"}
    kicks = [
        np.flatnonzero(loop.onsets[:, 0]).tolist() for loop in load_standardized(tmp_path / "out")
    ]
    assert kicks == [[0, 12], [0, 6, 20], [4, 22]]
    with pytest.raises(MidiError, match="several_loops"):
        read(path)


def test_a_pattern_without_drums_is_rejected_alone(tmp_path):
    save(tmp_path / "raw" / "patterns.mid", *PATTERNS[:2], lay(hit(0, 99)), kind=2)
    manifest, rejects = standardize(tmp_path / "raw", tmp_path / "out", StandardizeParams())
    assert len(manifest) == 2
    assert rejects[["path", "rule", "received"]].to_numpy().tolist() == [
        ["patterns.mid", "no_drums", "pattern 3 of 3: pitches [99]"]
    ]


def test_takes_over_each_other_are_told_apart(tmp_path):
    bass = lay(named("808 bass") + hit(0, 29, 900, channel=0), 2 * BAR)
    path = save(tmp_path / "session.mid", lay(tempo(140)), *TAKES, bass)
    loops = read_loops(path, StandardizeParams())
    assert [loop.part for loop in loops] == [
        "take 1 of 3, Drums take 1",
        "take 2 of 3, Drums take 2",
        "take 3 of 3, Drums take 3 (muted)",
    ]
    assert [(each.loop.n_onsets, each.collapsed_onsets) for each in loops] == [(22, 0)] * 3
    assert [each.dropped_onsets for each in loops] == [1, 0, 0]
    kicks = [np.flatnonzero(each.loop.onsets[:32, 0]).tolist() for each in loops]
    assert kicks == [[0, 12], [0, 14], [6, 22]]
    assert all(each.loop.bpm == 140 for each in loops)


def test_takes_of_one_drum_are_told_apart_by_name(tmp_path):
    kicks = [
        lay(named(f"Kick take {number}") + hit(0) + hit(480 * number), BAR) for number in (1, 2)
    ]
    loops = read_loops(save(tmp_path / "kick.mid", *kicks), StandardizeParams())
    assert [each.part for each in loops] == ["take 1 of 2, Kick take 1", "take 2 of 2, Kick take 2"]
    assert [each.notes for each in loops] == [("one of 2 loops in its file",)] * 2


@pytest.mark.parametrize(
    "tracks",
    [
        pytest.param([TAKES[0], TAKES[0]], id="the same twice"),
        pytest.param([lay(trap(2)), lay(trap(2, start=2 * BAR))], id="one after the other"),
        pytest.param([lay(hit(0) + hit(960, SNARE)), lay(hit(0, HAT) + hit(480, 46))], id="parts"),
        pytest.param([lay(hit(0, 60)), lay(hit(480, 60)), lay(hit(960, 60))], id="a key for all"),
        pytest.param(
            [lay(hit(0, 72, channel=0) + hit(9, 76, channel=0)),
             lay(hit(0, 72, channel=1) + hit(99, 76, channel=1))],
            id="melodies",
        ),
    ],
)  # fmt: skip
def test_other_tracks_are_one_loop(tmp_path, tracks):
    path = save(tmp_path / "Kick.mid", *tracks)
    (only,) = read_loops(path, StandardizeParams())
    assert only.part == ""
    assert only.loop.n_onsets + only.collapsed_onsets == len(read_strikes(path))


def write_library(path):
    events = tempo(140)
    for number in range(6):
        snares = (1, 3) if number % 2 else (2,)
        events += marker(4 * number * BAR, f"Pattern {number + 1}")
        events += trap(4, snares=snares, start=4 * number * BAR)
    return save(path, lay(events, 24 * BAR))


def test_marked_sections_are_loops_on_request(tmp_path):
    path = write_library(tmp_path / "library.mid")
    whole = read(path)
    assert whole.loop.n_bars == 24
    assert whole.notes == ("6 markers: --split-markers reads a loop for each",)
    loops = read_loops(path, StandardizeParams(split_markers=True))
    assert [loop.part for loop in loops] == [f"marker {n} of 6, Pattern {n}" for n in range(1, 7)]
    assert [loop.loop.n_bars for loop in loops] == [4] * 6
    assert sum(loop.loop.n_onsets for loop in loops) == whole.loop.n_onsets
    plain = read(save(tmp_path / "plain.mid", lay(tempo(140) + trap(4), 4 * BAR)))
    assert loops[2].loop.lineage.source_ids == plain.loop.lineage.source_ids
    assert np.array_equal(loops[2].loop.velocities, plain.loop.velocities)
    assert np.array_equal(loops[2].loop.lengths, plain.loop.lengths)


def test_the_command_names_each_loop_of_a_file(tmp_path):
    write_library(tmp_path / "in" / "library.mid")
    out = tmp_path / "loops.txt"
    done = trapgen("encode", tmp_path / "in", "--out", out, "--split-markers", "--json")
    assert done.returncode == 0, done.stderr
    assert len(read_lines(out, 32)) == 6
    standardize(tmp_path / "in", tmp_path / "out", StandardizeParams(split_markers=True))
    loops, _ = read_collection(tmp_path / "out", StandardizeParams())
    assert [loop.lineage.loop_id for loop in loops] == [f"library.mid/{n}" for n in range(1, 7)]


def write_two_kits(path, second):
    layer = [event for at in range(32) for event in hit(at * 240, HAT, channel=10)]
    drums = [event for event in trap(4) if event[2][1] != HAT]
    bass = named("808 bass") + [event for n in range(4) for event in hit(n * BAR, 29, channel=0)]
    tracks = [lay(tempo(140)), lay(drums, 4 * BAR), lay(named(second) + layer), lay(bass)]
    return save(path, *tracks)


def test_a_second_kit_is_heard_or_told(tmp_path):
    found = read(write_two_kits(tmp_path / "song.mid", "Drums 2"))
    assert (found.loop.n_onsets, found.dropped_onsets) == (12 + 32, 4)
    assert found.notes == ("not read as drums: channel 1: 4 notes on 29",)
    found = read(write_two_kits(tmp_path / "song.mid", "Layer"))
    assert (found.loop.n_onsets, found.dropped_onsets) == (12, 36)
    told = "not read as drums: channel 1: 4 notes on 29, channel 11: 32 notes on 42"
    assert found.notes == (told,)


hits = st.tuples(st.integers(0, 8 * BAR), st.sampled_from([36, 38, 42, 46, 60, 72, 99]))
tracks_of_hits = st.lists(st.lists(hits, max_size=12), min_size=1, max_size=4)
marks = st.lists(st.integers(0, 8 * BAR), max_size=4)


@settings(max_examples=30, suppress_health_check=FIXTURE)
@given(tracks_of_hits, marks, st.sampled_from([1, 2]), st.sampled_from([0, 9]), st.booleans())
def test_every_strike_is_in_one_loop(tmp_path, tracks, marked, kind, channel, split):
    """As tracks of one song or in sequence, split at markers or not."""
    laid = [
        lay([event for tick, key in track for event in hit(tick, key, channel=channel)])
        for track in tracks
    ]
    marks = lay([event for tick in marked for event in marker(tick, f"at {tick}")])
    path = save(tmp_path / "file.mid", *laid, marks, kind=kind)
    n_strikes = len(read_strikes(path))
    params = StandardizeParams(key_map="gm", split_markers=split)
    try:
        loops = read_loops(path, params)
    except MidiError as error:
        rule = error.rule
        loops = []
    if not loops:
        assert rule == ("no_drums" if n_strikes else "no_notes")
        return
    read_of = [each for each in loops if not isinstance(each, MidiError)]
    counts = [e.loop.n_onsets + e.collapsed_onsets + e.dropped_onsets for e in read_of]
    refused = [each for each in loops if isinstance(each, MidiError)]
    assert all(each.rule == "no_drums" for each in refused)
    assert sum(counts) == n_strikes if not refused else sum(counts) < n_strikes
    assert len({each.loop.lineage.loop_id for each in read_of}) == len(read_of)
