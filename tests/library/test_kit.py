"""The kit: bit order, key maps against their sources, and what file names say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trapgen.core import (
    CLOSED_HAT,
    CRASH,
    FULL,
    HIGH_TOM,
    KEY_MAPS,
    KICK,
    LOW_TOM,
    MID_TOM,
    N_VOICES,
    OPEN_HAT,
    RIDE,
    ROLES,
    SNARE,
    VOICES,
    ParameterError,
    Role,
    key_map,
    role_of_name,
)


def test_nine_voices_in_the_order_of_the_paper():
    assert [voice.pitch for voice in VOICES] == [36, 38, 42, 46, 41, 45, 48, 51, 49]
    assert (KICK, SNARE, CLOSED_HAT, OPEN_HAT, LOW_TOM) == (0, 1, 2, 3, 4)
    assert (MID_TOM, HIGH_TOM, RIDE, CRASH) == (5, 6, 7, 8)
    assert len({voice.name for voice in VOICES}) == len({voice.label for voice in VOICES}) == 9


def test_the_papers_key_map():
    pitches = {
        35: 36, 37: 38, 40: 38, 43: 41, 47: 45, 50: 48, 44: 42, 57: 49, 52: 49, 59: 51, 53: 51,
        55: 51, **{voice.pitch: voice.pitch for voice in VOICES},
    }  # fmt: skip
    table = key_map("paper").voices
    assert {pitch: VOICES[voice].pitch for pitch, voice in table.items()} == pitches


def test_grooves_key_map_adds_three_edges_to_general_midi():
    general, roland = key_map("gm").voices, key_map("roland_td11").voices
    assert dict(roland) == {**general, 22: CLOSED_HAT, 26: OPEN_HAT, 58: LOW_TOM}


@pytest.mark.parametrize("name", KEY_MAPS)
def test_every_key_map_names_its_source(name):
    table = key_map(name)
    assert table.name == name
    assert len(table.source) > 20
    assert {KICK, SNARE, CLOSED_HAT, OPEN_HAT} <= set(table.voices.values()) <= set(range(N_VOICES))
    assert all(0 <= pitch < 128 for pitch in table.voices)


@pytest.mark.parametrize("name", ["gm", "gm2", "paper", "roland_td11"])
def test_general_midi_and_its_kin_keep_the_kit(name):
    table = key_map(name)
    assert [table.voices[voice.pitch] for voice in VOICES] == list(range(N_VOICES))


def test_a_clap_is_a_snare_but_for_the_paper():
    kin = ("gm", "gm2", "paper", "roland_td11")
    assert {name: key_map(name).voices.get(39) for name in kin} == {
        "gm": SNARE,
        "gm2": SNARE,
        "paper": None,
        "roland_td11": SNARE,
    }


def test_other_percussion_stands_in_no_general_map():
    for name in ("gm", "gm2", "paper", "roland_td11", "fl_fpc"):
        assert not {54, 56, *range(60, 82)} & set(key_map(name).voices)


@pytest.mark.parametrize(
    ("name", "voices"),
    [
        ("gm2", {35: KICK, 39: SNARE, 44: CLOSED_HAT, 55: CRASH, 82: None, 27: None}),
        ("addictive_drums2", {42: SNARE, 46: CRASH, 49: CLOSED_HAT, 56: OPEN_HAT, 60: RIDE}),
        ("addictive_drums2", {65: LOW_TOM, 70: MID_TOM, 71: HIGH_TOM, 63: None, 47: None}),
        ("superior_drummer3", {22: CLOSED_HAT, 17: OPEN_HAT, 50: None, 55: CRASH, 82: HIGH_TOM}),
        ("ezdrummer2", {61: CLOSED_HAT, 60: OPEN_HAT, 43: LOW_TOM, 58: None, 23: None}),
        ("fl_fpc", {37: SNARE, 36: KICK, 44: CLOSED_HAT, 55: CRASH, 54: None, 82: None}),
        ("akai_mpc", {37: KICK, 36: SNARE, 42: CLOSED_HAT, 82: OPEN_HAT, 38: None}),
        ("pads_c1", {36: KICK, 37: SNARE, 38: CLOSED_HAT, 39: OPEN_HAT, 40: None}),
    ],
)
def test_keys_as_published(name, voices):
    assert {pitch: key_map(name).voices.get(pitch) for pitch in voices} == voices


def test_key_maps_cannot_be_changed():
    with pytest.raises(TypeError):
        KEY_MAPS["gm"].voices[36] = SNARE


def test_an_unknown_key_map_is_named():
    names = ", ".join(KEY_MAPS)
    with pytest.raises(ParameterError, match=rf"one of {names}, or pairs .*received 'tr808'"):
        key_map("tr808")


KICKS, SNARES, HATS = Role("kick", KICK), Role("snare", SNARE), Role("hat", CLOSED_HAT)
OPEN_HATS, MIXED_HATS = Role("hat", OPEN_HAT), Role("hat", None)


@pytest.mark.parametrize(
    ("stem", "role"),
    [
        ("Kick_01", KICKS),
        ("01_Trap_Kick", KICKS),
        ("trapKick808", KICKS),
        ("KICK 140 BPM", KICKS),
        ("BD-2", KICKS),
        ("bass drum 3", KICKS),
        ("808", KICKS),
        ("808s_dark", KICKS),
        ("sub_4", KICKS),
        ("good_Snare", SNARES),
        ("808 Snare", SNARES),
        ("Clap", SNARES),
        ("rimshot", SNARES),
        ("Hi_Hat_01", HATS),
        ("hi-hats", HATS),
        ("HiHat_01", HATS),
        ("02_Trap_Hat", HATS),
        ("HH3", HATS),
        ("closed hat", HATS),
        ("CH_01", HATS),
        ("OH", OPEN_HATS),
        ("Open_Hat_HH", OPEN_HATS),
        ("open hi-hat 2", OPEN_HATS),
        ("OpHat", OPEN_HATS),
        ("Open_Hat_Closed_Hat", MIXED_HATS),
        ("OH_CH", MIXED_HATS),
        ("Ride_1", Role("hat", RIDE)),
        ("Perc", Role("perc", MID_TOM)),
        ("Conga loop", Role("perc", MID_TOM)),
        ("Crash", Role("perc", CRASH)),
        ("Kick_and_Hat", FULL),
        ("KickSnare", FULL),
        ("Loop_07", None),
        ("3bd4e808a1", None),
        ("0f3bd41c9e_Snare", SNARES),
        ("20240101bd", KICKS),
        ("Kickstart", None),
        ("Chatter", None),
        ("", None),
    ],
)
def test_names_say_roles(stem, role):
    assert role_of_name(stem) == role


@given(st.text())
def test_any_name_is_read(stem):
    role = role_of_name(stem)
    assert role is None or (role.name in ROLES and role.voice in (None, *range(N_VOICES)))


@given(st.sampled_from(["kick", "snare", "clap", "hat", "oh", "perc", "808"]), st.integers(0, 99))
def test_the_case_of_a_name_does_not_matter(word, number):
    spellings = {f"{word}_{number}", f"{word.upper()} {number}", f"{number}-{word.capitalize()}"}
    assert len({role_of_name(spelling) for spelling in spellings}) == 1
    assert role_of_name(word) in {role_of_name(spelling) for spelling in spellings}
