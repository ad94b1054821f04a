"""Small damage in MIDI files, which loses no note: read, and told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.patterns import BAR, lay, named, read, save, tempo, trap
from tests.strategies import event, midi_file, note_off, note_on, track
from trapgen.midi import parse_strikes

NOTES = [
    note_on(0),
    note_off(60),
    note_on(180, 42, 70),
    event(60, 42, 0),
    note_on(0, 38),
    event(0, 0xB9, 7, 100),
    event(0, 0xC9, 4),
    event(3, 0xFF, 1, 2, 65, 66),
    note_off(300, 38),
]
FIRST, SECOND = [event(0, 0xFF, 0x51, 3, 7, 0xA1, 0x20)], NOTES
WHOLE = midi_file(track(*FIRST), track(*SECOND))


def rows(strikes):
    columns = (strikes.ticks, strikes.pitches, strikes.velocities, strikes.channels)
    return [column.tolist() for column in columns], strikes.tempos, strikes.end_tick


def assert_told(data, *clauses):
    strikes = parse_strikes(data)
    assert rows(strikes) == rows(parse_strikes(WHOLE))
    assert not strikes.is_truncated
    assert strikes.damage == clauses


def test_a_whole_file_has_no_damage():
    assert_told(WHOLE)
    alien = b"XFIH" + (5).to_bytes(4, "big") + b"alien"
    assert_told(midi_file(alien, track(*FIRST), alien, track(*SECOND), alien, n_tracks=2))


@pytest.mark.parametrize("count", [0, 1, 3, 5000])
def test_a_wrong_count_of_tracks_is_told(count):
    data = midi_file(track(*FIRST), track(*SECOND), n_tracks=count)
    # The helper takes the format from the count.
    data = data[:9] + b"\1" + data[10:]
    assert_told(data, f"the header counts {count} tracks, the file has 2")


pads = st.binary(min_size=1, max_size=9).filter(lambda pad: b"M" not in pad)


@settings(max_examples=30)
@given(st.sampled_from([1, 2]), pads)
def test_bytes_between_tracks_are_passed_over_and_told(place, pad):
    tracks = [track(*FIRST), track(*SECOND)]
    data = b"".join([WHOLE[:14], *tracks[: place - 1], pad, *tracks[place - 1 :]])
    assert_told(data, f"{len(pad)} bytes before track {place} are none of it")


@pytest.mark.parametrize("clock", [0xF8, 0xFA, 0xFB, 0xFC, 0xFE])
@pytest.mark.parametrize("at", range(len(NOTES) + 1))
def test_a_clock_byte_between_events_is_passed_over_and_told(clock, at):
    data = midi_file(track(*FIRST), track(*SECOND[:at], event(0, clock), *SECOND[at:]))
    assert_told(data, "1 messages, such as clock bytes, do not belong into a file")


places_in_notes = st.tuples(st.integers(0, len(NOTES) - 1), st.integers(1, 2))


@settings(max_examples=30)
@given(st.lists(places_in_notes, min_size=1, max_size=4))
def test_clock_bytes_within_notes_are_passed_over_and_told(places):
    """A cable carries them between any two bytes."""
    events, n_added = [*NOTES], 0
    for number, place in places:
        is_note = NOTES[number][-3] & 0xE0 == 0x80
        if is_note and len(events[number]) == len(NOTES[number]):
            at = len(NOTES[number]) - place
            events[number] = NOTES[number][:at] + b"\xf8" + NOTES[number][at:]
            n_added += 1
    told = f"{n_added} messages, such as clock bytes, do not belong into a file"
    assert_told(midi_file(track(*FIRST), track(*events)), *[told][:n_added])


def test_clock_bytes_in_a_long_track_are_passed_over_and_told():
    plain = [note_on(7, 36 + at % 9) + event(5, 42, at % 3) for at in range(400)]
    data = midi_file(track(note_on(0), *plain))
    broken = midi_file(track(note_on(0), *plain[:200], event(0, 0xF8), *plain[200:]))
    assert rows(parse_strikes(broken)) == rows(parse_strikes(data))
    assert len(parse_strikes(broken).damage) == 1


@pytest.mark.parametrize("n_missing", [1, 2, 3, 4])
def test_missing_last_bytes_are_told(n_missing):
    strikes = parse_strikes(WHOLE[:-n_missing])
    assert rows(strikes) == rows(parse_strikes(WHOLE))
    assert not strikes.is_truncated
    assert strikes.damage == ("the last bytes of track 2 are missing",)


@pytest.mark.parametrize("n_missing", [1, 2])
def test_an_end_event_that_lacks_bytes_is_told(n_missing):
    end = event(0, 0xFF, 0x2F, 0)[:-n_missing]
    data = midi_file(track(*FIRST), track(*SECOND, end=end))
    assert_told(data, "the last bytes of track 2 are missing")


@settings(max_examples=30)
@given(st.integers(1, 400), st.sampled_from([0, 1]))
def test_a_track_of_a_wrong_length_is_read_to_its_end_event(difference, which):
    tracks = [track(*FIRST), track(*SECOND)]
    length = len(tracks[which]) - 8
    short = max(0, length - difference)
    for stated, clause in ((short, "longer"), (length + difference, "shorter")):
        broken = [*tracks]
        broken[which] = b"MTrk" + stated.to_bytes(4, "big") + tracks[which][8:]
        strikes = parse_strikes(WHOLE[:14] + b"".join(broken))
        assert rows(strikes) == rows(parse_strikes(WHOLE))
        assert strikes.damage == (f"track {which + 1} is {clause} than it states",)


def test_damage_reaches_the_account_of_the_loop(tmp_path):
    path = save(tmp_path / "loop.mid", lay(tempo(140) + named("Drums")), lay(trap(2), 2 * BAR))
    whole = read(path)
    path.write_bytes(path.read_bytes()[:-1])
    found = read(path)
    assert np.array_equal(found.loop.velocities, whole.loop.velocities)
    assert found.loop.n_bars == whole.loop.n_bars == 2
    assert (whole.notes, found.notes) == ((), ("the last bytes of track 2 are missing",))


seeds = st.lists(
    st.builds(note_on, st.integers(0, 300), st.integers(35, 59), st.integers(1, 127)), max_size=12
)


@settings(max_examples=30)
@given(seeds, st.data())
def test_any_one_small_damage_loses_no_note(events, data):
    """Wherever in the file it is."""
    whole = midi_file(track(*FIRST), track(note_on(0), *events))
    kind = data.draw(st.sampled_from(["count", "pad", "clock", "cut"]))
    broken = bytearray(whole)
    if kind == "count":
        broken[11] = data.draw(st.sampled_from([0, 1, 3, 255]))
    elif kind == "pad":
        at = data.draw(st.sampled_from([14, whole.rindex(b"MTrk")]))
        broken[at:at] = bytes([data.draw(st.integers(0, 255))])
    elif kind == "clock":
        place = data.draw(st.integers(0, len(events)))
        spoilt = [*events[:place], event(0, 0xF8), *events[place:]]
        broken = bytearray(midi_file(track(*FIRST), track(note_on(0), *spoilt)))
    else:
        del broken[len(whole) - data.draw(st.integers(1, 4)) :]
    strikes = parse_strikes(bytes(broken))
    assert rows(strikes)[:2] == rows(parse_strikes(whole))[:2]
    assert len(strikes.damage) == 1
    assert not strikes.is_truncated
