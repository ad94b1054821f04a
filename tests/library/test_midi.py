"""MIDI in and out: real files, broken files, and other readers' word for it."""

from __future__ import annotations

import random
from io import BytesIO
from itertools import pairwise

import mido
import numpy as np
import pretty_midi
import pytest
import symusic
from hypothesis import HealthCheck, assume, given, settings
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
    random_loop,
    tempo,
    track,
)
from trapgen.core import (
    CLOSED_HAT,
    KICK,
    SNARE,
    TICKS_PER_QUARTER,
    VOICES,
    MidiError,
    ParameterError,
    StandardizeParams,
)
from trapgen.ingest import read_loop
from trapgen.midi import parse_strikes, read_strikes, to_bytes, write_loop

# A temporary folder may serve many examples: each overwrites what it then reads.
with_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def as_rows(strikes):
    """`(tick, pitch, velocity, channel)` of every strike, sorted."""
    columns = (strikes.ticks, strikes.pitches, strikes.velocities, strikes.channels)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def read_with_mido(source):
    """The same of every note-on above zero, as mido reads the file."""
    return sorted(row for row in notes_of_mido(source) if row[2])


def notes_of_mido(source):
    """The same of note-ons and, with velocity 0, note-offs, in the file's order."""
    midi = mido.MidiFile(file=source) if isinstance(source, BytesIO) else mido.MidiFile(source)
    rows = []
    for messages in midi.tracks:
        tick = 0
        for message in messages:
            tick += message.time
            if message.type in ("note_on", "note_off"):
                velocity = message.velocity if message.type == "note_on" else 0
                rows.append((tick, message.note, velocity, message.channel))
    return rows


def read_with_symusic(path):
    """The same of every note, as symusic reads the file; for files on the drum channel alone."""
    notes = [note for part in symusic.Score(path).tracks for note in part.notes]
    return sorted((note.time, note.pitch, note.velocity, 9) for note in notes)


# Reading


def test_reads_note_ons_tempos_and_meters():
    strikes = parse_strikes(
        midi_file(
            track(tempo(0, 140), meter(0, 4, 4), tempo(960, 70), meter(960, 3, 4)),
            track(note_on(0), note_off(120), note_on(360, 42, 1, channel=3), note_off(480, 42)),
        )
    )
    assert as_rows(strikes) == [(0, 36, 100, 9), (480, 42, 1, 3)]
    assert strikes.tempos == ((0, 140.0), (960, 70.0))
    assert strikes.meters == ((0, 4, 4), (1920, 3, 4))
    assert strikes.ticks_per_quarter == 480
    assert strikes.end_tick == 1920
    assert not strikes.is_truncated
    assert len(strikes) == 2
    assert (strikes.ticks.dtype, strikes.velocities.dtype) == (np.int64, np.uint8)


@pytest.mark.parametrize(
    ("events", "ticks"),
    [
        pytest.param([note_on(0), note_on(480)], [0, 480], id="no note-offs"),
        pytest.param([note_on(0), note_off(0)], [0], id="no length"),
        pytest.param([note_off(0), note_on(0)], [0], id="off before on"),
        pytest.param([note_on(0), note_on(240), note_off(240)], [0, 240], id="overlapping"),
        pytest.param([note_on(0), note_on(240, velocity=0)], [0], id="velocity zero is off"),
        pytest.param([note_on(0), event(240, 38, 90), event(1, 42, 0)], [0, 240], id="running"),
        pytest.param([event(7, 0xF0, 3, 1, 2, 0xF7), note_on(5)], [12], id="system exclusive"),
        pytest.param([event(7, 0xFF, 1, 2, 65, 66), note_on(5)], [12], id="text"),
        pytest.param([event(9, 0xB9, 4, 90), event(1, 0xC9, 0), note_on(0)], [10], id="control"),
        pytest.param([note_on(2**21 - 1)], [2**21 - 1], id="three-byte time"),
        pytest.param([note_on(2**28 - 1)], [2**28 - 1], id="four-byte time"),
    ],
)
def test_a_note_off_does_not_make_a_hit(events, ticks):
    strikes = parse_strikes(midi_file(track(*events)))
    assert strikes.ticks.tolist() == ticks
    assert not strikes.is_truncated


events = st.lists(
    st.one_of(
        st.builds(note_on, st.integers(0, 2**15), *[st.integers(0, 127)] * 2, st.integers(0, 15)),
        st.builds(note_off, st.integers(0, 300), st.integers(0, 127), st.integers(0, 15)),
        st.builds(event, st.integers(0, 300), *[st.integers(0, 127)] * 2),  # running status
        st.builds(tempo, st.integers(0, 300), st.integers(20, 400)),
        st.builds(meter, st.integers(0, 300), st.integers(1, 12), st.sampled_from([2, 4, 8])),
        st.builds(lambda delta, bend: event(delta, 0xE0, 0, bend), *[st.integers(0, 127)] * 2),
    ),
    max_size=30,
)


@given(st.lists(events, min_size=1, max_size=3), st.integers(1, 0x7FFF))
def test_reads_what_mido_reads(tracks, division):
    tracks = [[note_on(0), *found] for found in tracks]
    assume(all(_has_status(found) for found in tracks))
    data = midi_file(*(track(*found) for found in tracks), division=division)
    strikes = parse_strikes(data)
    assert as_rows(strikes) == read_with_mido(BytesIO(data))
    assert strikes.ticks_per_quarter == division
    assert not strikes.is_truncated


def _has_status(found):
    """Whether every event that runs on the last status follows a note."""
    first = [data[next(at for at, byte in enumerate(data) if byte < 0x80) + 1] for data in found]
    sorts = ["runs" if byte < 0x80 else "note" if byte < 0xA0 else "other" for byte in first]
    return ("other", "runs") not in pairwise(sorts)


def test_a_riff_wrapper_is_opened():
    inside = midi_file(track(note_on(0)))
    wrapped = b"RIFF" + (len(inside) + 12).to_bytes(4, "little") + b"RMIDdata" + bytes(4) + inside
    assert as_rows(parse_strikes(wrapped)) == [(0, 36, 100, 9)]


def test_what_is_no_track_is_passed_over():
    alien = b"XFIH" + (5).to_bytes(4, "big") + b"alien"
    data = midi_file(alien, track(note_on(0)), alien, n_tracks=1)
    assert as_rows(parse_strikes(data)) == [(0, 36, 100, 9)]
    assert not parse_strikes(data).is_truncated


@pytest.mark.parametrize("tail", [b"\n", bytes(7), bytes(100), b"LIST\x04\0\0\0data"], ids=len)
def test_what_is_behind_the_last_track_is_passed_over(tail):
    strikes = parse_strikes(midi_file(track(note_on(0))) + tail)
    assert len(strikes) == 1
    assert not strikes.is_truncated


def test_a_track_without_its_end_event_is_whole():
    strikes = parse_strikes(midi_file(track(note_on(0), note_off(9), end=b"")))
    assert len(strikes) == 1
    assert not strikes.is_truncated


@pytest.mark.parametrize(
    ("data", "rule", "received"),
    [
        pytest.param(b"", "not_midi", "an empty file", id="empty"),
        pytest.param(b"These are my drums.\n" * 9, "not_midi", "b'These ar'", id="text"),
        pytest.param(b"RIFF" + bytes(60), "not_midi", r"b'RIFF\x00\x00\x00\x00'", id="a sound"),
        pytest.param(b"MThd\0\0\0\6\0\0", "not_midi", r"b'MThd\x00\x00\x00\x06'", id="half a head"),
        pytest.param(midi_file(track(), division=0xE728), "time_division", "0xe728", id="SMPTE"),
        pytest.param(midi_file(track(), division=0), "time_division", "0x0000", id="zero"),
    ],
)
def test_what_is_no_midi_is_refused(tmp_path, data, rule, received):
    path = tmp_path / "loop.mid"
    path.write_bytes(data)
    with pytest.raises(MidiError, match=r"loop\.mid") as caught:
        read_strikes(path)
    assert (caught.value.rule, caught.value.received) == (rule, received)
    assert caught.value.exit_code == 3
    assert caught.value.detail in str(caught.value)


def test_what_cannot_be_opened_is_refused(tmp_path):
    for path in (tmp_path / "nowhere.mid", tmp_path):
        with pytest.raises(MidiError, match="unreadable"):
            read_strikes(path)


def test_a_cut_is_noticed_wherever_it_falls():
    data = midi_file(track(tempo(0, 140)), track(note_on(0), note_off(9), note_on(9, 38)))
    for length in range(14, len(data)):
        strikes = parse_strikes(data[:length])
        # Without its last bytes, at most the end event, a file has all its notes; one that ends
        # between two tracks may as well have a wrong count of them.
        is_small = length >= len(data) - 4 or length == data.rindex(b"MTrk")
        assert strikes.is_truncated == (not is_small), length
        assert strikes.is_truncated or len(strikes.damage) == 1
    assert not parse_strikes(data).is_truncated


def test_nonsense_in_a_track_is_noticed():
    first = note_on(0) + note_off(9)
    for nonsense in (b"\0\xf5", b"\0\xff\x51\x84\x80\x80\x80\x00", b"\xff" * 9):
        strikes = parse_strikes(midi_file(track(first, nonsense)))
        assert len(strikes) == 1
        assert strikes.is_truncated
    assert parse_strikes(midi_file(track(event(0, 36, 100)))).is_truncated


def test_worthless_tempos_and_meters_are_passed_over():
    strikes = parse_strikes(
        midi_file(
            track(
                event(0, 0xFF, 0x51, 3, 0, 0, 0),
                event(0, 0xFF, 0x51, 2, 7, 7),
                event(0, 0xFF, 0x58, 4, 0, 2, 24, 8),
                event(0, 0xFF, 0x58, 1, 3),
                note_on(0),
            )
        )
    )
    assert (strikes.tempos, strikes.meters, len(strikes)) == ((), (), 1)


WHOLE = midi_file(
    track(tempo(0, 140), meter(0, 4, 4)),
    track(*(note_on(60, 36 + 2 * (i % 4)) + note_off(60, 36 + 2 * (i % 4)) for i in range(16))),
)


@settings(max_examples=400)
@given(st.dictionaries(st.integers(0, len(WHOLE) - 1), st.integers(0, 255), max_size=8))
def test_flipped_bytes_give_strikes_or_a_midi_error(flips):
    data = bytearray(WHOLE)
    for at, byte in flips.items():
        data[at] = byte
    _parse_anything(bytes(data))


@settings(max_examples=400)
@given(st.sampled_from([b"", b"MThd", WHOLE[:14], WHOLE[:22], WHOLE[:60]]), st.binary())
def test_any_bytes_give_strikes_or_a_midi_error(head, tail):
    _parse_anything(head + tail)


# Files long enough for events to be read many at once; mido reads them one by one.

LONG = [note_on(7, 36 + at % 20, 1 + at % 127, at % 16) + event(5, 42, at % 3) for at in range(200)]
ODDITIES = {
    "program": event(3, 0xC9, 7) + note_on(1),
    "pressure": event(3, 0xD9, 7) + note_on(1),
    "bend": event(3, 0xE9, 7, 8) + note_on(1),
    "control": event(3, 0xB9, 7, 8) + event(1, 9, 9) + note_on(1),
    "text": event(3, 0xFF, 1, 2, 65, 66) + note_on(1),
    "exclusive": event(3, 0xF0, 3, 1, 2, 0xF7) + note_on(1),
    "two-byte time": note_on(130) + note_on(2**14 - 1) + note_on(8_192),
    "three-byte time": note_on(2**14) + note_on(2**21 - 1),
    "four-byte time": note_on(2**21) + note_on(2**28 - 1),
}


@pytest.mark.parametrize("name", ODDITIES)
@pytest.mark.parametrize("place", [0, 100, 199, 200])
def test_a_long_track_is_read_as_mido_reads_it(name, place):
    found = [note_on(0), *LONG[:place], ODDITIES[name], *LONG[place:]]
    data = midi_file(track(*found))
    strikes = parse_strikes(data)
    assert as_rows(strikes) == read_with_mido(BytesIO(data))
    assert not strikes.is_truncated


@pytest.mark.parametrize("n_notes", [50, 3_000, 30_000, 70_000])
def test_running_status_is_read_over_any_length(n_notes):
    strikes = parse_strikes(midi_file(track(note_on(0), event(200, 38, 9) * n_notes)))
    np.testing.assert_array_equal(strikes.ticks, 200 * np.arange(n_notes + 1))
    assert strikes.end_tick == 200 * n_notes
    assert not strikes.is_truncated


@given(st.binary(min_size=1, max_size=6), st.integers(0, 1500))
def test_what_is_inserted_into_a_long_track_changes_nothing_before_it(nonsense, at):
    data = midi_file(track(note_on(0), *LONG))
    broken = data[: 22 + at] + nonsense + data[22 + at :]
    whole, strikes = as_rows(parse_strikes(data)), parse_strikes(broken)
    n_read = max(0, at - 4) // 7  # rows of seven bytes behind a note of four
    known = [row for row in as_rows(strikes) if row[0] < 12 * n_read]
    assert known == [row for row in whole if row[0] < 12 * n_read]
    _parse_anything(broken)


def test_a_track_that_goes_on_for_decades_is_nonsense():
    years = (note_on(2**28 - 1) for _ in range(5_000))
    strikes = parse_strikes(midi_file(track(*years)))
    assert strikes.is_truncated
    assert len(strikes) == 2**40 // (2**28 - 1)


def _parse_anything(data):
    try:
        strikes = parse_strikes(data)
    except MidiError:
        return
    assert (np.diff(strikes.ticks) >= 0).all()
    assert ((strikes.velocities >= 1) & (strikes.velocities <= 127)).all()
    assert (strikes.pitches <= 127).all()
    assert (strikes.channels <= 15).all()
    assert all(bpm > 0 for _, bpm in strikes.tempos)
    assert strikes.end_tick >= (strikes.ticks[-1] if len(strikes) else 0)


def test_a_hundred_thousand_notes_in_a_bar_are_read():
    strikes = parse_strikes(midi_file(track(note_on(0), event(0, 38, 9) * 99_999)))
    assert len(strikes) == 100_000
    assert not strikes.ticks.any()


# Writing


@with_folder
@given(drum_loops(min_hits=1))
def test_a_written_loop_is_read_back(tmp_path, loop):
    path = tmp_path / "loop.mid"
    write_loop(path, loop)
    params = StandardizeParams(loop.steps_per_bar, key_map="gm", feel="keep")
    read = read_loop(path, params)
    # Bars of silence before the first hit are counted, those after the last not always.
    first = read.leading_bars * loop.steps_per_bar
    heard = slice(first, first + read.loop.n_steps)
    np.testing.assert_array_equal(read.loop.velocities, loop.velocities[heard])
    assert read.loop.n_onsets == loop.n_onsets
    assert read.loop.bpm == loop.bpm
    assert (read.collapsed_onsets, read.dropped_onsets) == (0, 0)
    expected = np.array(loop.offsets[heard])
    expected[0] = np.maximum(expected[0], 0)  # nothing sounds before the first bar that is heard
    np.testing.assert_allclose(read.loop.offsets, expected, atol=1e-6)


@with_folder
@given(grids, st.floats(-0.5, 0.5, exclude_max=True, width=32), st.integers(1, 15))
def test_microtiming_is_kept_to_a_tick(tmp_path, steps_per_bar, offset, step):
    velocities = make_loop((step, SNARE), steps_per_bar=steps_per_bar, bars=2).velocities
    loop = make_loop(steps_per_bar=steps_per_bar, bars=2)
    loop = type(loop)(velocities, steps_per_bar, 97.31, np.full(velocities.shape, offset))
    write_loop(tmp_path / "loop.mid", loop)
    read = read_loop(
        tmp_path / "loop.mid", StandardizeParams(steps_per_bar, by_name=False, feel="keep")
    ).loop
    ticks_per_step = 4 * TICKS_PER_QUARTER // steps_per_bar
    assert np.argwhere(read.onsets).tolist() == [[step, SNARE]]
    assert abs(float(read.offsets[step, SNARE]) - offset) * ticks_per_step <= 1


def test_the_same_loop_gives_the_same_bytes(tmp_path):
    loop = random_loop(np.random.default_rng(0), bars=4, steps_per_bar=48, bpm=151.5)
    for name in ("one.mid", "other.mid"):
        write_loop(tmp_path / "new" / name, loop)
    one, other = sorted((tmp_path / "new").iterdir())
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("bpm", [20.0, 61.8, 139.99, 140.0, 400.0])
def test_a_file_ends_where_its_loop_ends(tmp_path, bpm):
    loop = make_loop((0, KICK), bars=3, bpm=bpm)
    write_loop(tmp_path / "loop.mid", loop)
    strikes = read_strikes(tmp_path / "loop.mid")
    assert strikes.end_tick == 3 * 4 * TICKS_PER_QUARTER
    assert strikes.tempos == ((0, bpm),)
    assert strikes.meters == ((0, 4, 4),)
    assert set(strikes.channels.tolist()) == {9}


@with_folder
@given(drum_loops(min_hits=1, max_hits=60, max_bars=1, voices=[KICK, CLOSED_HAT]))
def test_other_readers_hear_the_same_hits(tmp_path, loop):
    path = tmp_path / "loop.mid"
    write_loop(path, loop)
    ours = as_rows(read_strikes(path))
    assert read_with_mido(path) == ours
    assert read_with_symusic(path) == ours
    assert len(ours) == loop.n_onsets


@with_folder
@given(drum_loops(max_hits=60))
def test_pretty_midi_and_mido_read_what_was_written(tmp_path, loop):
    path = tmp_path / "loop.mid"
    write_loop(path, loop)
    seconds_per_tick = round(60e6 / loop.bpm) / 1e6 / TICKS_PER_QUARTER
    rows = as_rows(read_strikes(path))
    end_tick = loop.n_bars * 4 * TICKS_PER_QUARTER
    for midi in (pretty_midi.PrettyMIDI(str(path)), loop.to_pretty_midi()):
        notes = [note for part in midi.instruments for note in part.notes]
        heard = sorted((midi.time_to_tick(note.start), note.pitch, note.velocity) for note in notes)
        assert heard == [row[:3] for row in rows]
        assert all(part.is_drum and part.name == "Drums" for part in midi.instruments)
        assert midi.get_tempo_changes()[1] == pytest.approx([loop.bpm], rel=1e-4)
        assert [(sign.numerator, sign.denominator) for sign in midi.time_signature_changes] == [
            (4, 4)
        ]
        assert midi.get_end_time() == pytest.approx(end_tick * seconds_per_tick)
    midi = mido.MidiFile(path)
    assert midi.ticks_per_beat == TICKS_PER_QUARTER
    assert midi.length == pytest.approx(end_tick * seconds_per_tick)
    assert [sum(message.time for message in part) for part in midi.tracks] == [end_tick] * 2


def test_what_pretty_midi_writes_on_is_the_same_loop(tmp_path):
    loop = random_loop(np.random.default_rng(1), bars=4, steps_per_bar=24, bpm=97.5)
    write_loop(tmp_path / "ours.mid", loop)
    loop.to_pretty_midi().write(str(tmp_path / "theirs.mid"))
    ours, theirs = (read_strikes(tmp_path / name) for name in ("ours.mid", "theirs.mid"))
    assert as_rows(ours) == as_rows(theirs)
    assert len(ours) == loop.n_onsets
    assert (theirs.tempos, theirs.meters) == (ours.tempos, ours.meters)
    # pretty_midi puts the end a tick behind the last event.
    assert theirs.end_tick - ours.end_tick == 1


def test_notes_of_one_voice_do_not_overlap(tmp_path):
    roll = make_loop(*((step, CLOSED_HAT) for step in range(96)), steps_per_bar=96)
    write_loop(tmp_path / "roll.mid", roll)
    notes = [n for t in symusic.Score(tmp_path / "roll.mid").tracks for n in t.notes]
    ends = [note.time + note.duration for note in notes]
    assert len(notes) == 96
    assert all(end <= note.time for end, note in zip(ends[:-1], notes[1:], strict=True))


def test_every_voice_is_written_on_its_pitch(tmp_path):
    write_loop(tmp_path / "kit.mid", make_loop(*((voice, voice) for voice in range(9))))
    pitches = read_strikes(tmp_path / "kit.mid").pitches.tolist()
    assert pitches == [voice.pitch for voice in VOICES]


def test_a_loop_beyond_the_tempos_of_midi_is_refused(tmp_path):
    for bpm in (1.0, 1e9):
        with pytest.raises(ParameterError, match="bpm"):
            write_loop(tmp_path / "loop.mid", make_loop((0, KICK), bpm=bpm))
    assert not list(tmp_path.iterdir())


def test_a_loop_beyond_the_length_of_midi_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="n_bars must be at most 69905"):
        write_loop(tmp_path / "loop.mid", make_loop((0, KICK), bars=69_906))
    assert not list(tmp_path.iterdir())
    with pytest.raises(ParameterError, match=r"n_bars must be at most 2604 .*received 2605"):
        make_loop((0, KICK), bars=2_605).to_pretty_midi()
    assert make_loop((0, KICK), bars=2_604).to_pretty_midi().get_end_time() > 0


@pytest.mark.parametrize("gap_bars", [1, 5, 600, 69_904])
def test_hits_far_apart_are_written_where_they_are(gap_bars):
    loop = make_loop((0, KICK), (16 * gap_bars, SNARE), bars=gap_bars + 1)
    strikes = parse_strikes(to_bytes(loop))
    assert strikes.ticks.tolist() == [0, 4 * TICKS_PER_QUARTER * gap_bars]
    assert strikes.end_tick == 4 * TICKS_PER_QUARTER * (gap_bars + 1)
    assert not strikes.is_truncated


# Real files

UNPAIRED = "drummer1/session1/78_jazz-fast_290_beat_4-4.mid"


@pytest.fixture(scope="module")
def groove(shared):
    folder = shared / "data" / "groove"
    return folder, sorted(folder.rglob("*.mid"))


def test_groove_as_symusic_reads_it(groove):
    folder, paths = groove
    assert len(paths) == 1150
    total = 0
    differing = []
    for path in paths:
        ours = as_rows(read_strikes(path))
        total += len(ours)
        if ours != read_with_symusic(path):
            differing.append(path.relative_to(folder).as_posix())
    assert total == 446_312
    assert differing == [UNPAIRED]


def test_groove_as_mido_reads_it(groove):
    _, paths = groove
    for path in random.Random(0).sample(paths, 60):
        assert as_rows(read_strikes(path)) == read_with_mido(path), path


def test_symusic_drops_the_hit_that_an_early_off_leaves_without_one(tmp_path):
    path = tmp_path / "early.mid"
    path.write_bytes(midi_file(track(note_off(9), note_on(0), note_on(240), note_off(240))))
    assert [row[0] for row in as_rows(read_strikes(path))] == [9, 249]
    assert [row[0] for row in read_with_mido(path)] == [9, 249]
    assert [row[0] for row in read_with_symusic(path)] == [9]


def test_grooves_one_difference_is_an_early_off(groove):
    path = groove[0] / UNPAIRED
    ours, theirs = as_rows(read_strikes(path)), read_with_symusic(path)
    assert ours == read_with_mido(path)
    assert (len(ours), len(theirs)) == (1497, 1496)
    (dropped,) = set(ours) - set(theirs)
    same_key = [row for row in notes_of_mido(path) if row[1] == dropped[1]]
    # As many ends as hits, and the dropped hit, the key's last, has one of its own …
    assert len([row for row in same_key if row[2]]) == len(same_key) / 2
    assert same_key[-2] == dropped
    # … but one end comes before its hit, so that symusic ends every later hit by the next one's.
    sounding = np.cumsum([1 if velocity else -1 for _, _, velocity, _ in same_key])
    early = int(np.argmax(sounding < 0))
    assert same_key[early][0] == same_key[early + 1][0]
    assert same_key[early + 1][2]
