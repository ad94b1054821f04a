"""A kit stays a kit: what a file plays, its name, its folders and its tracks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import event, midi_file, note_on, track
from trapgen.core import KEY_MAPS, ROLES, VOICES, InputError, StandardizeParams
from trapgen.ingest import find_midi, read_folder, read_loop, review_files, settle
from trapgen.ingest.keymap import sure_from
from trapgen.ingest.keymap.assign import assign_voices
from trapgen.midi import parse_strikes

PARAMS = StandardizeParams()
NOWHERE = Path("/nowhere")
"""A folder that is not there: only names in it are read."""
QUARTER = 480
BAR = 4 * QUARTER
TITLES = ("Tom Ford 140", "Perc 30", "Ride or Die", "Oh No", "808 Mafia", "beat_ch1", "plain")
WORDS = (
    "Perc Tom Ride Oh No Mafia 808 Sub Hat Trick Kick Back Snare Drum Clap Rim Shot Crash Course "
    "Snap Cymbal Night Drive Beat Dark Loop Vol 2 ch1 140 BPM High Hats Open Closed Bongo"
)
titles = st.lists(st.sampled_from(WORDS.split()), min_size=1, max_size=4).map(" ".join)


def trap(bars=4, octave=0, channel=0, clap=False):
    """Hits `(tick, key, channel)` of a plain beat: kick, snare on 3, 8ths with a roll of 32nds."""
    places = [(0, 36), (3 * QUARTER // 2, 36), (2 * QUARTER, 39 if clap else 38)]
    places += [(eighth * QUARTER // 2, 42) for eighth in range(8)]
    places += [(7 * QUARTER // 2 + n * QUARTER // 8, 42) for n in (1, 2, 3)]
    return [
        (bar * BAR + tick, key + octave, channel) for bar in range(bars) for tick, key in places
    ]


def lane(key, channel, steps, bars=2):
    return [(bar * BAR + s * QUARTER // 4, key, channel) for bar in range(bars) for s in steps]


def song(*parts):
    """A MIDI file of tracks, each a name and hits."""
    tracks = []
    for name, hits in parts:
        text = name.encode()
        events, last = [event(0, 0xFF, 3, len(text), *text)] if name else [], 0
        for tick, key, channel in sorted(hits):
            events.append(note_on(tick - last, key, channel=channel))
            last = tick
        tracks.append(track(*events))
    return midi_file(*tracks)


def write(path, *parts):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(song(*parts))
    return path


def assign(path, *parts):
    return assign_voices(path, parse_strikes(song(*parts)), PARAMS)


def heard(loop):
    return {VOICES[at].name: int(n) for at, n in enumerate(loop.onsets.sum(axis=0)) if n}


def read_all(folder):
    return {read.source_path: read for read in read_folder(folder, PARAMS)}


@pytest.mark.parametrize("title", TITLES)
def test_a_kit_whose_title_holds_a_role_word_is_a_kit(tmp_path, title):
    read = read_loop(write(tmp_path / f"{title}.mid", ("", trap())), PARAMS)
    assert (read.loop.lineage.role, read.key_map) == ("full", "gm")
    assert heard(read.loop) == {"kick": 8, "snare": 4, "closed_hat": 44}
    assert (read.dropped_onsets, read.collapsed_onsets) == (0, 0)
    assert read.key_map_confidence >= sure_from()


@pytest.mark.parametrize("channel", [0, 10])
def test_general_midi_on_another_channel_is_a_kit(tmp_path, channel):
    extra = [
        (bar * BAR + at, key, channel) for bar in range(4) for at, key in ((960, 39), (1680, 46))
    ]
    path = write(tmp_path / f"rack_ch{channel + 1}.mid", ("", trap(channel=channel) + extra))
    read = read_loop(path, PARAMS)
    assert (read.loop.lineage.role, read.key_map) == ("full", "gm")
    assert heard(read.loop) == {"kick": 8, "snare": 4, "closed_hat": 44, "open_hat": 4}


def test_a_key_map_that_is_settled_wins_over_the_name(tmp_path):
    path = write(tmp_path / "Perc 30.mid", ("", lane(36, 0, (0, 6)) + lane(37, 0, (8,))))
    assert read_loop(path, PARAMS).loop.lineage.role == "perc"
    settle(tmp_path, {"Perc 30.mid": "gm"})
    read = read_loop(path, PARAMS)
    assert (read.loop.lineage.role, read.key_map, read.key_map_confidence) == ("full", "gm", 1.0)
    assert heard(read.loop) == {"kick": 4, "snare": 2}
    assert next(review_files(tmp_path, [path])).is_sure


@settings(max_examples=30)
@given(titles, st.sampled_from([-24, -12, 0, 0, 12, 24]), st.sampled_from([0, 3, 9]), st.booleans())
def test_a_kit_is_read_as_a_kit_or_doubted_in_any_octave(title, octave, channel, clap):
    kit = trap(octave=octave, channel=channel, clap=clap)
    found = assign(NOWHERE / f"{title}.mid", ("", kit))
    if octave:
        assert found.confidence < sure_from()
    else:
        assert (found.role, found.key_map) == ("full", "gm")
        assert found.confidence >= sure_from()


@settings(max_examples=30)
@given(titles, titles, titles)
def test_no_name_of_file_track_or_folder_makes_a_kit_a_part(title, name, folder):
    found = assign(NOWHERE / folder / f"{title}.mid", (name, trap()))
    assert (found.role, found.key_map) == ("full", "gm")


# Tracks: step sequencers export a drum a track, all on one key


def sequencer(*names):
    """The tracks of a step sequencer, each on a channel of its own."""
    steps = [(0, 6, 10), (8,), range(0, 16, 2), (14,)]
    parts = [("", [])]
    for at, (name, places) in enumerate(zip(names, steps, strict=False)):
        parts.append((name, lane(60, at, places)))
    return parts


def test_a_drum_a_track_on_one_key_is_read_by_the_names_of_tracks(tmp_path):
    path = write(tmp_path / "night_drive.mid", *sequencer("Kick", "Clap", "Hat", "Open Hat"))
    read = read_loop(path, PARAMS)
    assert (read.loop.lineage.role, read.key_map, read.key_map_confidence) == ("full", "tracks", 1)
    assert heard(read.loop) == {"kick": 6, "snare": 2, "closed_hat": 16, "open_hat": 2}


def test_tracks_that_no_name_tells_are_settled(tmp_path):
    parts = sequencer("Kick", "Snare", "Channel 7", "Channel 8")
    path = write(tmp_path / "night_drive.mid", *parts)
    (found,) = review_files(tmp_path, [path])
    assert not found.is_sure
    assert [(lost.channel, lost.pitch, lost.count) for lost in found.dropped] == [
        (3, 60, 16),
        (4, 60, 2),
    ]
    assert [(each.number, each.name, each.channels) for each in found.tracks] == [
        (2, "Kick", (1,)),
        (3, "Snare", (2,)),
        (4, "Channel 7", (3,)),
        (5, "Channel 8", (4,)),
    ]
    settle(tmp_path, {"night_drive.mid#4": "closed_hat", "night_drive.mid#5": "60=open_hat"})
    read = read_loop(path, PARAMS)
    assert (read.key_map, read.key_map_confidence) == ("settled", 1.0)
    assert heard(read.loop) == {"kick": 6, "snare": 2, "closed_hat": 16, "open_hat": 2}
    settle(tmp_path, {"night_drive.mid": "gm", "night_drive.mid#2": "snare"})
    assert heard(read_loop(path, PARAMS).loop)["snare"] == 8
    with pytest.raises(InputError, match="It has 5 tracks"):
        settle(tmp_path, {"night_drive.mid#6": "kick"})


def test_keys_outweigh_the_names_of_tracks_that_say_the_same_of_them(tmp_path):
    hats = lane(42, 2, range(0, 16, 2)) + lane(46, 2, (15,))
    parts = [("Kick", lane(36, 0, (0,))), ("Snare", lane(60, 1, (8,))), ("Hats", hats)]
    read = read_loop(write(tmp_path / "x.mid", *parts), PARAMS)
    assert heard(read.loop) == {"kick": 2, "snare": 2, "closed_hat": 16, "open_hat": 2}
    assert read.key_map == "tracks"


def test_a_melody_beside_the_drums_is_dropped_and_counted(tmp_path):
    parts = [*sequencer("Kick", "Clap", "Hat"), ("Lead", lane(64, 5, (0, 3, 6, 9)))]
    read = read_loop(write(tmp_path / "x.mid", *parts), PARAMS)
    assert heard(read.loop) == {"kick": 6, "snare": 2, "closed_hat": 16}
    assert (read.dropped_onsets, read.key_map_confidence) == (8, 24 / 32)


@settings(max_examples=20)
@given(st.permutations(["Kick 808", "Snare_02", "HH Closed", "Ride"]), st.integers(0, 127))
def test_every_strike_is_its_tracks(names, key):
    steps = dict(zip(names, [(0, 6, 10), (8,), range(0, 16, 2), (14,)], strict=True))
    parts = [(name, lane(key, at, places)) for at, (name, places) in enumerate(steps.items())]
    found = assign(NOWHERE / "x.mid", *parts)
    voices = {"Kick 808": 0, "Snare_02": 1, "HH Closed": 2, "Ride": 7}
    counts = {voices[name]: 2 * len(places) for name, places in steps.items()}
    assert np.bincount(found.voices, minlength=9).tolist() == [counts.get(at, 0) for at in range(9)]
    assert (found.role, found.confidence) == ("full", 1.0)


# Folders


def test_a_folder_says_the_role_of_its_parts(tmp_path):
    parts = {
        "Kicks": ((0, 6, 10), (0, 3, 11)),
        "Snares": ((8,), (8, 15)),
        "Hi-Hats": (range(0, 16, 2), (0, 2, 4, 6, 7, 8, 10, 12, 13, 14)),
        "Open Hats": ((2, 10), (6, 14)),
        "808s": ((0, 7), (0, 10)),
    }
    for folder, patterns in parts.items():
        for number, steps in enumerate(patterns, 1):
            path = tmp_path / "Night Pack" / folder / f"Pattern {number:02d}.mid"
            write(path, ("", lane(60, 0, steps, bars=4)))
    of_folder = {
        "Kicks": ("kick", "kick"),
        "Snares": ("snare", "snare"),
        "Hi-Hats": ("hat", "closed_hat"),
        "Open Hats": ("hat", "open_hat"),
        "808s": ("kick", "kick"),
    }
    reads = read_all(tmp_path)
    assert len(reads) == 10
    for name, read in reads.items():
        role, voice = of_folder[name.split("/")[1]]
        assert (read.loop.lineage.role, list(heard(read.loop))) == (role, [voice])
        assert (read.key_map, read.key_map_confidence) == ("folder", 1.0)
    again = read_all(tmp_path / "Night Pack" / "Snares")
    assert {read.loop.lineage.role for read in again.values()} == {"snare"}


@pytest.mark.parametrize("pack", ["Ride or Die Pack", "808 Mafia", "Oh No Vol 2", "Tom Ford Kit"])
def test_the_title_of_a_pack_is_no_role(tmp_path, pack):
    path = write(tmp_path / pack / "Pattern 01.mid", ("", lane(36, 0, (2, 6), bars=4)))
    assert assign(path, ("", lane(36, 0, (2, 6), bars=4))).role == "full"


# Doubt


def test_dropped_keys_are_counted_by_channel(tmp_path):
    shaker = [(n * 120, 70, 9) for n in range(32)]
    cowbell = [(n * 120, 56, 9) for n in range(2, 32, 4)]
    path = write(tmp_path / "perc.mid", ("", trap(2, channel=9) + shaker + cowbell))
    (found,) = review_files(tmp_path, [path])
    assert [(lost.channel, lost.pitch, lost.count) for lost in found.dropped] == [
        (10, 70, 32),
        (10, 56, 8),
    ]
    read = read_loop(path, PARAMS)
    assert (read.key_map, read.dropped_onsets) == ("gm", 40)
    assert found.reading.confidence == read.key_map_confidence == pytest.approx(28 / 68, 1e-3)
    assert not found.is_sure


def test_a_second_drum_channel_is_heard_or_counted(tmp_path):
    kicks = [(bar * BAR + at, 36, 9) for bar in range(4) for at in (0, 720)]
    snares = [(bar * BAR + 960, 38, 9) for bar in range(4)]
    layer = [(n * 240, 42, 10) for n in range(32)]
    bass = [(bar * BAR, 29, 0) for bar in range(4)]
    parts = ("Drums", kicks + snares), ("Drums 2", layer), ("808 bass", bass)
    path = write(tmp_path / "song.mid", *parts)
    (found,) = review_files(tmp_path, [path])
    read = read_loop(path, PARAMS)
    lost = {(each.channel, each.pitch): each.count for each in found.dropped}
    assert lost[1, 29] == 4
    assert lost.get((11, 42), 0) + heard(read.loop).get("closed_hat", 0) == 32
    assert sum(lost.values()) == read.dropped_onsets


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 63), st.integers(0, 127), st.integers(0, 15)), min_size=1))
def test_the_review_lists_by_the_confidence_of_the_manifest(tmp_path_factory, places):
    folder = tmp_path_factory.mktemp("doubt")
    hits = [(step * 120, key, channel) for step, key, channel in sorted(set(places))]
    path = write(folder / "x.mid", ("", hits))
    (found,) = review_files(folder, [path])
    (read,) = read_folder(folder, PARAMS)
    n_lost = sum(lost.count for lost in found.dropped)
    if n_lost == len(hits):
        assert (read.rule, found.is_sure) == ("no_drums", False)
    else:
        assert found.reading.confidence == read.key_map_confidence
        assert n_lost == read.dropped_onsets
        assert found.reading.role in ROLES


@pytest.mark.parametrize("channel", [0, 9])
def test_a_map_through_which_no_kick_or_snare_is_heard_is_in_doubt(channel):
    hats = [(n * 240, (42, 46)[n % 4 == 3], channel) for n in range(64)]
    found = assign(NOWHERE / "Loop 1.mid", ("", hats))
    assert found.confidence < sure_from()
    assert assign(NOWHERE / "OH CH.mid", ("", hats)).confidence >= sure_from()


def test_an_octave_up_most_of_a_kit_is_lost_and_the_file_in_doubt(tmp_path):
    path = write(tmp_path / "beat.mid", ("", trap(octave=12, channel=9)))
    (found,) = review_files(tmp_path, [path])
    assert [(lost.channel, lost.pitch, lost.count) for lost in found.dropped] == [(10, 54, 44)]
    assert found.reading.confidence < 12 / 56


def chart(rng):
    """A chart of a rhythm game: the drums on lanes of four difficulties."""
    lanes = {36: 0, 38: 1, 42: 2}
    return [
        (tick, base + lanes[key], 0)
        for tick, key, _ in trap(8)
        for base, share in ((96, 1), (84, 0.8), (72, 0.5), (60, 0.3))
        if rng.random() < share
    ]


def melody(rng):
    """A tune over two bars of a scale of eight to fourteen notes, four times."""
    scale = rng.integers(40, 72) + np.array([0, 2, 3, 5, 7, 8, 10, 12, 14, 15, 17, 19, 20, 22])
    places = np.flatnonzero(rng.random(16) < 0.6) * QUARTER // 2
    steps = np.clip(np.cumsum(rng.integers(-3, 4, len(places))) + 6, 0, 13)
    tune = list(zip(places.tolist(), scale[steps].tolist(), strict=True))
    return [(bar * 2 * BAR + tick, key, 0) for bar in range(4) for tick, key in tune]


def test_charts_and_melodies_are_in_doubt():
    rng = np.random.default_rng(3)
    charts = [assign(NOWHERE / "notes.mid", ("PART DRUMS", chart(rng))) for _ in range(10)]
    assert max(found.confidence for found in charts) < sure_from()
    tunes = [assign(NOWHERE / "Loop 1.mid", ("Lead", melody(rng))) for _ in range(40)]
    assert sum(found.confidence < sure_from() for found in tunes) >= 38


def test_a_melody_whose_title_holds_a_role_word_is_in_doubt():
    tune = [(n * 240, 60 + key, 0) for n, key in enumerate([0, 3, 7, 10, 12, 10, 7, 3] * 4)]
    assert assign(NOWHERE / "Oh No.mid", ("", tune)).confidence < sure_from()
    # An 808 has a key a note.
    assert assign(NOWHERE / "808_dark.mid", ("", tune)).confidence == 1


def test_hand_made_loops_are_general_midi_and_in_no_doubt(shared):
    folder = shared / "data" / "by-hand"
    reviewed = list(review_files(folder, find_midi(folder)))
    assert len(reviewed) == 11
    assert all(found.is_sure for found in reviewed)
    gm = KEY_MAPS["gm"].voices
    for found in reviewed:
        table = KEY_MAPS[found.reading.key_map].voices
        assert [table[key] for key in (36, 38, 42)] == [gm[key] for key in (36, 38, 42)]
    assert sum(found.reading.key_map == "gm" for found in reviewed) == 10


def test_plain_general_midi_is_in_no_doubt_on_any_channel(shared, tmp_path):
    paths = [*find_midi(shared / "data" / "hh-trp" / "midi")]
    paths += find_midi(shared / "data" / "trap-loops" / "combined")[::20]
    kit = set(KEY_MAPS["gm"].voices)
    paths += [
        path
        for path in find_midi(shared / "data" / "beatbank")
        if kit - {37} >= set(parse_strikes(path.read_bytes()).pitches.tolist())
    ]
    assert len(paths) == 89
    for path in paths:
        strikes = parse_strikes(path.read_bytes())
        moved = replace(strikes, channels=np.zeros(len(strikes), np.uint8))
        for played in (strikes, moved):
            found = assign_voices(NOWHERE / "Loop 1.mid", played, PARAMS)
            assert found.key_map == "gm", path
            assert found.confidence >= sure_from(), path
